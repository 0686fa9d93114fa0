"""How long somebody waits for what a run's models say of their own text.

`python -m benchmarks.own_text [--times 10]`

On the bundled example, through `app.shared.warm`, as a page asks: the first question to a process
that has to start, the first to one that was prepared, and every further one, each with a text of
its own.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import psutil
from rich.console import Console
from rich.table import Table

from adaspec import runs, tokens
from adaspec.runs import EXAMPLES, Run
from app.shared import warm

PROMPT = "Tom has 12 apples. He gives 5 of them to Ada.\nHow many apples does Tom have now?\n"
RESPONSE = "Tom starts with 12 apples. He gives 5 of them away, so 12 - 5 = 7. It is {}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10, help="warm questions of each kind")
    times = parser.parse_args().times
    names = [snapshot.name for snapshot in tokens.snapshots(Run(EXAMPLES["example"]))]
    some = [name for name in names if "@" not in name]
    table = Table(
        "snapshots", "tokens", "cold", "prepared", "warm", "warm, most", "MB", title="seconds"
    )
    for chosen in (some, names):
        warm.end_all()
        cold, _ = ask(RESPONSE.format("cold"), chosen)
        warm.end_all()
        warm.prepare(EXAMPLES["example"])
        while (
            warm._lines[EXAMPLES["example"]].process is None
            or warm._lines[EXAMPLES["example"]].opening
        ):
            time.sleep(0.1)
        prepared, length = ask(RESPONSE.format("prepared"), chosen)
        later = [ask(RESPONSE.format(number), chosen)[0] for number in range(times)]
        (child,) = psutil.Process().children()
        memory = child.memory_info().rss / 1e6
        seconds = [cold, prepared, median(later), max(later)]
        table.add_row(
            str(len(chosen)), str(length), *(f"{time:.3f}" for time in seconds), f"{memory:.0f}"
        )
    warm.end_all()
    Console().print(table)


def ask(response: str, snapshots: list[str]) -> tuple[float, int]:
    """Seconds until there is an answer, and how many tokens it is about."""
    request = {"do": "read_text", "prompt": PROMPT, "response": response, "snapshots": snapshots}
    ticket = warm.ask(runs.EXAMPLES["example"], request)
    assert warm.wait(ticket, 120), "no answer in two minutes"
    assert not ticket.error, ticket.error
    return ticket.seconds, len(ticket.result["ids"])


if __name__ == "__main__":
    main()
