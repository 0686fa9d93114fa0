"""Which tokens train the draft.

AdaSPEC (arXiv 2510.19779, section 3) keeps the fraction k of response tokens with the largest
dL = KL(p || q) - KL(p || r): those a reference r of the draft's own size has shown to be learnable.
Its rivals are one line each. A *pool* is the set of tokens that compete with one another.
"""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor


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
