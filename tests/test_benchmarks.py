"""The command for a GPU, at sizes of seconds: each part in a process, its result on disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks.gpu.__main__ import run_apart


def gpu_benchmark(to: Path, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """Its exit status, and what became of each part."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.gpu",
        "--device",
        "cpu",
        "--small",
        "--to",
        str(to),
    ]
    done = subprocess.run([*command, *options], check=False, timeout=120)
    return done.returncode, json.loads(to.read_text())["parts"]


@pytest.mark.slow
def test_both_loops_take_the_same_steps_with_weights_made_at_random(tmp_path: Path) -> None:
    code, (part,) = gpu_benchmark(tmp_path / "gpu.json", "codegen")
    assert (code, part["error"]) == (0, "")
    assert part["result"]["apart"] < 1e-4
    assert set(part["result"]["ours_ms"]) == {"micro_batch", "batch"}


def test_what_has_no_time_left_is_ended_or_not_begun(tmp_path: Path) -> None:
    outcome = run_apart("null", ["--device", "cpu", "--small"], 0.5, Console())
    assert (outcome.error, outcome.result) == ("stopped after 0.5 s", None)
    code, parts = gpu_benchmark(tmp_path / "gpu.json", "null", "decoding", "--minutes", "0.1")
    assert code == 1
    assert [part["error"] for part in parts] == ["no time was left"] * 2
