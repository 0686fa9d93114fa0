"""The report of a finished run: acceptance and speed with intervals, divergences, what each cost.

Computed from the token tables and the replays alone, so that it can be made again without a model.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adaspec import replays
from adaspec.recipe import STOCK, TARGET, Recipe
from adaspec.resampling import bootstrap
from adaspec.runs import (
    CHECKS,
    SPEED,
    Budget,
    DraftReport,
    Report,
    Run,
    RunState,
    Stage,
    read_trained,
)
from adaspec.runs.report import Alpha, Speedup, TokenCounts
from adaspec.runs.tables import CONTEXTS, SNAPSHOT, read_table
from adaspec.speculation import statistics

DEFINITIONS = {
    "alpha.generated": "exact acceptance rate: mean of beta = sum_x min(p, q) over the tokens of "
    "continuations that the target sampled (temperature 1) from held-out prompts",
    "alpha.generated_ci": "95 % percentile bootstrap interval of it, prompts resampled",
    "alpha.dataset": "the same mean on the data set's own answers to those prompts",
    "kl": "mean KL(p || q) in nats a token, on the target-generated continuations",
    "reverse_kl": "mean KL(q || p) in nats a token, likewise",
    "top1": "share of tokens where argmax p = argmax q, likewise: greedy acceptance",
    "checks": "the target drafts for itself: every proposal must be accepted, but for rounding",
    "remarks": "what to know before this draft is used",
    "budget": "this training alone: optimiser steps, sequences read, response tokens trained on, "
    "sequences that a frozen model (target or reference) was asked about, each computed once a run "
    "where there is room, wall-clock seconds; the step whose weights are kept, where not the last",
    "needs": "other trainings of the run that this draft stands on, with budgets of their own",
    **statistics.DEFINITIONS,
}

WORSE = (
    "This draft is accepted less often than the stock draft was before its training ({stock:.4f}), "
    "by more than its interval. Likely reasons: the target was not fine-tuned on this task, so "
    "that its own text is not like these answers; too few rows, read too often; too high a "
    "learning rate. Try a stage 0, more rows or fewer epochs, or a third of the learning rate."
)

_MEASURES = ["kl", "reverse_kl", "overlap", "agree"]


def make_report(run: Run, state: RunState, recipe: Recipe) -> Report:
    """The report of a run whose token tables are written."""
    contexts = read_table(run.contexts_file, CONTEXTS, ["source", "seq"]).to_pandas()
    generated = (contexts["source"] == "generated").to_numpy()
    stages = {stage.name: stage for stage in state.plan if stage.name in state.models}
    names = [STOCK, *(name for name in stages if name != TARGET)]
    drafts = [
        _draft(run, name, stages.get(name), recipe, contexts["seq"], generated) for name in names
    ]
    assert state.facts
    return Report(
        run=state.id,
        recipe=state.name,
        target=state.sources[TARGET],
        prompts=int(contexts["seq"][generated].nunique()),
        tokens=TokenCounts(generated=int(generated.sum()), dataset=int((~generated).sum())),
        speculation=recipe.evaluation.speculation,
        device=state.facts.device,
        drafts=[
            draft.model_copy(update={"remarks": _remarks(draft.alpha, drafts[0].alpha)})
            for draft in drafts
        ],
        checks=CHECKS.read(run.checks_file) if run.checks_file.exists() else None,
        definitions=DEFINITIONS,
    )


def _draft(
    run: Run, name: str, stage: Stage | None, recipe: Recipe, seq: Any, generated: np.ndarray
) -> DraftReport:
    """A draft's row.

    Args:
        stage: of its training; None for the stock draft.
        seq: [rows] the example of every row of the token tables.
        generated: [rows] whether the row is of the target's own text.
    """
    same = stage.same_as if stage else None
    table = same or name
    rows = read_table(run.tokens_file(table), SNAPSHOT, _MEASURES).to_pandas()
    per_prompt = _per_prompt(seq[generated], rows["overlap"][generated])
    interval = bootstrap(*per_prompt, recipe.evaluation.bootstrap, recipe.seed)
    traces = [replays.read(run, name, number) for number in replays.numbers(run, name)]
    decoded = statistics.acceptance(traces, recipe.evaluation.bootstrap, recipe.seed)
    return DraftReport(
        name=name,
        alpha=Alpha(
            generated=_mean(rows["overlap"][generated]),
            generated_ci=interval,
            dataset=_mean(rows["overlap"][~generated]),
            tested=decoded.tested,
            tested_ci=decoded.tested_ci,
            drafted=decoded.drafted,
            drafted_ci=decoded.drafted_ci,
        ),
        kl=_mean(rows["kl"][generated]),
        reverse_kl=_mean(rows["reverse_kl"][generated]),
        top1=_mean(rows["agree"][generated]),
        budget=Budget() if table == STOCK else read_trained(run, table).budget,
        block_efficiency=decoded.block_efficiency,
        block_efficiency_ci=decoded.block_efficiency_ci,
        accepted_lengths=decoded.accepted_lengths,
        positions=decoded.positions,
        decoded=decoded.decoded,
        speedup=_speedup(run, table, decoded.tested, recipe),
        same_as=same,
        needs=stage.needs if stage else [],
    )


def _remarks(alpha: Alpha, stock: Alpha) -> list[str]:
    worse = alpha.generated_ci[1] < stock.generated
    return [WORSE.format(stock=stock.generated)] if worse else []


def _speedup(run: Run, table: str, alpha: float | None, recipe: Recipe) -> Speedup:
    speed = SPEED.read(run.speed_file)
    gamma = recipe.evaluation.speculation.gamma
    return statistics.speed(alpha, speed.drafts[table], speed.plain_ms, gamma, recipe.seed)


def _per_prompt(seq: Any, values: Any) -> tuple[np.ndarray, np.ndarray]:
    _, position = np.unique(seq.to_numpy(), return_inverse=True)
    return np.bincount(position, values.to_numpy()), np.bincount(position)


def _mean(values: Any) -> float:
    return float(values.to_numpy(dtype=np.float64).mean())
