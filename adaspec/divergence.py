"""Per-token measures of how far a draft q is from a target p, over the whole vocabulary.

Every measure takes natural log-probabilities in float32, [rows, vocabulary], finite, and returns
one value a row. `measure_rows` and `backward` apply them in chunks of rows, so that memory is
bounded by one chunk's logits whatever the number of rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

Head = Callable[[Tensor], Tensor]
Measure = Callable[[Tensor, Tensor], Tensor]

CHUNK = 1 << 24
"""Logits a chunk may hold, per model: 64 MiB in float32."""


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
    """

    hidden: Tensor
    head: Head
    vocabulary: int

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
    values = [measure(p.log_probs(c), q.log_probs(c)) for c in chunks(len(p.hidden), p.vocabulary)]
    return torch.cat(values) if values else p.hidden.new_zeros(0, dtype=torch.float32)


def backward(loss: Callable[[slice, Tensor], Tensor], q: Rows, scale: float) -> Tensor:
    """Add the gradient of `scale * sum(loss)` to the draft's parameters.

    The head is differentiated chunk by chunk into the gradient of the hidden states, which then
    goes through the body once: the same gradient as through the whole, with one chunk's logits in
    memory at a time.

    Args:
        loss: (rows, log q at those rows [n, vocabulary]) -> [n] losses.

    Returns:
        [rows] the losses, without gradient.
    """
    values = []
    gradient = torch.zeros_like(q.hidden)
    for rows in chunks(len(q.hidden), q.vocabulary):
        leaf = q.hidden[rows].detach().requires_grad_()
        value = loss(rows, q.head(leaf).log_softmax(-1))
        (scale * value.sum()).backward()  # type: ignore[no-untyped-call]
        assert leaf.grad is not None
        gradient[rows] = leaf.grad
        values.append(value.detach())
    q.hidden.backward(gradient)  # type: ignore[no-untyped-call]
    return torch.cat(values)
