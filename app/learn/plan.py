"""The teacher's plan as tables of `docs/workshop.md`, which are made of `steps.yaml`.

`python -m app.learn.plan` writes them into the file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from adaspec import ROOT
from app.learn import steps
from app.learn.steps import Length, Planned, Step

WORKSHOP = ROOT / "docs/workshop.md"
HEAD = "| | step | minutes | page, and what the class sees | ask |\n|---|---|---|---|---|"


def planned(minutes: Length) -> list[tuple[int, Step, Planned]]:
    """The steps of a lesson: each one's number on the path, from 1, itself, and its place."""
    return [
        (number, step, step.teacher.plans[minutes])
        for number, step in enumerate(steps.path().steps, 1)
        if minutes in step.teacher.plans
    ]


def table(minutes: Length) -> str:
    rows = [
        f"| {number} | {step.title} | {place.minutes} | {place.sees} | {place.ask} |"
        for number, step, place in planned(minutes)
    ]
    return "\n".join([HEAD, *rows])


def with_tables(text: str) -> str:
    """The teacher's page with today's tables."""
    for minutes in get_args(Length):
        before, heading, after = text.partition(f"## {minutes} minutes\n\n")
        text = before + heading + re.sub(r"^(\|.*\n)+", f"{table(minutes)}\n", after)
    return text


def main(file: Path = WORKSHOP) -> None:
    file.write_text(with_tables(file.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
