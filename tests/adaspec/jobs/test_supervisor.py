"""The supervisor: every way an attempt can end, with real processes that are really killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from adaspec import AdaspecError, recipe, runs
from adaspec.jobs import engines, mailbox, queue, supervisor
from adaspec.jobs.engines import Attempt
from adaspec.jobs.engines.local import Local
from adaspec.jobs.mailbox import Lease
from adaspec.jobs.queue import Job
from adaspec.jobs.supervisor import Supervisor
from tests.studio import ROOT, enough

TINY = recipe.load("tiny")


@pytest.fixture(autouse=True)
def stage(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Attempts play a part instead of training; none outlives its test."""
    monkeypatch.setattr(engines, "WORKER", "tests.acting")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    yield
    for job in queue.all_jobs():
        Local().stop(Attempt.of(job), kill=True)
        kill_all(job.id)


def kill_all(word: str) -> None:
    for process in with_word(word):
        process.kill()


def with_word(word: str) -> list[psutil.Process]:
    """Processes with a word anywhere in their command line."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "status"])
        if any(word in part for part in process.info["cmdline"] or [])
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def ask(part: str, owner: str = "ada") -> Job:
    return queue.submit(TINY.model_copy(update={"name": part}), owner)


def now(job: Job) -> Job:
    return queue.find(job.id)


def watch(supervised: Supervisor, until: Callable[[], object], seconds: float = 30) -> None:
    """Let it look again and again."""
    enough(lambda: supervised.look() or until(), seconds)


def ends(job: Job, supervised: Supervisor | None = None) -> Job:
    watch(supervised or Supervisor(Local()), lambda: not now(job).live)
    return now(job)


def begins(job: Job, supervised: Supervisor) -> Job:
    watch(supervised, lambda: mailbox.latest(job.id, mailbox.Pulse))
    return now(job)


# How attempts end


def test_jobs_are_worked_off_in_turn_one_at_a_time():
    jobs = [ask("succeed", "ada"), ask("succeed", "ada"), ask("succeed", "bob")]
    supervised, seen = Supervisor(Local()), []

    def all_ended() -> bool:
        everything = queue.all_jobs()
        running = [job.id for job in everything if job.state == "running"]
        assert len(running) <= 1
        seen.extend(running)
        return not any(job.live for job in everything)

    watch(supervised, all_ended)
    assert list(dict.fromkeys(seen)) == [jobs[0].id, jobs[2].id, jobs[1].id]
    assert {job.state for job in queue.all_jobs()} == {"succeeded"}
    assert [job.attempt for job in queue.all_jobs()] == [1, 1, 1]


def test_what_dies_is_tried_three_times_and_then_failed():
    job = ends(ask("die"))
    assert (job.state, job.attempt) == ("failed", 3)
    assert job.error.startswith("It died 3 times. The last time: its process was gone")
    assert "something odd happened" in job.error


def test_what_would_fail_again_is_not_tried_again():
    job = ends(ask("fail"))
    assert (job.state, job.attempt, job.error) == ("failed", 1, "Out of memory. Take less.")


@pytest.mark.parametrize("part", ["boast", "forge"])
def test_the_run_folder_and_the_token_count_for_more_than_a_word(part: str):
    job = ends(ask(part))
    assert (job.state, job.attempt) == ("failed", 3)
    assert "forged" not in job.error


def test_a_run_that_finished_has_succeeded_even_if_nobody_said_so():
    assert ends(ask("finish and die")).state == "succeeded"


def test_an_attempt_that_was_told_to_leave_is_started_again_and_not_counted():
    job, supervised = ask("leave"), Supervisor(Local())
    for attempt in range(1, 5):
        watch(supervised, lambda attempt=attempt: now(job).attempt == attempt)
        begun = begins(job, supervised)
        watch(
            supervised,
            lambda begun=begun: mailbox.latest(job.id, mailbox.Pulse).token == begun.token,
        )
        Local().stop(Attempt.of(begun), kill=False)
    watch(supervised, lambda: now(job).attempt == 5)
    assert now(job).deaths == 0


def test_a_hung_attempt_is_ended_and_tried_again():
    job, supervised = ask("sleep"), Supervisor(Local(), patience=1.0)
    begun = begins(job, supervised)
    watch(supervised, lambda: now(job).attempt == 2)  # it beats once only
    assert now(job).deaths == 1
    assert not Local().poll(Attempt.of(begun))


class Small(Local):
    """A machine on which one recipe will never find room."""

    def capacity(self, attempt: Attempt, running: list[Attempt]) -> str:
        if attempt.gpus > 1:
            raise AdaspecError("The recipe asks for 2 GPUs and this machine has 1: set gpus=1.")
        return super().capacity(attempt, running)


def test_what_will_never_find_room_fails_and_lets_others_pass():
    large = queue.submit(TINY.model_copy(update={"name": "succeed", "gpus": 2}), "ada")
    small, supervised = ask("succeed", "bob"), Supervisor(Small())
    assert ends(small, supervised).state == "succeeded"
    assert (now(large).state, now(large).attempt) == ("failed", 0)
    assert now(large).error.endswith("set gpus=1.")


# Cancelling


@pytest.mark.parametrize("part", ["sleep", "leave", "deaf"])
def test_cancelling_ends_every_process_within_5_seconds(part: str):
    job, supervised = ask(part), Supervisor(Local())
    begins(job, supervised)
    if part == "deaf":
        enough(lambda: with_word("child of " + job.id))
    queue.cancel(job.id)
    asked = time.monotonic()
    watch(supervised, lambda: not with_word(job.id))
    assert time.monotonic() - asked < 5
    assert ends(job, supervised).state == "cancelled"


# Supervisors that die


def test_a_successor_takes_up_what_runs():
    job = ask("sleep")
    begun = begins(job, Supervisor(Local()))
    successor = Supervisor(Local())
    for _ in range(5):
        successor.look()
    assert now(job) == begun
    queue.cancel(job.id)
    assert ends(job, successor).state == "cancelled"


def test_an_attempt_that_was_claimed_and_never_launched_is_started():
    """Its supervisor was killed in between."""
    job = ask("succeed")
    assert queue.claim(job)
    assert ends(job).state == "succeeded"
    assert now(job).attempt == 2


def test_an_attempt_without_a_lease_does_nothing():
    """It was launched by a supervisor that was killed then, and found dead by the next."""
    job = queue.claim(ask("succeed"))
    runs.write_atomic(mailbox.recipe_file(job.id), job.recipe)
    mailbox.send(job.id, Lease(token="the next attempt's"))
    late = Local()
    late.launch(Attempt.of(job))
    enough(lambda: not late.poll(Attempt.of(job)))
    assert not (runs.runs_folder() / job.id).exists()


def serve(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "adaspec", "supervisor"],
        env=os.environ | {"ADASPEC_HOME": str(home)},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_of_supervisors_started_together_one_works(home: Path):
    several = [serve(home) for _ in range(4)]
    try:
        enough(lambda: sum(process.poll() is None for process in several) == 1)
        time.sleep(1)
        left = [process for process in several if process.poll() is None]
        assert len(left) == 1
        assert supervisor.alive()
        gone = [process for process in several if process is not left[0]]
        assert [process.returncode for process in gone] == [2, 2, 2]
        assert all("is already running" in process.stderr.read() for process in gone)
        left[0].send_signal(signal.SIGKILL)
        left[0].wait()
        assert not supervisor.alive()
    finally:
        for process in several:
            process.kill()


def test_a_supervisor_ends_when_its_home_is_gone(home: Path):
    process = serve(home)
    enough(supervisor.alive)
    (home / "supervisor.lock").unlink()
    assert process.wait(timeout=10) == 0
