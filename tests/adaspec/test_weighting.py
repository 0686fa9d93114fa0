"""Weights against their formulas, and 0/1 weights against the selection that they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adaspec import AdaspecError, recipe
from adaspec.recipe import REFERENCE, Method, Recipe, Training
from adaspec.selection import Columns, count
from adaspec.weighting import WEIGHTS, Tokens, weigh

KEYS = ["8e20c358e35fcf31", "8e20c358e35fcf31", "3f57c3c2e9c08040", "633c8fb8f9677a81"]
"""Of `tiny`'s trainings on 1,000 rows, from before there were weights."""
SIZES = (1, 7, 2, 12)
"""Tokens of the responses below."""


def some(gamma: int = 3, softness: float = 0.3, keep: float | None = None) -> Tokens:
    """Random columns of a few responses; a selection by score where `keep` says how many."""
    rng, rows = np.random.default_rng(1), sum(SIZES)
    columns = Columns(
        rows,
        log_p=np.log(rng.random(rows)).astype(np.float32),
        log_q=np.log(rng.random(rows)).astype(np.float32),
        agree=rng.random(rows) < 0.6,
        verified=rng.random(rows) < 0.7,
        overlap=rng.random(rows).astype(np.float32),
        position=np.concatenate([np.arange(size) for size in SIZES]),
    )
    score, mask = rng.normal(size=rows).astype(np.float32), np.ones(rows, dtype=bool)
    if keep is not None:
        mask = score >= np.sort(score)[-count(rows, keep)]
    return Tokens(columns, mask, None if keep is None else score, softness, gamma)


def blocks_of(t: int, gamma: int) -> list[range]:
    """The blocks of a response that hold its token t; responses follow one another."""
    end = next(end for end in np.cumsum(SIZES) if t < end)
    start = end - SIZES[list(np.cumsum(SIZES)).index(end)]
    firsts = range(max(start, t - gamma + 1), t + 1)
    return [range(first, min(first + gamma, end)) for first in firsts]


def chance(tokens: Tokens) -> np.ndarray:
    return (1 - tokens.softness) * np.exp(tokens.columns.log_q.astype(float)) + tokens.softness


def accepted_length(log_chance: np.ndarray, block: range) -> float:
    """sum_m prod_{i <= m} c_i."""
    return sum(np.exp(log_chance[block.start : m + 1].sum()) for m in block)


def slope(log_chance: np.ndarray, block: range, t: int) -> float:
    """How much the accepted length grows with log c_t, by central differences."""
    step = np.zeros_like(log_chance)
    step[t] = 1e-5
    ends = (accepted_length(log_chance + sign * step, block) for sign in (1, -1))
    return (next(ends) - next(ends)) / 2e-5


def first_wrong(tokens: Tokens, block: range) -> int | None:
    return next((t for t in block if not tokens.columns.agree[t]), None)


def sigmoid(tokens: Tokens) -> np.ndarray:
    assert tokens.score is not None
    ranked = np.sort(tokens.score.astype(float))[::-1]
    edge = ranked[tokens.mask.sum() - 1 : tokens.mask.sum() + 1].mean()
    return 1 / (1 + np.exp(-(tokens.score - edge) / tokens.softness))


PLAIN = {
    "soft": lambda tokens, t: sigmoid(tokens)[t],
    "confidence": lambda tokens, t: np.mean(
        [
            np.exp(tokens.columns.log_p[block.start : t].astype(float)).prod()
            for block in blocks_of(t, tokens.gamma)
        ]
    ),
    "expected_length": lambda tokens, t: np.mean(
        [slope(np.log(chance(tokens)), block, t) for block in blocks_of(t, tokens.gamma)]
    ),
    "first_error": lambda tokens, t: (
        tokens.softness
        + np.mean([first_wrong(tokens, block) == t for block in blocks_of(t, tokens.gamma)])
    ),
    "rejected": lambda tokens, t: (
        tokens.softness
        + np.mean(
            [
                tokens.columns.overlap[block.start : t].astype(float).prod()
                * (1 - float(tokens.columns.overlap[t]))
                for block in blocks_of(t, tokens.gamma)
            ]
        )
    ),
    "verified": lambda tokens, t: 1.0 if tokens.columns.verified[t] else tokens.softness,
}


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize("keep", [None, 0.4])
@pytest.mark.parametrize("gamma", [1, 3, 20])
def test_weights_equal_their_formulas(name: str, keep: float | None, gamma: int) -> None:
    """D-PACE's as the gradient that it is derived from; all with the sum of those kept."""
    tokens = some(gamma, keep=keep)
    kept = tokens.mask.sum()
    if name == "soft" and keep is None:
        assert weigh(name, tokens).tolist() == [1.0] * kept
        return
    plain = np.array([PLAIN[name](tokens, t) for t in range(tokens.columns.rows)])
    if name != "soft":
        plain = plain * tokens.mask
    np.testing.assert_allclose(weigh(name, tokens), plain * kept / plain.sum(), rtol=1e-6)
    assert weigh(name, tokens).sum() == pytest.approx(kept)


def test_a_soft_edge_is_the_selection_or_everything_at_its_ends() -> None:
    tokens = some(keep=0.4)
    for softness in (0.0, 1e-9):
        hard = weigh("soft", tokens._replace(softness=softness))
        assert hard.tolist() == tokens.mask.astype(float).tolist()
    tied = tokens._replace(score=np.zeros_like(tokens.score), softness=0.0)
    assert weigh("soft", tied).tolist() == tokens.mask.astype(float).tolist()
    even = weigh("soft", tokens._replace(softness=1e9))
    assert even == pytest.approx(np.full(len(even), tokens.mask.mean()))


def test_where_nothing_counts_weights_are_zero() -> None:
    tokens = some(softness=0.0)
    nobody = tokens.columns._replace(verified=np.zeros(tokens.columns.rows, dtype=bool))
    assert not weigh("verified", tokens._replace(columns=nobody)).any()


# In recipes


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ({"weight": "soft"}, "softens a selection: give a `selector`"),
        ({"softness": 0.1}, "softness is a weight's: give `weight`"),
        ({"weight": "confidence", "softness": 0.1}, "null: it has none"),
        ({"weight": "expected_length", "softness": 1.5}, "expected_length: 0 to 1"),
        ({"weight": "rho"}, "weight"),
    ],
)
def test_a_bad_weight_is_one_line(content, method: dict[str, Any], expected: str) -> None:
    stage = content["stage2"] | {"methods": {"x": method}}
    with pytest.raises(AdaspecError, match=expected) as error:
        recipe.parse(content | {"stage2": stage})
    assert "\n" not in str(error.value)


def with_method(mini: Recipe, **method: Any) -> Training:
    """The training of one more method."""
    stage = mini.stage2
    assert stage
    methods = stage.methods | {"more": Method(**method)}
    changed = mini.model_copy(update={"stage2": stage.model_copy(update={"methods": methods})})
    return recipe.trainings(changed, 30)[-1]


def test_without_a_weight_hashes_are_those_from_before_it(mini: Recipe) -> None:
    """Runs keep theirs; a weight, and what it is, changes them."""
    tiny = recipe.load("tiny")
    assert (tiny.hash, tiny.family) == ("2ce2e657c8b33aba", "acae23ff5be47243")
    assert [training.key for training in recipe.trainings(tiny, 1000)] == KEYS
    kinds = [{}, {"weight": "soft"}, {"weight": "soft", "softness": 0.2}]
    trainings = [with_method(mini, selector="top_delta", **kind) for kind in kinds]
    assert len({training.key for training in trainings}) == 3
    own = [training.method.own_softness for training in trainings if training.method]
    assert own == [0.0, WEIGHTS["soft"].softness, 0.2]


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_weight_needs_what_it_says(name: str) -> None:
    """It weighs the same without the rest, which a training will not compute."""
    tokens = some(keep=0.4)
    needed = {need: tokens.columns.known[need] for need in WEIGHTS[name].needs}
    alone = tokens._replace(columns=Columns(tokens.columns.rows, **needed))
    np.testing.assert_array_equal(weigh(name, alone), weigh(name, tokens))


def test_what_a_training_needs_is_its_selectors_and_its_weights(mini: Recipe) -> None:
    both = with_method(mini, selector="top_delta", weight="expected_length")
    assert all(both.needs(what) for what in ("loss_q", "loss_r", "log_q", "position"))
    assert not both.needs("log_p")
    alone = with_method(mini, weight="confidence")
    assert (alone.k, alone.scores, alone.needs_reference) == (None, True, False)
    rho = with_method(mini, selector="excess_loss")
    assert (rho.needs_reference, rho.stands_on) == (True, [REFERENCE])
