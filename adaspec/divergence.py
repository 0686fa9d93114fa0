"""Per-token measures of how far a draft q is from a target p, over the whole vocabulary.

Every measure takes natural log-probabilities in float32, [rows, vocabulary], finite, and returns
one value a row. `measure_rows` and `backward_objective` apply them to two models' hidden states,
and choose between three equivalent paths:

- plain: the measure itself on chunks of rows, so that memory is bounded by one chunk's logits
  whatever the number of rows, and autograd. It handles everything; the others are tested
  against it.
- tiled: KL(p || q) on a CPU, computed over tiles of the vocabulary that fit the processor's
  cache; no gradient is written twice.
- fused: the measures of `FUSED` on a GPU. Products are in bfloat16 if the models are, logits in
  float32, and `kernels` computes values and gradient from them without writing anything else.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from adaspec.precision import product

Head = Callable[[Tensor], Tensor]
Measure = Callable[[Tensor, Tensor], Tensor]

log = logging.getLogger("adaspec")

CPU = torch.device("cpu")
CHUNK, GPU_CHUNK = 1 << 24, 1 << 26
"""Logits a chunk may hold, per model: 64 MiB in float32, and 256 MiB on a GPU."""
TILE_ROWS, TILE = 1024, 2048
"""Rows and ids of a tile: 8 MiB in float32."""
NEVER = -1e4
"""The log-probability of an id that a draft never proposes: exp of it is 0, and it is a number."""
LK_ETA = 3.0
"""How fast `lk_hybrid` turns from KL into total variation as the overlap grows."""


def forward_kl(logp: Tensor, logq: Tensor) -> Tensor:
    """KL(p || q) = sum_x p (log p - log q), in nats."""
    return (logp.exp() * (logp - logq)).sum(-1)


def entropy(logp: Tensor) -> Tensor:
    """H(p) = -sum_x p log p, in nats."""
    return -(logp.exp() * logp).sum(-1)


def reverse_kl(logp: Tensor, logq: Tensor) -> Tensor:
    """KL(q || p), in nats."""
    return forward_kl(logq, logp)


def jensen_shannon(logp: Tensor, logq: Tensor) -> Tensor:
    """(KL(p || m) + KL(q || m)) / 2 with m = (p + q) / 2, in nats; at most log 2."""
    logm = torch.logaddexp(logp, logq) - math.log(2)
    return (forward_kl(logp, logm) + forward_kl(logq, logm)) / 2


def total_variation(logp: Tensor, logq: Tensor) -> Tensor:
    """sum_x |p - q| / 2 = 1 - beta: the probability that a drafted token is rejected."""
    return (logp.exp() - logq.exp()).abs().sum(-1) / 2


def neg_log_overlap(logp: Tensor, logq: Tensor) -> Tensor:
    """-log beta, beta = sum_x min(p, q): the surprisal of an acceptance, in nats.

    LK-alpha of LK losses (Samarin et al. 2602.23881). Its gradient is that of the total variation
    divided by beta, so that it does not vanish where the draft is far off.
    """
    return -torch.minimum(logp, logq).logsumexp(-1)


def lk_hybrid(logp: Tensor, logq: Tensor) -> Tensor:
    """lambda KL(p || q) + (1 - lambda) TV, lambda = exp(-3 beta) a token, without gradient.

    LK-lambda of LK losses (Samarin et al. 2602.23881): KL where p and q hardly overlap, total
    variation where they do; 3 is their eta.
    """
    share = (-LK_ETA * overlap(logp, logq).detach()).exp()
    return share * forward_kl(logp, logq) + (1 - share) * total_variation(logp, logq)


def overlap(logp: Tensor, logq: Tensor) -> Tensor:
    """beta = sum_x min(p, q), the exact acceptance rate (Leviathan et al. 2211.17192, 3.4)."""
    return torch.minimum(logp, logq).exp().sum(-1)


OBJECTIVES: dict[str, Measure] = {
    "forward_kl": forward_kl,
    "reverse_kl": reverse_kl,
    "jensen_shannon": jensen_shannon,
    "total_variation": total_variation,
    "neg_log_overlap": neg_log_overlap,
    "lk_hybrid": lk_hybrid,
}


@dataclass(frozen=True)
class Objective:
    """A measure: (1 - share) of one and share of another, or the first alone."""

    first: Measure
    last: Measure | None = None
    share: float = 0.0

    def __call__(self, logp: Tensor, logq: Tensor) -> Tensor:
        if self.last is None:
            return self.first(logp, logq)
        first, last = self.first(logp, logq), self.last(logp, logq)
        return (1 - self.share) * first + self.share * last


KL = Objective(forward_kl)


def blend(first: str, last: str | None, share: float) -> Objective:
    """Objectives by their names."""
    if last is None:
        return Objective(OBJECTIVES[first])
    return Objective(OBJECTIVES[first], OBJECTIVES[last], share)


class Rows(NamedTuple):
    """Hidden states and the head that reads them: a model's distributions at some positions.

    Attributes:
        hidden: [rows, hidden].
        head: to logits [rows, vocabulary].
        vocabulary: how wide those are; sizes the chunks.
        linear: the head's layer, if the head is a single linear layer.
        kept: the ids that a trimmed draft proposes, ascending, a row of `linear` each; its logits
            are -inf at the others. None: all.
    """

    hidden: Tensor
    head: Head
    vocabulary: int
    linear: nn.Linear | None = None
    kept: Tensor | None = None

    def log_probs(self, rows: slice) -> Tensor:
        """[rows, vocabulary], finite: `NEVER` at ids that are not proposed."""
        logs = self.head(self.hidden[rows]).log_softmax(-1)
        return logs if self.kept is None else logs.clamp(min=NEVER)


def among_kept(p: Rows, q: Rows) -> tuple[Rows, Rows]:
    """Both over the ids that q proposes alone: p renormalised over them, in `q.kept`'s order.

    KL(p || q) is infinite where p gives anything to an id that q never proposes. What a trimmed
    draft is trained towards is therefore this p, as EAGLE-3's are (SpecForge, `_compute_target_p`);
    its overlap with p itself is sum_x min(p, q) as ever, and at most what p gives those ids.
    """
    if q.kept is None:
        return p, q
    linear = None if p.linear is None else _rows_of(p.linear, q.kept)
    return _columns(p, q.kept, linear), _columns(q, q.kept, q.linear)


def _columns(rows: Rows, kept: Tensor, linear: nn.Linear | None) -> Rows:
    return Rows(rows.hidden, lambda hidden: rows.head(hidden)[:, kept], len(kept), linear)


def _rows_of(layer: nn.Linear, kept: Tensor) -> nn.Linear:
    """A frozen layer with these rows of another."""
    some = nn.Linear(layer.in_features, len(kept), layer.bias is not None, device="meta")
    some.weight = nn.Parameter(layer.weight.detach()[kept], requires_grad=False)
    if layer.bias is not None:
        some.bias = nn.Parameter(layer.bias.detach()[kept], requires_grad=False)
    return some


def renormalised(logp: Tensor, kept: Tensor | None) -> Tensor:
    """log p over these ids alone, [rows, vocabulary], `NEVER` at the others; p itself if all."""
    if kept is None:
        return logp
    return torch.full_like(logp, NEVER).index_copy(1, kept, logp[:, kept].log_softmax(-1))


def left_out(logp: Tensor, kept: Tensor) -> Tensor:
    """[rows] what p gives to ids that a draft never proposes: its overlap is at most 1 less this.

    The sum of what is left out rather than 1 less the rest, which would be rounding.
    """
    others = torch.ones(logp.shape[1], dtype=torch.bool, device=logp.device)
    others[kept] = False
    return logp[:, others].exp().sum(-1)


def chunk_logits(device: torch.device) -> int:
    """Logits a chunk may hold on this device: a GPU is faster with fewer, larger products."""
    return CHUNK if device.type == "cpu" else GPU_CHUNK


def chunks(rows: int, vocabulary: int, device: torch.device = CPU) -> Iterator[slice]:
    """Slices of as many rows as a chunk may hold."""
    size = max(1, chunk_logits(device) // vocabulary)
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def measure_rows(measure: Measure, p: Rows, q: Rows) -> Tensor:
    """[rows] one measure at every row, without gradient; KL as `among_kept` has it."""
    objective = measure if isinstance(measure, Objective) else Objective(measure)
    if objective == KL:
        p, q = among_kept(p, q)
    if objective == KL and tiles(p, q):
        return tiled_kl(p, q).values
    if fuses(objective, p, q, gradient=False):
        return fused_values(objective, p, q)
    return plain_values(objective, p, q)


@torch.no_grad()
def entropy_rows(p: Rows) -> Tensor:
    """[rows] H(p), in nats."""
    parts = [
        entropy(p.log_probs(rows)) for rows in chunks(len(p.hidden), p.vocabulary, p.hidden.device)
    ]
    return _joined(parts, p.hidden)


class TokenRows(NamedTuple):
    """What target and draft say of the text's own tokens, and of their likeliest ones.

    Attributes:
        log_p, log_q: [rows] log-probability of the text's token.
        agree: [rows] bool, whether both have the same likeliest token.
        verified: [rows] bool, whether the draft's likeliest is among the target's few likeliest.
    """

    log_p: Tensor
    log_q: Tensor
    agree: Tensor
    verified: Tensor


@torch.no_grad()
def token_rows(p: Rows, q: Rows, tokens: Tensor, few: int) -> TokenRows:
    """Of every row.

    Args:
        tokens: [rows] the text's.
        few: how many of the target's likeliest tokens verify the draft's.
    """
    parts = []
    for rows in chunks(len(p.hidden), p.vocabulary, p.hidden.device):
        logp, logq, said = p.log_probs(rows), q.log_probs(rows), tokens[rows, None]
        best = logq.argmax(-1, keepdim=True)
        likelier = (logp > logp.gather(1, best)).sum(-1)
        of_token = (side.gather(1, said)[:, 0] for side in (logp, logq))
        parts.append((*of_token, logp.argmax(-1) == best[:, 0], likelier < few))
    return TokenRows(*(torch.cat(columns) for columns in zip(*parts, strict=True)))


def kl_rows(p: Rows, q: Rows) -> Kl:
    """KL(p || q) at every row, in the form that `backward_objective` can reuse."""
    p, q = among_kept(p, q)
    return tiled_kl(p, q) if tiles(p, q) else Kl(measure_rows(KL, p, q))


def backward_objective(
    objective: Objective, p: Rows, q: Rows, weights: Tensor, kl: Kl | None = None
) -> Tensor:
    """Add the gradient of `sum(weights * objective)` to the draft's parameters.

    Of a trimmed draft, the objective is that of p and q as `among_kept` has them.

    Args:
        weights: [rows]
        kl: the result of `kl_rows` at these rows, if there is one.

    Returns:
        [rows] the values, without gradient.
    """
    p, q = among_kept(p, q)
    if objective == KL and tiles(p, q):
        kl = tiled_kl(p, q) if kl is None else kl
        tiled_kl_backward(kl, p, q, weights)
        return kl.values
    if fuses(objective, p, q, gradient=True):
        return fused_backward(objective, p, q, weights)
    return plain_backward(objective, p, q, weights)


@torch.no_grad()
def plain_values(measure: Measure, p: Rows, q: Rows) -> Tensor:
    """[rows] one measure at every row, without gradient."""
    values = [
        measure(p.log_probs(rows), q.log_probs(rows))
        for rows in chunks(len(p.hidden), p.vocabulary, p.hidden.device)
    ]
    return _joined(values, p.hidden)


def plain_backward(measure: Measure, p: Rows, q: Rows, weights: Tensor) -> Tensor:
    """As `backward_objective`, of any measure."""

    def loss(rows: slice, logq: Tensor) -> Tensor:
        with torch.no_grad():
            logp = p.log_probs(rows)
        return measure(logp, logq)

    return backward(loss, q, weights)


def backward(loss: Callable[[slice, Tensor], Tensor], q: Rows, weights: Tensor) -> Tensor:
    """Add the gradient of `sum(weights * loss)` to the draft's parameters.

    The head is differentiated chunk by chunk into the gradient of the hidden states, which then
    goes through the body once: the same gradient as through the whole, with one chunk's logits in
    memory at a time.

    Args:
        loss: (rows, log q at those rows [n, vocabulary]) -> [n] losses.
        weights: [rows]

    Returns:
        [rows] the losses, without gradient.
    """
    values = []
    gradient = torch.zeros_like(q.hidden)
    for rows in chunks(len(q.hidden), q.vocabulary, q.hidden.device):
        leaf = q.hidden[rows].detach().requires_grad_()
        value = loss(rows, q.head(leaf).log_softmax(-1))
        (weights[rows] * value).sum().backward()  # type: ignore[no-untyped-call]
        assert leaf.grad is not None
        gradient[rows] = leaf.grad
        values.append(value.detach())
    q.hidden.backward(gradient)  # type: ignore[no-untyped-call]
    return _joined(values, q.hidden)


def _joined(values: list[Tensor], hidden: Tensor) -> Tensor:
    return torch.cat(values) if values else hidden.new_zeros(0, dtype=torch.float32)


class Kl(NamedTuple):
    """KL(p || q) at some rows, and what the gradient of the tiled path needs besides.

    Attributes:
        values: [rows] in nats.
        normalisers: [4, rows] the largest logit of p and of q, and the sums of
            exp(logit - the largest) of both.
    """

    values: Tensor
    normalisers: Tensor | None = None

    def at(self, mask: Tensor) -> Kl:
        if self.normalisers is None:
            return Kl(self.values[mask])
        return Kl(self.values[mask], self.normalisers[:, mask])


def tiles(p: Rows, q: Rows) -> bool:
    """Whether the tiled path applies: plain linear heads, on a CPU, in float32."""
    return all(
        rows.linear is not None
        and rows.linear.weight.device.type == "cpu"
        and rows.linear.weight.dtype == rows.hidden.dtype == torch.float32
        for rows in (p, q)
    )


@torch.no_grad()
def tiled_kl(p: Rows, q: Rows) -> Kl:
    """KL(p || q) = sum_x p (a - b) + log(sum exp b / sum exp a), of logits a and b, in one pass.

    The sums are of exp(logit - the largest so far), rescaled whenever a larger logit turns up.
    """
    blocks = []
    for rows in _blocks(p):
        hidden_p, hidden_q = p.hidden[rows], q.hidden[rows]
        top_p = top_q = hidden_p.new_full((len(hidden_p), 1), -torch.inf)
        sum_p = sum_q = weighted = hidden_p.new_zeros(len(hidden_p), 1)
        for ids in _tiles(p):
            a, b = _logits(p.linear, hidden_p, ids), _logits(q.linear, hidden_q, ids)
            new_p = torch.maximum(top_p, a.amax(-1, keepdim=True))
            new_q = torch.maximum(top_q, b.amax(-1, keepdim=True))
            difference = a - b
            a.sub_(new_p).exp_()
            b.sub_(new_q).exp_()
            shrink = (top_p - new_p).exp_()
            sum_p = sum_p * shrink + a.sum(-1, keepdim=True)
            sum_q = sum_q * (top_q - new_q).exp_() + b.sum(-1, keepdim=True)
            weighted = weighted * shrink + a.mul_(difference).sum(-1, keepdim=True)
            top_p, top_q = new_p, new_q
        values = weighted / sum_p + (top_q - top_p) + (sum_q / sum_p).log()
        blocks.append(torch.cat([values, top_p, top_q, sum_p, sum_q], 1))
    columns = torch.cat(blocks).T.contiguous() if blocks else p.hidden.new_zeros(5, 0)
    return Kl(columns[0], columns[1:])


def tiled_kl_backward(kl: Kl, p: Rows, q: Rows, weights: Tensor) -> None:
    """Add the gradient of `sum(weights * KL(p || q))` to the draft's parameters.

    With respect to the logits it is q - p.
    """
    layer = q.linear
    assert layer is not None
    assert kl.normalisers is not None
    gradient = torch.zeros_like(q.hidden)
    with torch.no_grad():
        _start_gradients(layer)
        for rows in _blocks(p):
            hidden_p, hidden_q = p.hidden[rows], q.hidden[rows]
            top_p, top_q, sum_p, sum_q = kl.normalisers[:, rows, None]
            weight = weights[rows, None]
            for ids in _tiles(p):
                a, b = _logits(p.linear, hidden_p, ids), _logits(layer, hidden_q, ids)
                a.sub_(top_p).exp_().mul_(weight / sum_p)
                b.sub_(top_q).exp_().mul_(weight / sum_q).sub_(a)
                gradient[rows].addmm_(b, layer.weight[ids])
                layer.weight.grad[ids].addmm_(b.T, hidden_q)  # type: ignore[index]
                if layer.bias is not None:
                    layer.bias.grad[ids].add_(b.sum(0))  # type: ignore[index]
    q.hidden.backward(gradient)  # type: ignore[no-untyped-call]


def _start_gradients(layer: nn.Linear) -> None:
    for parameter in layer.parameters():
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)


def _blocks(p: Rows) -> Iterator[slice]:
    return (slice(i, i + TILE_ROWS) for i in range(0, len(p.hidden), TILE_ROWS))


def _tiles(p: Rows) -> Iterator[slice]:
    """Ids of the shared vocabulary: a head may have more."""
    return (slice(i, min(i + TILE, p.vocabulary)) for i in range(0, p.vocabulary, TILE))


def _logits(layer: nn.Linear | None, hidden: Tensor, ids: slice) -> Tensor:
    assert layer is not None
    bias = None if layer.bias is None else layer.bias[ids]
    return nn.functional.linear(hidden, layer.weight[ids], bias)


FUSED: dict[Measure, str] = {
    measure: measure.__name__
    for measure in (
        forward_kl,
        reverse_kl,
        jensen_shannon,
        total_variation,
        neg_log_overlap,
        overlap,
    )
}
"""The measures that `kernels` has, and their names there; others take the plain path."""
FUSED_DEVICES = {"cuda"}
ALIGNED = 64
"""A head's rows are padded to a multiple of this: odd widths make a GPU's products slow."""
SAMPLE = 256
"""Rows on which the fused path is checked before it is trusted."""
_trusted: dict[tuple[Any, ...], bool] = {}


def fuses(objective: Objective, p: Rows, q: Rows, gradient: bool) -> bool:
    """Whether the fused path applies: plain linear heads on a GPU whose kernel is correct.

    The first rows of an objective on a device are computed by the plain formula too. If the kernel
    differs, or does not run, this process does not use it for that objective again.
    """
    device = q.hidden.device
    precisions = [_precision(rows) for rows in (p, q)]
    if (
        device.type not in FUSED_DEVICES
        or len(q.hidden) == 0
        or q.kept is not None
        or not {objective.first, objective.last} <= {*FUSED, None}
        or not set(precisions) <= {torch.float32, torch.bfloat16}
    ):
        return False
    key = (device, *precisions, objective.first, objective.last, gradient)
    if key not in _trusted:
        fault = _fault(objective, p, q, gradient)
        _trusted[key] = fault is None
        if fault is not None:
            names = [FUSED[measure] for measure in (objective.first, objective.last) if measure]
            log.warning(
                "The fused kernel for %s %s on %s; the slower plain path is used instead.",
                " and ".join(names),
                fault,
                device,
            )
    return _trusted[key]


@torch.enable_grad()
def _fault(objective: Objective, p: Rows, q: Rows, gradient: bool) -> str | None:
    """What is wrong with the kernel's values or gradient at a few rows; None if nothing is."""
    objective = replace(objective, share=0.5)  # so that both count, whatever the share is now
    hidden_p, hidden_q = (rows.hidden[:SAMPLE].detach() for rows in (p, q))
    head_p, head_q = _prepare(p), _prepare(q)
    with torch.autocast(q.hidden.device.type, enabled=False):
        logp = head_p.plain_logits(hidden_p)[:, : p.vocabulary].log_softmax(-1)
        leaf = head_q.plain_logits(hidden_q)[:, : q.vocabulary].requires_grad_()
        expected = objective(logp, leaf.log_softmax(-1))
        (expected_slope,) = torch.autograd.grad(expected.sum(), leaf)
        try:
            weights = torch.ones_like(expected) if gradient else None
            values, slope = _fuse(
                objective, hidden_p, hidden_q, head_p, head_q, q.vocabulary, weights
            )
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # Triton and its driver raise many kinds
            return f"does not run ({type(error).__name__}: {str(error).partition(chr(10))[0]})"
    apart = (values - expected.detach()).abs()
    if not bool((apart <= 1e-3 * (1 + expected.abs())).all()):
        return f"is off by up to {float(apart.max()):.2g}"
    if slope is None:
        return None
    # By the norm, because rounding can flip a sign where p and q are almost equal.
    apart = (slope[:, : q.vocabulary].float() - expected_slope).norm()
    if not bool(apart <= 0.01 * expected_slope.norm() + 1e-4 * math.sqrt(len(values))):
        return f"has a gradient off by {float(apart / expected_slope.norm()):.2g} of its norm"
    return None


@torch.no_grad()
def fused_values(objective: Objective, p: Rows, q: Rows) -> Tensor:
    """[rows] the objective at every row."""
    head_p, head_q = _prepare(p), _prepare(q)
    values = []
    with torch.autocast(q.hidden.device.type, enabled=False):
        for rows in chunks(len(q.hidden), len(head_q.weight), q.hidden.device):
            hidden_p, hidden_q = p.hidden[rows], q.hidden[rows]
            value, _ = _fuse(objective, hidden_p, hidden_q, head_p, head_q, q.vocabulary)
            values.append(value)
    return _joined(values, q.hidden)


def fused_backward(objective: Objective, p: Rows, q: Rows, weights: Tensor) -> Tensor:
    """As `backward_objective`; autograd goes through the body only."""
    layer = q.linear
    assert layer is not None
    head_p, head_q = _prepare(p), _prepare(q)
    shared = slice(0, q.vocabulary)
    gradient = torch.zeros_like(q.hidden)
    values = []
    with torch.no_grad(), torch.autocast(q.hidden.device.type, enabled=False):
        _start_gradients(layer)
        for rows in chunks(len(q.hidden), len(head_q.weight), q.hidden.device):
            hidden_p, hidden_q = p.hidden[rows], q.hidden[rows].to(head_q.weight.dtype)
            value, slope = _fuse(
                objective, hidden_p, hidden_q, head_p, head_q, q.vocabulary, weights[rows]
            )
            assert slope is not None
            values.append(value)
            gradient[rows] = product(slope, head_q.weight)
            layer.weight.grad[shared] += product(slope.T, hidden_q)[shared]  # type: ignore[index]
            if layer.bias is not None:
                total = slope.sum(0, dtype=torch.float32)
                layer.bias.grad[shared] += total[shared]  # type: ignore[index]
    q.hidden.backward(gradient)  # type: ignore[no-untyped-call]
    return _joined(values, q.hidden)


class _Head(NamedTuple):
    """A linear head as the fused path takes it, prepared once per call.

    Attributes:
        weight: [width, hidden] of the shared ids, in the precision of the product; zeros up to a
            multiple of ALIGNED.
        bias: [width] in float32.
    """

    weight: Tensor
    bias: Tensor | None

    def logits(self, hidden: Tensor) -> Tensor:
        """[rows, width] without bias, in float32."""
        return product(hidden.to(self.weight.dtype), self.weight.T)

    def plain_logits(self, hidden: Tensor) -> Tensor:
        """[rows, width] of the same numbers, by a product in float32, with bias."""
        bias = 0 if self.bias is None else self.bias
        return hidden.to(self.weight.dtype).float() @ self.weight.float().T + bias


def _prepare(rows: Rows) -> _Head:
    layer, precision = rows.linear, _precision(rows)
    assert layer is not None
    shared, padding = slice(0, rows.vocabulary), -rows.vocabulary % ALIGNED
    weight = layer.weight.detach()[shared].to(precision)
    bias = None if layer.bias is None else layer.bias.detach()[shared].float()
    if padding:
        weight = nn.functional.pad(weight, (0, 0, 0, padding))
        bias = None if bias is None else nn.functional.pad(bias, (0, padding))
    return _Head(weight, bias)


def _precision(rows: Rows) -> torch.dtype | None:
    """The precision of its product: autocast's if that is on, else the head's; None without one."""
    device = rows.hidden.device.type
    if rows.linear is None:
        return None
    if torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return rows.linear.weight.dtype


def _fuse(
    objective: Objective,
    hidden_p: Tensor,
    hidden_q: Tensor,
    head_p: _Head,
    head_q: _Head,
    vocabulary: int,
    weights: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    """[rows] values; with weights also the gradient to the draft's logits, [rows, width]."""
    from adaspec import kernels  # needs Triton, which comes with torch where there is a GPU

    a, b = head_p.logits(hidden_p), head_q.logits(hidden_q)
    slope, precision = None, head_q.weight.dtype
    if weights is not None:
        slope = b if precision == b.dtype else torch.empty_like(b, dtype=precision)
    values = kernels.measure_logits(
        FUSED[objective.first],
        None if objective.last is None else FUSED[objective.last],
        objective.share,
        a,
        b,
        head_p.bias,
        head_q.bias,
        vocabulary,
        slope,
        weights,
    )
    return values, slope
