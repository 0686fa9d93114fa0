"""What a recipe will take, for pages: estimates at once, and measurements in the background.

A measurement is a separate process that nobody waits for; only one runs at a time.
Its result is kept on disk by `adaspec.estimate`, and here until that is looked at again.
"""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass
from functools import lru_cache

from adaspec import explain, is_users, recipe, runs
from adaspec.estimate import Estimate, calibrate
from adaspec.estimate import known as known_on_disk
from adaspec.recipe import Recipe

TYPICAL = 20.0  # seconds
_FRESH = 10.0  # seconds for which an answer from disk is good: it reads run folders


@dataclass
class Calibration:
    """A measurement, at work or over.

    Attributes:
        began: by the monotonic clock; None while others are before it.
        error: why there is no estimate.
    """

    began: float | None = None
    estimate: Estimate | None = None
    error: str = ""

    @property
    def live(self) -> bool:
        return not self.estimate and not self.error

    @property
    def progress(self) -> float:
        """Its expected progress, 0 to 1: the process does not report it."""
        return min(0.95, (time.monotonic() - self.began) / TYPICAL) if self.began else 0.0


_calibrations: dict[str, Calibration] = {}
_one_at_a_time = threading.Lock()


def known(recipe: Recipe) -> Estimate | None:
    """The estimate, if a run or a measurement provides one."""
    measured = of(recipe)
    on_disk = _known(recipe.yaml(), int(time.monotonic() / _FRESH))
    return on_disk or (measured.estimate if measured else None)


def of(recipe: Recipe) -> Calibration | None:
    """The measurement of this recipe that was started since the server's start."""
    return _calibrations.get(recipe.hash)


def begin(recipe: Recipe) -> None:
    """Measure in the background, unless a measurement is running."""
    earlier = of(recipe)
    if earlier and earlier.live:
        return
    calibration = _calibrations[recipe.hash] = Calibration()
    threading.Thread(target=_measure, args=(recipe, calibration), daemon=True).start()


def free_disk() -> int:
    """Bytes that are free where runs are kept."""
    home = runs.home()
    while not home.exists():
        home = home.parent
    return shutil.disk_usage(home).free


def _measure(recipe: Recipe, calibration: Calibration) -> None:
    with _one_at_a_time:
        calibration.began = time.monotonic()
        try:
            calibration.estimate = calibrate(recipe)
        except Exception as error:  # told on the page: a thread has nobody else to tell
            calibration.error = explain(error)
            if not is_users(error):
                raise


@lru_cache(maxsize=64)
def _known(text: str, tick: int) -> Estimate | None:
    return known_on_disk(recipe.read(text))
