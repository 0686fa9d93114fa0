"""Which tokens are kept: exact counts, the published quantile rule, ties, rivals."""

from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adaspec.divergence import OBJECTIVES, entropy
from adaspec.recipe import Method, Objective, Selector, Training, Weight
from adaspec.selection import SELECTORS, Columns, Need, count, entry, select
from adaspec.weighting import WEIGHTS

RATIOS = st.integers(1, 1000).map(lambda n: n / 1000)
VALUES = st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=200)


def mask_of(selector: str, k: float | None, q, r=None, seed: int = 0) -> np.ndarray:
    columns = Columns(
        len(q),
        torch.tensor(q),
        None if r is None else torch.tensor(r),
        torch.tensor(q).flip(0),
        torch.Generator().manual_seed(seed),
        log_q=torch.tensor(q),
        log_r=None if r is None else torch.tensor(r),
    )
    return select(selector, k, columns, torch.device("cpu")).numpy()


@given(rows=st.integers(1, 5000), k=RATIOS)
def test_count_is_the_quantile_rule_without_ties(rows: int, k: float) -> None:
    """As many values lie at or above position (1 - k)(n - 1) of n sorted ones."""
    position = (1000 - round(k * 1000)) * (rows - 1)  # in thousandths, so that it is exact
    assert count(rows, k) == rows - -(-position // 1000)


@given(q=VALUES, k=RATIOS, seed=st.integers(0, 99))
def test_every_selector_keeps_exactly_that_many_under_ties(q, k, seed) -> None:
    q = [round(value) for value in q]  # many ties
    r = [0.0] * len(q)
    q = [float(value) for value in q]
    for selector in SELECTORS.keys() - {"all"}:
        assert mask_of(selector, k, q, r, seed).sum() == count(len(q), k)


@given(q=VALUES, k=RATIOS)
def test_nothing_left_out_is_better(q, k) -> None:
    r = np.linspace(0, 1, len(q), dtype=np.float32)
    score = np.array(q, dtype=np.float32) - r
    mask = mask_of("top_delta", k, np.array(q, dtype=np.float32), r)
    if not mask.all():
        assert score[mask].min() >= score[~mask].max()
    low = mask_of("lowest_delta", k, np.array(q, dtype=np.float32), r)
    if not low.all():
        assert score[low].max() <= score[~low].min()


@given(n=st.integers(2, 300), k=st.sampled_from([0.1, 0.2, 0.25, 0.4, 0.5, 0.9]))
def test_same_tokens_as_the_published_quantile(n: int, k: float) -> None:
    score = np.random.default_rng(n).permutation(n).astype(np.float64)
    position = np.floor(np.round((1 - k) * (n - 1), 9)), np.ceil(np.round((1 - k) * (n - 1), 9))
    below, above = (np.sort(score)[int(i)] for i in position)
    threshold = below + (above - below) * ((1 - k) * (n - 1) - position[0])
    mask = mask_of("top_delta", k, score, np.zeros(n))
    np.testing.assert_array_equal(mask, score >= threshold - 1e-6)


def test_the_published_quantile_in_float32_keeps_one_fewer_of_some_sizes_at_two_fifths() -> None:
    for k in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 0.9):
        fewer = [
            count(n, k) - int((values >= values.quantile(1 - k)).sum())
            for n in range(3, 1501)
            for values in [torch.arange(n, dtype=torch.float32)]
        ]
        assert set(fewer) <= {0, 1}
        assert sum(fewer) == (124 if k == 0.4 else 0)


def test_equal_models_do_not_select_everything() -> None:
    """Where draft and reference agree everywhere, the published threshold keeps 100 %."""
    mask = mask_of("top_delta", 0.4, [1.0] * 11, [1.0] * 11)
    assert mask.tolist() == [True] * 5 + [False] * 6


def test_random_depends_on_its_seed_alone() -> None:
    q = [0.0] * 50
    assert (mask_of("random", 0.3, q, seed=1) == mask_of("random", 0.3, q, seed=1)).all()
    assert (mask_of("random", 0.3, q, seed=1) != mask_of("random", 0.3, q, seed=2)).any()


def test_all_and_none() -> None:
    assert mask_of("all", None, [1.0, 2.0]).all()
    assert count(0, 0.4) == 0
    assert mask_of("top_delta", 0.4, np.zeros(0, np.float32), np.zeros(0, np.float32)).size == 0


@pytest.mark.parametrize(("k", "expected"), [(1.0, 10), (0.4, 4), (0.001, 1)])
def test_counts_by_hand(k: float, expected: int) -> None:
    assert count(10, k) == expected


@given(
    q=st.lists(
        st.sampled_from([-3, -1e-40, -0.0, 0.0, 1e-40, 0.5, 2, 3e38]), min_size=1, max_size=60
    ),
    k=st.integers(1, 1000),
    pools=st.lists(st.integers(0, 3), min_size=60, max_size=60),
)
def test_an_entry_says_every_selection(q: list[float], k: int, pools: list[int]) -> None:
    """`entry <= 1000 k` is what `select` keeps, in each pool, ties included."""
    score, where = np.array(q, dtype=np.float32), np.array(pools[: len(q)])
    together = entry(score) <= k
    np.testing.assert_array_equal(together, mask_of("top_delta", k / 1000, score, 0 * score))
    apart = entry(score, where) <= k
    for pool in set(where.tolist()):
        mine = score[where == pool]
        expected = mask_of("top_delta", k / 1000, mine, 0 * mine)
        np.testing.assert_array_equal(apart[where == pool], expected)


def test_a_name_that_is_no_selector_selects_nothing() -> None:
    """It used to select as `lowest_delta` does."""
    with pytest.raises(KeyError, match="largest_delta"):
        mask_of("largest_delta", 0.4, [1.0, 2.0], [0.0, 0.0])
    assert mask_of("all", 0.4, [1.0, 2.0]).all()


def test_a_recipe_can_name_every_row_of_the_tables() -> None:
    assert get_args(Weight) == tuple(WEIGHTS)
    assert get_args(Selector) == tuple(SELECTORS)
    assert get_args(Objective) == tuple(OBJECTIVES)


@pytest.mark.parametrize("name", SELECTORS)
def test_a_selector_needs_what_it_says(name: str) -> None:
    """It selects the same without the rest, which a training will not compute."""
    q, r = torch.arange(9.0), torch.arange(9.0) * 4 % 9

    def mask(needs: frozenset[str]) -> list[bool]:
        everything = {
            "loss_q": q,
            "loss_r": r,
            "entropy": torch.arange(9.0) * 2 % 9,
            "generator": torch.Generator().manual_seed(3),
            "log_q": torch.arange(9.0) * 5 % 9,
            "log_r": torch.arange(9.0) * 7 % 9,
        }
        columns = Columns(9, **{need: everything.get(need, q) for need in needs})
        return select(name, 0.4, columns, torch.device("cpu")).tolist()

    needs = SELECTORS[name].needs
    assert mask(needs) == mask(frozenset(get_args(Need)))
    for need in needs - {"generator"}:
        with pytest.raises((TypeError, AttributeError, AssertionError)):
            assert mask(needs - {need}) == mask(needs)


def test_the_reference_is_needed_by_the_row_and_not_by_the_name(mini, monkeypatch) -> None:
    row = SELECTORS["top_delta"]._replace(label="what can be learnt")
    monkeypatch.setitem(SELECTORS, "learnable", row)
    monkeypatch.setitem(SELECTORS, "delta_of_nothing", SELECTORS["highest_kl"])
    for selector, expected in (("learnable", True), ("delta_of_nothing", False)):
        training = Training(
            name="x",
            method=Method().model_copy(update={"selector": selector}),
            optimisation=mini.stage1,
            k=0.4,
            batch=4,
            steps=4,
            seed=0,
        )
        assert training.needs_reference == expected


def test_entropy_is_the_targets() -> None:
    """H(p) = -sum p log p, against float64."""
    logits = torch.randn(7, 50, generator=torch.Generator().manual_seed(1)) * 4
    p = logits.double().softmax(-1)
    assert entropy(logits.log_softmax(-1)).numpy() == pytest.approx(
        -(p * p.log()).sum(-1).numpy(), abs=1e-5
    )
