"""Everything that a GPU is to be right and fast at, in one command that stops itself in time.

`python -m benchmarks.gpu [PART ...] [--to build/gpu.json] [--minutes 8]`
`python -m benchmarks.gpu --device cpu --small`: the same at sizes of seconds, to try the command

Each part is a process of its own with its own limit, so that one that fails or hangs takes no other
with it; what a part found is written as soon as it ends. No network is used.

`pythia`, `smollm2` and `codegen` take optimiser steps of 40 sequences with random weights of the
real sizes, made on the card. *Published* is `benchmarks.training.published_loss` at its best: all
40 in one forward pass (half as many where memory does not suffice), bf16, transformers' own models,
fused AdamW. *Ours* is `adaspec.training.train` as a run calls it, on the same batches; what is
computed once is spread over 7.5 epochs. FLOPs are those of the target's matrices, attention's
scores left out.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks.gpu.checks import ROOT, Verdict, device_tests, null_tests, tiny
from benchmarks.gpu.decoding import Decodings, decoding
from benchmarks.gpu.setting import GRACE, Setting
from benchmarks.gpu.steps import Steps, steps

LIMITS = {
    "null": 60,
    "pythia": 90,
    "smollm2": 90,
    "codegen": 120,
    "decoding": 150,
    "tiny": 240,
    "tests": 150,
}
"""Seconds of each part, in the order in which they run: the last get what the others left."""

Result = Steps | Decodings | Verdict
PARTS: dict[str, Callable[[Setting], Result]] = {
    "null": null_tests,
    "pythia": lambda setting: steps("pythia", setting),
    "smollm2": lambda setting: steps("smollm2", setting),
    "codegen": lambda setting: steps("codegen", setting),
    "decoding": decoding,
    "tiny": tiny,
    "tests": device_tests,
}


@dataclass(frozen=True)
class Outcome:
    """What became of a part: its result, or why there is none."""

    part: str
    seconds: float
    error: str
    result: dict[str, Any] | None


def run_here(part: str, setting: Setting, to: Path) -> None:
    result = PARTS[part](setting)
    to.write_text(json.dumps(asdict(result)))
    result.tell(Console())
    if isinstance(result, Verdict) and not result.passed:
        raise SystemExit(1)


def run_apart(part: str, options: list[str], seconds: float, console: Console) -> Outcome:
    """In a process group that is ended when its time is up."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder) / "result.json"
        command = [sys.executable, "-m", "benchmarks.gpu", "--here", part, "--to", str(to)]
        command += ["--minutes", str(seconds / 60), *options]
        process = subprocess.Popen(
            command, cwd=ROOT, start_new_session=True, env=os.environ | {"HF_HUB_OFFLINE": "1"}
        )
        try:
            code = process.wait(seconds)
            error = f"ended with {code}" if code else ""
        except subprocess.TimeoutExpired:
            error = f"stopped after {seconds:.3g} s"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        result = json.loads(to.read_text()) if to.exists() else None
    outcome = Outcome(part, time.monotonic() - began, error, result)
    console.print(f"{part}: {error or 'done'}, {outcome.seconds:.0f} s\n")
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--to", type=Path, default=Path("build/gpu.json"))
    parser.add_argument("--minutes", type=float, default=8, help="for all parts together")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--small", action="store_true", help="sizes of seconds")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if given.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch finds no GPU here; --device cpu --small tries the command without one")
    until = time.monotonic() + 60 * given.minutes
    if given.here:
        run_here(given.parts[0], Setting(torch.device(given.device), given.small, until), given.to)
        return
    options = ["--device", given.device, *(["--small"] if given.small else [])]
    console = Console()
    device = torch.cuda.get_device_name() if given.device == "cuda" else "cpu"
    outcomes: list[Outcome] = []
    given.to.parent.mkdir(parents=True, exist_ok=True)
    for part in given.parts or PARTS:
        left = min(LIMITS[part], until - time.monotonic())
        console.rule(part)
        if left <= GRACE:
            outcomes.append(Outcome(part, 0.0, "no time was left", None))
        else:
            outcomes.append(run_apart(part, options, left, console))
        content = {"device": device, "torch": torch.__version__, "small": given.small}
        content["parts"] = [asdict(outcome) for outcome in outcomes]
        given.to.write_text(json.dumps(content, indent=1))
    raise SystemExit(any(outcome.error for outcome in outcomes))


if __name__ == "__main__":
    main()
