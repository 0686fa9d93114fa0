"""Whole trainings in the background: kills, cancelling, full disks; real workers, a real queue."""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from adaspec import recipe, runs
from adaspec.jobs import mailbox, queue
from adaspec.jobs.engines import WORKER
from adaspec.jobs.mailbox import Lease
from adaspec.jobs.queue import Job
from adaspec.recipe import Recipe
from adaspec.runs import Run
from tests.studio import ROOT, enough

FAULTS = int(os.environ.get("ADASPEC_FAULTS", "2"))
"""How many jobs and how many kills of the campaign; `make faults` does 100."""


@pytest.fixture(autouse=True)
def leave_nothing_running(home: Path) -> Iterator[None]:
    yield
    for process in at_home(home):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def at_home(home: Path) -> list[psutil.Process]:
    """Every process that was given this home."""
    return [
        process
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get("ADASPEC_HOME") == str(home)
        and process.pid != os.getpid()
    ]


@pytest.fixture
def longer(content) -> Recipe:
    """All stages, with a checkpoint every second step."""
    whole = dict(content, stage0={"batch": 6, "epochs": 2, "lr": 1e-3}, checkpoint_every=2)
    whole["stage2"] = dict(whole["stage2"], epochs=4)
    return recipe.parse(whole)


@contextmanager
def serving(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor; jobs that it leaves running are ended by the fixture."""
    process = supervisor()
    yield process
    process.kill()
    process.wait()


def orphan(chosen: Recipe, home: Path) -> Job:
    """A job in training whose supervisor is gone: nobody but the attempt itself can end it."""
    job = queue.submit(chosen, "ada")
    with serving(home):
        enough(lambda: steps(job) > 3)
    return job


def supervisor() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "adaspec", "supervisor"], cwd=ROOT)


def now(job: Job) -> Job:
    return queue.find(job.id)


def run_of(job: Job) -> Run:
    return Run(runs.runs_folder() / job.id)


def steps(job: Job) -> int:
    return sum(len(rows) for rows in runs.read_metrics(run_of(job)).values())


def workers(job: Job) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline", "status"])
        if {WORKER, job.id} <= set(process.info["cmdline"] or [])
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def weights(run: Run) -> dict[str, bytes]:
    return {
        str(path.relative_to(run.path)): path.read_bytes()
        for path in run.path.rglob("model.safetensors")
    }


def undisturbed(chosen: Recipe, folder: Path) -> dict[str, bytes]:
    """The weights of the recipe's run in one go, without any job."""
    file = folder / "whole.yaml"
    file.write_text(chosen.yaml())
    command = [
        sys.executable,
        "-m",
        "adaspec",
        "run",
        str(file),
        "--run-dir",
        str(folder / "whole"),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return weights(Run(folder / "whole"))


def test_cancelled_and_resumed_it_ends_as_if_nothing_had_been(home, longer, tmp_path):
    job = queue.submit(longer, "ada")
    with serving(home):
        enough(lambda: steps(job) > 12)
        queue.cancel(job.id)
        asked = time.monotonic()
        enough(lambda: not workers(job))
        assert time.monotonic() - asked < 5
        enough(lambda: now(job).state == "cancelled")
        assert runs.read_state(run_of(job)).state == "interrupted"
        queue.resume(job.id, "ada")
        enough(lambda: not now(job).live)
    assert (now(job).state, now(job).attempt) == ("succeeded", 2)
    assert weights(run_of(job)) == undisturbed(longer, tmp_path)


def test_a_fenced_out_attempt_writes_nothing_more(home, longer):
    job = orphan(longer, home)
    mailbox.send(job.id, Lease(token="another attempt's"))
    fenced = time.monotonic()
    enough(lambda: not workers(job))
    assert time.monotonic() - fenced < 3
    assert mailbox.latest(job.id, mailbox.Verdict) is None
    assert runs.read_state(run_of(job)).state == "interrupted"


def test_an_attempt_that_slept_for_longer_than_its_lease_writes_nothing(home, longer):
    job = orphan(longer, home)
    (worker,) = workers(job)
    worker.suspend()
    mailbox.send(job.id, Lease(token="another attempt's"))
    before = visible(home)
    worker.resume()
    enough(lambda: not workers(job))
    after = visible(home)
    assert after.items() <= before.items()
    assert all("checkpoints" in path.parts for path in before.keys() - after.keys())  # superseded


def visible(home: Path) -> dict[Path, bytes]:
    """Every file of the run and of its messages; names with a dot are of what never came to be."""
    return {
        path: path.read_bytes()
        for path in home.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(home).parts)
        and path.name != "output.txt"
    }


def test_an_attempt_sees_by_itself_that_it_shall_stop(home, longer):
    job = orphan(longer, home)
    mailbox.send(job.id, Lease(token=now(job).token, cancel=True))
    enough(lambda: not workers(job))
    verdict = mailbox.latest(job.id, mailbox.Verdict)
    assert verdict
    assert (verdict.token, verdict.outcome) == (now(job).token, "stopped")


def test_what_the_user_must_put_right_fails_once_and_in_words(home, content, tmp_path):
    nowhere = recipe.parse(dict(content, target=str(tmp_path / "nowhere")))
    huge = {"vocabulary": 300, "hidden": 8192, "layers": 1, "heads": 8, "feed_forward": 300_000}
    too_large = recipe.parse(
        dict(
            content, target={"new": huge}, draft=None, stage1=None, stage2=None, stage0={"lr": 1e-3}
        )
    )
    with serving(home) as process:
        resource.prlimit(process.pid, resource.RLIMIT_AS, (6 << 30, 6 << 30))  # its children's too
        jobs = [queue.submit(nowhere, "ada"), queue.submit(too_large, "bob")]
        enough(lambda: not any(now(job).live for job in jobs))
    missing, large = map(now, jobs)
    assert (missing.state, missing.attempt) == ("failed", 1)
    assert "nowhere" in missing.error
    assert not run_of(missing).path.exists()
    assert (large.state, large.attempt) == ("failed", 1)
    assert large.error.startswith("Out of memory. Set a smaller")


@pytest.mark.slow
def test_a_full_disk_stops_a_job_which_then_goes_on(home, longer, tmp_path):
    """A small file system of its own, filled up for real while the job writes."""
    home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(home)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    try:
        job = queue.submit(longer, "ada")
        with serving(home):
            enough(lambda: steps(job) > 12)
            fill(home / "ballast")
            enough(lambda: not workers(job))
            time.sleep(3)  # the supervisor tries to write down what happened
            (home / "ballast").unlink()
            enough(lambda: not now(job).live)
            if now(job).state == "failed":
                assert "disk is full" in now(job).error
                queue.resume(job.id, "ada")
                enough(lambda: not now(job).live)
        assert now(job).state == "succeeded"
        assert weights(run_of(job)) == undisturbed(longer, tmp_path)
    finally:
        subprocess.run(["umount", "-l", str(home)], check=True)


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(4096))
        except OSError:
            pass


class Studio:
    """The app's server, started again when it was killed, as its owner would."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", "app/main.py"]
        command += ["--server.port", str(self._port), "--server.address", "127.0.0.1"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = psutil.Popen(command, cwd=ROOT, start_new_session=True, **quiet)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.start()


def test_runner_supervisor_and_app_killed_at_random(home: Path, longer: Recipe, tmp_path: Path):
    """FAULTS kills while jobs of two people run: none lost or twice at once, all end, same bits."""
    whole = undisturbed(longer, tmp_path)
    rng = random.Random(FAULTS)
    studio = Studio(port=18_500 + os.getpid() % 1000)
    jobs: list[Job] = []
    kills: list[str] = []
    due = time.monotonic() + rng.uniform(5, 15)
    end = time.monotonic() + 60 + 30 * FAULTS
    try:
        while len(kills) < FAULTS or any(job.live for job in queue.all_jobs()):
            assert time.monotonic() < end, (kills, queue.all_jobs())
            everything = queue.all_jobs()
            for job in everything:
                assert len(workers(job)) <= (1 if job.live else 0), job
            if len(kills) < FAULTS and sum(job.live for job in everything) < 2:
                jobs.append(queue.submit(longer, rng.choice(["ada", "bob"])))
            if len(kills) < FAULTS and time.monotonic() > due:
                victim = rng.choice(["runner", "supervisor", "app"])
                if strike(victim, home, studio):
                    kills.append(victim)
                    due = time.monotonic() + rng.uniform(0, 12)
            time.sleep(0.05)
    finally:
        studio.process.kill()
    assert [job.id for job in queue.all_jobs()] == [job.id for job in jobs]
    assert {job.state for job in queue.all_jobs()} == {"succeeded"}
    for job in jobs:
        assert weights(run_of(job)) == whole
    counts = {kind: kills.count(kind) for kind in sorted(set(kills))}
    print(f"{len(jobs)} jobs in {sum(now(job).attempt for job in jobs)} attempts; kills: {counts}")


def strike(victim: str, home: Path, studio: Studio) -> bool:
    """Kill one of the three; False where there is none to kill, or its job had its two deaths."""
    if victim == "app":
        studio.kill()
        return True
    if victim == "supervisor":
        processes = [process for process in at_home(home) if "supervisor" in process.cmdline()]
    else:
        running = [job for job in queue.all_jobs() if job.state == "running" and job.deaths < 2]
        processes = [worker for job in running for worker in workers(job)]
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    return bool(processes)
