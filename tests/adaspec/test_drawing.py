"""Labels that do not overlap, and colours that mean one thing."""

from __future__ import annotations

import itertools
import random

import pytest

from adaspec.drawing import ACCEPTED, LOOKS, REJECTED, apart, look, look_of_run
from tests.studio import ROOT


def test_what_is_apart_stays_where_it_is() -> None:
    assert apart([], 1) == []
    assert apart([3, 0, 7], 2) == [3, 0, 7]


def test_what_would_overlap_becomes_a_row_around_its_mean() -> None:
    assert apart([1, 1, 1], 2) == [-1, 1, 3]
    assert apart([5, 0, 5.5], 1) == [4.75, 0, 5.75]


def test_a_row_that_would_leave_the_range_is_pushed_back() -> None:
    assert apart([1, 0.95], 0.2, high=1) == pytest.approx([1, 0.8])
    assert apart([0, 0.1], 0.2, low=0) == pytest.approx([0, 0.2])
    assert apart([0.5], 0.2, 0, 1) == [0.5]


def test_no_two_overlap_and_their_order_is_kept() -> None:
    draw = random.Random(0)
    for _ in range(200):
        wanted = [draw.random() for _ in range(draw.randrange(1, 12))]
        gap = draw.choice([0.01, 0.05, 0.08])
        positions = apart(wanted, gap, 0, 1)
        in_order = [position for _, position in sorted(zip(wanted, positions, strict=True))]
        assert all(b - a >= gap - 1e-9 for a, b in itertools.pairwise(in_order))
        assert min(positions) >= -1e-9
        assert max(positions) <= 1 + 1e-9


@pytest.mark.parametrize("run", [1, 2, 3])
def test_every_draft_of_another_run_has_a_colour_and_a_line_of_its_own(run: int) -> None:
    first = [look_of_run(name, 0, 4) for name in LOOKS]
    other = [look_of_run(name, run, 4) for name in LOOKS]
    assert [each.colour for each in first] == [look(name).colour for name in LOOKS]
    assert len({each.colour for each in other}) == len(LOOKS)
    assert not {each.colour for each in first} & {each.colour for each in other}
    assert {each.dash for each in first}.isdisjoint({each.dash for each in other})
    assert [each.marker for each in first] == [each.marker for each in other]


def test_a_run_alone_is_drawn_as_ever() -> None:
    assert [look_of_run(name, 0, 1) for name in ("adaspec", "mine")] == [
        look("adaspec"),
        look("mine"),
    ]


def test_no_draft_has_the_colour_of_a_decision() -> None:
    colours = {each.colour for each in LOOKS.values()}
    colours |= {look(f"draft {number}").colour for number in range(200)}
    assert colours.isdisjoint({ACCEPTED, REJECTED})


def test_pages_and_figures_have_one_colour_for_a_decision() -> None:
    style = (ROOT / "browser/shared/outcome.css").read_text()
    assert f"--accepted: {ACCEPTED}; --rejected: {REJECTED};" in style
    for sheet in (ROOT / "browser").glob("[!dn]*/*.css"):
        if sheet.name != "outcome.css":
            assert "--accepted:" not in sheet.read_text()
            assert "--rejected:" not in sheet.read_text()
