"""The webhook: a real server hears how jobs end; one that does not answer holds nobody up."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from adaspec import AdaspecError, recipe
from adaspec.jobs import mailbox, queue, supervisor, webhook
from adaspec.jobs.mailbox import Verdict
from adaspec.jobs.queue import Job
from adaspec.settings import settings

Received = list[dict[str, object]]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADASPEC_HOME", str(tmp_path))


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[Received]:
    """What was posted to a server, whose address the settings name."""
    posts: Received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            posts.append(json.loads(self.rfile.read(length)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("ADASPEC_WEBHOOK", f"http://127.0.0.1:{server.server_port}/hook")
    yield posts
    server.shutdown()
    server.server_close()


def running() -> Job:
    job = queue.claim(queue.submit(recipe.load("tiny"), "ada"))
    assert job is not None
    return job


def test_it_hears_how_a_job_ended(received: Received) -> None:
    job = running()
    thread = webhook.announce(job, "failed", "Out of memory.")
    assert thread is not None
    thread.join(10)
    assert received == [
        {
            "version": 1,
            "text": f"tiny ({job.id}, ada) has failed: Out of memory.",
            "id": job.id,
            "name": "tiny",
            "owner": "ada",
            "state": "failed",
            "error": "Out of memory.",
        }
    ]


def test_the_supervisor_tells_it_once(received: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []
    announce = webhook.announce
    monkeypatch.setattr(webhook, "announce", lambda *ended: threads.append(announce(*ended)))
    job = running()
    assert job.token
    mailbox.send(job.id, Verdict(token=job.token, outcome="failed", error="No such model."))
    supervisor._conclude(job)
    supervisor._conclude(job)  # another supervisor was a moment later
    for thread in threads:
        thread.join(10)
    assert [post["text"] for post in received] == [
        f"tiny ({job.id}, ada) has failed: No such model."
    ]


def test_without_an_address_nothing_is_sent() -> None:
    assert webhook.announce(running(), "succeeded") is None


def test_a_deaf_one_is_a_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ADASPEC_WEBHOOK", "http://127.0.0.1:9/hook")  # nothing listens there
    with caplog.at_level(logging.WARNING):
        thread = webhook.announce(running(), "cancelled")
        assert thread is not None
        thread.join(10)
    assert "The webhook was not told" in caplog.text


def test_what_is_no_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADASPEC_WEBHOOK", "file:///etc/passwd")
    with pytest.raises(AdaspecError, match="ADASPEC_WEBHOOK"):
        settings()
