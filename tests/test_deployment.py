"""The image and its services: checked without Docker, and the very commands as real processes."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
import pytest
import yaml

from adaspec.jobs import supervisor
from adaspec.jobs.mailbox import Verdict, latest
from adaspec.jobs.queue import all_jobs
from app.shell import background
from tests.studio import enough, free_port, mini

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
GPU = yaml.safe_load((ROOT / "compose.gpu.yaml").read_text())["services"]


def dockerfile() -> list[tuple[str, str]]:
    """(instruction, arguments), continued lines joined, comments gone."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if line[:1] != "#"]
    text = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [tuple(line.split(" ", 1)) for line in text.splitlines() if line.strip()]


def arguments(instruction: str) -> list[str]:
    return [rest for name, rest in dockerfile() if name == instruction]


def environment() -> dict[str, str]:
    return dict(word.split("=", 1) for word in shlex.split(" ".join(arguments("ENV"))))


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps this path out."""
    patterns = (ROOT / ".dockerignore").read_text().splitlines()
    parts = Path(path).parts
    heads = ["/".join(parts[: i + 1]) for i in range(len(parts))]
    return any(
        fnmatch.fnmatch(head, pattern.removeprefix("**/"))
        or (pattern.startswith("**/") and fnmatch.fnmatch(Path(head).name, pattern[3:]))
        for pattern in patterns
        if pattern and not pattern.startswith("#")
        for head in heads
    )


def test_the_image_is_set_up_and_served_by_what_make_app_runs() -> None:
    [install] = [step for step in arguments("RUN") if "make .venv" in step]
    assert install.split("; ")[-1].split() == ["make", ".venv/app"]
    steps = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "--always-make", "app"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert "touch .venv/app" in steps
    assert json.loads(arguments("CMD")[0]) == shlex.split(steps[-1])


def test_what_make_needs_is_copied_and_secrets_are_not() -> None:
    assert arguments("COPY") == [". ."]
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    left_out = {path.split("/")[0] for path in tracked if ignored(path)}
    assert left_out <= {".ci", "tests"}
    for needed in ("Makefile", "requirements.txt", "pyproject.toml", "app/main.py", "README.md"):
        assert (ROOT / needed).is_file()
        assert not ignored(needed)
    for secret in (".streamlit/secrets.toml", ".env", ".git/config", ".venv/bin/python"):
        assert ignored(secret)
    assert not ignored(".streamlit/config.toml")


def test_the_cpu_build_asks_the_index_of_cpu_builds_and_only_it() -> None:
    assert arguments("ARG") == ["TORCH=cpu"]
    [install] = [step for step in arguments("RUN") if "make .venv" in step]
    script = install.split("pip ", 1)[1].replace("make .venv/app", "echo $PIP_EXTRA_INDEX_URL")
    for torch, index in (("cpu", "https://download.pytorch.org/whl/cpu"), ("cuda", "")):
        done = subprocess.run(
            ["sh", "-c", script], env={"TORCH": torch}, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == index
    for service in GPU.values():
        assert service["build"]["args"] == {"TORCH": "cuda"}
        assert service["gpus"] == "all"
    assert GPU.keys() == SERVICES.keys()


def test_nobody_is_root_and_the_home_is_theirs() -> None:
    order = [name for name, _ in dockerfile()]
    assert order.index("USER") < order.index("CMD")
    [user] = arguments("USER")
    assert user != "root"
    home = environment()["ADASPEC_HOME"]
    assert f"install -d -o {user} {home}" in " ".join(arguments("RUN"))
    assert arguments("VOLUME") == [home]
    assert order.index("VOLUME") > order.index("RUN")


def test_both_services_share_one_home_and_one_works_the_queue_off() -> None:
    assert set(SERVICES) == {"app", "supervisor"}
    home = environment()["ADASPEC_HOME"]
    for service in SERVICES.values():
        assert service["volumes"] == [f"home:{home}"]
        assert service["build"] == "."
    assert COMPOSE["volumes"] == {"home": None}
    assert SERVICES["app"]["environment"] == {"ADASPEC_SUPERVISOR": "elsewhere"}
    assert "command" not in SERVICES["app"]  # the image's own
    assert SERVICES["app"]["ports"] == [f"8501:{arguments('EXPOSE')[0]}"]
    assert ".venv/bin/adaspec supervisor" in SERVICES["supervisor"]["command"][-1]


def test_the_server_is_set_for_many() -> None:
    settings = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())
    assert settings["server"]["address"] == "localhost"  # the image alone says otherwise
    assert environment()["STREAMLIT_SERVER_ADDRESS"] == "0.0.0.0"
    assert settings["server"]["enableXsrfProtection"]
    assert settings["server"]["maxUploadSize"] == 200
    assert not settings["client"]["showErrorDetails"]
    assert not settings["runner"]["postScriptGC"]


# The commands for real


@contextmanager
def served(home: Path, **variables: str) -> Iterator[tuple[int, Path]]:
    """The image's command, listening where its passphrase rule applies; its port and stderr."""
    port = free_port("127.0.0.2")
    command = json.loads(arguments("CMD")[0])
    command[command.index("8501")] = str(port)
    errors = home.parent / "stderr.txt"
    with errors.open("wb") as stderr:
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ
            | {"ADASPEC_HOME": str(home), "STREAMLIT_SERVER_ADDRESS": "127.0.0.2"}
            | variables,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
    try:
        enough(lambda: healthy(port))
        yield port, errors
    finally:
        server.terminate()
        server.wait(timeout=20)


def healthy(port: int) -> bool:
    """What HEALTHCHECK asks, of this server."""
    [check] = arguments("HEALTHCHECK")
    _, option, code = json.loads(check.split("CMD ", 1)[1])
    assert option == "-c"
    code = code.replace("127.0.0.1:8501", f"127.0.0.2:{port}")
    return subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL).returncode == 0


def test_the_health_that_is_asked_for_is_streamlits(home: Path) -> None:
    path = re.search(r"127\.0\.0\.1:8501(/[^']*)'", arguments("HEALTHCHECK")[0])[1]
    with served(home, ADASPEC_SUPERVISOR="elsewhere") as (port, _):
        # Any other path answers with the studio's page, whatever the state of the server.
        assert urlopen(f"http://127.0.0.2:{port}{path}", timeout=5).read() == b"ok"


def supervisor_of(home: Path) -> psutil.Process | None:
    with suppress(OSError, KeyError, ValueError, psutil.NoSuchProcess):
        status = json.loads((home / "supervisor.json").read_text())
        process = psutil.Process(status["process"]["pid"])
        if process.status() != psutil.STATUS_ZOMBIE and "supervisor" in process.cmdline():
            return process
    return None


def test_the_server_keeps_a_supervisor_with_no_viewer_and_says_the_passphrase(home: Path) -> None:
    with served(home) as (_, errors):
        enough(lambda: supervisor_of(home))
        first = supervisor_of(home)
        first.kill()
        enough(lambda: (current := supervisor_of(home)) and current.pid != first.pid)
        second = supervisor_of(home)
        assert errors.read_text().count("WARNING: Anyone who reaches this address") == 1
    try:
        assert second.is_running()  # the server's end is not the jobs'
        assert supervisor.alive()
    finally:
        second.kill()


def test_elsewhere_means_that_the_server_starts_none(home: Path) -> None:
    with served(home, ADASPEC_SUPERVISOR="elsewhere", ADASPEC_PASSPHRASE="open sesame") as (
        _,
        errors,
    ):
        time.sleep(background.PACE / 2)
        assert not home.exists()
        assert "open sesame" not in errors.read_text()


def test_a_home_that_cannot_be_written_breaks_no_page(home: Path) -> None:
    home.write_text("a file")
    with served(home) as (port, errors):
        enough(lambda: "No supervisor is running, so jobs wait" in errors.read_text())
        time.sleep(1.5 * background.PACE)
        assert errors.read_text().count("No supervisor") == 1
        assert urlopen(f"http://127.0.0.2:{port}/", timeout=5).status == 200


def test_a_supervisor_container_that_stops_tells_its_jobs(home: Path, tmp_path: Path) -> None:
    """As process 1 of a PID namespace, which takes all others with it, like a container's."""
    namespace = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a PID namespace is not permitted here")
    recipe = mini(tmp_path / "mini.yaml", stage1_epochs=400)
    quiet = os.environ | {"ADASPEC_HOME": str(home), "OMP_NUM_THREADS": "1"}
    submit = [".venv/bin/adaspec", "submit", str(recipe)]
    subprocess.run(submit, cwd=ROOT, env=quiet, check=True, capture_output=True)
    command: list[Any] = SERVICES["supervisor"]["command"]
    container = subprocess.Popen([*namespace, *command], cwd=ROOT, env=quiet)
    try:
        [job] = all_jobs()
        enough(lambda: (home / "runs" / job.id / "metrics.jsonl").is_file())
        check = SERVICES["supervisor"]["healthcheck"]["test"][1:]
        assert subprocess.run(check, cwd=ROOT, env=quiet).returncode == 0
        psutil.Process(container.pid).children()[0].terminate()
        container.wait(timeout=30)
    finally:
        container.kill()
    assert latest(job.id, Verdict).outcome == "stopped"
    assert subprocess.run(check, cwd=ROOT, env=quiet).returncode == 1
