"""The report of a finished run: acceptance and speed with intervals, divergences, what each cost.

Computed from the token tables and the replays alone, so that it can be made again without a model.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow.compute as pc

from adaspec import glossary, replays
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
from adaspec.runs.draft_vocabulary import LEFT_OUT
from adaspec.runs.report import Alpha, OwnAnswers, Rate, Speedup, TokenCounts, Trimmed
from adaspec.runs.served import SERVED
from adaspec.runs.tables import ANSWERS, CONTEXTS, SNAPSHOT, read_table
from adaspec.speculation import statistics
from adaspec.tokens import DATASET, GENERATED

DEFINITIONS = (
    glossary.means("alpha.generated", "alpha.generated_ci", "alpha.dataset", "kl", "reverse_kl")
    | glossary.means("top1", "checks", "business", "remarks", "budget", "needs")
    | statistics.DEFINITIONS
)

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
    generated, dataset = (
        (contexts["source"] == source).to_numpy() for source in (GENERATED, DATASET)
    )
    drafts = [
        _draft(run, name, state.training(name), recipe, contexts["seq"], generated, dataset)
        for name in state.drafts
    ]
    trained = {stage.name for stage in state.plan}
    stock = drafts[0].alpha if drafts[0].name == STOCK else None
    assert state.facts
    return Report(
        run=state.id,
        recipe=state.name,
        target=state.sources[TARGET],
        prompts=int(contexts["seq"][generated].nunique()),
        tokens=TokenCounts(generated=int(generated.sum()), dataset=int(dataset.sum())),
        speculation=recipe.evaluation.speculation,
        device=state.facts.device,
        drafts=[
            draft.model_copy(update={"remarks": _remarks(draft.alpha, stock)})
            if stock and draft.name in trained
            else draft
            for draft in drafts
        ],
        checks=CHECKS.read(run.checks_file) if run.checks_file.exists() else None,
        business=SPEED.read(run.speed_file).business,
        definitions=DEFINITIONS,
        served=_served(run, recipe) if run.served_file.exists() else {},
        temperature=recipe.evaluation.temperature,
        answers=_answers(run) if run.answers_file.exists() else None,
        trimmed=_trimmed(run, drafts) if run.left_out_file.exists() else [],
    )


def _answers(run: Run) -> OwnAnswers:
    table = read_table(run.answers_file, ANSWERS)
    return OwnAnswers(
        answers=len(table),
        tokens=pc.sum(pc.list_value_length(table["response"])).as_py(),
        passes=round(pc.sum(table["passes"]).as_py()),
        seconds=pc.sum(table["seconds"]).as_py(),
    )


def _served(run: Run, recipe: Recipe) -> dict[str, list[Rate]]:
    """The means of `served.json`, with their intervals over prompts."""
    content = SERVED.read(run.served_file)
    counts = np.array(content.tokens)
    return {
        name: [
            Rate(
                setting=each.setting,
                rule=rule,
                value=min(1.0, sum(sums) / counts.sum()),
                ci=bootstrap(np.array(sums), counts, recipe.evaluation.bootstrap, recipe.seed),
            )
            for each in settings
            for rule, sums in each.sums.items()
        ]
        for name, settings in content.drafts.items()
    }


def _draft(
    run: Run,
    name: str,
    stage: Stage | None,
    recipe: Recipe,
    seq: Any,
    generated: np.ndarray,
    dataset: np.ndarray,
) -> DraftReport:
    """A draft's row.

    Args:
        stage: of its training; None for a draft that was there before.
        seq: [rows] the example of every row of the token tables.
        generated: [rows] whether the row is of what the target said after held-out prompts.
        dataset: [rows] whether it is of the data set's own answers to them.
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
            dataset=_mean(rows["overlap"][dataset]) if dataset.any() else None,
            tested=decoded.tested,
            tested_ci=decoded.tested_ci,
            drafted=decoded.drafted,
            drafted_ci=decoded.drafted_ci,
        ),
        kl=_mean(rows["kl"][generated]),
        reverse_kl=_mean(rows["reverse_kl"][generated]),
        top1=_mean(rows["agree"][generated]),
        budget=read_trained(run, table).budget if stage else Budget(),
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


def _trimmed(run: Run, drafts: list[DraftReport]) -> list[Trimmed]:
    """What the target gives to ids that trimmed drafts never propose; those alike together."""
    content = LEFT_OUT.read(run.left_out_file)
    alike: dict[tuple[int, int, float], list[str]] = {}
    for draft in drafts:
        if by := content.drafts.get(draft.same_as or draft.name):
            share = min(1.0, sum(by.sums) / sum(content.tokens))
            alike.setdefault((by.ids, by.of, share), []).append(draft.name)
    return [
        Trimmed(drafts=names, ids=ids, of=of, left_out=share)
        for (ids, of, share), names in alike.items()
    ]


def _speedup(run: Run, table: str, alpha: float | None, recipe: Recipe) -> Speedup:
    speed = SPEED.read(run.speed_file)
    gamma = recipe.evaluation.speculation.gamma
    return statistics.speed(alpha, speed.drafts[table], speed.plain_ms, gamma, recipe.seed)


def _per_prompt(seq: Any, values: Any) -> tuple[np.ndarray, np.ndarray]:
    _, position = np.unique(seq.to_numpy(), return_inverse=True)
    return np.bincount(position, values.to_numpy()), np.bincount(position)


def _mean(values: Any) -> float:
    return float(values.to_numpy(dtype=np.float64).mean())
