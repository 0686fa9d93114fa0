"""Which tokens train the draft.

AdaSPEC (arXiv 2510.19779, section 3) keeps the fraction k of response tokens with the largest
dL = KL(p || q) - KL(p || r): those a reference r of the draft's own size has shown to be learnable.
Its rivals are one line each. A *pool* is the set of tokens that compete with one another.

`select` works on tensors in training; `entry` on columns of a token table, for every k at once,
and loads no torch.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor

STEPS = 1000
"""`entry` counts k in thousandths."""


def count(rows: int, k: float) -> int:
    """How many of `rows` tokens are kept: 1 + floor(k (rows - 1)), and 0 of none.

    That is how many values are >= their (1 - k)-quantile by linear interpolation when no two are
    equal, which is the published rule; here it holds under ties as well.
    """
    return 1 + int(Fraction(str(k)) * (rows - 1)) if rows else 0


def select(
    selector: str,
    k: float | None,
    loss_q: Tensor,
    loss_r: Tensor | None,
    generator: torch.Generator,
) -> Tensor:
    """Mask of the tokens of one pool that train the draft.

    Args:
        selector: a name of `recipe.Selector`.
        k: the filter ratio; None keeps everything.
        loss_q: [rows] L_d = KL(p || q); for `random` only its length matters.
        loss_r: [rows] L_r = KL(p || r); for the selectors on dL.
        generator: a CPU generator, for `random`.

    Returns:
        [rows] bool with exactly `count(rows, k)` True. Ties go to the earlier token.
    """
    import torch

    rows = len(loss_q)
    if k is None:
        return torch.ones(rows, dtype=torch.bool, device=loss_q.device)
    if selector == "random":
        score = torch.rand(rows, generator=generator).to(loss_q.device)
    elif selector == "highest_kl":
        score = loss_q
    else:
        assert loss_r is not None
        score = loss_q - loss_r if selector == "top_delta" else loss_r - loss_q
    order = score.argsort(descending=True, stable=True)
    mask = torch.zeros(rows, dtype=torch.bool, device=loss_q.device)
    mask[order[: count(rows, k)]] = True
    return mask


def entry(score: np.ndarray, pools: np.ndarray | None = None) -> np.ndarray:
    """The smallest k, in thousandths, at which each token is kept when the largest scores are.

    A token is kept at k if and only if its entry is <= 1000 k: one column holds the selections of
    every k. With n tokens in a pool, the one of rank i (from 0) enters at i / (n - 1), rounded up.

    Args:
        score: [rows] what is ranked: dL for AdaSPEC, KL(p || q) for the highest KL.
        pools: [rows] which pool each token is in; by default they are all in one.

    Returns:
        [rows] int16. Ties go to the earlier token, as in `select`.
    """
    pools = np.zeros(len(score), dtype=np.int64) if pools is None else pools
    order = np.lexsort((-score, pools))  # stable
    sizes = np.bincount(pools)
    starts = np.cumsum(sizes) - sizes
    sorted_pools = pools[order]
    ranks = np.arange(len(score)) - starts[sorted_pools]
    last = np.maximum(sizes[sorted_pools] - 1, 1)
    entries = np.empty(len(score), dtype=np.int16)
    entries[order] = -(-STEPS * ranks // last)
    return entries
