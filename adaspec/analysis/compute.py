"""What a draft needed in all, in one currency: floating-point operations, and seconds beside them.

Counted from what its run recorded: the parameters of a model, the tokens that went through it, and
how often. A forward pass takes 2 N operations a token and its backward pass twice as many (Kaplan
et al. 2020, arXiv:2001.08361, section 2.1); N is all parameters, embeddings included (but for the
embedding of a draft whose vocabulary is trimmed, which is not its head too). Left out are
attention to earlier tokens, padding, the optimiser's own arithmetic, held-out points along a curve
(whose seconds count), and the measurement at the end. What the drafts of a run share, such as the
target's pass over the training rows, counts in full for each: as if it had been trained alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc

from adaspec import pace, runs
from adaspec.analysis.drafts import Entry, plan_of
from adaspec.analysis.results import Bill, Compute, Outlay
from adaspec.recipe import REFERENCE, TARGET, Training
from adaspec.runs import DraftReport, Facts, Report, Run, Unreadable
from adaspec.runs.contract import stamp
from adaspec.runs.tables import SEQUENCES, read_table

FORWARD, TRAINING = 1, 3
"""Passes of a token through a model."""
FLOPS = 2  # operations of one parameter in one pass: a product and a sum


class Lengths(NamedTuple):
    """Of the training sequences.

    Attributes:
        mean: tokens of one, prompt included.
        prompt: tokens of its prompt.
        sequences: how many there are.
        assumed: on what grounds, where they were not counted; else empty.
    """

    mean: float
    prompt: float
    sequences: int
    assumed: str


def bill(entry: Entry) -> Bill | None:
    """What a draft needed; nothing for the stock draft, and None where that is not known."""
    stamps = (stamp(path) for path in (entry.run.report_file, entry.run.state_file))
    return _bill(entry.run, entry.table, *stamps)


@lru_cache(maxsize=256)
def _bill(run: Run, name: str, *_stamps: tuple[int, int]) -> Bill | None:
    facts = runs.read_state(run).facts
    plan = plan_of(run)
    report = runs.read_report(run)
    if facts is None or facts.draft_parameters is None or name in facts.given_parameters:
        return None
    if name not in plan:  # the stock draft
        return Bill(flops=0, seconds=0, outlays=[], assumed=[])
    lengths = _lengths(run, facts, report)
    needed = [REFERENCE] if name != REFERENCE and REFERENCE in report.draft(name).needs else []
    trained = [*needed, name]
    outlays = [
        *_stage_0(run, plan, facts, lengths),
        *_answers(report, facts, lengths),
        *_target_pass(run, facts, lengths),
        *(
            outlay
            for each in trained
            for outlay in _training(plan[each], report.draft(each), facts, lengths)
        ),
    ]
    return Bill(
        flops=sum(outlay.flops for outlay in outlays),
        seconds=sum(outlay.seconds for outlay in outlays),
        outlays=outlays,
        assumed=[lengths.assumed] if lengths.assumed else [],
    )


def _outlay(what: str, parameters: int, tokens: float, passes: int, seconds: float) -> Outlay:
    return Outlay(
        what=what,
        tokens=round(tokens),
        parameters=parameters,
        passes=passes,
        flops=float(FLOPS * passes) * parameters * round(tokens),
        seconds=seconds,
    )


def _stage_0(
    run: Run, plan: Mapping[str, Training], facts: Facts, lengths: Lengths
) -> list[Outlay]:
    """The target's own fine-tuning, where the run did it."""
    if TARGET not in plan:
        return []
    try:
        budget = runs.read_trained(run, TARGET).budget
        sequences, seconds = budget.sequences, budget.seconds
    except Unreadable:  # the model was taken away, and what it took with it
        sequences, seconds = plan[TARGET].sequences, _stage_seconds(run, TARGET)
    tokens = sequences * lengths.mean
    return [
        _outlay(
            "stage 0: the target's training", facts.target_parameters, tokens, TRAINING, seconds
        )
    ]


def _answers(report: Report, facts: Facts, lengths: Lengths) -> list[Outlay]:
    """The target's own answers to the training prompts, where drafts were trained on those."""
    if report.answers is None:
        return []
    tokens = lengths.prompt * report.answers.answers + report.answers.tokens
    what = "the target writing the training answers"
    seconds = report.answers.seconds
    return [_outlay(what, facts.target_parameters, tokens, FORWARD, seconds)]


def _target_pass(run: Run, facts: Facts, lengths: Lengths) -> list[Outlay]:
    """The target over the training rows, where it went there once for all trainings."""
    if facts.cache == "nowhere":
        return []
    stages = [stage.name for stage in runs.read_state(run).plan if stage.kind == "cache"]
    seconds = sum(_stage_seconds(run, name) for name in stages)
    tokens = lengths.sequences * lengths.mean
    what = "the target over the training rows, once"
    return [_outlay(what, facts.target_parameters, tokens, FORWARD, seconds)]


def _training(
    training: Training, report: DraftReport, facts: Facts, lengths: Lengths
) -> list[Outlay]:
    """A draft's own training, and the frozen models that it asked at every step."""
    draft, budget = (facts.draft_parameters or 0) - facts.draft_looked_up, report.budget
    read = budget.sequences * lengths.mean
    name = training.name
    outlays = [_outlay(f"{name}: its training", draft, read, TRAINING, budget.seconds)]
    if facts.cache == "nowhere":
        what = f"{name}: the target at every step"
        outlays.append(_outlay(what, facts.target_parameters, read, FORWARD, 0.0))
    if training.needs_reference:
        once = lengths.sequences * lengths.mean
        cached = facts.cache != "nowhere" and not training.needs("log_r")
        what = f"{name}: the reference {'over the training rows, once' if cached else 'as often'}"
        outlays.append(_outlay(what, draft, once if cached else read, FORWARD, 0.0))
    several = training.splits_batch or facts.processes > 1
    if training.scores and training.pools_batch and several:
        what = f"{name}: scoring each batch before training on it"
        outlays.append(_outlay(what, draft, read, FORWARD, 0.0))
    return outlays


def _stage_seconds(run: Run, name: str) -> float:
    stage = next(stage for stage in runs.read_state(run).plan if stage.name == name)
    return pace.span(stage, runs.read_metrics(run).get(name, []), runs.read_events(run))


def _lengths(run: Run, facts: Facts, report: Report) -> Lengths:
    """Of what drafts were trained on: the data's answers, the target's own, or both."""
    data, rows = runs.read_recipe(run).data, max(1, facts.training_rows)
    texts = read_table(run.sequences_file, SEQUENCES)
    held_out = {
        name: float(np.mean(pc.list_value_length(texts[name]).to_numpy()))
        for name in ("prompt", "response")
    }
    missing = []
    prompt, response = held_out["prompt"], held_out["response"]
    if facts.prompt_tokens is None:
        missing.append("prompts")
    else:
        prompt = facts.prompt_tokens / rows
    given = data.responses != "target"
    if given and facts.response_tokens is not None:
        response = facts.response_tokens / rows
    elif given:
        missing.append("answers")
    total = (prompt + response) * rows if given else 0.0
    if data.responses != "data" and report.answers:
        total += prompt * report.answers.answers + report.answers.tokens
    mean = total / data.examples(rows)
    assumed = (
        f"{mean:.1f} tokens a training sequence: its {' and '.join(missing)} were not counted "
        "then, and are taken to be as long as the held-out ones."
    )
    return Lengths(mean, prompt, data.examples(rows), assumed if missing else "")


def mean(bills: list[Bill | None]) -> Compute | None:
    """Of one method over its seeds; None where one of them is."""
    known = [each for each in bills if each is not None]
    if len(known) < len(bills):
        return None
    return Compute(
        flops=float(np.mean([each.flops for each in known])),
        seconds=float(np.mean([each.seconds for each in known])),
    )


def frontier(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Those that nothing is above at as little cost, the cheapest first.

    Args:
        points: name -> cost and acceptance.
    """
    names: list[str] = []
    highest = -np.inf
    for name in sorted(points, key=lambda name: (points[name][0], -points[name][1])):
        if points[name][1] > highest:
            names.append(name)
            highest = points[name][1]
    return names


def written(flops: float) -> str:
    """With its unit: `3.2 TFLOP`."""
    for power, unit in ((18, "E"), (15, "P"), (12, "T"), (9, "G"), (6, "M")):
        if flops >= 10**power:
            return f"{flops / 10**power:.3g} {unit}FLOP"
    return f"{flops:.0f} FLOP"
