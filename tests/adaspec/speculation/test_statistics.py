"""What is said of traces, against plain counting, simulation and closed forms."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaspec import replays, runs
from adaspec.recipe import Decoding
from adaspec.runs import Run
from adaspec.runs.report import Position
from adaspec.runs.speed import Timed
from adaspec.speculation import statistics
from adaspec.speculation.trace import Last, Proposal, Round, Trace

EXAMPLE = Run(runs.EXAMPLES["example"])
keeps = st.lists(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), min_size=1, max_size=30)
gammas = st.integers(1, 9)


def play(keep: list[float], gamma: int, draws: random.Random) -> Trace:
    """A trace of a text whose tokens are kept with these probabilities, as the algorithm goes."""
    rounds, position = [], 0
    while position < len(keep):
        proposals: list[Proposal] = []
        for chance in keep[position : position + gamma]:
            accepted = draws.random() < chance
            q = max(chance, 0.01)  # so that min(1, q / p) is the chance
            p = q / chance if chance else 1.0
            proposals.append(Proposal(token=1, p=p, q=q, u=0.5, accepted=accepted))
            if not accepted:
                break
        position += len(proposals)
        kind = "residual" if proposals and proposals[-1].accepted is False else "bonus"
        chance = (
            keep[position - 1]
            if kind == "residual"
            else keep[position]
            if position < len(keep)
            else 1
        )
        last = Last(token=2, kind=kind, u=0.5, p=0.5, q=0.5, keep=chance)
        if kind == "bonus":
            position += 1
            last = last if position <= len(keep) else None
        rounds.append(Round(proposals=proposals, last=last, draft_ms=1, verify_ms=1))
    return Trace(
        prompt=[1],
        decoding=Decoding(gamma=gamma, max_new_tokens=len(keep)),
        seed=0,
        rounds=rounds,
        prefill_ms=0,
        stopped="length",
    )


# Counting


@given(st.lists(st.tuples(keeps, st.integers(0, 99)), min_size=1, max_size=4), gammas)
def test_counts_are_those_of_plain_counting(texts, gamma) -> None:
    traces = [play(keep, gamma, random.Random(seed)) for keep, seed in texts]
    counts = statistics.count(traces)
    assert counts.tokens.tolist() == [len(keep) for keep, _ in texts]
    for number, trace in enumerate(traces):
        flags = [proposal.accepted for each in trace.rounds for proposal in each.proposals]
        assert counts.rounds[number] == len(trace.rounds)
        assert counts.accepted[number] == flags.count(True)
        assert counts.rejected[number] == flags.count(False)
        assert counts.drafted[number] == len(flags)
    rounds = [round for trace in traces for round in trace.rounds]
    for i in range(gamma):
        tested = [
            round for round in rounds if len(round.proposals) > i
        ]  # none is left untested here
        assert counts.tested.sum(0)[i] == len(tested)
        assert counts.passed.sum(0)[i] == sum(round.proposals[i].accepted for round in tested)
    for length in range(gamma + 1):
        assert counts.lengths[length] == sum(round.accepted == length for round in rounds)


def test_untested_proposals_were_drafted_and_not_tested() -> None:
    flags = [True, False, None, None]
    proposals = [Proposal(token=1, p=0.5, q=0.5, u=None, accepted=flag) for flag in flags]
    last = Last(token=2, kind="residual", u=0.1, p=0.5)
    trace = play([1.0], 4, random.Random(0)).model_copy(
        update={"rounds": [Round(proposals=proposals, last=last, draft_ms=1, verify_ms=1)]}
    )
    acceptance = statistics.acceptance([trace], 100, 0)
    assert (acceptance.tested, acceptance.drafted) == (0.5, 0.25)
    assert acceptance.block_efficiency == 2
    assert acceptance.accepted_lengths == [0, 1, 0, 0, 0]
    assert acceptance.positions == [
        Position(tested=1, passed=1.0, reached=1.0),
        Position(tested=1, passed=0.0, reached=0.0),
    ]


def test_reached_is_the_share_of_rounds_where_none_is_cut_short() -> None:
    draws = random.Random(1)
    trace = play([draws.choice([0.0, 0.6, 1.0]) for _ in range(400)], 3, draws)
    whole = [round for round in trace.rounds if len(round.proposals) == 3 or round.rejected]
    trace = trace.model_copy(update={"rounds": whole})
    for i, position in enumerate(statistics.positions(statistics.count([trace])), 1):
        share = sum(round.accepted >= i for round in whole) / len(whole)
        assert position.reached == pytest.approx(share)


def test_nothing_tested_has_no_rate() -> None:
    plain = play([1.0, 1.0], 1, random.Random(0))
    bare = [Round(proposals=[], last=round.last, draft_ms=0, verify_ms=1) for round in plain.rounds]
    acceptance = statistics.acceptance([plain.model_copy(update={"rounds": bare})], 100, 0)
    assert (acceptance.tested, acceptance.tested_ci, acceptance.drafted, acceptance.drafted_ci) == (
        None,
    ) * 4
    assert acceptance.positions == []


# What if


@given(keeps, gammas)
def test_expected_passes_are_the_mean_of_playing_it(keep, gamma) -> None:
    """4 standard errors of 400 plays; exact where nothing is left to chance."""
    expected = statistics.expected_passes(play(keep, 1, random.Random(0)), gamma)
    played = [len(play(keep, gamma, random.Random(seed)).rounds) for seed in range(400)]
    tolerance = 4 * np.std(played) / 20 + 1e-9
    assert expected == pytest.approx(np.mean(played), abs=tolerance)


def test_expected_passes_of_plain_decoding_are_the_tokens() -> None:
    for name in replays.drafts(EXAMPLE):
        trace = replays.read(EXAMPLE, name, 0)
        assert statistics.expected_passes(trace, 0) == len(trace.text)
        assert 1 <= statistics.expected_passes(trace, 64) < len(trace.rounds)


def test_over_many_texts_they_are_what_was_recorded() -> None:
    """Within 3 %: the recorded rounds are one draw of what is expected."""
    traces = [replays.read(EXAMPLE, "adaspec", n) for n in replays.numbers(EXAMPLE, "adaspec")]
    expected = sum(statistics.expected_passes(trace, trace.decoding.gamma) for trace in traces)
    assert expected == pytest.approx(sum(len(trace.rounds) for trace in traces), rel=0.03)


# Speed


@given(st.floats(0, 0.999), st.integers(0, 20))
def test_the_expected_block_is_the_closed_form(alpha, gamma) -> None:
    closed = (1 - alpha ** (gamma + 1)) / (1 - alpha)
    assert statistics.expected_block(alpha, gamma) == pytest.approx(closed)


@given(gammas, st.floats(0, 1.5), st.floats(0.8, 3))
def test_at_the_break_even_alpha_nothing_is_won(gamma, c, v) -> None:
    alpha = statistics.break_even(gamma, c, v)
    if alpha is None:
        assert gamma + 1 < gamma * c + v
    elif alpha == 0:
        assert gamma * c + v <= 1
    else:
        assert statistics.predicted_speedup(alpha, gamma, c, v) == pytest.approx(1)


@given(st.floats(0, 1), st.floats(0.01, 1), st.floats(0, 0.2))
def test_no_gamma_is_better_than_the_best(alpha, c, slope) -> None:
    def v(gamma: int) -> float:
        return 1 + slope * gamma

    best = statistics.best_gamma(alpha, c, v, range(1, 17))
    speeds = [statistics.predicted_speedup(alpha, g, c, v(g)) for g in range(1, 17)]
    assert speeds[best - 1] == max(speeds)


def test_speed_is_ratios_of_medians_and_their_model() -> None:
    timed = {
        2: Timed(ms=[5.0, 10.0, 4.0], plain_ms=[10.0] * 3, draft_ms=2.0, verify_ms=12.0),
        4: Timed(ms=[8.0, 8.0, 8.0], plain_ms=[10.0] * 3, draft_ms=2.0, verify_ms=14.0),
    }
    speed = statistics.speed(0.8, timed, 10.0, 4, 0)
    assert (speed.measured, speed.measured_ci) == (1.25, (1.25, 1.25))
    assert (speed.c, speed.v, speed.gamma) == (0.2, pytest.approx(1.4), 4)
    assert speed.predicted == pytest.approx((1 - 0.8**5) / 0.2 / (4 * 0.2 + 1.4))
    by_gamma = {point.gamma: point for point in speed.curve}
    assert by_gamma[2].measured == 2
    assert by_gamma[3].measured is None
    # v between 12 and 14 ms: 1.3 of a plain pass.
    assert by_gamma[3].predicted == pytest.approx((1 - 0.8**4) / 0.2 / (3 * 0.2 + 1.3))
    # v between plain decoding's 10 ms and 12 ms: 1.1.
    assert by_gamma[1].predicted == pytest.approx(1.8 / (0.2 + 1.1))
    assert list(by_gamma) == [1, 2, 3, 4]
    assert statistics.speed(None, timed, 10.0, 4, 0).predicted is None


# The report


def test_the_report_says_what_the_replays_say(finished_run: Run) -> None:
    report = runs.read_report(finished_run)
    assert [draft.name for draft in report.drafts] == replays.drafts(finished_run)
    for draft in report.drafts:
        name = draft.name
        assert replays.numbers(finished_run, name) == [0, 1, 2]
        rounds = [round for n in range(3) for round in replays.read(finished_run, name, n).rounds]
        tested = [p.accepted for round in rounds for p in round.proposals if p.accepted is not None]
        assert draft.alpha.tested == pytest.approx(np.mean(tested))
        assert draft.block_efficiency == sum(round.tokens for round in rounds) / len(rounds)
        speed = draft.speedup
        assert speed.measured > 0
        assert [point.gamma for point in speed.curve] == [1, 2, 3, 4]
        timed = [point.gamma for point in speed.curve if point.measured is not None]
        assert timed == [1, 2, 4]  # 4 is what drafts are replayed at


def test_drafts_met_the_same_chances(finished_run: Run) -> None:
    """Where two drafts tested a proposal at one position, they had one uniform."""
    for seq in range(3):
        met: dict[int, set[float]] = {}
        for name in ("stock", "adaspec", "distillspec-data"):
            position = 0
            for round in replays.read(finished_run, name, seq).rounds:
                for i, proposal in enumerate(round.proposals):
                    if proposal.u is not None:
                        met.setdefault(position + i, set()).add(proposal.u)
                position += round.tokens
        assert all(len(chances) == 1 for chances in met.values())
