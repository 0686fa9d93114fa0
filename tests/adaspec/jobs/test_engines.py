"""What every engine promises, with real processes: of this machine, and of a Ray cluster on it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from urllib.request import Request, urlopen

import psutil
import pytest
from ulid import ULID

from adaspec import AdaspecError, recipe, runs
from adaspec.environment import NICE
from adaspec.jobs import engines, mailbox
from adaspec.jobs.engines import Attempt, Engine
from adaspec.jobs.engines.local import Local
from adaspec.jobs.engines.ray import Ray
from adaspec.jobs.mailbox import Lease, Verdict
from adaspec.runs import Run
from tests.nvml import GB, Card, install
from tests.studio import ROOT, enough, free_port, mini

NOBODY = "http://127.0.0.1:9"  # the port of a service that no machine has any more
SECRET = "a token as a cluster has it, 32 characters or more"
OURS = ("adaspec.jobs", "tests.acting", "child of ", "ray::RayTrainWorker")


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A Ray cluster of one node and two CPUs; the address of its dashboard."""
    if not find_spec("ray"):
        pytest.skip("Ray is optional: pip install -r requirements-ray.txt")
    folder = tempfile.mkdtemp(prefix="ray")  # pytest's own would be too long for a socket's name
    dashboard, client = free_port(), free_port()
    # Neither ports nor processes of another cluster on this machine are touched.
    options = f"--port=0 --dashboard-port={dashboard} --ray-client-server-port={client} "
    options += "--dashboard-agent-listen-port=0 --min-worker-port=0 --max-worker-port=0 "
    options += f"--num-cpus=2 --num-gpus=0 --object-store-memory=80000000 --temp-dir={folder} "
    head = subprocess.Popen(
        [Path(sys.executable).with_name("ray"), "start", "--head", "--block", *options.split()],
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"}
        | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": SECRET}
        | {"AUTOSCALER_UPDATE_INTERVAL_S": "1"},  # how often it counts what is free
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{dashboard}"
    try:
        enough(lambda: head.poll() is not None or counts(address))
        assert head.poll() is None, "ray start failed"
        yield address
    finally:
        kill_tree(head.pid)
        head.wait()
        shutil.rmtree(folder, ignore_errors=True)


def kill_tree(root: int) -> None:
    with suppress(psutil.NoSuchProcess):
        for process in [*psutil.Process(root).children(recursive=True), psutil.Process(root)]:
            process.kill()


def counts(address: str) -> bool:
    """Whether the cluster says what resources it has."""
    status = Request(f"{address}/api/cluster_status?format=1")
    status.add_header("Authorization", f"Bearer {SECRET}")
    with suppress(OSError), urlopen(status, timeout=5) as answer:
        return "2.0 CPU" in json.load(answer)["data"]["clusterStatus"]
    return False


@pytest.fixture(params=["local", "ray"])
def make(
    request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Engine]]:
    """Makes an engine, as every new supervisor does. No attempt outlives its test."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # a GPU of this machine would change the slots
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    if request.param == "ray":
        monkeypatch.setenv("RAY_ADDRESS", request.getfixturevalue("cluster"))
        monkeypatch.setenv("RAY_AUTH_TOKEN", SECRET)
    yield {"local": Local, "ray": Ray}[request.param]
    for process in at_work(home):
        process.kill()


@pytest.fixture
def acting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts play a part instead of training."""
    monkeypatch.setattr(engines, "WORKER", "tests.acting")


def ask(source: str = "tiny", gpus: int = 1, **changes: str) -> Attempt:
    """A first attempt at a new job, with its recipe and its lease."""
    chosen = recipe.load(source).model_copy(update=changes)
    attempt = Attempt(str(ULID()), "", gpus)
    runs.write_atomic(mailbox.recipe_file(attempt.job), chosen.yaml())
    return again(attempt)


def again(attempt: Attempt) -> Attempt:
    """The next attempt at the same job."""
    following = replace(attempt, token=str(ULID()))
    mailbox.send(attempt.job, Lease(token=following.token))
    return following


def run_of(attempt: Attempt) -> Run:
    return Run(runs.runs_folder() / attempt.job)


def outcome(attempt: Attempt) -> str:
    """The attempt's own word."""
    verdict = mailbox.latest(attempt.job, Verdict)
    return verdict.outcome if verdict and verdict.token == attempt.token else ""


def at_work(home: Path) -> list[psutil.Process]:
    """Processes that work on a home's jobs; not what Ray keeps beside them."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "environ", "status"])
        if (process.info["environ"] or {}).get("ADASPEC_HOME") == str(home)
        and any(word in " ".join(process.info["cmdline"] or []) for word in OURS)
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


# The contract


def test_an_attempt_is_stopped_and_the_next_one_finishes_the_run(
    make: Callable[[], Engine], home: Path, tmp_path: Path
):
    """The first one takes all there is: in Ray two CPUs, and so two workers of Ray Train."""
    engine = make()
    job = ask(str(mini(tmp_path / "mini.yaml", stage1_epochs=3)))
    enough(lambda: not engine.capacity(job, []))
    first = replace(job, gpus=engine.slots())
    engine.launch(first)
    enough(lambda: sum(map(len, runs.read_metrics(run_of(first)).values())) > 3, 180)
    if isinstance(engine, Local):  # Ray has a niceness of its own
        assert {process.nice() for process in at_work(home)} == {NICE}

    successor = make()
    assert successor.poll(first)
    assert successor.capacity(job, [first])
    asked = time.monotonic()
    successor.stop(first, kill=False)
    enough(lambda: not successor.poll(first))
    took = time.monotonic() - asked
    assert not at_work(home)
    assert not successor.poll(first)
    if first.gpus > 1:  # Ray ends a group, which has no say
        assert took < 5
    else:
        assert outcome(first) == "stopped"

    second = again(job)
    enough(lambda: not successor.capacity(second, []))
    successor.launch(second)
    enough(lambda: not successor.poll(second))
    assert outcome(second) == "succeeded"
    assert runs.read_state(run_of(second)).state == "finished"
    events = runs.read_events(run_of(second))
    starts = [event.processes for event in events if isinstance(event, runs.Started)]
    assert starts == [first.gpus, 1]


@pytest.mark.usefixtures("acting")
@pytest.mark.parametrize("part", ["leave", "deaf"])
def test_every_process_ends_within_5_seconds(make: Callable[[], Engine], home: Path, part: str):
    """With pauses like the supervisor's; `deaf` heeds nothing, and neither does its child."""
    engine, attempt = make(), ask(name=part)
    engine.launch(attempt)
    enough(lambda: len(at_work(home)) == (2 if part == "deaf" else 1))
    enough(lambda: mailbox.latest(attempt.job, mailbox.Pulse))
    time.sleep(0.5)  # until it has said what it does with SIGTERM
    asked = time.monotonic()
    engine.stop(attempt, kill=False)
    time.sleep(1.5)
    engine.stop(attempt, kill=True)
    enough(lambda: not engine.poll(attempt))
    assert not at_work(home)
    assert time.monotonic() - asked < 5
    assert outcome(attempt) == ("stopped" if part == "leave" else "")


def test_an_attempt_that_fails_says_why(make: Callable[[], Engine]):
    engine, attempt = make(), ask(precision="bf16")
    engine.launch(attempt)
    enough(lambda: not engine.poll(attempt))
    assert outcome(attempt) == "failed"
    assert "bf16 needs a GPU" in mailbox.latest(attempt.job, Verdict).error


def test_an_attempt_without_the_lease_does_nothing(make: Callable[[], Engine]):
    engine, attempt = make(), ask()
    again(attempt)
    engine.launch(attempt)
    assert engine.poll(attempt)
    enough(lambda: not engine.poll(attempt))
    assert outcome(attempt) == ""
    assert not run_of(attempt).path.exists()


@pytest.mark.usefixtures("acting")
def test_what_an_attempt_prints_is_kept(make: Callable[[], Engine]):
    engine, attempt = make(), ask(name="die")
    engine.launch(attempt)
    enough(lambda: not engine.poll(attempt))
    assert "something odd happened" in mailbox.output_file(attempt.job).read_text()


def test_what_was_never_launched_does_not_run(make: Callable[[], Engine]):
    assert not make().poll(ask())


# Ray alone


@pytest.fixture
def ray(cluster: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Ray:
    monkeypatch.setenv("RAY_ADDRESS", cluster)
    monkeypatch.setenv("RAY_AUTH_TOKEN", SECRET)
    return Ray()


@pytest.mark.usefixtures("acting")
def test_an_attempt_that_is_submitted_twice_runs_once(ray: Ray):
    """The supervisor was killed between submitting it and knowing that it had."""
    attempt = ask(name="die")
    ray.launch(attempt)
    Ray().launch(attempt)
    enough(lambda: not ray.poll(attempt))
    Ray().launch(attempt)
    assert not ray.poll(attempt)
    output = mailbox.output_file(attempt.job).read_text()
    assert output.count("something odd happened") == 1


def test_what_was_launched_just_now_counts_before_ray_counts_it(ray: Ray):
    attempt = ask(gpus=2)
    enough(lambda: not ray.capacity(attempt, []))
    reason = ray.capacity(attempt, [replace(attempt, gpus=1)])
    assert reason == "1 of the cluster's 2 CPUs are free, and the job needs 2."


def test_more_than_the_cluster_has_is_refused(ray: Ray):
    with pytest.raises(AdaspecError, match="asks for 3 CPUs and the cluster has 2: set gpus=2"):
        ray.capacity(ask(gpus=3), [])


def test_a_cluster_that_cannot_be_reached_is_waited_for(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RAY_ADDRESS", NOBODY)
    nowhere, attempt = Ray(), ask()
    assert f"Ray at {NOBODY} gives no answer" in nowhere.capacity(attempt, [])
    with pytest.raises(AdaspecError, match="gives no answer"):
        nowhere.poll(attempt)
    with pytest.raises(AdaspecError, match="gives no answer"):
        nowhere.stop(attempt, kill=True)
    with pytest.raises(OSError, match="Failed to connect"):  # which does not fail the job for good
        nowhere.launch(attempt)
    assert nowhere.slots() == 1


@pytest.mark.parametrize("address", ["", "auto", "head:6379"])
def test_the_dashboards_address_is_needed(address: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(AdaspecError, match="RAY_ADDRESS=http://HEAD:8265"):
        Ray()


def test_a_wrong_token_is_one_line(
    cluster: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", cluster)
    monkeypatch.setenv("RAY_AUTH_TOKEN", "x" * 32)
    reason = Ray().capacity(ask(), [])
    assert f"Ray at {cluster} gives no answer" in reason
    assert "\n" not in reason


def test_a_dashboard_that_hangs_is_not_waited_for(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It accepts the connection and says nothing."""
    monkeypatch.setattr("adaspec.jobs.engines.ray.TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("RAY_ADDRESS", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        assert "gives no answer" in Ray().capacity(ask(), [])
        assert time.monotonic() - began < 20  # importing Ray included


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", NOBODY)
    monkeypatch.setattr("adaspec.jobs.engines.ray.find_spec", lambda name: None)
    with pytest.raises(AdaspecError, match=r"pip install \"adaspec\[ray\]\""):
        Ray()


def test_gpus_are_counted_where_there_are_some(home: Path, monkeypatch: pytest.MonkeyPatch):
    """As Ray 2.60 prints them; a group that waits in a placement group has its share reserved."""
    monkeypatch.setenv("RAY_ADDRESS", NOBODY)
    engine = Ray()
    client = SimpleNamespace()
    text = "Total Usage:\n 3.0/16.0 CPU\n 2.5/8.0 GPU (0.5 used of 3.0 reserved"
    client.cluster_status = lambda: text
    monkeypatch.setitem(vars(engine), "_client", client)
    attempt = ask(gpus=4)
    assert (
        engine.capacity(attempt, []) == "3 of the cluster's 8 GPUs are free, and the job needs 4."
    )
    assert engine.slots() == 8
    for left in ("", " 0.0/2.0 GPU"):  # of its nodes some restart, or all that have GPUs
        text = f"Total Usage:\n 0.0/16.0 CPU\n{left}"
        assert f"{left[5:6] or 0} of the cluster's 8 GPUs" in engine.capacity(attempt, [])


# GPUs of this machine: the driver and mostly what is launched are stand-ins, the choice is not


@pytest.fixture
def four_gpus(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with four GPUs, one of which others have filled."""
    free = {"a": 60, "b": 79, "c": 10, "d": 70}
    install(monkeypatch, *(Card(f"GPU-{name}", free=size * GB) for name, size in free.items()))
    yield
    for process in at_work(home):
        process.kill()


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in which attempts note what they got, instead of training."""
    file = tmp_path / "notes"
    note = f'echo "$CUDA_VISIBLE_DEVICES $*" >>{file}; while sleep 0.1; do :; done'
    monkeypatch.setattr(sys, "executable", str(script(tmp_path / "python", note)))
    return file


def script(file: Path, content: str) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{content}\n")
    file.chmod(0o755)
    return file


def noted(notes: Path, count: int) -> list[str]:
    """What so many attempts have noted."""
    enough(lambda: notes.exists() and len(notes.read_text().splitlines()) == count)
    return notes.read_text().splitlines()


@pytest.mark.usefixtures("four_gpus")
def test_each_job_gets_the_emptiest_gpu_that_no_other_has(notes: Path):
    engine = Local()
    assert engine.slots() == 4
    attempts = [ask() for _ in range(3)]
    for number, (gpu, attempt) in enumerate(zip("bda", attempts, strict=True), start=1):
        assert engine.capacity(attempt, attempts[: number - 1]) == ""
        engine.launch(attempt)
        command = f"-m adaspec.jobs.worker {attempt.job} {attempt.token}"
        assert noted(notes, number)[-1] == f"GPU-{gpu} {command}"
    fourth = ask()
    reason = Local().capacity(fourth, attempts)  # as a new supervisor sees it
    assert reason == "0 of 4 GPUs are free, and the job needs 1."
    engine.stop(attempts[1], kill=True)
    enough(lambda: not engine.poll(attempts[1]))
    engine.launch(fourth)
    assert noted(notes, 4)[-1].startswith("GPU-d ")


@pytest.mark.usefixtures("four_gpus")
@pytest.mark.parametrize("visible", ["0,2", "GPU-a,GPU-c", "2,0"])
def test_only_the_supervisors_own_gpus_are_given(
    notes: Path, visible: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    engine = Local()
    assert engine.slots() == 2
    engine.launch(ask())
    assert noted(notes, 1)[0].startswith("GPU-a ")


def test_what_somebody_has_set_for_the_libraries_stays(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As with `adaspec run`; what nobody has set makes threads sleep while they wait."""
    (tmp_path / "part.py").write_text("import os; print(os.environ['OMP_WAIT_POLICY'])")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(engines, "WORKER", "part")
    for value in ("PASSIVE", "ACTIVE"):
        if value == "ACTIVE":
            monkeypatch.setenv("OMP_WAIT_POLICY", value)
        else:
            monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
        engine, attempt = Local(), ask()
        engine.launch(attempt)
        enough(lambda engine=engine, attempt=attempt: not engine.poll(attempt))
        assert mailbox.output_file(attempt.job).read_text().split() == [value]


@pytest.mark.usefixtures("four_gpus")
def test_more_gpus_than_the_machine_has_are_refused():
    engine = Local()
    assert engine.capacity(ask(gpus=4), []) == "3 of 4 GPUs are free, and the job needs 4."
    with pytest.raises(AdaspecError, match="asks for 5 GPUs and this machine has 4: set gpus=4"):
        engine.capacity(ask(gpus=5), [])


@pytest.mark.usefixtures("four_gpus")
def test_several_gpus_mean_as_many_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """By Accelerate's own launcher, whatever the user has told it for other work."""
    names = ("RANK", "WORLD_SIZE", "CUDA_VISIBLE_DEVICES")
    (tmp_path / "part.py").write_text(  # one write a line: two processes share the file
        f"import os; os.write(1, (' '.join(map(os.environ.get, {names})) + '\\n').encode())"
    )
    config = tmp_path / "accelerate" / "default_config.yaml"
    config.parent.mkdir()
    config.write_text(
        "{compute_environment: LOCAL_MACHINE, distributed_type: MULTI_GPU, gpu_ids: '0,1',"
        " num_machines: 2, num_processes: 4, mixed_precision: bf16, use_cpu: false}"
    )
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(engines, "WORKER", "part")
    engine, attempt = Local(), ask(gpus=2)
    engine.launch(attempt)
    enough(lambda: not engine.poll(attempt))
    lines = sorted(mailbox.output_file(attempt.job).read_text().splitlines())
    assert lines == ["0 2 GPU-b,GPU-d", "1 2 GPU-b,GPU-d"]
