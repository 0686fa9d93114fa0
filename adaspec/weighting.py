"""Weights: how much a token's loss counts, where a selector only keeps it or leaves it out.

A weight is one row of `WEIGHTS`. It is computed in float64 from what is known of the tokens that
compete, without gradient, and scaled so that its sum is the number of tokens that the selector
keeps (its mean is 1, where it selects none): a weight of 1 on those and 0 on the others is the
selection itself, whatever the loss divides by, and a weight does not change the scale of the loss.

Four weights follow the verification of a *block*: gamma drafted tokens, of which those before the
first rejection are kept. The papers' drafts predict a whole block at once; ours has the same
distribution at a token whatever block it is in. So the weight is the mean over the blocks that hold
the token: those of gamma tokens that begin at it or up to gamma - 1 tokens before it, in the
response. A block ends with the response.

Loads no torch: `weigh` works on numpy arrays, in training and in views alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from adaspec.selection import Columns, Need

VERIFIED_TOP = 5
"""Likeliest tokens of the target among which SelecTKD looks for the draft's (its default)."""


class Tokens(NamedTuple):
    """What a weight is computed from: numpy arrays of the tokens that compete.

    Attributes:
        columns: those that the weight needs.
        mask: [rows] bool, what the selector keeps; all, where it selects none.
        score: [rows] what the selector ranks by; None where it selects none.
        softness: the method's, or the weight's own.
        gamma: tokens of a block.
    """

    columns: Columns
    mask: np.ndarray
    score: np.ndarray | None
    softness: float
    gamma: int


class Weight(NamedTuple):
    """How much tokens count.

    Attributes:
        label: in words.
        why: what is computed, and where it comes from.
        needs: the columns that it reads, beside the selector's.
        softness: what `Method.softness` is unless it is given.
        most: its largest value; 0: the weight has no softness.
        selects: whether it stands for the selection, instead of weighing what that keeps.
        raw: [rows] at least 0, not yet scaled.
    """

    label: str
    why: str
    needs: frozenset[Need]
    softness: float
    most: float
    selects: bool
    raw: Callable[[Tokens], np.ndarray]


def soft(tokens: Tokens) -> np.ndarray:
    """sigmoid((score - c) / softness), c halfway between the last score kept and the next one.

    The selection with a soft edge, in the score's unit (nats of dL for AdaSPEC): softness 0 is the
    selection itself, and with growing softness all tokens count alike. With `excess_loss` it
    softens Rho-1's selection. Ours; no paper's.
    """
    mask, score = tokens.mask, tokens.score
    if score is None or mask.all() or tokens.softness == 0:
        return mask.astype(np.float64)
    score = score.astype(np.float64)
    edge = (score[mask].min() + score[~mask].max()) / 2
    weights: np.ndarray = (1 + np.tanh((score - edge) / (2 * tokens.softness))) / 2
    return weights


def confidence(tokens: Tokens) -> np.ndarray:
    """Mean over the blocks that hold token t of prod p(x_i), i from the block's start to t - 1.

    How sure the target is of the text up to the token: confidence-adaptive tokens of PARD-2 (An et
    al. 2605.08632; `_build_prev_prob` of its code, AMD-AGI/PARD), whose weight at offset i of a
    block is the product of the target's probabilities of the i tokens before it.
    """
    columns = tokens.columns
    return _reached(np.exp(_wide(columns.log_p)), columns.position, tokens.gamma)


def expected_length(tokens: Tokens) -> np.ndarray:
    """Mean over the blocks that hold token t of sum_{m >= t} prod_{i <= m} c_i.

    c = (1 - softness) q(x) + softness, and i and m run over the block: D-PACE (Wu et al.
    2605.18810, eq. 7 to 9; softness is its alpha, 0.5). The sum is how much the expected accepted
    length, with c for the probability of acceptance, grows with log c_t.
    """
    columns, gamma = tokens.columns, tokens.gamma
    chance = (1 - tokens.softness) * np.exp(_wide(columns.log_q)) + tokens.softness
    first = columns.position == 0
    last = np.append(first[1:], True)[: len(first)]
    # rest[n]: expected tokens from this one on, itself counted, if n more may follow in the block
    rest = [np.ones(len(chance))]
    for _ in range(gamma - 1):
        rest.append(1 + np.where(last, 0, np.roll(chance * rest[-1], -1)))
    return _reached(
        chance, columns.position, gamma, lambda offset: chance * rest[gamma - 1 - offset]
    )


def first_error(tokens: Tokens) -> np.ndarray:
    """softness + the share of the blocks that hold the token in which it is the first error.

    An error is a token at which the draft's likeliest is not the target's. After the first-error
    focal loss of Whalen et al. (2606.11552), which adds a multiple lambda of the first error's loss
    to that of all tokens: softness is 1 / lambda, and 0 trains on first errors alone. Not theirs:
    the mean over blocks, and no weight by position, which that mean would make constant.
    """
    agree = _wide(tokens.columns.agree)
    share = _reached(agree, tokens.columns.position, tokens.gamma) * (1 - agree)
    weights: np.ndarray = tokens.softness + share
    return weights


def verified(tokens: Tokens) -> np.ndarray:
    """1 where the draft's likeliest token is among the target's five likeliest, else softness.

    SelecTKD's greedy top-k verification (Huang et al. 2510.24021): what is verified has its whole
    loss, the rest is weighed down (0.01) or, with softness 0, left out. The five and the 0.01 are
    its defaults as others' code reports them; its sampled variant, Spec-k, is not here.
    """
    return np.where(tokens.columns.verified, 1.0, tokens.softness)


def rejected(tokens: Tokens) -> np.ndarray:
    """softness + how probably verification rejects a block at the token, mean over its blocks.

    prod beta_i (1 - beta_t), i from the block's start to t - 1, beta = sum_x min(p, q). Text that
    comes of speculative decoding is the target's own, so on that (`data.responses: target`) this is
    the expectation of replaying the contexts at which verification rejects the draft as it is now,
    if rounds begin anywhere alike, and nothing need be decoded. Draft-OPD (Lei et al. 2605.29343)
    also replays what the draft itself goes on to propose from there, which is not here.
    """
    beta = np.minimum(_wide(tokens.columns.overlap), 1)
    share = _reached(beta, tokens.columns.position, tokens.gamma) * (1 - beta)
    weights: np.ndarray = tokens.softness + share
    return weights


WEIGHTS: dict[str, Weight] = {
    "soft": Weight(
        "soft edge of the selection",
        "sigmoid of the selector's score around the last one kept",
        frozenset(),
        0.1,
        1000,
        True,
        soft,
    ),
    "confidence": Weight(
        "the target's confidence (PARD-2)",
        "how probably the target itself would have got to the token",
        frozenset({"log_p", "position"}),
        0.0,
        0,
        False,
        confidence,
    ),
    "expected_length": Weight(
        "expected accepted length (D-PACE)",
        "how much the expected accepted length grows with the draft's confidence here",
        frozenset({"log_q", "position"}),
        0.5,
        1,
        False,
        expected_length,
    ),
    "first_error": Weight(
        "first errors (after 2606.11552)",
        "tokens at which a draft is broken off",
        frozenset({"agree", "position"}),
        1.0,
        1000,
        False,
        first_error,
    ),
    "verified": Weight(
        "verified by the target (SelecTKD)",
        "tokens at which the target has the draft's likeliest among its five",
        frozenset({"verified"}),
        0.01,
        1,
        False,
        verified,
    ),
    "rejected": Weight(
        "where verification rejects (after Draft-OPD)",
        "how probably verification breaks the draft off at the token",
        frozenset({"overlap", "position"}),
        0.0,
        1000,
        False,
        rejected,
    ),
}


def weigh(name: str, tokens: Tokens) -> np.ndarray:
    """[rows] float64 weights whose sum is the number of tokens that the selector keeps.

    Zeros where nothing counts, as where no token is verified and the rest is left out.
    """
    weight = WEIGHTS[name]
    raw = weight.raw(tokens)
    if not weight.selects:
        raw = raw * tokens.mask
    total = raw.sum()
    return raw * (tokens.mask.sum() / total) if total > 0 else raw


def _reached(
    chance: np.ndarray,
    position: np.ndarray,
    gamma: int,
    there: Callable[[int], Any] = lambda offset: 1.0,
) -> np.ndarray:
    """[rows] mean over the blocks that hold a token of prod(chance before it) x there(its offset).

    Args:
        chance: [rows] of each token to be got past.
        position: [rows] in its response, from 0.
    """
    reach = np.ones(len(chance))
    total, blocks = np.zeros(len(chance)), np.zeros(len(chance))
    for offset in range(gamma):
        inside = position >= offset
        reach = np.where(inside, reach, 0)
        total += reach * there(offset)
        blocks += inside
        # A block that begins one token earlier has to get past that token too.
        reach = reach * np.roll(chance, offset + 1)
    return total / blocks


def _wide(values: Any) -> np.ndarray:
    wide: np.ndarray = values.astype(np.float64)
    return wide
