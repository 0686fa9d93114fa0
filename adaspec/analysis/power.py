"""What a design of seeds and prompts can tell, before it runs: from how an earlier one varied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from adaspec.analysis import significance
from adaspec.analysis.results import Design, Power
from adaspec.analysis.significance import Spread

SEEDS, PROMPTS = (1, 3, 5, 10), (32, 128, 512)
"""Of the designs that are looked at where nobody asks for others."""


def of_pairs(
    tables: Sequence[np.ndarray],
    comparisons: int,
    seeds: int,
    prompts: int,
    designs: Iterable[tuple[int, int]],
) -> Power | None:
    """What designs tell; None without differences to learn from, or from one prompt.

    Where there was one seed, designs of several are left out: it says nothing of them.

    Args:
        tables: [seeds, prompts] of the differences of pairs of methods, as `table_of` gives them.
        comparisons: among how many a difference is to be told.
        seeds, prompts: of the runs themselves: the first design.
        designs: others, as (seeds, prompts).
    """
    if not tables or prompts < 2:
        return None
    spread = _mean([significance.spread(table) for table in tables])
    asked = dict.fromkeys([(seeds, prompts), *sorted(designs)])
    listed = [
        _design(spread, *design, max(1, comparisons))
        for design in asked
        if design[0] == 1 or spread.seed is not None
    ]
    seed, prompt, rest = (None if part is None else part**0.5 for part in spread)
    return Power(
        comparisons=max(1, comparisons),
        seed=seed,
        prompt=prompt or 0.0,
        rest=rest or 0.0,
        designs=listed,
        says=list(_says(listed[0], spread, max(1, comparisons))),
    )


def _design(spread: Spread, seeds: int, prompts: int, comparisons: int) -> Design:
    return Design(
        seeds=seeds,
        prompts=prompts,
        told=significance.told(spread, seeds, prompts),
        told_adjusted=significance.told(spread, seeds, prompts, comparisons),
    )


def _mean(spreads: list[Spread]) -> Spread:
    """Variances, averaged over the pairs."""
    of_seeds = [spread.seed for spread in spreads if spread.seed is not None]
    return Spread(
        float(np.mean(of_seeds)) if of_seeds else None,
        float(np.mean([spread.prompt for spread in spreads])),
        float(np.mean([spread.rest for spread in spreads])),
    )


def _says(own: Design, spread: Spread, comparisons: int) -> Iterable[str]:
    one = own.seeds == 1
    yield (
        f"{'One seed' if one else f'{own.seeds} seeds'} and {own.prompts:,} prompts tell "
        f"{100 * own.told:.2f} points of exact acceptance"
        + (
            f", {100 * own.told_adjusted:.2f} as one of {comparisons} comparisons."
            if comparisons > 1
            else "."
        )
    )
    if spread.seed is None:
        yield (
            "Of one seed, a difference is that of its two drafts, not of their methods: what "
            "several seeds tell is known once a second one is trained."
        )
