"""What a room of viewers costs: the time of a refresh, and how much slower a training becomes.

`python -m benchmarks.viewers [--sessions 30] [--seconds 60] [--threads 1]`

A real studio and a real supervisor train the recipe `tiny`, four times from the same seed: alone,
watched, watched, alone. Each viewer is a session of its own that speaks Streamlit's protocol as the
browser does: it opens the Runs page at that job, and asks for every fragment as often as the server
says. A refresh is timed from that request until the server says that it is done; a browser would
then draw, on a machine of its own. The viewers run here, on the same cores as the training.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import psutil
from rich.console import Console

from adaspec import recipe, runs
from adaspec.jobs import queue
from adaspec.runs import Run
from benchmarks.sessions import ARRIVAL, Session, Times, row, server, visit, waits
from tests.studio import enough, studio, supervisor

ROUNDS = ("alone", "watched", "watched", "alone")  # a drift of the machine then evens out

Steps = dict[tuple[str, int], float]  # stage and step -> seconds it took


async def watch(address: str, query: str, sessions: int, seconds: float, times: Times) -> None:
    """Let so many watch one page together for so long."""

    async def stay(viewer: Session) -> None:
        await viewer.open("runs", query)
        await asyncio.Event().wait()

    await visit(address, sessions, seconds, times, stay)


@contextmanager
def training() -> Iterator[Run]:
    """A job that has come to its first steps; it is cancelled at the end."""
    job = queue.submit(recipe.load("tiny"), "benchmark")
    run = Run(runs.runs_folder() / job.id)
    enough(lambda: "reference" in runs.read_metrics(run), 120)
    yield run
    queue.cancel(job.id)
    enough(lambda: not queue.find(job.id).live)


def seconds_of_steps(run: Run) -> Steps:
    """What every training step took, from the step before it."""
    return {
        (stage, step.step): step.time - before.time
        for stage, steps in runs.read_metrics(run).items()
        for before, step in pairwise(steps)
        if step.loss is not None
    }


def seconds_a_step(rounds: list[Steps], common: set[tuple[str, int]]) -> float:
    """The mean over the steps that every round came to: the same work in each."""
    return sum(steps[step] for steps in rounds for step in common) / (len(rounds) * len(common))


def measure(
    address: str, sessions: int, seconds: float
) -> tuple[Times, float, dict[str, list[Steps]]]:
    """Train in every round, and watch in some; also the studio's share of a core meanwhile."""
    times = Times()
    rounds: dict[str, list[Steps]] = {name: [] for name in ROUNDS}
    process, work, watched = server(), 0.0, 0.0
    for name in ROUNDS:
        with training() as run:
            if name == "watched":
                before = process.cpu_times()
                asyncio.run(watch(address, f"run={run.path.name}", sessions, seconds, times))
                after = process.cpu_times()
                work += after.user + after.system - before.user - before.system
                watched += seconds + sessions * ARRIVAL
            else:
                time.sleep(seconds + sessions * ARRIVAL)
            rounds[name].append(seconds_of_steps(run))
    return times, work / watched, rounds


def tell(
    sessions: int,
    seconds: float,
    threads: int,
    times: Times,
    load: float,
    rounds: dict[str, list[Steps]],
) -> None:
    """Print the tables."""
    table = waits(f"{sessions} viewers")
    table.add_row(*row("opening the page", times.openings))
    table.add_row(*row("refresh", times.refreshes))
    console = Console()
    console.print(table)
    watched = ROUNDS.count("watched") * (seconds + sessions * ARRIVAL)
    common = set.intersection(*({*steps} for several in rounds.values() for steps in several))
    alone, beside = (seconds_a_step(rounds[name], common) for name in ("alone", "watched"))
    console.print(
        f"training, {threads} threads: {alone:.4f} s a step alone, {beside:.4f} watched: "
        f"{beside / alone:.2f} times ({len(common)} equal steps, {len(ROUNDS)} rounds)\n"
        f"studio: {load:.2f} of a core, "
        f"{times.kilobytes / watched / sessions:.0f} kB/s a viewer; this machine has "
        f"{psutil.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sessions", type=int, default=30)
    options.add_argument("--seconds", type=float, default=60, help="of each of the four rounds")
    options.add_argument("--threads", type=int, default=1, help="of the training")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ADASPEC_HOME"] = folder
        threads = {"OMP_NUM_THREADS": str(given.threads)}
        with supervisor(Path(folder), **threads), studio(Path(folder)) as address:
            times, load, rounds = measure(address, given.sessions, given.seconds)
    tell(given.sessions, given.seconds, given.threads, times, load, rounds)


if __name__ == "__main__":
    main()
