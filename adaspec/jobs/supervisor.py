"""The one process of a machine that runs the queue: it claims jobs, launches and watches them.

It may be killed at any moment. All state is in the queue, the run folders and the engine; its
successor takes over from there, and running jobs never notice.
"""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from adaspec import AdaspecError, explain, is_users, runs
from adaspec.jobs import engines, mailbox, queue, webhook
from adaspec.jobs.engines import Attempt, Engine
from adaspec.jobs.mailbox import Lease, Pulse, Verdict
from adaspec.jobs.queue import Ending, Job
from adaspec.runs import Process, Run
from adaspec.settings import settings

PACE = 0.5  # seconds between two looks
GRACE = 1.5  # seconds that a flag, and then SIGTERM, has to work before the next step
PATIENCE = 180.0  # seconds without a heartbeat after which an attempt counts as hung
RETRIES = 2  # after an attempt died

log = logging.getLogger("adaspec.supervisor")


class Status(BaseModel):
    """`supervisor.json`: the state of the supervisor.

    Attributes:
        slots: jobs that can run at once.
        waiting_for: why the next job does not start, or what is wrong; empty if nothing is.
    """

    process: Process
    engine: str
    slots: int
    waiting_for: str = ""


@dataclass
class Watch:
    """What this supervisor has seen of one attempt; times are of the monotonic clock."""

    beat: int
    last_beat: float
    stopping: float | None = None
    terminated: bool = False


class Supervisor:
    """Repeats `look`, which does everything that can be done now, and never waits."""

    def __init__(self, engine: Engine, patience: float = PATIENCE) -> None:
        self._engine = engine
        self._patience = patience
        self._watched: dict[str, Watch] = {}
        self._status: Status | None = None

    def look(self) -> None:
        """Record what has ended, stop those that are cancelled, start those that can start."""
        everything = queue.all_jobs()
        trouble = ""
        for job in everything:
            if job.state == "running":
                try:
                    self._attend(job)
                except AdaspecError as error:
                    trouble = explain(error)
        self._report(self._start() or trouble)

    def _attend(self, job: Job) -> None:
        attempt = Attempt.of(job)
        if not self._engine.poll(attempt):
            self._watched.pop(job.token, None)
            _conclude(job)
            return
        watch = self._listen(job)
        now = time.monotonic()
        if job.cancel or watch.stopping is not None:
            self._stop(job, watch, now)
        elif now - watch.last_beat > self._patience:
            log.warning("%s has sent no heartbeat for too long and is killed.", job.id)
            self._engine.stop(attempt, kill=True)

    def _listen(self, job: Job) -> Watch:
        pulse = mailbox.latest(job.id, Pulse)
        beat = pulse.beat if pulse and pulse.token == job.token else 0
        watch = self._watched.setdefault(job.token, Watch(beat, time.monotonic()))
        if beat != watch.beat:
            watch.beat, watch.last_beat = beat, time.monotonic()
        return watch

    def _stop(self, job: Job, watch: Watch, now: float) -> None:
        """The flag, then SIGTERM, then SIGKILL."""
        if watch.stopping is None:
            watch.stopping = now
            mailbox.send(job.id, Lease(token=job.token, cancel=True))
        elif now - watch.stopping > 2 * GRACE:
            self._engine.stop(Attempt.of(job), kill=True)
        elif now - watch.stopping > GRACE and not watch.terminated:
            watch.terminated = True
            self._engine.stop(Attempt.of(job), kill=False)

    def _start(self) -> str:
        """Launch every job that there is room for; return why the next has to wait, or nothing."""
        while True:
            everything = queue.all_jobs()
            waiting = queue.startable(everything)
            if not waiting:
                return ""
            running = [Attempt.of(job) for job in everything if job.state == "running"]
            try:
                if reason := self._engine.capacity(Attempt.of(waiting[0]), running):
                    return reason
            except AdaspecError as error:  # there will never be room for it
                _end(waiting[0], "failed", explain(error))
                continue
            if job := queue.claim(waiting[0]):
                self._launch(job)

    def _launch(self, job: Job) -> None:
        try:
            runs.write_atomic(mailbox.recipe_file(job.id), job.recipe)
            mailbox.send(job.id, Lease(token=job.token))
            self._engine.launch(Attempt.of(job))
        except AdaspecError as error:
            _end(job, "failed", explain(error))
        except OSError as error:
            queue.requeue(job, explain(error), died=True)

    def _report(self, waiting_for: str) -> None:
        status = Status(
            process=Process.this(),
            engine=settings().engine,
            slots=self._engine.slots(),
            waiting_for=waiting_for,
        )
        if status != self._status:
            runs.write_atomic(_status_file(), status.model_dump_json())
            self._status = status


def _conclude(job: Job) -> None:
    """Record how an attempt ended, now that nothing of it is running."""
    verdict = mailbox.latest(job.id, Verdict)
    if verdict is None or verdict.token != job.token:
        verdict = Verdict(token=job.token, outcome="died", error=_last_words(job))
    if _finished(job):
        _end(job, "succeeded")
    elif job.cancel:
        _end(job, "cancelled")
    elif verdict.outcome == "failed":
        _end(job, "failed", verdict.error)
    elif verdict.outcome == "stopped":
        queue.requeue(job, "", died=False)
    elif job.deaths < RETRIES:
        queue.requeue(job, verdict.error, died=True)
    else:
        _end(job, "failed", f"It died {RETRIES + 1} times. The last time: {verdict.error}")


def _end(job: Job, state: Ending, error: str = "") -> None:
    if queue.end(job, state, error):
        webhook.announce(job, state, error)


def _finished(job: Job) -> bool:
    """Whether the run folder says so, which counts for more than the attempt's verdict."""
    try:
        return runs.read_state(Run(runs.runs_folder() / job.id)).state == "finished"
    except AdaspecError:
        return False


def _last_words(job: Job) -> str:
    """Why an attempt ended without a verdict, as far as its output tells."""
    try:
        lines = mailbox.output_file(job.id).read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    last = re.sub(r"\x1b\[[0-9;]*m", "", last)  # colours of a terminal
    return f"its process was gone; {f'its last output: {last[:300]}' if last else 'no output'}."


# As a process


def serve(patience: float = PATIENCE) -> None:
    """Run the queue until the process is stopped. Jobs that are running then carry on.

    Raises:
        AdaspecError: another supervisor is running.
    """
    with _only_one():
        supervisor = Supervisor(engines.make(), patience)
        log.info("The supervisor starts, with engine %s.", settings().engine)
        while _lock_file().exists():  # without it a second one could start
            try:
                supervisor.look()
            except Exception as error:  # a full disk, say, which may have room at the next look
                log.error("%s", explain(error), exc_info=not is_users(error))
                time.sleep(10 * PACE)
            time.sleep(PACE)


def alive() -> bool:
    """Whether a supervisor is running on this queue."""
    try:
        with _only_one(timeout=0):
            return False
    except AdaspecError:
        return True


def status() -> Status | None:
    """The state of the latest supervisor; None if there was none."""
    try:
        return Status.model_validate_json(_status_file().read_bytes())
    except (OSError, ValidationError):
        return None


def ensure() -> None:
    """Start a supervisor that outlives this process, unless one is running or runs elsewhere."""
    if settings().supervisor == "elsewhere" or alive():
        return
    with (runs.home() / "supervisor.log").open("ab") as output:
        subprocess.Popen(
            [sys.executable, "-m", "adaspec", "supervisor"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@contextmanager
def _only_one(timeout: float = 2) -> Iterator[None]:
    """Hold the machine's supervisor lock; the kernel releases it when the process ends.

    The time-out outlasts processes that only test whether it is held.
    """
    runs.home().mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(_lock_file(), timeout=timeout):
            yield
    except Timeout:
        raise AdaspecError("A supervisor is already running: a machine needs only one.") from None


def _lock_file() -> Path:
    return runs.home() / "supervisor.lock"


def _status_file() -> Path:
    return runs.home() / "supervisor.json"
