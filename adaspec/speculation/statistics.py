"""What traces say of a draft: acceptance rates, block efficiency, and the speed they lead to.

Counts are kept by prompt, since the tokens of one prompt are not independent: intervals resample
prompts. Formulas are Leviathan et al.'s (2211.17192, sections 3.1 to 3.3), but for the cost of
verification, which is measured here and taken to be free there. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from adaspec import glossary
from adaspec.resampling import bootstrap, median_interval
from adaspec.runs.contract import Interval
from adaspec.runs.report import Acceptance, Decoded, Position, SpeedPoint, Speedup
from adaspec.runs.speed import Timed
from adaspec.speculation.trace import Trace, emitted

RESAMPLES = 2000  # of a median of few prompts

DEFINITIONS = glossary.means(
    "alpha.tested",
    "alpha.drafted",
    "block_efficiency",
    "accepted_lengths",
    "positions.passed",
    "positions.reached",
    "speedup.measured",
    "speedup.gamma",
    "speedup.c",
    "speedup.v",
    "speedup.predicted",
    "speedup.break_even_alpha",
    "speedup.best_gamma",
)


@dataclass(frozen=True)
class Counts:
    """What happened on each prompt.

    Attributes:
        rounds: [prompts] target passes.
        accepted, rejected, drafted: [prompts] proposals; `rejected` has at most one a round.
        tokens: [prompts] of the text.
        tested, passed: [prompts, gamma] i-th proposals of a round that were tested, and accepted.
        lengths: [gamma + 1] rounds by how many proposals they accepted.
    """

    rounds: np.ndarray
    accepted: np.ndarray
    rejected: np.ndarray
    drafted: np.ndarray
    tokens: np.ndarray
    tested: np.ndarray
    passed: np.ndarray
    lengths: np.ndarray


def count(traces: Sequence[Trace]) -> Counts:
    """The counts of traces with one gamma."""
    gamma = max((trace.decoding.gamma for trace in traces), default=0)
    tested = np.zeros((len(traces), gamma), dtype=np.int64)
    passed = np.zeros_like(tested)
    lengths = np.zeros(gamma + 1, dtype=np.int64)
    rounds, accepted, rejected, drafted, tokens = np.zeros((5, len(traces)), dtype=np.int64)
    for number, trace in enumerate(traces):
        for one in trace.rounds:
            rounds[number] += 1
            accepted[number] += one.accepted
            rejected[number] += one.rejected
            drafted[number] += len(one.proposals)
            tokens[number] += one.tokens
            lengths[one.accepted] += 1
            passed[number, : one.accepted] += 1
            tested[number, : one.accepted + one.rejected] += 1
    return Counts(rounds, accepted, rejected, drafted, tokens, tested, passed, lengths)


# What a report says of them


def acceptance(traces: Sequence[Trace], resamples: int, seed: int) -> Acceptance:
    """The report's fields that follow from traces; see `DEFINITIONS`."""
    counts = count(traces)
    of_tested = counts.accepted + counts.rejected
    tested, tested_ci = _estimate(counts.accepted, of_tested, resamples, seed)
    drafted, drafted_ci = _estimate(counts.accepted, counts.drafted, resamples, seed)
    efficiency, efficiency_ci = _estimate(counts.tokens, counts.rounds, resamples, seed)
    return Acceptance(
        tested=tested,
        tested_ci=tested_ci,
        drafted=drafted,
        drafted_ci=drafted_ci,
        block_efficiency=efficiency,
        block_efficiency_ci=efficiency_ci,
        accepted_lengths=counts.lengths.tolist(),
        positions=positions(counts),
        decoded=Decoded(
            prompts=len(traces), tokens=int(counts.tokens.sum()), rounds=int(counts.rounds.sum())
        ),
    )


def _estimate(
    sums: np.ndarray, counts: np.ndarray, resamples: int, seed: int
) -> tuple[float, Interval] | tuple[None, None]:
    """A ratio with its interval; None where nothing was counted."""
    if not counts.sum():
        return None, None
    return float(sums.sum() / counts.sum()), bootstrap(sums, counts, resamples, seed)


def positions(counts: Counts) -> list[Position]:
    """For i = 1 to gamma, what became of the i-th proposals.

    P_i is the Kaplan-Meier product of h_1 to h_i: the plain share of rounds would be too low where
    the text's end cut a round short. Positions that no round came to are left out.
    """
    rows: list[Position] = []
    reached = 1.0
    for tested, passed in zip(counts.tested.sum(0), counts.passed.sum(0), strict=True):
        if not tested:
            break
        reached *= passed / tested
        share = float(passed / tested)
        rows.append(Position(tested=int(tested), passed=share, reached=float(reached)))
    return rows


# Speed


def expected_block(alpha: float, gamma: int) -> float:
    """Tokens per target pass if acceptances are independent (Leviathan et al., equation 1)."""
    return float(sum(alpha**i for i in range(gamma + 1)))


def expected_lengths(passed: Sequence[float]) -> np.ndarray:
    """EAL, the expected accepted length: [gamma] of rounds of 1, 2, … gamma proposals, how many
    the target accepts, sum_k prod_{i<=k} alpha_i. One alpha for all is `expected_block` less 1.

    Args:
        passed: alpha_i, the share of the i-th proposals that are accepted where they are tested.
    """
    return np.cumprod(passed).cumsum()


def predicted_speedup(alpha: float, gamma: int, c: float, v: float) -> float:
    """Over plain decoding: expected_block / (gamma c + v).

    Args:
        c: cost of drafting a token, in plain target passes.
        v: cost of verifying gamma + 1 tokens, likewise; Theorem 3.8 has v = 1.
    """
    return expected_block(alpha, gamma) / (gamma * c + v)


def break_even(gamma: int, c: float, v: float) -> float | None:
    """The alpha at which the predicted speed-up is 1; None where even alpha = 1 is too little."""
    low, high = 0.0, 1.0
    if predicted_speedup(high, gamma, c, v) < 1:
        return None
    if predicted_speedup(low, gamma, c, v) >= 1:
        return 0.0
    for _ in range(60):
        middle = (low + high) / 2
        if predicted_speedup(middle, gamma, c, v) < 1:
            low = middle
        else:
            high = middle
    return high


def best_gamma(alpha: float, c: float, v: Callable[[int], float], gammas: range) -> int:
    """The draft length with the largest predicted speed-up; the smallest of equal ones."""
    return max(gammas, key=lambda gamma: (predicted_speedup(alpha, gamma, c, v(gamma)), -gamma))


def verification_cost(known: dict[int, float]) -> Callable[[int], float]:
    """v of a draft length: on a straight line between those that were measured, and a pass over
    one token, which costs 1.

    Args:
        known: gamma -> the target's pass over gamma + 1 tokens, in plain passes.
    """
    lengths = [0, *sorted(known)]
    costs = [1.0, *(known[gamma] for gamma in lengths[1:])]
    return lambda gamma: float(np.interp(gamma, lengths, costs))


def draft_ms(timed: dict[int, Timed]) -> float:
    """Milliseconds to draft a token, median over the timed draft lengths."""
    return float(np.median([each.draft_ms for each in timed.values()]))


def expected_passes(trace: Trace, gamma: int) -> float:
    """Target passes that the same text would have taken at another gamma, in expectation.

    Given the text, a drafted token is accepted with probability `keep` = min(1, q / p), each by
    itself, whatever gamma: P(accepted, x) = min(p, q) and P(x) = p. So the starts of rounds are a
    Markov chain over the positions. Exact where every `keep` is 0 or 1, as in greedy decoding.
    """
    keep = [1.0 if token.keep is None else token.keep for token in emitted(trace)]
    starts = np.zeros(len(keep) + gamma + 2)
    starts[0] = 1.0
    for position in range(len(keep)):
        running = starts[position]
        for chance in keep[position : position + gamma]:
            position += 1
            starts[position] += running * (1 - chance)
            running *= chance
        starts[position + 1] += running
    return float(starts[: len(keep)].sum())


def speed(
    alpha: float | None, timed: dict[int, Timed], plain_ms: float, gamma: int, seed: int
) -> Speedup:
    """The report's `speedup` of a draft; see `DEFINITIONS`.

    Args:
        alpha: tested; without it nothing is predicted.
        timed: gamma -> what `speed.measure_speed` says of the draft there.
        plain_ms: milliseconds a token of plain decoding, median over the timed prompts.
        gamma: the one of `timed` that the report is about.
    """
    gammas = sorted(timed)
    c = draft_ms(timed) / plain_ms
    v = verification_cost({length: timed[length].verify_ms / plain_ms for length in gammas})

    def predicted(length: int) -> float | None:
        return None if alpha is None else predicted_speedup(alpha, length, c, v(length))

    def point(length: int) -> SpeedPoint:
        measured, interval = _measured(timed[length], seed) if length in timed else (None, None)
        return SpeedPoint(
            gamma=length, measured=measured, measured_ci=interval, predicted=predicted(length)
        )

    lengths = range(1, max(gammas) + 1)
    measured, interval = _measured(timed[gamma], seed)
    return Speedup(
        gamma=gamma,
        c=c,
        v=v(gamma),
        plain_ms=plain_ms,
        measured=measured,
        measured_ci=interval,
        break_even_alpha=break_even(gamma, c, v(gamma)),
        predicted=predicted(gamma),
        best_gamma=None if alpha is None else best_gamma(alpha, c, v, lengths),
        curve=[point(length) for length in lengths],
    )


def _measured(timed: Timed, seed: int) -> tuple[float, Interval]:
    ratios = np.divide(timed.plain_ms, timed.ms)
    return float(np.median(ratios)), median_interval(ratios, RESAMPLES, seed)
