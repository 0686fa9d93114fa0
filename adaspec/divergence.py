"""Per-token measures of how far a draft q is from a target p, over the whole vocabulary.

Every measure takes natural log-probabilities in float32, [rows, vocabulary], finite, and returns
one value a row. `measure_rows` and `backward` apply them in chunks of rows, so that memory is
bounded by one chunk's logits whatever the number of rows. For KL(p || q), which training asks for
most, `tiled_kl` and `tiled_kl_backward` go over the vocabulary in tiles that a processor's cache
holds, and write no gradient twice; `forward_kl` through the others is their plain twin.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

Head = Callable[[Tensor], Tensor]
Measure = Callable[[Tensor, Tensor], Tensor]

CHUNK = 1 << 24
"""Logits a chunk may hold, per model: 64 MiB in float32."""
TILE_ROWS, TILE = 1024, 2048
"""Rows and ids of a tile: 8 MiB in float32."""


def forward_kl(logp: Tensor, logq: Tensor) -> Tensor:
    """KL(p || q) = sum_x p (log p - log q), in nats."""
    return (logp.exp() * (logp - logq)).sum(-1)


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
    """-log beta, beta = sum_x min(p, q): the surprisal of an acceptance, in nats."""
    return -torch.minimum(logp, logq).logsumexp(-1)


def overlap(logp: Tensor, logq: Tensor) -> Tensor:
    """beta = sum_x min(p, q), the exact acceptance rate (Leviathan et al. 2211.17192, 3.4)."""
    return torch.minimum(logp, logq).exp().sum(-1)


OBJECTIVES: dict[str, Measure] = {
    "forward_kl": forward_kl,
    "reverse_kl": reverse_kl,
    "jensen_shannon": jensen_shannon,
    "total_variation": total_variation,
    "neg_log_overlap": neg_log_overlap,
}


def blend(first: str, last: str | None, share: float) -> Measure:
    """(1 - share) of one objective and share of the other; the first alone where there is none."""
    one = OBJECTIVES[first]
    if last is None:
        return one
    other = OBJECTIVES[last]
    return lambda logp, logq: (1 - share) * one(logp, logq) + share * other(logp, logq)


class Rows(NamedTuple):
    """Hidden states and the head that reads them: what a model says at some positions.

    Attributes:
        hidden: [rows, hidden].
        head: to logits [rows, vocabulary].
        vocabulary: how wide those are; sizes the chunks.
        linear: the layer that the head is, where it is nothing else.
    """

    hidden: Tensor
    head: Head
    vocabulary: int
    linear: nn.Linear | None = None

    def log_probs(self, rows: slice) -> Tensor:
        return self.head(self.hidden[rows]).log_softmax(-1)


def chunks(rows: int, vocabulary: int) -> Iterator[slice]:
    """Slices of at most CHUNK / vocabulary rows."""
    size = max(1, CHUNK // vocabulary)
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


@torch.no_grad()
def measure_rows(measure: Measure, p: Rows, q: Rows) -> Tensor:
    """[rows] one measure at every row, without gradient."""
    if measure is forward_kl and tiles(p, q):
        return tiled_kl(p, q).values
    values = [measure(p.log_probs(c), q.log_probs(c)) for c in chunks(len(p.hidden), p.vocabulary)]
    return torch.cat(values) if values else p.hidden.new_zeros(0, dtype=torch.float32)


def backward_objective(
    objective: Measure, p: Rows, q: Rows, weights: Tensor, kl: Kl | None = None
) -> Tensor:
    """Add the gradient of `sum(weights * objective)` to the draft's parameters.

    Args:
        weights: [rows]
        kl: KL(p || q) at these rows, if `tiled_kl` was asked for it before.

    Returns:
        [rows] the objective, without gradient.
    """
    if objective is forward_kl and tiles(p, q):
        kl = kl or tiled_kl(p, q)
        tiled_kl_backward(kl, p, q, weights)
        return kl.values

    def loss(rows: slice, logq: Tensor) -> Tensor:
        with torch.no_grad():
            logp = p.log_probs(rows)
        return objective(logp, logq)

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
    for rows in chunks(len(q.hidden), q.vocabulary):
        leaf = q.hidden[rows].detach().requires_grad_()
        value = loss(rows, q.head(leaf).log_softmax(-1))
        (weights[rows] * value).sum().backward()  # type: ignore[no-untyped-call]
        assert leaf.grad is not None
        gradient[rows] = leaf.grad
        values.append(value.detach())
    q.hidden.backward(gradient)  # type: ignore[no-untyped-call]
    return torch.cat(values)


class Kl(NamedTuple):
    """KL(p || q) at some rows, and what its gradient needs besides.

    Attributes:
        values: [rows] in nats.
        top_p, top_q: [rows] the largest logit.
        sum_p, sum_q: [rows] of exp(logit - the largest).
    """

    values: Tensor
    top_p: Tensor
    top_q: Tensor
    sum_p: Tensor
    sum_q: Tensor

    def at(self, mask: Tensor) -> Kl:
        return Kl(*(column[mask] for column in self))


def tiles(p: Rows, q: Rows) -> bool:
    """Whether the tiled path is for them: plain linear heads, on a CPU in float32."""
    return all(
        one.linear is not None
        and one.linear.weight.device.type == "cpu"
        and one.linear.weight.dtype == one.hidden.dtype == torch.float32
        for one in (p, q)
    )


@torch.no_grad()
def tiled_kl(p: Rows, q: Rows) -> Kl:
    """KL(p || q) = sum_x p (a - b) + log(sum exp b / sum exp a), of logits a and b, in one pass.

    The sums are of exp(logit - the largest so far), and shrink where a larger one turns up.
    """
    found = []
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
        found.append(torch.cat([values, top_p, top_q, sum_p, sum_q], 1))
    return Kl(*torch.cat(found).unbind(1)) if found else Kl(*p.hidden.new_zeros(5, 0))


def tiled_kl_backward(kl: Kl, p: Rows, q: Rows, weights: Tensor) -> None:
    """Add the gradient of `sum(weights * KL(p || q))` to the draft's parameters.

    With respect to the logits it is q - p.
    """
    layer = q.linear
    assert layer is not None
    gradient = torch.zeros_like(q.hidden)
    with torch.no_grad():
        for parameter in layer.parameters():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        for rows in _blocks(p):
            hidden_p, hidden_q = p.hidden[rows], q.hidden[rows]
            for ids in _tiles(p):
                a, b = _logits(p.linear, hidden_p, ids), _logits(layer, hidden_q, ids)
                a.sub_(kl.top_p[rows, None]).exp_().mul_((weights / kl.sum_p)[rows, None])
                b.sub_(kl.top_q[rows, None]).exp_().mul_((weights / kl.sum_q)[rows, None]).sub_(a)
                gradient[rows].addmm_(b, layer.weight[ids])
                layer.weight.grad[ids].addmm_(b.T, hidden_q)  # type: ignore[index]
                if layer.bias is not None:
                    layer.bias.grad[ids].add_(b.sum(0))  # type: ignore[index]
    q.hidden.backward(gradient)  # type: ignore[no-untyped-call]


def _blocks(p: Rows) -> Iterator[slice]:
    return (slice(i, i + TILE_ROWS) for i in range(0, len(p.hidden), TILE_ROWS))


def _tiles(p: Rows) -> Iterator[slice]:
    """Ids of the shared vocabulary: a head may have more."""
    return (slice(i, min(i + TILE, p.vocabulary)) for i in range(0, p.vocabulary, TILE))


def _logits(layer: nn.Linear | None, hidden: Tensor, ids: slice) -> Tensor:
    assert layer is not None
    bias = None if layer.bias is None else layer.bias[ids]
    return nn.functional.linear(hidden, layer.weight[ids], bias)
