"""One hostile viewer beside thirty ordinary ones: what the others wait for, and the server's size.

`python -m benchmarks.hostile [--sessions 30] [--seconds 60]`

A real studio on the bundled example, for so long without the hostile viewer and for so long with
it. The ordinary ones open and change Tokens, Filter, Replay, Compare and Runs, with a pause before
each. The hostile one does all of this at once, each without a pause: crafted links one after
another, comparisons that nobody has computed, own texts and prompts of the largest size, and
reruns faster than any can end. They all run here, on the same cores as the server.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

import psutil
from rich.console import Console

from adaspec import runs
from adaspec.analysis.drafts import entries
from benchmarks.sessions import Times, row, server, session, waits, wander
from tests.studio import LARGE, large_example, studio

PLACE = "127.0.0.2"  # of the hostile viewer
PATIENCE = 30.0  # seconds that a hostile viewer waits for a page
Link = tuple[str, str]  # page and query


def crafted() -> Iterator[Link]:
    """Links that ask every page for more than it offers."""
    for page in ("runs", "train", "tokens", "filter", "replay", "compare", "ablation"):
        yield page, urlencode({"run": "x" * 500_000})
        yield page, urlencode([("with", f"z{number}") for number in range(999)])
        yield page, urlencode({"drafts": ",".join(["adaspec"] * 10_000)})
        yield page, urlencode({"example": "9" * 5000, "k": "nan", "step": "1e999", "at": "-1"})
    methods = {
        f"m{number}": {"k": 0.001, "selector": "top_delta", "budget": "published"}
        for number in range(64)
    }
    for setting in (
        "evaluation.snapshots=10000000",
        "data.train.stories=100000",
        "stage1.epochs=10000",
        f"stage2.methods={json.dumps(methods)}",
        f"data.prompt={json.dumps(['x' * 10_000] * 16)}",
        f"data.replace={json.dumps({'a' * size: 'b' * 10_000 for size in range(1, 41)})}",
        f"draft.layers={json.dumps([*range(1000)])}",
        f"x={'[' * 100_000}",
    ):
        yield "train", urlencode({"recipe": "tiny", "set": setting})


def comparisons() -> Iterator[Link]:
    """Every choice of the example's drafts against every baseline: no cache holds them all."""
    keys = [entry.key for entry in entries([runs.find("example")])]
    for size in range(1, len(keys) + 1):
        for drafts in itertools.combinations(keys, size):
            for baseline in drafts:
                query = {"run": "example", "drafts": ",".join(drafts), "baseline": baseline}
                yield "compare", urlencode(query)


def own_texts() -> Iterator[Link]:
    """Texts and prompts of the largest size, no two alike, to models that the server runs."""
    for number in itertools.count():
        text = f"{number} " + "12 apples " * 140
        yield "tokens", urlencode({"run": LARGE, "of": "Your own text", "answer": text})
        settings = {"gamma": 16, "max_new_tokens": 1000, "temperature": 5, "seed": number}
        yield "replay", urlencode({"run": LARGE, "of": "own", "prompt": text} | settings)


async def follow(address: str, links: Iterator[Link]) -> None:
    """Open one link after the other, each in a session of its own."""
    for page, query in links:
        try:
            async with asyncio.timeout(PATIENCE), session(address, Times(), place=PLACE) as viewer:
                await viewer.open(page, query)
        except TimeoutError:
            continue


async def flood(address: str) -> None:
    """Ask for page after page without waiting for any."""
    pages = itertools.cycle(["tokens", "compare", "filter", "train"])
    async with session(address, Times(), place=PLACE) as viewer:
        for page in pages:
            await viewer.ask(page, "")
            await asyncio.sleep(0.01)


@asynccontextmanager
async def hostile(address: str) -> AsyncIterator[None]:
    """All of it together, until the block ends."""
    work = [
        follow(address, itertools.cycle([*crafted()])),
        follow(address, itertools.cycle([*comparisons()])),
        follow(address, own_texts()),
        flood(address),
    ]
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def measure(address: str, sessions: int, length: float) -> dict[str, Times]:
    """The ordinary viewers' times, without and with the hostile one."""
    chance = random.Random(0)
    await wander(address, 1, 20, Times(), chance)  # what is computed once, and imported
    alone, beside = Times(), Times()
    await wander(address, sessions, length, alone, chance)
    async with hostile(address):
        await wander(address, sessions, length, beside, chance)
    return {"alone": alone, "beside a hostile one": beside}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sessions", type=int, default=30)
    options.add_argument("--seconds", type=float, default=60, help="of each of the two parts")
    given = options.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        large_example(Path(folder))
        with studio(Path(folder)) as address:
            process = server()
            before = process.memory_info().rss
            parts = asyncio.run(measure(address, given.sessions, given.seconds))
            after = process.memory_info().rss
    table = waits(f"{given.sessions} ordinary viewers open and change pages")
    for name, times in parts.items():
        table.add_row(*row(name, times.openings))
    console.print(table)
    faults = [error for times in parts.values() for error in times.errors]
    console.print(
        f"errors: {len(faults)} {faults[:3] or ''}; server: {before / 1e6:.0f} MB at the start, "
        f"{after / 1e6:.0f} at the end; this machine has {psutil.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f} at the end"
    )


if __name__ == "__main__":
    main()
