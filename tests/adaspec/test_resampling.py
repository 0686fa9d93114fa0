"""Intervals: as often right as they say, and those of a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaspec.resampling import bootstrap, paired


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(1, 20)), min_size=2, max_size=40),
    st.integers(0, 9),
)
@settings(max_examples=50)
def test_bootstrap_interval_holds_the_mean_of_clusters(rows, seed) -> None:
    means, counts = np.array([m for m, _ in rows]), np.array([n for _, n in rows])
    low, high = bootstrap(means * counts, counts, 500, seed)
    assert means.min() - 1e-9 <= low <= high <= means.max() + 1e-9
    assert bootstrap(means * counts, counts, 500, seed) == (low, high)


def test_bootstrap_covers_about_as_often_as_it_says() -> None:
    """400 samples of 60 clusters whose tokens share their cluster's mean."""
    generator = np.random.default_rng(0)
    hits = 0
    for trial in range(400):
        counts = generator.integers(5, 30, 60)
        means = generator.beta(6, 4, 60)
        low, high = bootstrap(means * counts, counts, 300, trial)
        hits += low <= 0.6 <= high
    assert 0.90 <= hits / 400 <= 0.98


def test_paired_intervals_hold_the_difference_about_as_often_as_they_say() -> None:
    """95 % of 300 trials, give or take 4: two ratios that share what makes a prompt hard."""
    generator = np.random.default_rng(3)
    held, widths, unpaired = 0, [], []
    for trial in range(300):
        hard = generator.normal(0, 0.1, 40)
        counts = generator.integers(20, 60, 40)
        first, second = (
            counts * (mean + hard + generator.normal(0, 0.02, 40)) for mean in (0.70, 0.69)
        )
        value, low, high = paired((first, counts), (second, counts), 300, trial)
        assert value == pytest.approx(first.sum() / counts.sum() - second.sum() / counts.sum())
        held += low <= 0.01 <= high
        widths.append(high - low)
        a, b = bootstrap(first, counts, 300, trial)
        unpaired.append(b - a)
    assert 0.90 <= held / 300 <= 0.985
    assert np.mean(widths) < np.mean(unpaired) / 3  # what makes a prompt hard has cancelled


def test_a_draft_does_not_differ_from_itself() -> None:
    sums, counts = np.arange(5.0), np.arange(5) + 3
    assert paired((sums, counts), (sums, counts), 200, 0) == (0, 0, 0)


@pytest.mark.parametrize(("seeds", "share"), [(3, 0.80), (6, 0.90), (30, 0.94)])
def test_how_often_two_way_intervals_hold_the_mean(seeds: int, share: float) -> None:
    """Seeds and 30 prompts that both shift a difference, in 500 trials, to 4 %: 95 % is true of
    many seeds, of three it is 80 %."""
    generator = np.random.default_rng(0)
    held = 0
    for trial in range(500):
        shift = generator.normal(0, 0.01, (seeds, 1)) + generator.normal(0, 0.01, (1, 30))
        counts = generator.integers(20, 40, (1, 30)).repeat(seeds, 0)
        values = 0.03 + shift + generator.normal(0, 0.01, (seeds, 30))
        low, high = bootstrap(values * counts, counts, 200, trial)
        held += low <= 0.03 <= high
    assert held / 500 == pytest.approx(share, abs=0.04)


def plainly(sums: np.ndarray, counts: np.ndarray, resamples: int) -> tuple[float, float]:
    """The two-way bootstrap as it is described: draw seeds, draw prompts, take the mean."""
    generator = np.random.default_rng(7)
    seeds, prompts = sums.shape
    means = []
    for _ in range(resamples):
        drawn = generator.integers(0, prompts, prompts)
        rows = generator.integers(0, seeds, seeds)
        means.append(np.mean([sums[row, drawn].sum() / counts[row, drawn].sum() for row in rows]))
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def test_two_way_intervals_are_those_of_the_plain_loop() -> None:
    """Ends to 6 % of the width, four times what 4000 resamples leave open."""
    generator = np.random.default_rng(1)
    counts = generator.integers(5, 60, (4, 25))
    shift = generator.normal(0, 0.03, (4, 1)) + generator.normal(0, 0.15, (1, 25))
    sums = counts * (0.7 + shift)
    expected = plainly(sums, counts, 4000)
    interval = bootstrap(sums, counts, 4000, 0)
    width = expected[1] - expected[0]
    assert interval == pytest.approx(expected, abs=0.06 * width)


def test_seeds_count_not_prompts_alone() -> None:
    """Where seeds differ by much, many prompts do not make the interval narrow."""
    sums = np.array([[1.0], [2.0], [3.0]]).repeat(500, 1)
    low, high = bootstrap(sums, np.ones_like(sums), 500, 0)
    assert low < 1.4
    assert high > 2.6
