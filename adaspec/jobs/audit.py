"""Who asked for what, and when: a line of `audit.jsonl` in the home for each of these things."""

from __future__ import annotations

import time
from typing import Literal

from adaspec import runs
from adaspec.runs.contract import Part, Rows, read_bytes

Action = Literal["submit", "resume", "cancel", "move", "rename", "note", "measure", "delete"]


class Deed(Part):
    """One thing that somebody asked for.

    Attributes:
        time: in seconds since 1970.
        by: the viewer's name, or on the command line that of the process's user.
        id: of the run and its job.
        about: the run's name (after a rename, the new one), or where it was moved to.
    """

    version: Literal[2] = 2
    time: float
    by: str
    action: Action
    id: str
    about: str = ""


DEEDS: Rows[Deed] = Rows(Deed, 2)  # version 1 knew neither note nor measure


def record(by: str, action: Action, identity: str, about: str = "") -> None:
    """Write it down once it is done."""
    deed = Deed(time=time.time(), by=by, action=action, id=identity, about=about)
    file = runs.home() / "audit.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    runs.append_line(file, DEEDS.line(deed))


def deeds() -> list[Deed]:
    """All of them, in order."""
    file = runs.home() / "audit.jsonl"
    return list(DEEDS.rows(read_bytes(file).splitlines(), file)) if file.exists() else []
