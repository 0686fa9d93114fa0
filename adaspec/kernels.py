"""The measures of `divergence` as one Triton kernel, a program a row, for a GPU.

It takes float32 logits instead of log-probabilities, so that nothing else of that size is written:
a first loop over the vocabulary finds both normalisers (and the KL divergences, whose sums can be
updated on the way), a second sums what needs normalised log-probabilities, a third writes the
gradient with respect to the draft's logits. Every loop keeps a sum per lane and reduces them at its
end. `divergence` calls it, and checks it against the plain measures.

Triton comes with torch's CUDA build; nothing else imports this file. With TRITON_INTERPRET=1, set
before the import, the kernel runs on a CPU, slowly.
"""

# mypy: disable-error-code="untyped-decorator, import-untyped, import-not-found"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK, WARPS = 2048, 16
"""Logits that a program reads at once, and its warps: 16 bytes per thread."""
LOW = tl.constexpr(-1e30)
"""The logit of probability zero; finite, because subtracting infinities gives NaN."""
FIRST_LOOP = {"forward_kl", "reverse_kl", None}
"""Measures that need only the first loop."""
LOG_2 = tl.constexpr(0.6931471805599453)


def measure_logits(
    first: str,
    last: str | None,
    share: float,
    a: Tensor,
    b: Tensor,
    bias_a: Tensor | None,
    bias_b: Tensor | None,
    vocabulary: int,
    gradient: Tensor | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """[rows] a measure of two models' logits, or (1 - share) of one and share of another.

    Args:
        first, last: names of measures in `divergence`.
        a, b: [rows, width] the target's and the draft's logits without bias, float32, contiguous.
        bias_a, bias_b: [width] float32.
        vocabulary: how many of the columns count.
        gradient: [rows, width], contiguous; receives the derivative with respect to b, 0 beyond the
            vocabulary; may be b itself.
        weights: [rows] float32, contiguous; each row's weight in the gradient.
    """
    values = torch.empty(len(a), device=a.device, dtype=torch.float32)
    _row[(len(a),)](
        a,
        b,
        bias_a,
        bias_b,
        values,
        gradient,
        weights,
        share,
        vocabulary,
        WIDTH=a.shape[1],
        FIRST=first,
        LAST=last,
        SECOND_LOOP=not {first, last} <= FIRST_LOOP,
        BLOCK=BLOCK,
        num_warps=WARPS,
    )
    return values


@triton.jit
def _row(
    a: tl.tensor,
    b: tl.tensor,
    bias_a: tl.tensor,
    bias_b: tl.tensor,
    values: tl.tensor,
    gradient: tl.tensor,
    weights: tl.tensor,
    share: tl.tensor,
    vocabulary: tl.tensor,
    WIDTH: tl.constexpr,
    FIRST: tl.constexpr,
    LAST: tl.constexpr,
    SECOND_LOOP: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    row = tl.program_id(0)
    a += row.to(tl.int64) * WIDTH
    b += row.to(tl.int64) * WIDTH
    lanes = tl.arange(0, BLOCK)
    zeros = tl.zeros([BLOCK], tl.float32)

    top_a, top_b = zeros + LOW, zeros + LOW
    sum_a, sum_b, apart_a, apart_b = zeros, zeros, zeros, zeros
    for start in range(0, WIDTH, BLOCK):
        x = _load(a, bias_a, start + lanes, vocabulary, WIDTH)
        y = _load(b, bias_b, start + lanes, vocabulary, WIDTH)
        new_a, new_b = tl.maximum(top_a, x), tl.maximum(top_b, y)
        shrink_a, shrink_b = tl.exp(top_a - new_a), tl.exp(top_b - new_b)
        p, q = tl.exp(x - new_a), tl.exp(y - new_b)
        sum_a, sum_b = sum_a * shrink_a + p, sum_b * shrink_b + q
        apart_a, apart_b = apart_a * shrink_a + p * (x - y), apart_b * shrink_b + q * (x - y)
        top_a, top_b = new_a, new_b
    highest_a, highest_b = tl.max(top_a, 0), tl.max(top_b, 0)
    shrink_a, shrink_b = tl.exp(top_a - highest_a), tl.exp(top_b - highest_b)
    total_a, total_b = tl.sum(sum_a * shrink_a, 0), tl.sum(sum_b * shrink_b, 0)
    log_a, log_b = tl.log(total_a), tl.log(total_b)
    # log p - log q = x - y - shift
    shift = (highest_a - highest_b) + (log_a - log_b)
    forward_kl = tl.sum(apart_a * shrink_a, 0) / total_a - shift
    reverse_kl = shift - tl.sum(apart_b * shrink_b, 0) / total_b

    u1, v1, w1 = _start(FIRST, zeros)
    u2, v2, w2 = _start(LAST, zeros)
    if SECOND_LOOP:
        for start in range(0, WIDTH, BLOCK):
            x = _load(a, bias_a, start + lanes, vocabulary, WIDTH)
            y = _load(b, bias_b, start + lanes, vocabulary, WIDTH)
            logp, logq = x - highest_a - log_a, y - highest_b - log_b
            u1, v1, w1 = _add(FIRST, logp, logq, u1, v1, w1)
            u2, v2, w2 = _add(LAST, logp, logq, u2, v2, w2)
    value_1, mean_1 = _finish(FIRST, forward_kl, reverse_kl, u1, v1, w1)
    value_2, mean_2 = _finish(LAST, forward_kl, reverse_kl, u2, v2, w2)
    value = value_1
    if LAST is not None:
        value = (1 - share) * value_1 + share * value_2
    tl.store(values + row, value)

    if gradient is not None:
        weight = tl.load(weights + row)
        gradient += row.to(tl.int64) * WIDTH
        for start in range(0, WIDTH, BLOCK):
            x = _load(a, bias_a, start + lanes, vocabulary, WIDTH)
            y = _load(b, bias_b, start + lanes, vocabulary, WIDTH)
            logp, logq = x - highest_a - log_a, y - highest_b - log_b
            slope = _slope(FIRST, logp, logq, value_1, mean_1)
            if LAST is not None:
                other = _slope(LAST, logp, logq, value_2, mean_2)
                slope = (1 - share) * slope + share * other
            slope = (slope * weight).to(gradient.dtype.element_ty)
            tl.store(gradient + start + lanes, slope, mask=start + lanes < WIDTH)


@triton.jit
def _load(
    logits: tl.tensor, bias: tl.tensor, ids: tl.tensor, vocabulary: tl.tensor, WIDTH: tl.constexpr
) -> tl.tensor:
    x = tl.load(logits + ids, mask=ids < WIDTH, other=0.0)
    if bias is not None:
        x += tl.load(bias + ids, mask=ids < WIDTH, other=0.0)
    return tl.where(ids < vocabulary, x, LOW)


@triton.jit
def _start(NAME: tl.constexpr, zeros: tl.tensor) -> tl.tensor:
    u = zeros
    if NAME == "overlap" or NAME == "neg_log_overlap":
        u = zeros + LOW
    return u, zeros, zeros


@triton.jit
def _add(
    NAME: tl.constexpr, logp: tl.tensor, logq: tl.tensor, u: tl.tensor, v: tl.tensor, w: tl.tensor
) -> tl.tensor:
    """What the second loop sums up.

    u the values and v the derivatives to log q; for an overlap u the highest of log min(p, q), v
    the sum of min(p, q) relative to it, w that part of the sum that grows with log q.
    """
    if NAME == "jensen_shannon":
        p, q = tl.exp(logp), tl.exp(logq)
        logm = _log_mean(logp, logq)
        u += (p * (logp - logm) + q * (logq - logm)) / 2
        v += q * (logq - logm) / 2
    elif NAME == "total_variation":
        p, q = tl.exp(logp), tl.exp(logq)
        u += tl.abs(p - q) / 2
        v += q * _sign(q - p) / 2
    elif NAME == "overlap" or NAME == "neg_log_overlap":
        least = tl.minimum(logp, logq)
        new = tl.maximum(u, least)
        shrink, m = tl.exp(u - new), tl.exp(least - new)
        u, v = new, v * shrink + m
        w = w * shrink + m * _part(logp, logq)
    return u, v, w


@triton.jit
def _finish(
    NAME: tl.constexpr,
    forward_kl: tl.tensor,
    reverse_kl: tl.tensor,
    u: tl.tensor,
    v: tl.tensor,
    w: tl.tensor,
) -> tl.tensor:
    """A row's value, and the sum of its derivatives to log q as `_slope` wants it."""
    value, mean = forward_kl, forward_kl
    if NAME == "reverse_kl":
        value, mean = reverse_kl, reverse_kl
    elif NAME == "jensen_shannon" or NAME == "total_variation":
        value, mean = tl.sum(u, 0), tl.sum(v, 0)
    elif NAME == "overlap" or NAME == "neg_log_overlap":
        top = tl.max(u, 0)
        shrink = tl.exp(u - top)
        total = tl.sum(v * shrink, 0)
        mean = tl.sum(w * shrink, 0) / total
        value = -top - tl.log(total)
        if NAME == "overlap":
            value = tl.exp(-value)
    return value, mean


@triton.jit
def _slope(
    NAME: tl.constexpr, logp: tl.tensor, logq: tl.tensor, value: tl.tensor, mean: tl.tensor
) -> tl.tensor:
    """A measure's derivative to the draft's logits: g - q sum(g), g the one to log q."""
    q = tl.exp(logq)
    slope = q - tl.exp(logp)  # forward_kl
    if NAME == "reverse_kl":
        slope = q * (logq - logp - mean)
    elif NAME == "jensen_shannon":
        slope = q * ((logq - _log_mean(logp, logq)) / 2 - mean)
    elif NAME == "total_variation":
        slope = q * (_sign(q - tl.exp(logp)) / 2 - mean)
    elif NAME == "neg_log_overlap":
        slope = q * mean - _part(logp, logq) * tl.exp(tl.minimum(logp, logq) + value)
    elif NAME == "overlap":
        slope = _part(logp, logq) * tl.exp(tl.minimum(logp, logq)) - q * mean * value
    return slope


@triton.jit
def _log_mean(logp: tl.tensor, logq: tl.tensor) -> tl.tensor:
    """log (p + q) / 2."""
    return tl.maximum(logp, logq) + tl.log(1 + tl.exp(-tl.abs(logp - logq))) - LOG_2


@triton.jit
def _sign(x: tl.tensor) -> tl.tensor:
    return tl.where(x > 0, 1.0, tl.where(x < 0, -1.0, 0.0))


@triton.jit
def _part(logp: tl.tensor, logq: tl.tensor) -> tl.tensor:
    """Derivative of min(log p, log q) to log q; a half where they are equal, as torch has it."""
    return tl.where(logq < logp, 1.0, tl.where(logq == logp, 0.5, 0.0))
