"""What is right or wrong: the null test, `tiny` through the queue, the tests of the device."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from adaspec import ASSETS, AdaspecError, recipe, runs
from adaspec.jobs import queue
from adaspec.runs import Run
from adaspec.runs.report import read_report
from adaspec.speculation.null_test import null_test
from benchmarks.gpu.decoding import pairs
from benchmarks.gpu.setting import GRACE, Setting

ALPHA_TOLERANCE = 0.005
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Verdict:
    """Whether something holds, in lines that say why."""

    passed: bool
    lines: list[str]

    def tell(self, console: Console) -> None:
        console.print("\n".join(self.lines), highlight=False, markup=False)


def null_tests(setting: Setting) -> Verdict:
    results = [
        (name, null_test(pair.target, prompts, vocabulary=pair.vocabulary))
        for name, pair, prompts in pairs(setting)
    ]
    lines = [f"{name}: {result.message}" for name, result in results]
    return Verdict(all(result.passed for _, result in results), lines)


def tiny(setting: Setting) -> Verdict:
    """The recipe through the queue, its acceptance rates beside those of the bundled example."""
    few = ["stage1.epochs=1", "stage2.epochs=1", "data.limit=32", "evaluation.prompts=8"]
    few += ["evaluation.max_new_tokens=12", "evaluation.speculation.timed=1"]
    chosen = recipe.load("tiny", few if setting.small else [])
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"ADASPEC_HOME": home, "ADASPEC_DEVICE": "auto" if setting.bf16 else "cpu"}
        job = queue.submit(chosen, "benchmark")
        serve = [sys.executable, "-m", "adaspec", "supervisor"]
        supervisor = subprocess.Popen(serve, cwd=ROOT, stderr=subprocess.DEVNULL)
        try:
            while (state := queue.find(job.id).state) in ("queued", "running"):
                if time.monotonic() > setting.until - GRACE:
                    raise AdaspecError(f"The job is {state} when its time is up.")
                time.sleep(0.5)
        finally:
            put_away(job.id, supervisor)
        run = runs.newest(chosen, "finished")
        if run is None:
            raise AdaspecError(f"The job has {state}: {queue.find(job.id).error}")
        report = read_report(run)
    expected = {draft.name: draft for draft in read_report(Run(ASSETS / "example")).drafts}
    apart = {
        draft.name: draft.alpha.generated - expected[draft.name].alpha.generated
        for draft in report.drafts
    }
    lines = [
        f"α {draft.name}: {draft.alpha.generated:.4f} ({apart[draft.name]:+.4f})"
        for draft in report.drafts
    ]
    lines.append(f"on {report.device}, beside a CPU's in float32; allowed: ±{ALPHA_TOLERANCE}")
    close = all(abs(difference) <= ALPHA_TOLERANCE for difference in apart.values())
    return Verdict(close or setting.small, lines)  # small, it is another training


def put_away(job: str, supervisor: subprocess.Popen[bytes]) -> None:
    """Stop the job where it is still at work, and its supervisor."""
    if queue.find(job).state in ("queued", "running"):
        queue.cancel(job)
        until = time.monotonic() + GRACE / 2
        while queue.find(job).state == "running" and time.monotonic() < until:
            time.sleep(0.2)
    supervisor.terminate()
    supervisor.wait(timeout=GRACE)


def device_tests(setting: Setting) -> Verdict:
    """Those that compile and capture for a GPU; they have plain twins for a CPU."""
    where = [
        "tests/adaspec/test_devices.py",
        "tests/adaspec/test_kernels.py",
        "tests/adaspec/speculation/test_speculation.py",
    ]
    chosen = "gradient" if setting.small else "gpu or cuda or graph or kernel or fuse"
    command = [sys.executable, "-m", "pytest", *where, "-k", chosen, "-p", "no:cacheprovider"]
    patience = setting.until - time.monotonic() - GRACE
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=patience)
    return Verdict(done.returncode == 0, done.stdout.strip().splitlines()[-15:])
