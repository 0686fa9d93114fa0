"""What a recipe will take, for pages: estimates at once, and measurements in the background.

A measurement is a separate process that nobody waits for; only one runs at a time.
Its result is kept on disk by `adaspec.estimate`, and here until that is looked at again.
"""

from __future__ import annotations

import shutil
import time

from adaspec import recipe, runs
from adaspec.estimate import Estimate, calibrate
from adaspec.estimate import known as known_on_disk
from adaspec.recipe import Recipe
from adaspec.turns import once
from app.shared.line import Line, Work
from app.shell import access

TYPICAL = 20.0  # seconds
WAITING = 20  # measurements at most that are at work or wait
KEPT = 500  # measurements of which the result is kept here
_FRESH = 10.0  # seconds for which an answer from disk is good: it reads run folders


_line: Line[Estimate] = Line(
    WAITING, KEPT, f"{WAITING} other recipes wait to be measured: ask again later."
)


def known(recipe: Recipe) -> Estimate | None:
    """The estimate, if a run or a measurement provides one."""
    measured = of(recipe)
    on_disk = _known(recipe.yaml(), int(time.monotonic() / _FRESH))
    return on_disk or (measured.result if measured else None)


def of(recipe: Recipe) -> Work[Estimate] | None:
    """The measurement of this recipe that was started since the server's start."""
    return _line.of(recipe.hash)


def begin(recipe: Recipe) -> None:
    """Measure in the background, unless a measurement is running.

    Raises:
        AdaspecError: the recipe reads what it may not, or too many others are waiting.
    """
    admitted = access.admitted(recipe)
    _line.begin(admitted.hash, lambda: calibrate(admitted))


def progress(measurement: Work[Estimate]) -> float:
    """Its expected progress, 0 to 1: the process does not report it."""
    began = measurement.began
    return min(0.95, (time.monotonic() - began) / TYPICAL) if began else 0.0


def free_disk() -> int:
    """Bytes that are free where runs are kept."""
    home = runs.home()
    while not home.exists():
        home = home.parent
    return shutil.disk_usage(home).free


@once(64)
def _known(text: str, tick: int) -> Estimate | None:
    return known_on_disk(recipe.read(text))
