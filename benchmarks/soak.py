"""Long days: many viewers for many minutes, who also ask the models and start jobs.

`python -m benchmarks.soak [--sessions 30 60 120] [--minutes 8]`

A real studio on the bundled example, and a real supervisor that trains what is started. Each viewer
opens and changes Tokens, Filter, Replay, Compare and Runs with a pause before each step, asks the
models for a text and a prompt of its own, and starts a job once in a round. They run here, on the
same cores as the server, its models and its trainings.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.sessions import WALK, Step, Times, row, server, wander
from tests.studio import LARGE, large_example, studio, supervisor

STEPS: list[Step] = [
    *WALK,
    ("open", "tokens", f"run={LARGE}&of=Your own text&answer=Tom has {{any}} apples. He eats 2."),
    ("open", "replay", f"run={LARGE}&of=own&prompt=Tom has {{any}} apples.&seed={{any}}"),
    ("open", "train", "recipe=tiny&set=seed={any}"),
    ("press", "Start", ""),
]


def soak(sessions: int, minutes: float) -> tuple[Times, float, float]:
    """What the viewers saw, and the server's MB at the start and at the end."""
    times, chance = Times(), random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ["ADASPEC_HOME"] = folder
        large_example(home)
        with supervisor(home), studio(home) as address:
            process = server()
            asyncio.run(wander(address, 1, 20, Times(), chance))  # what is imported and kept
            before = process.memory_info().rss / 1e6
            asyncio.run(wander(address, sessions, 60 * minutes, times, chance, STEPS))
            after = process.memory_info().rss / 1e6
    return times, before, after


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sessions", type=int, nargs="+", default=[30, 60, 120])
    options.add_argument("--minutes", type=float, default=8, help="of each number of sessions")
    given = options.parse_args()
    table = Table("sessions", "steps", "p50", "p95", "max", "errors", "MB before", "MB after")
    console = Console()
    for sessions in given.sessions:
        times, before, after = soak(sessions, given.minutes)
        figures = (str(len(times.errors)), f"{before:.0f}", f"{after:.0f}")
        table.add_row(*row(str(sessions), times.openings), *figures)
        console.print(*dict.fromkeys(times.errors))
    console.print(table)
    console.print(
        f"{given.minutes:g} minutes each; this machine has {psutil.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f} at the end"
    )


if __name__ == "__main__":
    main()
