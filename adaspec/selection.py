"""Selectors: which tokens train the draft.

AdaSPEC (arXiv 2510.19779, section 3) keeps the fraction k of response tokens with the largest
dL = KL(p || q) - KL(p || r): those a reference r of the draft's own size has shown to be learnable.
Its rivals are one row of `SELECTORS` each: `excess_loss` is Rho-1's (Lin et al. 2404.07965), which
ranks by losses at the text's token, log r(x) - log q(x), where AdaSPEC takes whole distributions.
A *pool* is the set of tokens that compete with one another.

`select` works on tensors in training; `entry` on columns of a token table, for every k at once,
and loads no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor

STEPS = 1000
"""`entry` expresses k in thousandths."""

ADASPEC = "top_delta"
"""The selector that the others are held against."""

Need = Literal[
    "loss_q",
    "loss_r",
    "entropy",
    "generator",
    "log_p",
    "log_q",
    "log_r",
    "agree",
    "verified",
    "overlap",
    "position",
]


class Columns(NamedTuple):
    """What is known of tokens that compete: tensors in training, numpy arrays in views.

    Attributes:
        rows: how many tokens.
        loss_q: [rows] L_d = KL(p || q).
        loss_r: [rows] L_r = KL(p || r).
        entropy: [rows] H(p), the target's own uncertainty, in nats.
        generator: of random numbers, on the CPU.
        log_p, log_q, log_r: [rows] log-probability of the text's own token, of target, draft and
            reference.
        agree: [rows] bool, whether target and draft have the same likeliest token.
        verified: [rows] bool, whether the draft's likeliest is among the target's few likeliest.
        overlap: [rows] beta = sum_x min(p, q), the probability that verification accepts.
        position: [rows] in its response, from 0; the tokens of a response follow one another.
    """

    rows: int
    loss_q: Any = None
    loss_r: Any = None
    entropy: Any = None
    generator: Any = None
    log_p: Any = None
    log_q: Any = None
    log_r: Any = None
    agree: Any = None
    verified: Any = None
    overlap: Any = None
    position: Any = None

    @property
    def known(self) -> dict[str, Any]:
        """Those of the columns that are there; not the generator."""
        return {
            name: column
            for name, column in self._asdict().items()
            if name not in ("rows", "generator") and column is not None
        }

    def split(self, sizes: list[int]) -> list[Columns]:
        """Consecutive parts, of tensors, without the generator."""
        parts = {name: column.split(sizes) for name, column in self.known.items()}
        return [
            Columns(rows, **{name: split[number] for name, split in parts.items()})
            for number, rows in enumerate(sizes)
        ]

    def cpu(self) -> Columns:
        return Columns(self.rows, **{name: column.cpu() for name, column in self.known.items()})

    @classmethod
    def joined(cls, parts: list[Columns]) -> Columns:
        """Of parts that follow one another."""
        import torch

        return cls(
            sum(part.rows for part in parts),
            **{name: torch.cat([part.known[name] for part in parts]) for name in parts[0].known},
        )


Score = Callable[[Columns], Any]


class Selector(NamedTuple):
    """How the tokens of a pool are ranked.

    Attributes:
        label: in words.
        why: what is said for it, or against it.
        needs: the columns that the score uses; the others may be None.
        score: [rows] of the columns; the largest are kept. None keeps every token, whatever k.
    """

    label: str
    why: str
    needs: frozenset[Need]
    score: Score | None


def _by_chance(columns: Columns) -> Any:
    if isinstance(columns.generator, np.random.Generator):
        return columns.generator.random(columns.rows, dtype=np.float32)
    import torch

    return torch.rand(columns.rows, generator=columns.generator)


SELECTORS: dict[str, Selector] = {
    ADASPEC: Selector(
        "largest ΔL (AdaSPEC)",
        "what the reference has shown to be learnable",
        frozenset({"loss_q", "loss_r"}),
        lambda columns: columns.loss_q - columns.loss_r,
    ),
    "all": Selector("all tokens", "DistillSpec, which selects none", frozenset(), None),
    "random": Selector(
        "random tokens", "what a smaller share alone brings", frozenset({"generator"}), _by_chance
    ),
    "lowest_delta": Selector(
        "smallest ΔL",
        "what the reference shows no gain on",
        frozenset({"loss_q", "loss_r"}),
        lambda columns: columns.loss_r - columns.loss_q,
    ),
    "highest_kl": Selector(
        "largest KL",
        "the draft's hardest",
        frozenset({"loss_q"}),
        lambda columns: columns.loss_q,
    ),
    "highest_entropy": Selector(
        "largest entropy",
        "where the target itself is least sure, whatever the draft",
        frozenset({"entropy"}),
        lambda columns: columns.entropy,
    ),
    "excess_loss": Selector(
        "largest excess loss (Rho-1)",
        "the text's own tokens that the reference gives more than the draft",
        frozenset({"log_q", "log_r"}),
        lambda columns: columns.log_r - columns.log_q,
    ),
}


def count(rows: int, k: float) -> int:
    """How many of `rows` tokens are kept: 1 + floor(k (rows - 1)), and 0 of none.

    That is how many values are >= their (1 - k)-quantile by linear interpolation when no two are
    equal, which is the published rule; here it holds under ties as well. The published scripts take
    the quantile in float32, whose rank `torch.quantile` rounds past its element for some sizes at
    k = 0.4 (124 of those from 3 to 1,500), where they keep one token fewer.
    """
    return 1 + int(Fraction(str(k)) * (rows - 1)) if rows else 0


def select(selector: str, k: float | None, columns: Columns, device: torch.device) -> Tensor:
    """Mask of the tokens of one pool that train the draft.

    Args:
        selector: a name of `SELECTORS`.
        k: the filter ratio; None keeps everything.
        columns: of tensors, those that the selector needs.
        device: where the mask is wanted.

    Returns:
        [rows] bool with exactly `count(rows, k)` True. Ties go to the earlier token.

    Raises:
        KeyError: there is no such selector.
    """
    import torch

    score = SELECTORS[selector].score
    if k is None or score is None:
        return torch.ones(columns.rows, dtype=torch.bool, device=device)
    return largest(score(columns).to(device), k)


def largest(score: Tensor, k: float) -> Tensor:
    """Mask of the `count(rows, k)` largest of [rows] scores; ties go to the earlier one."""
    import torch

    order = score.argsort(descending=True, stable=True)
    mask = torch.zeros(len(score), dtype=torch.bool, device=score.device)
    mask[order[: count(len(score), k)]] = True
    return mask


def entry(score: np.ndarray, pools: np.ndarray | None = None) -> np.ndarray:
    """The smallest k, in thousandths, at which each token is kept when the largest scores are.

    A token is kept at k if and only if its entry is <= 1000 k: one column holds the selections of
    every k. With n tokens in a pool, the one of rank i (from 0) enters at i / (n - 1), rounded up.

    Args:
        score: [rows] float32, what is ranked: dL for AdaSPEC, KL(p || q) for the highest KL.
        pools: [rows] which pool each token is in, from 0; by default they are all in one.

    Returns:
        [rows] int16. Ties go to the earlier token, as in `select`.
    """
    order, ranks = _descending(score), np.arange(len(score))
    last: int | np.ndarray = max(1, len(score) - 1)
    if pools is not None:
        few = pools.astype(np.min_scalar_type(int(pools.max(initial=0))))  # sorts faster
        order = order[few[order].argsort(kind="stable")]
        sizes = np.bincount(pools)
        ranks = ranks - (np.cumsum(sizes) - sizes)[pools[order]]
        last = np.maximum(sizes - 1, 1)[pools[order]]
    entries = np.empty(len(score), dtype=np.int16)
    entries[order] = -(-STEPS * ranks // last)
    return entries


def _descending(score: np.ndarray) -> np.ndarray:
    """A stable argsort, largest first.

    Each number's bits, as an integer of the same order, followed by its position: one sort of
    plain integers, ten times as fast as numpy's stable sort.
    """
    bits = (score.astype(np.float32) + np.float32(0)).view(np.uint32)  # -0 becomes 0
    falling = np.where(bits >> 31, bits, ~bits & 0x7FFFFFFF)
    keys = (falling.astype(np.uint64) << 32) | np.arange(len(score), dtype=np.uint64)
    keys.sort()
    positions: np.ndarray = (keys & 0xFFFFFFFF).astype(np.int64)
    return positions
