"""Every page fits every screen, and everybody can reach everything on it.

A short walk has pages on a phone, and what is shown to a class in a hall; `make walk`
(ADASPEC_WALK=1) has all of them at every size in both themes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import product

import pytest
from playwright.sync_api import Browser

from tests.studio import studio
from tests.walk import LOOKS, PATHS, SCREENS, opened

ELSEWHERE = ("ablation", "compare", "compare-chosen", "tokens-own", "replay-try", "replay-race")
POCKET = [name for name in PATHS if name not in ELSEWHERE]
SHOWN = ("learn", "replay-presented")
SHORT = [(name, "phone", "light") for name in POCKET] + [(name, "hall", "dark") for name in SHOWN]
ALL = [(name, *view) for name in PATHS for view in product(SCREENS, ("light", "dark"))]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with studio(tmp_path_factory.mktemp("home")) as where:
        yield where


@pytest.mark.parametrize(
    ("name", "screen", "theme"), ALL if os.environ.get("ADASPEC_WALK") else SHORT
)
def test_everybody_can_use_it(
    chromium: Browser, address: str, name: str, screen: str, theme: str
) -> None:
    with opened(chromium, f"{address}/{PATHS[name]}", SCREENS[screen], theme) as page:
        found = {look.__name__: look(page) for look in LOOKS}
    assert found == {look.__name__: [] for look in LOOKS}
