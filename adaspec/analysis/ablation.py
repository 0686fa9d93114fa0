"""Methods over seeds: runs of one recipe that differ in their seed alone, in one table.

A difference is made on the same prompts within each seed and averaged over the seeds. Its interval
resamples both; see `resampling`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from adaspec import AdaspecError, glossary, runs
from adaspec.analysis import ceiling, compute, power, significance
from adaspec.analysis.comparison import EXPLANATIONS as COMPARED
from adaspec.analysis.comparison import flat
from adaspec.analysis.drafts import Entry, entries
from adaspec.analysis.fairness import weigh
from adaspec.analysis.measures import MEASURES, by_prompt, verdict
from adaspec.analysis.methods import by_k, default_baselines, made
from adaspec.analysis.results import (
    Ablation,
    Method,
    MethodDifference,
    OverSeeds,
    RatioPoint,
    RatioSeries,
    SpeedOverSeeds,
    Spent,
)
from adaspec.analysis.seeds import SeedRun, require_same_rows
from adaspec.recipe import REFERENCE, STOCK, Recipe, trainings
from adaspec.report import DEFINITIONS
from adaspec.resampling import Ratio, bootstrap, paired
from adaspec.runs import DraftReport, Run

ACCEPTANCE = MEASURES[0]
Pair = tuple[str, str]  # of a method's name and a baseline's
MANY = 10  # seeds, from which on a bootstrap of them is about as wide as it says
FEW = (
    "A bootstrap of few seeds is too narrow: where seeds differ more than prompts do, what is "
    "called 95 % held the truth in 80 % of simulated trials with 3 seeds, in 90 % with 6."
)

EXPLANATIONS = {
    "alpha": f"{DEFINITIONS['alpha.generated']} Mean over the seeds.",
    "alpha.ci": "Its 95 % bootstrap interval: seeds and prompts are resampled together.",
    "alpha.by_seed": "The same of every seed alone.",
    "difference": "Of exact α, draft minus baseline on the same prompts, mean over the seeds; 95 % "
    "bootstrap interval over seeds and prompts together.",
    "verdict": COMPARED["verdict"],
    **glossary.means("p_value", "adjusted", "compute", "seconds_in_all", "frontier", "power"),
    "budget": "Whether steps and sequences of the draft's own training equal the baseline's.",
    "own": "Optimiser steps, sequences read and wall-clock seconds of this training alone, mean "
    "over the seeds.",
    "total": "Steps, sequences and seconds of this training and of the reference where it needs "
    "one.",
    "kl": f"{DEFINITIONS['kl']} Mean over the seeds.",
    "top1": f"{DEFINITIONS['top1']} Mean over the seeds.",
    "block_efficiency": f"{DEFINITIONS['block_efficiency']} Mean over the seeds.",
    "speedup": f"{DEFINITIONS['speedup.measured']} Median over the seeds.",
    **glossary.means("k"),
}


def summary(
    seeds: list[SeedRun],
    against: list[str] | None = None,
    planned: tuple[Sequence[int], Sequence[int]] = (power.SEEDS, power.PROMPTS),
) -> Ablation:
    """Every method of these runs: what it is, what it took, what it reached, and by how much.

    Args:
        against: names of the drafts that the others are held against; by default DistillSpec and
            AdaSPEC, as far as the recipe has them.
        planned: numbers of seeds and of prompts; what each pair of them can tell is said.

    Raises:
        AdaspecError: the runs have no such draft, no report, or not the same rows.
    """
    recipe = runs.read_recipe(seeds[0].run)
    require_same_rows(seeds)
    by_seed = [
        {name: entry for entry in entries([each.run]) for name in entry.names} for each in seeds
    ]
    shared = [name for name in by_seed[0] if all(name in there for there in by_seed)]
    baselines = against if against is not None else default_baselines(recipe, shared)
    if wrong := [name for name in baselines if name not in shared]:
        raise AdaspecError(f"No draft {wrong[0]!r}: these runs have {', '.join(shared)}.")
    names = list(dict.fromkeys(by_seed[0][name].names[0] for name in shared))
    report = runs.read_report(seeds[0].run)
    pairs = pairs_of(names, by_seed, baselines)
    methods = [_method(name, recipe, by_seed, baselines) for name in names]
    best = max(methods, key=lambda method: method.alpha.mean)
    most = ceiling.first(each.run for each in seeds)
    return Ablation(
        recipe=recipe.name,
        seeds=[each.seed for each in seeds],
        runs=[each.run.id for each in seeds],
        target=report.target,
        baselines=baselines,
        prompts=report.prompts,
        methods=_adjusted(methods, pairs),
        by_k=_by_k(names, recipe, seeds[0].run),
        frontier=compute.frontier(
            {
                method.name: (method.compute.flops, method.alpha.mean)
                for method in methods
                if method.compute
            }
        ),
        power=power.of_pairs(
            _trained(pairs), len(pairs), len(seeds), report.prompts, product(*planned)
        ),
        ceiling=most,
        notes=[
            *([FEW] if 1 < len(seeds) < MANY else []),
            *([most.room(best.label, best.alpha.mean)] if most else []),
        ],
        definitions=EXPLANATIONS,
    )


def _method(
    name: str, recipe: Recipe, by_seed: list[dict[str, Entry]], baselines: list[str]
) -> Method:
    drafts = [entries[name] for entries in by_seed]
    rows = [draft.report for draft in drafts]
    alphas = [row.alpha.generated for row in rows]
    own = _mean_budget(rows)
    needs = rows[0].needs
    total = own
    if REFERENCE in needs:
        reference = _mean_budget([entries[REFERENCE].report for entries in by_seed])
        total = Spent(
            steps=own.steps + reference.steps,
            sequences=own.sequences + reference.sequences,
            seconds=own.seconds + reference.seconds,
        )
    speeds = [row.speedup.measured for row in rows]
    return Method(
        name=name,
        label=drafts[0].label.rpartition("/")[2],
        table=drafts[0].table,
        made=made(name, recipe),
        start=_start(name, recipe),
        steps=own.steps,
        sequences=own.sequences,
        seconds=own.seconds,
        needs=needs,
        total=total,
        compute=compute.mean([compute.bill(draft) for draft in drafts]),
        alpha=OverSeeds(mean=float(np.mean(alphas)), ci=interval(drafts, recipe), by_seed=alphas),
        kl=float(np.mean([row.kl for row in rows])),
        top1=float(np.mean([row.top1 for row in rows])),
        block_efficiency=mean([row.block_efficiency for row in rows]),
        speedup=SpeedOverSeeds(median=float(np.median(speeds)), by_seed=speeds),
        difference={
            baseline: difference(drafts, [entries[baseline] for entries in by_seed], recipe)
            for baseline in baselines
            if by_seed[0][baseline].table != drafts[0].table
        },
    )


def pairs_of(
    names: list[str], by_seed: list[dict[str, Entry]], baselines: list[str]
) -> dict[Pair, np.ndarray]:
    """Every method against every baseline, each pair once -> the table of their differences."""
    pairs: dict[Pair, np.ndarray] = {}
    for name in names:
        for baseline in baselines:
            if by_seed[0][name].table == by_seed[0][baseline].table or (baseline, name) in pairs:
                continue
            ours, theirs = (
                sums([entries[each] for entries in by_seed]) for each in (name, baseline)
            )
            pairs[name, baseline] = significance.table_of(ours, theirs)
    return pairs


def _trained(pairs: dict[Pair, np.ndarray]) -> list[np.ndarray]:
    """The tables of what was trained: what the stock draft lacks says nothing of methods."""
    return [table for names, table in pairs.items() if STOCK not in names]


def _adjusted(methods: list[Method], pairs: dict[Pair, np.ndarray]) -> list[Method]:
    """Every difference with what it is as one of all these."""
    tests = [significance.estimated(table) for table in pairs.values()]
    named = dict(zip(pairs, significance.adjusted(tests), strict=True))
    named |= {
        (baseline, name): significance.mirrored(each) for (name, baseline), each in named.items()
    }
    return [
        method.model_copy(
            update={
                "difference": {
                    baseline: difference.model_copy(
                        update={"adjusted": named[method.name, baseline]}
                    )
                    for baseline, difference in method.difference.items()
                }
            }
        )
        for method in methods
    ]


def mean(values: list[float | None]) -> float | None:
    """None where one of them is."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def _mean_budget(rows: list[DraftReport]) -> Spent:
    budgets = [row.budget for row in rows]
    return Spent(
        steps=round(np.mean([budget.steps for budget in budgets])),
        sequences=round(np.mean([budget.sequences for budget in budgets])),
        seconds=float(np.mean([budget.seconds for budget in budgets])),
    )


def _start(name: str, recipe: Recipe) -> str:
    """Which model the training began with."""
    method = recipe.stage2.methods.get(name) if recipe.stage2 else None
    return method.start if method else STOCK


def _by_k(names: list[str], recipe: Recipe, run: Run) -> list[RatioSeries]:
    facts = runs.read_state(run).facts
    plan = trainings(recipe, facts.training_rows) if facts else []
    return [
        RatioSeries(
            made=made_of, points=[RatioPoint(name=each.name, k=each.k or 1.0) for each in alike]
        )
        for made_of, alike in by_k([training for training in plan if training.name in names])
    ]


def interval(drafts: list[Entry], recipe: Recipe) -> tuple[float, float]:
    """95 % interval of a draft's exact acceptance.

    Args:
        drafts: the draft of every seed.
        recipe: of the first seed; says how often is drawn, and by which seed.
    """
    return bootstrap(*sums(drafts), recipe.evaluation.bootstrap, recipe.seed)


def difference(ours: list[Entry], theirs: list[Entry], recipe: Recipe) -> MethodDifference:
    """Of exact acceptance, on the same prompts.

    `budget` says whether it is fair: equal steps and sequences, of every seed.

    Args:
        ours, theirs: the draft and its baseline of every seed.
        recipe: as of `interval`.
    """
    first, second = sums(ours), sums(theirs)
    by_seed = first[0].sum(1) / first[1].sum(1) - second[0].sum(1) / second[1].sum(1)
    value, low, high = paired(first, second, recipe.evaluation.bootstrap, recipe.seed)
    budgets = [weigh(a.cost, b.cost) for a, b in zip(ours, theirs, strict=True)]
    return MethodDifference(
        value=value,
        low=low,
        high=high,
        by_seed=by_seed.tolist(),
        verdict=verdict(value, low, high),
        budget=next((budget for budget in budgets if not budget.fair), budgets[0]),
    )


def sums(drafts: list[Entry]) -> Ratio:
    """Sums of beta and counts of tokens, [seeds, prompts] each."""
    values, counts = zip(*(by_prompt(entry, ACCEPTANCE) for entry in drafts), strict=True)
    return np.array(values), np.array(counts)


def frame(summary: Ablation) -> pd.DataFrame:
    """One row a method, every value in a column of its own: `alpha.seed0`, `alpha.ci.low`."""

    def seeds_named(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            key: {f"seed{seed}": value for seed, value in zip(summary.seeds, inner, strict=True)}
            if key == "by_seed"
            else seeds_named(inner)
            for key, inner in value.items()
        }

    rows = [dict(flat(seeds_named(method.model_dump()))) for method in summary.methods]
    return pd.DataFrame(rows)
