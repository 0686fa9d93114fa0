"""Differences as one of several: as often wrong as they say, and what a design tells it tells."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaspec.analysis import ablation, power, seeds
from adaspec.analysis.significance import (
    ERROR,
    POWER,
    Error,
    Estimate,
    Spread,
    adjusted,
    estimated,
    holm,
    mirrored,
    spread,
    table_of,
    told,
)
from adaspec.resampling import Ratio, paired
from tests.adaspec.test_cli import adaspec, one_line_error
from tests.comparisons import EXAMPLE

TRIALS = 800


def drawn(
    generator: np.random.Generator, seeds: int, prompts: int, spread: Spread, true: float = 0.0
) -> tuple[Ratio, Ratio]:
    """Two drafts that differ by `true`, but for what seeds, prompts and chance add."""
    counts = generator.integers(20, 40, (1, prompts)).repeat(seeds, 0)
    difference = (
        true
        + generator.normal(0, (spread.seed or 0) ** 0.5, (seeds, 1))
        + generator.normal(0, spread.prompt**0.5, (1, prompts))
        + generator.normal(0, spread.rest**0.5, (seeds, prompts))
    )
    hard = generator.beta(6, 4, (1, prompts))
    return (counts * (hard + difference), counts), (counts * hard, counts)


def seen(seeds: int, prompts: int, spread: Spread, true: float = 0.0) -> float:
    """How often a difference is called one."""
    generator = np.random.default_rng(seeds * prompts)
    tests = (
        estimated(table_of(*drawn(generator, seeds, prompts, spread, true))) for _ in range(TRIALS)
    )
    return float(np.mean([test.p <= ERROR for test in tests]))


@pytest.mark.parametrize(
    ("seeds", "spread"),
    [
        (1, Spread(None, 0.03**2, 0.03**2)),
        (3, Spread(0.01**2, 0.01**2, 0.01**2)),  # a bootstrap calls 20 % of them differences
        (5, Spread(0.002**2, 0.05**2, 0.03**2)),
    ],
)
def test_where_nothing_differs_one_in_twenty_is_called_a_difference(
    seeds: int, spread: Spread
) -> None:
    """To 4 points: 800 trials leave 1.5 open, three seeds give 7 %."""
    assert seen(seeds, 30, spread) == pytest.approx(ERROR, abs=0.04)


@pytest.mark.parametrize(("seeds", "prompts"), [(1, 40), (3, 32), (5, 64)])
def test_a_design_tells_what_it_is_said_to_tell(seeds: int, prompts: int) -> None:
    """To 12 points: three seeds leave their own spread open, and see it in 71 % of the cases."""
    variance = Spread(0.003**2 if seeds > 1 else 0, 0.03**2, 0.03**2)
    smallest = told(variance, seeds, prompts)
    assert seen(seeds, prompts, variance, smallest) == pytest.approx(POWER, abs=0.12)
    assert told(variance, seeds, prompts, 5) > smallest > told(variance, seeds, 4 * prompts)


def test_of_one_seed_it_is_the_paired_t_test() -> None:
    """Of prompts with as many tokens each: the classical formula, written out."""
    generator = np.random.default_rng(4)
    first, second = generator.normal(0.7, 0.1, (2, 25))
    counts = np.full(25, 30)
    test = estimated(table_of((first * counts, counts), (second * counts, counts)))
    difference = first - second
    error = difference.std(ddof=1) / np.sqrt(25)
    assert (test.value, test.error) == (
        pytest.approx(difference.mean()),
        (pytest.approx(error), 24),
    )
    low, high = test.interval()
    assert (low + high) / 2 == pytest.approx(test.value)
    assert (high - low) / 2 == pytest.approx(2.0639 * error, rel=1e-4)  # t of 24, from a table


def test_the_variances_are_those_that_were_put_in() -> None:
    """Of a large table, to 15 %."""
    generator = np.random.default_rng(5)
    put = Spread(0.02**2, 0.03**2, 0.05**2)
    first, second = drawn(generator, 300, 400, put)
    found = spread((first[0] - second[0]) / first[1])
    assert found == pytest.approx(put, rel=0.15)


@given(st.integers(1, 4), st.integers(2, 12), st.integers(0, 1000))
def test_the_mean_is_the_paired_difference(seeds: int, prompts: int, seed: int) -> None:
    """Weighed by tokens, also where the two counted other numbers of them."""
    generator = np.random.default_rng(seed)
    ratios = [
        (generator.uniform(0, 9, (seeds, prompts)), generator.integers(1, 9, (seeds, prompts)))
        for _ in range(2)
    ]
    value, *_ = paired(ratios[0], ratios[1], 100, 0)
    assert estimated(table_of(*ratios)).value == pytest.approx(value, abs=1e-12)


def test_what_does_not_vary_is_certain() -> None:
    sums, counts = np.arange(5.0), np.arange(5) + 3
    assert estimated(table_of((sums, counts), (sums, counts))) == (0, (0, 4), 1)
    assert estimated(np.full((3, 4), 0.01)).p < 1e-9


# Holm


def plainly(p_values: list[float]) -> list[float]:
    """Holm's step-down procedure, as he wrote it: reject in order, and stop at the first that is
    not. A hypothesis' adjusted p is the smallest error at which it is rejected."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    smallest = []
    for place in range(len(p_values)):
        before = order[: order.index(place) + 1]
        needed = [(len(order) - rank) * p_values[each] for rank, each in enumerate(before)]
        smallest.append(min(1.0, max(needed)))
    return smallest


p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=8)


@given(p_lists)
def test_holms_p_is_that_of_the_procedure(p_values: list[float]) -> None:
    assert [each.p for each in holm(p_values)] == pytest.approx(plainly(p_values))


@given(st.lists(st.floats(-4, 4), min_size=1, max_size=8), st.integers(2, 60))
def test_an_adjusted_interval_leaves_out_0_where_it_is_called_a_difference(
    times: list[float], freedom: int
) -> None:
    from scipy.special import stdtr

    tests = [
        Estimate(value, Error(1.0, freedom), float(2 * stdtr(freedom, -abs(value))))
        for value in times
    ]
    for test, found in zip(tests, adjusted(tests, better=-1), strict=True):
        low, high = found.ci
        assert (found.verdict == "not told apart") == (low <= 0 <= high)
        assert found.holm >= found.p
        if found.verdict != "not told apart":
            assert found.verdict == ("behind" if test.value > 0 else "ahead")
        assert mirrored(mirrored(found)) == found


def test_of_several_that_do_not_differ_one_in_twenty_has_any_called_a_difference() -> None:
    """Four drafts against one baseline, which they share: 600 families, to 2.5 points."""
    generator = np.random.default_rng(6)
    counts = np.full((1, 30), 20)
    wrong = 0
    for _ in range(600):
        baseline, *drafts = generator.normal(0.7, 0.05, (5, 1, 30))
        tests = [
            estimated(table_of((draft * counts, counts), (baseline * counts, counts)))
            for draft in drafts
        ]
        wrong += any(found.verdict != "not told apart" for found in adjusted(tests))
    assert wrong / 600 == pytest.approx(0.045, abs=0.025)


# Power


def test_the_power_of_a_design_is_read_off_an_earlier_run(tmp_path: Path) -> None:
    done = adaspec("power", "example", "--prompts", "32,800", "--json", home=tmp_path)
    content = json.loads(done.stdout)
    sizes = [(each["seeds"], each["prompts"]) for each in content["designs"]]
    assert sizes == [(1, 200), (1, 32), (1, 800)]
    own, few, many = (each["told"] for each in content["designs"])
    assert few > own > many
    assert own == pytest.approx(2 * many, rel=0.02)  # four times the prompts
    summary = ablation.summary(seeds.relatives(EXAMPLE))
    assert summary.power
    assert summary.power.designs[0].told == own
    first, second = content["says"]
    assert f"One seed and 200 prompts tell {100 * own:.2f} points of exact acceptance" in first
    assert "is known once a second one is trained" in second


def test_what_nothing_is_known_of_is_said(tmp_path: Path) -> None:
    refused = adaspec("power", "example", "--seeds", "3", home=tmp_path)
    assert "One seed says nothing of how much seeds differ" in one_line_error(refused)
    assert power.of_pairs([], 1, 3, 32, []) is None
    assert power.of_pairs([np.zeros((1, 1))], 1, 1, 1, []) is None
    of_two = power.of_pairs([np.random.default_rng(0).normal(0, 1, (2, 9))], 1, 2, 9, [(5, 9)])
    assert of_two
    assert [(each.seeds, each.prompts) for each in of_two.designs] == [(2, 9), (5, 9)]
    assert of_two.says == [f"2 seeds and 9 prompts tell {100 * of_two.designs[0].told:.2f} points "
                           "of exact acceptance."]  # fmt: skip
