"""Measures against their formulas in float64, and the chunked paths against whole ones."""

import copy
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from adaspec import divergence
from adaspec.divergence import (
    KL,
    OBJECTIVES,
    Objective,
    Rows,
    backward,
    backward_objective,
    blend,
    chunks,
    kl_rows,
    measure_rows,
    overlap,
    plain_backward,
    plain_values,
    tiled_kl,
    tiled_kl_backward,
    tiles,
)

LOGITS = hnp.arrays(np.float64, (3, 7), elements=st.floats(-15, 15))


def softmax(logits: np.ndarray) -> np.ndarray:
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def hybrid(p: np.ndarray, q: np.ndarray, share: np.ndarray) -> np.ndarray:
    """lambda KL(p || q) + (1 - lambda) TV."""
    return share * (p * np.log(p / q)).sum(-1) + (1 - share) * np.abs(p - q).sum(-1) / 2


PLAIN = {
    "forward_kl": lambda p, q: (p * np.log(p / q)).sum(-1),
    "reverse_kl": lambda p, q: (q * np.log(q / p)).sum(-1),
    "jensen_shannon": lambda p, q: (
        ((p * np.log(2 * p / (p + q))).sum(-1) + (q * np.log(2 * q / (p + q))).sum(-1)) / 2
    ),
    "total_variation": lambda p, q: np.abs(p - q).sum(-1) / 2,
    "neg_log_overlap": lambda p, q: -np.log(np.minimum(p, q).sum(-1)),
    "lk_hybrid": lambda p, q: hybrid(p, q, np.exp(-3 * np.minimum(p, q).sum(-1))),
}


@pytest.mark.parametrize("name", PLAIN)
@given(a=LOGITS, b=LOGITS)
def test_measures_equal_their_formulas(name: str, a: np.ndarray, b: np.ndarray) -> None:
    logp, logq = (torch.tensor(x, dtype=torch.float32).log_softmax(-1) for x in (a, b))
    ours = OBJECTIVES[name](logp, logq).numpy()
    np.testing.assert_allclose(ours, PLAIN[name](softmax(a), softmax(b)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", PLAIN)
def test_gradients_are_the_formulas_in_float64(name: str) -> None:
    """Central differences of the formula in the draft's logits; lambda of the hybrid stands still.

    Through the chunked path, with weights, against 1e-6 of the largest.
    """
    rng = np.random.default_rng(0)
    a, b, weights = 3 * rng.normal(size=(5, 11)), 3 * rng.normal(size=(5, 11)), rng.random(5)
    p, share = softmax(a), np.exp(-3 * np.minimum(softmax(a), softmax(b)).sum(-1))
    formula = (lambda p, q: hybrid(p, q, share)) if name == "lk_hybrid" else PLAIN[name]

    def loss(logits: np.ndarray) -> float:
        return float((weights * formula(p, softmax(logits))).sum())

    expected = np.zeros_like(b)
    for place in np.ndindex(b.shape):
        step = np.zeros_like(b)
        step[place] = 1e-6
        expected[place] = (loss(b + step) - loss(b - step)) / 2e-6
    hidden = torch.tensor(b, requires_grad=True)
    q = Rows(hidden * 1, lambda logits: logits, 11)
    plain_backward(
        OBJECTIVES[name],
        Rows(torch.tensor(a), lambda logits: logits, 11),
        q,
        torch.tensor(weights),
    )
    np.testing.assert_allclose(hidden.grad, expected, atol=1e-6 * np.abs(expected).max() + 1e-9)


def test_a_three_word_vocabulary_in_closed_form() -> None:
    """p = (1/2, 1/4, 1/4), q = (1/4, 1/4, 1/2), worked out by hand."""
    logp = torch.tensor([[0.5, 0.25, 0.25]]).log()
    logq = torch.tensor([[0.25, 0.25, 0.5]]).log()
    expected = {
        "forward_kl": math.log(2) / 4,
        "reverse_kl": math.log(2) / 4,
        "total_variation": 0.25,
        "neg_log_overlap": -math.log(0.75),
        # lambda = exp(-3 x 3/4)
        "lk_hybrid": 0.25 + math.exp(-2.25) * (math.log(2) / 4 - 0.25),
        # m = (3/8, 1/4, 3/8): both halves are 1/2 log 4/3 + 1/4 log 2/3
        "jensen_shannon": math.log(4 / 3) / 2 + math.log(2 / 3) / 4,
    }
    for name, value in expected.items():
        assert float(OBJECTIVES[name](logp, logq)) == pytest.approx(value, abs=1e-6), name
    assert float(overlap(logp, logq)) == pytest.approx(0.75)


@given(a=LOGITS, b=LOGITS)
def test_overlap_respects_its_floor(a: np.ndarray, b: np.ndarray) -> None:
    """beta >= 1 - min(sqrt(KL/2), sqrt(1 - exp(-KL))): Pinsker, and Bretagnolle and Huber."""
    logp, logq = (torch.tensor(x).log_softmax(-1) for x in (a, b))
    kl = divergence.forward_kl(logp, logq).clamp_min(0)
    floor = 1 - torch.minimum((kl / 2).sqrt(), (1 - (-kl).exp()).sqrt())
    assert (overlap(logp, logq) >= floor - 1e-7).all()  # the root of KL's rounding


@pytest.fixture
def halves() -> tuple[Rows, Rows, torch.nn.Linear, torch.Tensor]:
    torch.manual_seed(0)
    target, draft = torch.nn.Linear(8, 50), torch.nn.Linear(6, 50)
    hidden = torch.randn(37, 6, requires_grad=True)
    return Rows(torch.randn(37, 8), target, 50), Rows(hidden * 1, draft, 50), draft, hidden


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("chunk", [1, 50 * 5, 1 << 24])
def test_chunked_gradient_is_the_whole_gradient(name, chunk, halves, monkeypatch) -> None:
    p, q, draft, hidden = halves
    objective = OBJECTIVES[name]
    whole = objective(p.head(p.hidden).log_softmax(-1), q.head(q.hidden).log_softmax(-1))
    expected = torch.autograd.grad(
        0.3 * whole.sum(), [hidden, *draft.parameters()], retain_graph=True
    )
    monkeypatch.setattr(divergence, "CHUNK", chunk)
    weights = torch.full((37,), 0.3)
    values = backward(lambda rows, logq: objective(p.log_probs(rows).detach(), logq), q, weights)
    torch.testing.assert_close(values, whole.detach(), rtol=1e-5, atol=1e-6)
    for ours, theirs in zip(
        [hidden.grad, *(x.grad for x in draft.parameters())], expected, strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_chunked_measures_hold_one_chunk_at_a_time(halves, monkeypatch) -> None:
    p, q, _, _ = halves
    whole = measure_rows(overlap, p, q)
    monkeypatch.setattr(divergence, "CHUNK", 50 * 4)
    seen = []

    def watched(logp: torch.Tensor, logq: torch.Tensor) -> torch.Tensor:
        seen.append(logq.numel())
        return overlap(logp, logq)

    torch.testing.assert_close(measure_rows(watched, p, q), whole)
    assert max(seen) <= 50 * 4


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("tile_rows", "tile"), [(1024, 2048), (10, 7), (37, 50)])
def test_tiles_give_the_kl_and_the_gradient_of_the_formula(
    bias, tile_rows, tile, monkeypatch
) -> None:
    """Against autograd in float64: KL and gradients to 1e-5, logits far from 0 included.

    The draft's head has ids beyond the shared ones: those get no gradient.
    """
    torch.manual_seed(0)
    monkeypatch.setattr(divergence, "TILE_ROWS", tile_rows)
    monkeypatch.setattr(divergence, "TILE", tile)
    target, draft = torch.nn.Linear(8, 50, bias), torch.nn.Linear(6, 53, bias)
    with torch.no_grad():
        draft.weight.mul_(20)
    body = torch.randn(37, 6, requires_grad=True)
    p = Rows(torch.randn(37, 8), target, 50, target)
    q = Rows(body * 2, lambda hidden: draft(hidden)[:, :50], 50, draft)
    wide = [copy.deepcopy(model).double() for model in (target, draft)]
    wide_body = body.detach().double().requires_grad_()
    logp, logq = wide[0](p.hidden.double()), wide[1](wide_body * 2)[:, :50]
    expected = divergence.forward_kl(logp.detach().log_softmax(-1), logq.log_softmax(-1))
    (0.3 * expected.sum()).backward()
    assert tiles(p, q)
    kl = tiled_kl(p, q)
    torch.testing.assert_close(kl.values.double(), expected.detach(), rtol=1e-5, atol=1e-5)
    for _ in range(2):  # gradients add up
        tiled_kl_backward(kl, p, q._replace(hidden=body * 2), torch.full((len(p.hidden),), 0.3))
    ours = [body.grad, *(x.grad for x in draft.parameters())]
    theirs = [wide_body.grad, *(x.grad for x in wide[1].parameters())]
    for gradient, other in zip(ours, theirs, strict=True):
        error = (gradient.double() - 2 * other).abs().max() / other.abs().max()
        assert error < 1e-5
    mask = torch.arange(37) % 3 == 0
    part = [rows._replace(hidden=rows.hidden[mask]) for rows in (p, q)]
    torch.testing.assert_close(tiled_kl(*part).values, kl.at(mask).values)
    nothing = [rows._replace(hidden=rows.hidden[:0]) for rows in (p, q)]
    assert len(tiled_kl(*nothing).values) == 0


def test_tiles_are_not_for_other_heads_or_precisions() -> None:
    head = torch.nn.Linear(6, 50)
    p = Rows(torch.randn(3, 6), head, 50, head)
    capped = p._replace(linear=None)
    half = p._replace(hidden=p.hidden.bfloat16())
    assert [tiles(p, rows) for rows in (p, capped, half)] == [True, False, False]


@pytest.mark.parametrize(
    "objective",
    [KL, Objective(overlap), blend("forward_kl", "total_variation", 0.3)],
    ids=["kl", "overlap", "blend"],
)
@pytest.mark.parametrize("tiled", [True, False])
def test_every_way_gives_the_plain_values_and_gradient(objective, tiled, halves) -> None:
    """After a selection among rows whose KL was asked for already, too."""
    p, q, draft, hidden = halves
    if tiled:
        p, q = p._replace(linear=p.head), q._replace(linear=draft)
    kl = kl_rows(p, q)
    assert (kl.normalisers is not None) == tiled
    torch.testing.assert_close(kl.values, plain_values(KL, p, q))
    torch.testing.assert_close(measure_rows(objective, p, q), plain_values(objective, p, q))
    mask = torch.arange(37) % 3 == 0
    p = p._replace(hidden=p.hidden[mask])
    weights = torch.rand(len(p.hidden))

    def gradients(way: Callable[..., torch.Tensor], *known: divergence.Kl) -> list[torch.Tensor]:
        hidden.grad = None
        draft.zero_grad()
        values = way(objective, p, q._replace(hidden=(hidden * 1)[mask]), weights, *known)
        return [values, hidden.grad, *(x.grad for x in draft.parameters())]

    expected = gradients(plain_backward)
    for known in ([], [kl.at(mask)]):
        ours = gradients(backward_objective, *known)
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-6)


def test_a_gpu_has_larger_chunks() -> None:
    sizes = {
        name: [rows.stop - rows.start for rows in chunks(5000, 50_000, torch.device(name))]
        for name in ("cpu", "cuda")
    }
    assert sizes["cpu"][0] == (1 << 24) // 50_000
    assert sizes["cuda"][0] == (1 << 26) // 50_000
    assert {sum(rows) for rows in sizes.values()} == {5000}
