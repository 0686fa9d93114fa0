"""95 % intervals by resampling: of a rate, of a paired difference, over prompts and over seeds.

An interval is right when everything is drawn anew that the number is a mean over. That is the
prompts always, whole, since the tokens of one are not independent; and the training seeds as well
where there are several, since a method that is ahead by the luck of one seed is not ahead. So the
report, Compare and Ablation say the same of the same draft: with one seed, its number is over
prompts alone, and they draw the same prompts by the run's seed; the mean over several seeds is
another number, with a wider interval. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LEVELS = [2.5, 97.5]  # percentiles: a 95 % interval
BLOCK = 1 << 22  # prompts drawn at a time

Ratio = tuple[np.ndarray, np.ndarray]
"""Sum of a statistic and count of tokens of every prompt, [prompts] each; of several trainings that
differ in their seed, [seeds, prompts], the prompts being the same for all."""


def bootstrap(
    sums: np.ndarray, counts: np.ndarray, resamples: int, seed: int
) -> tuple[float, float]:
    """Percentile interval of sum(sums) / sum(counts), its mean over the seeds.

    Args:
        sums, counts: a `Ratio`.
        seed: of the draws.
    """
    return _interval(_means([(sums, counts)], resamples, seed)[0])


def paired(one: Ratio, other: Ratio, resamples: int, seed: int) -> tuple[float, float, float]:
    """Difference of two such ratios on the same prompts, `one` minus `other`, and its interval.

    Both are resampled together, so that what makes a prompt hard for both cancels.
    """
    first, second = _means([one, other], resamples, seed)
    whole = np.mean(_ratio(*_summed(one)) - _ratio(*_summed(other)))
    return float(whole), *_interval(first - second)


def median_interval(values: np.ndarray, resamples: int, seed: int) -> tuple[float, float]:
    """Percentile interval of the median when values are resampled."""
    picks = np.random.default_rng(seed).integers(0, len(values), size=(resamples, len(values)))
    return _interval(np.median(values[picks], axis=1))


def _interval(resampled: np.ndarray) -> tuple[float, float]:
    low, high = np.nanpercentile(resampled, LEVELS)
    return float(low), float(high)


def _summed(ratio: Ratio) -> Ratio:
    """Over the prompts: [seeds] each."""
    sums, counts = map(np.atleast_2d, ratio)
    return sums.sum(1), counts.sum(1)


def _means(ratios: Sequence[Ratio], resamples: int, seed: int) -> list[np.ndarray]:
    """[resamples] of each ratio, all of them on the same draws: its mean over the drawn seeds."""
    rows = [np.atleast_2d(values) for ratio in ratios for values in ratio]
    seeds = len(rows[0])
    drawn = _drawn(np.concatenate(rows), resamples, seed).reshape(len(ratios), 2, seeds, resamples)
    # A stream of their own: the draws of prompts are those of a single seed.
    generator = np.random.default_rng(np.random.SeedSequence(seed).spawn(1)[0])
    times = generator.multinomial(seeds, np.full(seeds, 1 / seeds), resamples).T
    return [(times * _ratio(sums, counts)).sum(0) / seeds for sums, counts in drawn]


def _drawn(columns: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """[columns, resamples] sums over the prompts of each resample.

    Drawn in blocks, so that many prompts do not take much memory; the draws do not depend on them.
    """
    prompts = columns.shape[1]
    generator = np.random.default_rng(seed)
    block = max(1, BLOCK // max(1, prompts))
    parts = []
    for start in range(0, resamples, block):
        picks = generator.integers(0, prompts, size=(min(block, resamples - start), prompts))
        parts.append([values[picks].sum(1) for values in columns])
    return np.concatenate(parts, axis=1)


def _ratio(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """NaN where nothing was counted."""
    ratio: np.ndarray = np.divide(
        sums, counts, out=np.full(np.shape(sums), np.nan), where=counts != 0
    )
    return ratio
