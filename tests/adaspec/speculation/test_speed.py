"""What is timed, in which order, beside what: with decodings whose clock is made up."""

from __future__ import annotations

import time
from collections import Counter
from itertools import pairwise
from typing import Any

import psutil
import pytest
from torch import nn

from adaspec import replays, runs
from adaspec.recipe import Decoding, Speculation
from adaspec.runs import Business, Run, Speed
from adaspec.speculation.business import watch
from adaspec.speculation.speed import measure_speed
from adaspec.speculation.trace import Trace

RECORDED = replays.read(Run(runs.EXAMPLES["example"]), "adaspec", 0)
SPECULATION = Speculation(gamma=4, gammas=(2,), max_new_tokens=12, timed=4)
SMALL, SAME, LARGE = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(9, 9)
DRAFTS = {"small": SMALL, "same": SAME, "large": LARGE}
COSTS = {id(None): 1.0, id(SMALL): 0.5, id(SAME): 0.8, id(LARGE): 2.0}
"""Of a token of the text, in those of plain decoding."""

HALF = len(RECORDED.text) / len(RECORDED.rounds) / 2
"""Milliseconds of drafting, or of verifying, in a round that costs as much as plain decoding."""


class Clock:
    """Decodes nothing: every turn takes as long as its draft costs, and the machine gets slower."""

    def __init__(self, slower: float) -> None:
        self.slower, self.turns = slower, []

    def __call__(
        self, draft: Any, prompt: list[int], decoding: Decoding, *, seed: int, detail: bool
    ) -> Trace:
        pace = 1 + self.slower * len(self.turns)
        name = next((name for name, model in DRAFTS.items() if model is draft), "")
        self.turns.append((prompt[0], name, decoding.gamma))
        half = COSTS[id(draft)] * HALF * pace
        times = {"draft_ms": half, "verify_ms": half}
        rounds = [each.model_copy(update=times) for each in RECORDED.rounds]
        return RECORDED.model_copy(update={"decoding": decoding, "rounds": rounds})


def measured(slower: float = 0.0, prompts: int = 4) -> tuple[Speed, Clock, int]:
    clock, turns = Clock(slower), Counter()
    speed = measure_speed(
        *(clock, DRAFTS, [[number] for number in range(prompts)], SPECULATION, 0),
        lambda: turns.update("t"),
    )
    return speed, clock, turns.total()


def test_every_draft_stands_between_two_plain_decodings() -> None:
    speed, clock, counted = measured()
    timed = clock.turns[1 + 2 * len(DRAFTS) :]  # the others warmed up
    assert counted == len(timed)
    replayed = SPECULATION.model_copy(update={"prompts": 4}).decodings(4, len(DRAFTS))
    assert counted == replayed - 4 * len(DRAFTS)
    firsts = []
    for number in range(4):
        of_prompt = [turn[1:] for turn in timed if turn[0] == number]
        assert of_prompt[0] == of_prompt[-1] == ("", 0)
        plain = [place for place, turn in enumerate(of_prompt) if turn == ("", 0)]
        between = [of_prompt[a + 1 : b] for a, b in pairwise(plain)]
        assert [len(turns) for turns in between] == [2, 2, 2]  # every gamma of one draft
        assert all(len({name for name, _ in turns}) == 1 for turns in between)
        firsts.append(between[0][0])
    assert firsts == [("small", 2), ("same", 4), ("large", 2), ("small", 4)]
    assert set(speed.drafts["same"]) == {2, 4}


def test_a_machine_that_gets_slower_changes_no_ratio_much() -> None:
    speed, _, _ = measured(slower=0.01)
    for name, model in DRAFTS.items():
        for timed in speed.drafts[name].values():
            ratios = [a / b for a, b in zip(timed.plain_ms, timed.ms, strict=True)]
            assert sum(ratios) / len(ratios) == pytest.approx(1 / COSTS[id(model)], rel=0.01)


def test_drafts_of_one_size_share_what_drafting_costs() -> None:
    speed, _, _ = measured()
    small, same, large = (speed.drafts[name] for name in DRAFTS)
    for gamma in (2, 4):
        assert small[gamma].draft_ms == same[gamma].draft_ms
        assert large[gamma].draft_ms == pytest.approx(2.0 * HALF / gamma)
        assert small[gamma].draft_ms == pytest.approx((0.5 + 0.8) / 2 * HALF / gamma)
        assert small[gamma].verify_ms == large[gamma].verify_ms == pytest.approx(0.8 * HALF)


def test_a_busy_machine_is_seen_and_this_process_is_not() -> None:
    seen = watch()
    began, used = time.monotonic(), time.process_time()
    while time.monotonic() < began + 0.6:  # at work itself
        pass
    own = seen()
    share = (time.process_time() - used) / (time.monotonic() - began) / psutil.cpu_count()
    assert own.cpus == psutil.cpu_count()
    assert own.others <= 1 - share + 0.1


def test_what_is_thought_of_a_busy_machine() -> None:
    assert Business(load=0.2, cpus=2, others=0.05).warning == ""
    warning = Business(load=3.21, cpus=2, others=0.342).warning
    assert "other processes took 34% of its 2 CPUs (load 3.2). Measure again" in warning


def test_a_report_says_how_busy_the_machine_was(finished_run: Run) -> None:
    report = runs.read_report(finished_run)
    speed = runs.read_speed(finished_run)
    assert speed
    assert report.business is not None
    assert report.business == speed.business
