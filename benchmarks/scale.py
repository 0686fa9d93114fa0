"""A home of a size that nobody should reach, and what each page takes in it.

`python -m benchmarks.scale [--runs 2000] [--log 100] [--metrics 1000000] [--jobs 5000]`

Makes a home with so many runs (copies of the bundled example that share its tables), one of them
with a log of so many MB and so many lines of metrics, and so many queued jobs. Each page is opened
there, twice: when the server has just started, and again.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.table import Table
from ulid import ULID

from adaspec import recipe, runs
from adaspec.jobs import queue
from adaspec.jobs.queue import Job
from adaspec.runs import Run, Step
from benchmarks.sessions import Session, Times, server, session
from tests.studio import studio

OWNERS = 50
PATIENCE = 60.0  # seconds for a page
SHARED = ("tokens", "replays", "models", "drafts", "speed")  # of the example, by a link


def fill(home: Path, count: int, log: int, metrics: int, jobs: int) -> Run:
    """Make the home; the run with the long files."""
    (example,) = (run for run in runs.examples() if run.id == "example")
    state = runs.read_state(example)
    for _ in range(count):
        run = Run(home / "runs" / str(ULID()))
        run.path.mkdir(parents=True)
        for path in example.path.iterdir():
            if path.is_dir():
                (run.path / path.name).symlink_to(path)
            elif path != example.state_file:
                (run.path / path.name).write_bytes(path.read_bytes())
        runs.write_state(run, state.model_copy(update={"id": run.path.name}))
    line = "2026-01-01 00:00:00,000 INFO step {} of adaspec: nothing out of the ordinary\n"
    with run.log_file.open("w") as file:
        for number in range(log * 1_000_000 // len(line)):
            file.write(line.format(number))
    with run.metrics_file.open("wb") as file:
        for number in range(metrics):
            alpha = 0.5 if number % 100_000 == 0 else None
            step = Step("adaspec", float(number), number + 1, loss=1.0 / (number + 1), alpha=alpha)
            file.write(runs.METRICS.line(step) + b"\n")
    ask(jobs)
    return run


def ask(count: int) -> None:
    """Queue so many jobs."""
    tiny = recipe.load("tiny")
    job = Job(
        id="",
        name="tiny",
        owner="",
        recipe=tiny.yaml(),
        recipe_hash=tiny.hash,
        gpus=1,
        seconds=200.0,
        submitted=time.time(),
    )
    with queue._transaction() as database:
        for number in range(count):
            changes = {"id": str(ULID()), "owner": f"user {number % OWNERS}", "place": number + 1}
            row = job.model_copy(update=changes).model_dump()
            names, marks = ", ".join(row), ", ".join("?" * len(row))
            database.execute(f"INSERT INTO jobs ({names}) VALUES ({marks})", tuple(row.values()))


def pages(run: Run) -> Iterator[tuple[str, str, str]]:
    """What is opened: what to call it, page, query."""
    for page in ("runs", "train", "tokens", "filter", "replay", "compare", "ablation"):
        yield page.capitalize(), page, ""
    yield "Runs, the long log and metrics", "runs", f"run={run.path.name}"
    yield "Train from that run", "train", f"from={run.path.name}"
    yield "Compare two runs", "compare", f"run=example&with={run.path.name}"


async def open_all(address: str, run: Run) -> list[tuple[str, list[float], list[str], float]]:
    """Seconds of both visits, what was wrong, and MB of the server."""
    process, table = server(), []
    for name, page, query in pages(run):
        times = Times()
        for _ in range(2):
            async with session(address, times) as viewer:
                await _patiently(viewer, page, query)
        size = process.memory_info().rss / 1e6
        print(name, *(f"{wait:.2f}" for wait in times.openings), flush=True)
        table.append((name, times.openings, times.errors, size))
    return table


async def _patiently(viewer: Session, page: str, query: str) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await viewer.open(page, query)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=2000)
    options.add_argument("--log", type=int, default=100, help="MB")
    options.add_argument("--metrics", type=int, default=1_000_000, help="lines")
    options.add_argument("--jobs", type=int, default=5000, help="in the queue")
    given = options.parse_args()
    table = Table("page", "first, s", "again, s", "server, MB", "errors")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ADASPEC_HOME"] = folder
        run = fill(Path(folder), given.runs, given.log, given.metrics, given.jobs)
        with studio(Path(folder)) as address:
            for name, waits, errors, size in asyncio.run(open_all(address, run)):
                table.add_row(name, *(f"{wait:.2f}" for wait in waits), f"{size:.0f}", *errors[:1])
    Console().print(table)
    print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
