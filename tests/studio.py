"""The real studio and real runs, as processes, for tests that drive a browser."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
from playwright.sync_api import Browser, Page, expect, sync_playwright

from adaspec import runs
from adaspec.jobs.engines import WORKER
from adaspec.runs import Run

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = shutil.which("chromium")

LARGE = "01LLLLLLLLLLLLLLLLLLLLLLLL"

MINI = """
name: mini
target: {new: {vocabulary: 280, hidden: 16, layers: 2, heads: 2, feed_forward: 32}}
draft: {source: target, layers: [1]}
checkpoint_every: 3
data:
  train: {stories: 24, seed: 1}
  evaluation: {stories: 6, seed: 2}
  prompt: "{question}\\n"
  response: "{answer}"
  max_length: 200
stage0: {batch: 8, epochs: 1, lr: 3.0e-3}
stage1: {batch: 8, epochs: STAGE1_EPOCHS, lr: 3.0e-3}
stage2:
  batch: 8
  epochs: STAGE2_EPOCHS
  lr: 3.0e-3
  methods:
    distillspec: {}
    distillspec-data: {budget: data}
    adaspec: {selector: top_delta, budget: published}
evaluation:
  prompts: 6
  max_new_tokens: 8
  batch: 6
  monitor: 3
  speculation: {prompts: 2, max_new_tokens: 6, timed: 1, gammas: [2]}
"""


def mini(file: Path, stage1_epochs: int = 1, stage2_epochs: int = 1) -> Path:
    """A whole recipe that trains in seconds, once the libraries are loaded, or in more."""
    text = MINI.replace("STAGE1_EPOCHS", str(stage1_epochs))
    file.write_text(text.replace("STAGE2_EPOCHS", str(stage2_epochs)), encoding="utf-8")
    return file


def large_example(home: Path) -> str:
    """A run whose pair counts as too large for browsers: the server answers. Returns its id."""
    run = Run(home / "runs" / LARGE)
    shutil.copytree(runs.EXAMPLES["example"], run.path)
    state = runs.read_state(run)
    assert state.facts
    facts = state.facts.model_copy(update={"target_parameters": 30_000_000})
    runs.STATE.write(run.state_file, state.model_copy(update={"id": LARGE, "facts": facts}))
    return LARGE


def launch(recipe: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Begin a real run in a folder, on one core."""
    command = [sys.executable, "-m", "adaspec", "run", str(recipe), "--run-dir", str(folder)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=ROOT, env=_one_core(), **quiet)


def finish(process: subprocess.Popen[bytes]) -> None:
    assert process.wait(timeout=120) == 0


@contextmanager
def supervisor(home: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor of this home, its jobs on one core if the variables say no other; at the end
    nothing is left of it.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "adaspec", "supervisor"],
        cwd=ROOT,
        env=_one_core(ADASPEC_HOME=str(home)) | variables,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)
        for worker in workers(home):
            with suppress(psutil.NoSuchProcess):
                worker.kill()


def workers(home: Path) -> list[psutil.Process]:
    """The attempts at jobs of this home that are at work."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "environ"])
        if WORKER in (process.info["cmdline"] or [])
        and (process.info["environ"] or {}).get("ADASPEC_HOME") == str(home)
    ]


@contextmanager
def studio(home: Path) -> Iterator[str]:
    """The studio on a free port with a home of its own and no supervisor; its address."""
    port = free_port()
    server = start_studio(home, port)
    address = f"http://127.0.0.1:{port}"
    try:
        enough(lambda: serves(f"{address}/_stcore/health"))
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)


def start_studio(home: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "streamlit", "run", "app/main.py"]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    environment = _one_core(ADASPEC_HOME=str(home), ADASPEC_SUPERVISOR="elsewhere")
    return subprocess.Popen(command, cwd=ROOT, env=environment)


@contextmanager
def serve_script(script: str) -> Iterator[str]:
    """A small Streamlit script of the tests, on a free port; its address."""
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    addresses: list[str] = []
    while not addresses:
        addresses = re.findall(r"http://\S+", process.stdout.readline())
    yield addresses[0]
    process.terminate()
    process.wait(timeout=20)


# Chromium's address bar keeps pages of its own ready, invisibly and beside every context. Of two
# such lists the last counts, so that what Playwright 1.65 switches off is here too.
UNUSED = [
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
]


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", f"--disable-features={','.join(UNUSED)}"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@contextmanager
def faultless(chromium: Browser) -> Iterator[Page]:
    """A page on which nothing may go wrong, neither in the browser nor on the server."""
    complaints: list[str] = []
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    yield page
    expect(page.get_by_test_id("stException")).to_have_count(0)
    # Streamlit looks for its server below the page's address first.
    assert [text for text in complaints if "404 (Not Found)" not in text] == []
    page.close()


# Streamlit fades what may be out of date, and takes a second to bring it back.
OPAQUE = """() => [...document.querySelectorAll('[data-testid=stElementContainer]')].every(
    element => getComputedStyle(element).opacity === '1')"""


def settle(page: Page) -> None:
    """Wait until the page has run and drawn what it has."""
    page.wait_for_selector("[data-testid=stHeading]", timeout=30_000)
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_timeout(800)
    page.wait_for_function(OPAQUE)


def enough(condition: Callable[[], Any], seconds: float = 60) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.2)


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nothing listens at."""
    with closing(socket.socket()) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def serves(address: str) -> bool:
    """Whether a server answers there."""
    try:
        return bool(urlopen(address, timeout=2).status == 200)
    except OSError:
        return False


def _one_core(**variables: str) -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"} | variables
