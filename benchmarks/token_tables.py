"""Token tables of millions of rows: how long a page waits for them, and what they keep in memory.

`python -m benchmarks.token_tables [--rows 5000000]`

The rows are drawn by chance and written as a run writes them. Each figure is the first look (files
in the system's cache, nothing in the process's) and the median of further looks at other examples.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import psutil
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from adaspec import measurement, runs, tokens
from adaspec.runs import Run
from adaspec.runs.tables import CONTEXTS, EXAMPLES, SEQUENCES, SNAPSHOT, TOP
from adaspec.views import token_view
from adaspec.views.token_view import Roles
from app.filter import view as filter_view

LOOKS = 10
LENGTH = 57  # tokens an example, as in the bundled one
AT_ONCE = 1 << 18
ROLES = Roles("adaspec", "distillspec-data")


def make_run(folder: Path, rows: int) -> Run:
    """The bundled example with tables of so many rows, half of each source."""
    run = Run(folder / "run")
    shutil.copytree(runs.EXAMPLES["example"], run.path)
    names = [snapshot.name for snapshot in tokens.snapshots(run)]
    width = len(tokens.vocabulary(run))
    examples = rows // LENGTH
    of_half = np.arange(examples) // (examples // 2 + 1)
    sources = [("generated", "dataset")[half] for half in of_half]
    seq = np.arange(examples) - np.searchsorted(of_half, of_half)
    words = ["Ada has 12 apples and counts them one by one, then gives some away"] * examples
    with measurement._table(run.examples_file, EXAMPLES) as table:
        counts = np.full(examples, LENGTH)
        texts = {"prompt": words, "response": words}
        table.add({"source": sources, "seq": seq, "tokens": counts} | texts)
    with measurement._table(run.sequences_file, SEQUENCES) as table:
        prompts, responses = [[1] * 30] * examples, [[2] * LENGTH] * examples
        ids = {"prompt": prompts, "response": responses}
        table.add({"source": sources, "seq": seq} | ids)
    random = np.random.default_rng(0)
    with measurement._table(run.contexts_file, CONTEXTS) as table:
        for start in range(0, examples, AT_ONCE // LENGTH):
            here = np.repeat(np.arange(start, min(start + AT_ONCE // LENGTH, examples)), LENGTH)
            own = {
                "source": [sources[source] for source in here],
                "seq": seq[here],
                "pos": np.arange(len(here)) % LENGTH,
                "token": random.integers(0, width, len(here)),
                "entropy": random.gamma(1, 1, len(here)),
            }
            table.add(_typed(own | _likeliest(random, len(here), width, "p"), CONTEXTS))
    for name in names:
        with measurement._table(run.tokens_file(name), SNAPSHOT) as table:
            for start in range(0, examples * LENGTH, AT_ONCE):
                size = min(AT_ONCE, examples * LENGTH - start)
                own = {
                    "kl": random.gamma(0.5, 1, size),
                    "reverse_kl": random.gamma(0.5, 1, size),
                    "overlap": random.beta(4, 1, size),
                    "rank": random.geometric(0.4, size),
                    "agree": random.random(size) < 0.7,
                }
                table.add(_typed(own | _likeliest(random, size, width, "q"), SNAPSHOT))
    return run


def _likeliest(
    random: np.random.Generator, size: int, width: int, letter: str
) -> dict[str, np.ndarray]:
    return {
        letter: random.beta(2, 1, size),
        "top": random.integers(0, width, size * TOP),
        f"top_{letter}": random.beta(1, 4, size * TOP),
    }


def _typed(columns: dict[str, object], schema: pa.Schema) -> dict[str, object]:
    typed = {}
    for field in schema:
        values = columns[field.name]
        if pa.types.is_fixed_size_list(field.type):
            flat = pa.array(values, pa.float32() if field.name != "top" else pa.int32())
            values = pa.FixedSizeListArray.from_arrays(flat, TOP)
        elif isinstance(values, np.ndarray):
            values = pa.array(values, type=field.type, safe=False)
        typed[field.name] = values
    return typed


def looks(run: Run) -> dict[str, Callable[[int], object]]:
    """What a page waits for -> doing it, for the example of a number."""
    searched = ["hardest", "improved", "disputed", "selected"]
    looks: dict[str, Callable[[int], object]] = {
        f"examples, {order}": lambda number, order=order: tokens.ranking(
            run, "generated", order, *(ROLES.draft, ROLES.rival), 300 + number
        )
        for order in searched
    }
    looks["one example's rows"] = lambda number: tokens.rows(
        run, "generated", 37 * number, ["stock", "reference", "adaspec", "distillspec-data"]
    )
    looks["one example's view"] = lambda number: token_view.example(
        run, "generated", 41 * number, ROLES
    )
    looks["the filter page"] = lambda number: filter_view.filter_view(
        run, "generated", "stock", "corpus", 43 * number
    )
    return looks


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=5_000_000)
    given = options.parse_args()
    process = psutil.Process()
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(Path(folder), given.rows)
        before = process.memory_info().rss
        table = Table("seconds", "first", "median of the others", "memory after, MB")
        for name, look in looks(run).items():
            times = []
            for number in range(LOOKS + 1):
                began = time.perf_counter()
                look(number)
                times.append(time.perf_counter() - began)
            memory = (process.memory_info().rss - before) / 1e6
            table.add_row(name, f"{times[0]:.3f}", f"{median(times[1:]):.3f}", f"{memory:+.0f}")
        size = sum(path.stat().st_size for path in run.contexts_file.parent.iterdir())
    console = Console()
    console.print(table)
    console.print(
        f"{given.rows:,} rows, {given.rows // LENGTH:,} examples, {size / 1e6:.0f} MB of tables, "
        f"{psutil.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
