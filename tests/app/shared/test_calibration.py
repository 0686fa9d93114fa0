"""Measurements of recipes wait in a line that has an end."""

from __future__ import annotations

from threading import Event

import pytest

from adaspec import AdaspecError, recipe
from adaspec.estimate import Estimate
from adaspec.recipe import Recipe
from app.shared import calibration
from app.shared.line import Line
from tests.studio import enough

ESTIMATE = Estimate(seconds=1, disk=1, memory=None, device="CPU", source="a test")


def seeded(seed: int) -> Recipe:
    return recipe.load("tiny", [f"seed={seed}"])


def test_the_line_has_an_end_and_moves_on(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = Event()

    def calibrate(_: Recipe) -> Estimate:
        assert go_on.wait(20)
        return ESTIMATE

    monkeypatch.setattr(calibration, "calibrate", calibrate)
    monkeypatch.setattr(calibration, "_line", Line(3, 2, "3 other recipes wait"))
    for seed in (0, 1, 2, 2):
        calibration.begin(seeded(seed))
    with pytest.raises(AdaspecError, match="3 other recipes wait"):
        calibration.begin(seeded(3))
    go_on.set()
    enough(lambda: all((each := calibration.of(seeded(n))) and each.result for n in range(3)))
    calibration.begin(seeded(3))
    assert [calibration.of(seeded(seed)) is not None for seed in range(4)] == [
        *(False, False, True, True),
    ]
