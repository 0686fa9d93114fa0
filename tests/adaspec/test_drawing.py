"""Labels that do not overlap."""

from __future__ import annotations

import itertools
import random

import pytest

from adaspec.drawing import apart


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
