"""The fused kernel against its plain twin: the measures in float64 and autograd.

On a GPU if there is one, else in Triton's interpreter on the CPU.
"""

from __future__ import annotations

import copy
import logging
import os
import subprocess
import sys
from typing import Any

import pytest
import torch

pytest.importorskip("triton", reason="Triton is not there: it has no build for this machine")

import adaspec
from adaspec import divergence, kernels
from adaspec.divergence import (
    FUSED,
    Objective,
    Rows,
    backward_objective,
    blend,
    fused_backward,
    fused_values,
    measure_rows,
    overlap,
    plain_backward,
    plain_values,
)

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
BLENDS = [
    blend("forward_kl", "total_variation", 0.3),
    blend("jensen_shannon", "neg_log_overlap", 0.6),
    blend("reverse_kl", "jensen_shannon", 1.0),
]
MEASURES = [Objective(measure) for measure in FUSED if measure is not overlap]


def name_of(objective: Objective) -> str:
    parts = [part.__name__ for part in (objective.first, objective.last) if part]
    return "-".join(parts)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of which even these vocabularies have several, and nothing tried yet."""
    monkeypatch.setattr(kernels, "BLOCK", 64)
    monkeypatch.setattr(divergence, "_trusted", {})


class Pair:
    """A target and a draft with a body of one product, and the same in float64."""

    def __init__(
        self, rows: int, vocabulary: int, bias: bool = True, extra: int = 0, sharpness: float = 1
    ) -> None:
        torch.manual_seed(rows + vocabulary)
        self.vocabulary = vocabulary
        self.target = torch.nn.Linear(8, vocabulary + extra, bias, DEVICE)
        self.draft = torch.nn.Linear(6, vocabulary + 2 * extra, bias, DEVICE)
        self.said = torch.randn(rows, 8, device=DEVICE)
        self.body = torch.randn(rows, 6, device=DEVICE)
        for hidden in (self.said, self.body):
            hidden[1::2] *= sharpness
        self.body.requires_grad_()
        self.weights = torch.rand(rows, device=DEVICE)

    def rows(self) -> tuple[Rows, Rows]:
        def shared(layer: torch.nn.Linear) -> divergence.Head:
            return lambda hidden: layer(hidden)[:, : self.vocabulary].float()

        p = Rows(self.said, shared(self.target), self.vocabulary, self.target)
        q = Rows(self.body * 2, shared(self.draft), self.vocabulary, self.draft)
        return p, q

    def gradients(self) -> list[torch.Tensor]:
        found = [self.body.grad, *(x.grad for x in self.draft.parameters())]
        return [gradient for gradient in found if gradient is not None]

    def forget(self) -> None:
        self.body.grad = None
        self.draft.zero_grad()

    def exact(self) -> Pair:
        wide = copy.copy(self)
        wide.target, wide.draft = (copy.deepcopy(x).double() for x in (self.target, self.draft))
        wide.draft.zero_grad()
        wide.said = self.said.double()
        wide.body = self.body.detach().double().requires_grad_()
        return wide

    def logits(self) -> tuple[torch.Tensor, torch.Tensor]:
        logits = self.target(self.said), self.draft(self.body * 2)
        return logits[0][:, : self.vocabulary], logits[1][:, : self.vocabulary]


def require_near(pair: Pair, exact: Pair, tolerance: float, times: int = 1) -> None:
    """Gradients, relative to the largest in each tensor."""
    ours, theirs = pair.gradients(), exact.gradients()
    assert len(ours) == len(theirs)
    for gradient, expected in zip(ours, theirs, strict=True):
        if expected.numel():
            apart = (gradient.double() - times * expected).abs().max()
            assert apart <= tolerance * times * expected.abs().max() + 1e-9


@pytest.mark.parametrize("objective", MEASURES + BLENDS, ids=name_of)
@pytest.mark.parametrize(
    "case",
    [
        {"rows": 5, "vocabulary": 130},
        {"rows": 1, "vocabulary": 64, "bias": False},
        {"rows": 3, "vocabulary": 77, "extra": 9},
        {"rows": 4, "vocabulary": 50, "sharpness": 30},
        {"rows": 0, "vocabulary": 50},
    ],
    ids=str,
)
def test_values_and_gradients_are_the_formulas(objective: Objective, case: Any) -> None:
    """To 1e-5 of float64: many vocabularies, odd rows and none, heads wider than what is shared.

    Gradients of sharp rows to 1e-4: they are small differences of large numbers, and the plain
    path, too, is off by 3e-5 in float32.
    """
    pair = Pair(**case)
    exact = pair.exact()
    a, b = exact.logits()
    if "sharpness" in case:
        assert (a - b).abs().max() > 80
    expected = objective(a.detach().log_softmax(-1), b.log_softmax(-1))
    (exact.weights * expected).sum().backward()
    p, q = pair.rows()
    values = fused_values(objective, p, q)
    torch.testing.assert_close(values.double(), expected.detach(), rtol=1e-5, atol=1e-5)
    for _ in range(2):  # gradients add up
        again = fused_backward(objective, *pair.rows(), pair.weights)
    torch.testing.assert_close(again, values, rtol=1e-6, atol=1e-6)
    require_near(pair, exact, 1e-4 if "sharpness" in case else 1e-5, times=2)


def test_overlap_is_measured() -> None:
    pair = Pair(5, 130)
    a, b = pair.exact().logits()
    expected = overlap(a.log_softmax(-1), b.log_softmax(-1)).detach()
    values = fused_values(Objective(overlap), *pair.rows())
    torch.testing.assert_close(values.double(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("objective", MEASURES, ids=name_of)
def test_a_draft_that_is_the_target_has_no_gradient(objective: Objective) -> None:
    """Not where |p - q| and min(p, q) have a kink either."""
    pair = Pair(3, 130)
    pair.draft = copy.deepcopy(pair.target)
    pair.body = (pair.said / 2).requires_grad_()
    values = fused_backward(objective, *pair.rows(), pair.weights)
    assert values.abs().max() < 2e-6
    assert max(float(gradient.abs().max()) for gradient in pair.gradients()) < 2e-6


def test_disjoint_models_have_a_finite_surprisal() -> None:
    """min(p, q) is below what float32 can hold everywhere; its logarithm is not."""
    pair = Pair(2, 50, bias=True)
    with torch.no_grad():
        for layer, word in ((pair.target, 3), (pair.draft, 40)):
            layer.weight.zero_()
            layer.bias.fill_(0)[word] = 150
    exact = pair.exact()
    objective = Objective(divergence.neg_log_overlap)
    a, b = exact.logits()
    expected = objective(a.detach().log_softmax(-1), b.log_softmax(-1))
    (exact.weights * expected).sum().backward()
    values = fused_backward(objective, *pair.rows(), pair.weights)
    assert values.min() > 100
    torch.testing.assert_close(values.double(), expected.detach(), rtol=1e-5, atol=1e-5)
    require_near(pair, exact, 1e-5)


def test_chunks_say_what_the_whole_says(monkeypatch: pytest.MonkeyPatch) -> None:
    pair, objective = Pair(7, 77), BLENDS[0]
    whole = fused_backward(objective, *pair.rows(), pair.weights)
    expected = [gradient.clone() for gradient in pair.gradients()]
    pair.forget()
    for name in ("CHUNK", "GPU_CHUNK"):
        monkeypatch.setattr(divergence, name, 128 * 2)
    torch.testing.assert_close(fused_backward(objective, *pair.rows(), pair.weights), whole)
    for gradient, other in zip(pair.gradients(), expected, strict=True):
        torch.testing.assert_close(gradient, other)


@pytest.mark.parametrize("bias", [True, False])
def test_products_in_bfloat16_keep_float32_logits(bias: bool) -> None:
    """A body under autocast, a draft's head in float32, a target in bfloat16.

    Values to 1e-5 of what the rounded hidden states and weights say: logits rounded to bfloat16
    would be off by 1e-3 and more. The gradients, which are bfloat16 in the products, to 1 %.
    """
    pair = Pair(5, 77, bias, extra=9)
    pair.target.bfloat16()
    pair.said = pair.said.bfloat16()
    draft_weight = pair.draft.weight.detach().clone()
    with torch.no_grad():
        pair.draft.weight.copy_(pair.draft.weight.bfloat16())
    rounded = pair.exact()
    with torch.no_grad():
        pair.draft.weight.copy_(draft_weight)
        rounded.body.copy_((pair.body * 2).bfloat16() / 2)
    p, q = pair.rows()
    q = q._replace(hidden=q.hidden.bfloat16())
    objective = BLENDS[0]
    expected = objective(*(x.log_softmax(-1) for x in rounded.logits()))
    (rounded.weights * expected).sum().backward()
    with torch.autocast(DEVICE, torch.bfloat16):
        values = fused_backward(objective, p, q, pair.weights)
    torch.testing.assert_close(values.double(), expected.detach(), rtol=1e-5, atol=1e-5)
    assert pair.draft.weight.grad.dtype == torch.float32
    require_near(pair, rounded, 0.01)


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Sends this device's rows the fused way; the objectives that its kernel was asked for."""
    asked = []
    original = kernels.measure_logits

    def watched(first: str, *rest: Any) -> torch.Tensor:
        asked.append(first)
        return original(first, *rest)

    monkeypatch.setattr(kernels, "measure_logits", watched)
    monkeypatch.setattr(divergence, "FUSED_DEVICES", {DEVICE})
    return asked


def test_a_device_with_the_kernel_uses_it(chosen: list[str], caplog: Any) -> None:
    pair = Pair(5, 77)
    values = backward_objective(BLENDS[1], *pair.rows(), pair.weights)
    fused = [gradient.clone() for gradient in pair.gradients()]
    with torch.no_grad():  # as those who measure do
        beta = measure_rows(overlap, *pair.rows())
    backward_objective(BLENDS[1], *pair.rows(), pair.weights)
    # One call more of each for the comparison
    assert chosen == ["jensen_shannon"] * 2 + ["overlap"] * 2 + ["jensen_shannon"]
    assert caplog.records == []
    pair.forget()
    torch.testing.assert_close(plain_backward(BLENDS[1], *pair.rows(), pair.weights), values)
    torch.testing.assert_close(plain_values(overlap, *pair.rows()), beta)
    for gradient, expected in zip(pair.gradients(), fused, strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-6)


def test_other_heads_rows_and_measures_go_the_plain_way(chosen: list[str]) -> None:
    pair = Pair(3, 77)
    p, q = pair.rows()
    measure_rows(overlap, p._replace(linear=None), q)
    measure_rows(lambda logp, logq: logp[:, 0] - logq[:, 0], p, q)
    nothing = [rows._replace(hidden=rows.hidden[:0]) for rows in (p, q)]
    assert len(measure_rows(overlap, *nothing)) == 0
    assert len(backward_objective(BLENDS[0], *nothing, pair.weights[:0])) == 0
    backward_objective(Objective(divergence.lk_hybrid), *pair.rows(), pair.weights)
    backward_objective(blend("forward_kl", "lk_hybrid", 0.5), *pair.rows(), pair.weights)
    assert chosen == []


right = kernels.measure_logits


def wrong_values(first: str, *rest: Any) -> torch.Tensor:
    return right(first, *rest) + 0.01


def wrong_gradient(first: str, *rest: Any) -> torch.Tensor:
    values = right(first, *rest)
    gradient = rest[7]
    gradient.mul_(1.05)
    return values


def no_driver(*_: Any) -> torch.Tensor:
    raise RuntimeError("0 active drivers ([]). There should only be one.")


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (wrong_values, "is off by up to 0.01 on"),
        (wrong_gradient, "has a gradient off by 0.05 of its norm on"),
        (no_driver, "does not run (RuntimeError: 0 active drivers"),
        (None, "does not run (ModuleNotFoundError"),
    ],
)
def test_a_kernel_at_fault_is_not_asked_again(
    fault: Any, line: str, chosen: list[str], monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    if fault is None:  # no Triton
        monkeypatch.delattr(adaspec, "kernels")
        monkeypatch.setitem(sys.modules, "adaspec.kernels", None)
    else:
        monkeypatch.setattr(kernels, "measure_logits", fault)
    pair, objective = Pair(5, 77), BLENDS[0]
    with caplog.at_level(logging.WARNING, "adaspec"):
        values = [backward_objective(objective, *pair.rows(), pair.weights) for _ in range(2)]
    (record,) = caplog.records
    assert record.getMessage().startswith("The fused kernel for forward_kl and total_variation")
    assert line in record.getMessage()
    expected = plain_values(objective, *pair.rows())
    torch.testing.assert_close(values, [expected, expected])


@pytest.mark.skipif(sys.platform != "linux", reason="Triton's compiler for NVIDIA is for Linux")
def test_it_compiles_for_an_h100(tmp_path: Any) -> None:
    """Every objective, in bfloat16 and in float32, to machine code, without a GPU."""
    environment = os.environ | {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.compiling"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines()
    assert all(line.endswith(r"b'\x7fELF'") for line in lines)
    assert len(lines) == 3 + len(MEASURES)
