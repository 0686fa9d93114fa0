"""95 % intervals by resampling: of a rate, of a paired difference, over prompts and over seeds.

An interval is valid only if everything that the number averages over is resampled. Prompts always
are, each as a whole, since the tokens of one prompt are not independent; so are training seeds if
there are several, since a method that is ahead by the luck of one seed is not ahead. So the report,
Compare and Ablation print the same interval for the same draft: with one seed, its number is over
prompts alone, and all three draw the same prompts by the run's seed; the mean over several seeds is
a different number, with a wider interval. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LEVELS = [2.5, 97.5]  # percentiles: a 95 % interval
BLOCK = 1 << 22  # prompts drawn at once

Ratio = tuple[np.ndarray, np.ndarray]
"""Sum of a statistic and count of tokens for every prompt, [prompts] each; for several trainings
that differ in their seed, [seeds, prompts], with the same prompts for all."""


def bootstrap(
    sums: np.ndarray, counts: np.ndarray, resamples: int, seed: int
) -> tuple[float, float]:
    """Percentile interval of sum(sums) / sum(counts), its mean over the seeds.

    Args:
        sums, counts: a `Ratio`.
        seed: of the draws.
    """
    return _interval(_means([(sums, counts)], resamples, seed)[0])


def paired(first: Ratio, second: Ratio, resamples: int, seed: int) -> tuple[float, float, float]:
    """Difference of two such ratios on the same prompts, first minus second, and its interval.

    Both are resampled together, so that what makes a prompt hard for both cancels.
    """
    means_first, means_second = _means([first, second], resamples, seed)
    difference = np.mean(_ratio(*_summed(first)) - _ratio(*_summed(second)))
    return float(difference), *_interval(means_first - means_second)


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
    # A separate stream, so that prompts are drawn exactly as with a single seed.
    generator = np.random.default_rng(np.random.SeedSequence(seed).spawn(1)[0])
    times = generator.multinomial(seeds, np.full(seeds, 1 / seeds), resamples).T
    return [(times * _ratio(sums, counts)).sum(0) / seeds for sums, counts in drawn]


def _drawn(columns: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """[columns, resamples] sums over the prompts of each resample.

    Drawn in blocks to bound memory; the draws do not depend on the size of a block.
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
