"""Methods over seeds: runs of one recipe that differ in their seed alone, in one table.

A difference is made on the same prompts within each seed and averaged over the seeds. Its interval
resamples both; see `resampling`. Loads no torch.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table

from adaspec import AdaspecError, comparison, runs
from adaspec.comparison import MEASURES, VERDICTS, Entry
from adaspec.recipe import REFERENCE, STOCK, Method, Recipe, Training, cells, load, trainings
from adaspec.report import DEFINITIONS
from adaspec.resampling import Ratio, bootstrap, paired
from adaspec.runs import DraftReport, Run

ACCEPTANCE = MEASURES[0]
MANY = 10  # seeds, from which on a bootstrap of them is about as wide as it says
FEW = (
    "A bootstrap of few seeds is too narrow: where seeds differ more than prompts do, what is "
    "called 95 % held the truth in 80 % of simulated trials with 3 seeds, in 90 % with 6."
)

EXPLANATIONS = {
    "alpha": "exact acceptance on text the target generated, mean over the seeds: the mean of "
    "beta = sum_x min(p, q) over its tokens",
    "alpha.ci": "95 % bootstrap interval of it, seeds and prompts resampled together",
    "alpha.by_seed": "the same of every seed alone",
    "difference": "of exact acceptance, draft minus baseline on the same prompts, mean over the "
    "seeds; 95 % bootstrap interval over seeds and prompts together",
    "verdict": comparison.EXPLANATIONS["verdict"],
    "budget": "whether steps and sequences of the draft's own training equal the baseline's",
    "own": "optimiser steps, sequences read and wall-clock seconds of this training alone, mean "
    "over the seeds",
    "total": "steps, sequences and seconds of this training and of the reference where it needs "
    "one",
    "kl": f"{DEFINITIONS['kl']}; mean over the seeds",
    "top1": f"{DEFINITIONS['top1']}; mean over the seeds",
    "block_efficiency": f"{DEFINITIONS['block_efficiency']}; mean over the seeds",
    "speedup": "measured over plain decoding, median over the seeds",
    "k": "the share of tokens that a method trains on; 1 is all of them",
}


class Found(NamedTuple):
    """A finished run of one seed."""

    seed: int
    run: Run


def relatives(run: Run) -> list[Found]:
    """The finished runs of the same recipe, the newest of each seed, by seed.

    Raises:
        AdaspecError: the run is not finished.
    """
    family = runs.read_recipe(run).family
    found: dict[int, Run] = {}
    for other in [run, *runs.all_runs()]:
        try:
            recipe = runs.read_recipe(other)
            state = runs.read_state(other)
        except AdaspecError:  # another version's
            continue
        if recipe.family == family and state.state == "finished" and recipe.stage2:
            found.setdefault(recipe.seed, other)
    if not found:
        raise AdaspecError(f"Run {run.path.name} has no drafts to compare, or is not finished.")
    return [Found(seed, found[seed]) for seed in sorted(found)]


def of(some: list[Run]) -> list[Found]:
    """Given runs with their seeds, in order.

    Raises:
        AdaspecError: they do not belong together, or two have one seed.
    """
    recipes = [runs.read_recipe(run) for run in some]
    for run, recipe in zip(some[1:], recipes[1:], strict=True):
        if recipe.family != recipes[0].family:
            raise AdaspecError(
                f"{some[0].path.name} and {run.path.name} differ in more than their seed: "
                "adaspec compare sets them side by side."
            )
    pairs = zip(some, recipes, strict=True)
    found = sorted((Found(recipe.seed, run) for run, recipe in pairs), key=lambda one: one.seed)
    if len({one.seed for one in found}) < len(found):
        raise AdaspecError("Two of these runs have the same seed: name one of them.")
    return found


def summary(found: list[Found], against: list[str] | None = None) -> dict[str, Any]:
    """Every method of these runs: what it is, what it took, what it reached, and by how much.

    Args:
        against: names of the drafts that the others are held against; by default DistillSpec and
            AdaSPEC, as far as the recipe has them.

    Raises:
        AdaspecError: the runs have no such draft, no report, or not the same rows.
    """
    recipe = runs.read_recipe(found[0].run)
    _same_rows(found)
    by_seed = [{name: one for one in comparison.entries([each.run]) for name in one.names}
               for each in found]  # fmt: skip
    shared = [name for name in by_seed[0] if all(name in there for there in by_seed)]
    baselines = against if against is not None else default_baselines(recipe, shared)
    if wrong := [name for name in baselines if name not in shared]:
        raise AdaspecError(f"No draft {wrong[0]!r}: these runs have {', '.join(shared)}.")
    names = [by_seed[0][name].names[0] for name in shared]
    return {
        "recipe": recipe.name,
        "seeds": [one.seed for one in found],
        "runs": [comparison.handle(one.run) for one in found],
        "target": runs.read_report(found[0].run).target,
        "baselines": baselines,
        "prompts": runs.read_report(found[0].run).prompts,
        "methods": [
            _method(name, recipe, by_seed, baselines)
            for name in dict.fromkeys(names)
        ],
        "by_k": _by_k(list(dict.fromkeys(names)), recipe, found[0].run),
        "notes": [FEW] if 1 < len(found) < MANY else [],
        "definitions": EXPLANATIONS,
    }  # fmt: skip


def _same_rows(found: list[Found]) -> None:
    """Refuse what cannot be paired by prompt."""
    read = [runs.read_state(one.run).hashes.get("data") for one in found]
    for one, rows in zip(found, read, strict=True):
        if rows != read[0]:
            raise AdaspecError(
                f"{found[0].run.path.name} and {one.run.path.name} were made from different rows. "
                "A `holdout` changes with the seed: give data.evaluation rows of its own."
            )


def default_baselines(recipe: Recipe, names: list[str]) -> list[str]:
    """DistillSpec and AdaSPEC from the stock draft, the first of each that there is."""
    methods = recipe.stage2.methods if recipe.stage2 else {}
    plain = {
        one.selector: name
        for name, one in reversed(methods.items())  # the first of each is left
        if name in names and one == Method(selector=one.selector, budget=one.budget)
    }
    return [plain[one] for one in ("all", "top_delta") if one in plain] or [STOCK]


def _method(
    name: str, recipe: Recipe, by_seed: list[dict[str, Entry]], baselines: list[str]
) -> dict[str, Any]:
    entries = [there[name] for there in by_seed]
    rows = [comparison.report_row(one) for one in entries]
    alphas = [row.alpha.generated for row in rows]
    own = _mean_budget(rows)
    needs = rows[0].needs
    total = own
    if REFERENCE in needs:
        before = [comparison.report_row(there[REFERENCE]) for there in by_seed]
        total = {key: own[key] + spent for key, spent in _mean_budget(before).items()}
    speeds = [row.speedup.measured for row in rows]
    return {
        "name": name,
        "label": entries[0].label.rpartition("/")[2],
        "table": entries[0].table,
        "made": made(name, recipe),
        "start": _start(name, recipe),
        **own,
        "needs": needs,
        "total": total,
        "alpha": {
            "mean": float(np.mean(alphas)),
            "ci": interval(entries, recipe),
            "by_seed": alphas,
        },
        "kl": float(np.mean([row.kl for row in rows])),
        "top1": float(np.mean([row.top1 for row in rows])),
        "block_efficiency": float(np.mean([row.block_efficiency or np.nan for row in rows])),
        "speedup": {"median": float(np.median(speeds)), "by_seed": speeds},
        "difference": {
            baseline: difference(entries, [there[baseline] for there in by_seed], recipe)
            for baseline in baselines
            if by_seed[0][baseline].table != entries[0].table
        },
    }


def _mean_budget(rows: list[DraftReport]) -> dict[str, float]:
    """Steps, sequences and seconds of a training, mean over the seeds."""
    budgets = [row.budget for row in rows]
    return {
        "steps": round(np.mean([budget.steps for budget in budgets])),
        "sequences": round(np.mean([budget.sequences for budget in budgets])),
        "seconds": float(np.mean([budget.seconds for budget in budgets])),
    }


def _start(name: str, recipe: Recipe) -> str:
    """Which model the training began with."""
    method = recipe.stage2.methods.get(name) if recipe.stage2 else None
    return method.start if method else STOCK


def _by_k(names: list[str], recipe: Recipe, run: Run) -> list[dict[str, Any]]:
    """Methods that differ in nothing but k, where there are several: `made`, and `points`, by k.

    k = 1 is the method on all tokens, of equal steps and sequences.
    """
    facts = runs.read_state(run).facts
    plan = {one.name: one for one in trainings(recipe, facts.training_rows)} if facts else {}
    series: dict[tuple[Any, ...], list[Training]] = {}
    for one in (plan[name] for name in names if name in plan):
        if one.method and one.k is not None:
            common = one.method.model_dump(exclude={"k"})
            series.setdefault((*common.values(), *_alike(one)), []).append(one)
    found = []
    for some in (some for some in series.values() if len(some) > 1):
        whole = [
            plan[name]
            for name in names
            if name in plan and plan[name].k is None and _alike(plan[name]) == _alike(some[0])
        ]
        points: list[dict[str, Any]] = [
            {"name": one.name, "k": one.k or 1.0} for one in [*some, *whole[:1]]
        ]
        made_of = made(some[0].name, recipe).replace(f" {some[0].k:g} ", " ")
        points.sort(key=lambda one: float(one["k"]))
        found.append({"made": made_of, "points": points})
    return found


def _alike(one: Training) -> tuple[Any, ...]:
    """What a training on all tokens shares with one that selects and is otherwise the same."""
    method = one.method
    return (one.steps, one.batch, method and (method.objective, method.to, method.start))


def made(name: str, recipe: Recipe) -> str:
    """A draft's method in words: objective, selector, start."""
    methods = recipe.stage2.methods if recipe.stage2 else {}
    method = methods.get(name)
    if method is None:
        return {STOCK: "before any distillation", REFERENCE: "stage 1: KL, all tokens"}.get(
            name, ""
        )
    objective = method.objective + (f" → {method.to}" if method.to else "")
    assert recipe.stage2
    ratio = method.k if method.k is not None else recipe.stage2.k
    selector = "all" if method.selector == "all" else f"{method.selector} {ratio:g}"
    return f"{objective} · {selector} · from {method.start}"


def interval(entries: list[Entry], recipe: Recipe) -> tuple[float, float]:
    """95 % interval of a draft's exact acceptance.

    Args:
        entries: the draft of every seed.
        recipe: of the first seed; says how often is drawn, and by which seed.
    """
    return bootstrap(*_by_seed(entries), recipe.evaluation.bootstrap, recipe.seed)


def difference(ours: list[Entry], theirs: list[Entry], recipe: Recipe) -> dict[str, Any]:
    """Of exact acceptance: `value`, `low`, `high`, `by_seed`, and the verdict.

    `budget` says whether it is fair: equal steps and sequences, of every seed.

    Args:
        ours, theirs: the draft and its baseline of every seed.
        recipe: as of `interval`.
    """
    a, b = _by_seed(ours), _by_seed(theirs)
    by_seed = a[0].sum(1) / a[1].sum(1) - b[0].sum(1) / b[1].sum(1)
    value, low, high = paired(a, b, recipe.evaluation.bootstrap, recipe.seed)
    budgets = [comparison.fairness(*pair) for pair in zip(ours, theirs, strict=True)]
    return {
        "value": value,
        "low": low,
        "high": high,
        "by_seed": by_seed.tolist(),
        "verdict": VERDICTS[0 if low <= 0 <= high else int(np.sign(value))],
        "budget": next((one for one in budgets if not one["fair"]), budgets[0]),
    }


def _by_seed(entries: list[Entry]) -> Ratio:
    """Sums of beta and counts of tokens, [seeds, prompts] each."""
    sums, counts = zip(*(comparison.by_prompt(one, ACCEPTANCE) for one in entries), strict=True)
    return np.array(sums), np.array(counts)


def more_seeds(found: list[Found]) -> str:
    """The command that trains another seed of these runs, or all those of a bundled matrix."""
    run = found[0].run
    recipe = runs.read_recipe(run)
    matrix = recipe.name.partition("/")[0]
    alike = [cell for cell in cells(matrix) if load(cell).family == recipe.family]
    if recipe.name in alike:
        values = [cell.partition("/")[2].split("-") for cell in alike]
        shared = "-".join(each[0] for each in zip(*values, strict=True) if len(set(each)) == 1)
        return f"adaspec run {matrix}" + (f"/{shared}" if shared else "")
    return f"adaspec run {run.recipe_file} --set seed={next_seed(found)}"


def next_seed(found: list[Found]) -> int:
    """The smallest that there is no run of."""
    taken = {one.seed for one in found}
    return next(seed for seed in range(len(taken) + 1) if seed not in taken)


def table(summary: dict[str, Any]) -> Group:
    """The summary for a terminal of 80 columns, the highest acceptance first."""
    against = [f"− {name}" for name in summary["baselines"]]
    reached = _table("method", "α", *against, "speed", "in all")
    made_of = _table("method", "α by seed", "made of")
    for one in sorted(summary["methods"], key=lambda one: -one["alpha"]["mean"]):
        differences = [one["difference"].get(name) for name in summary["baselines"]]
        reached.add_row(
            one["name"],
            f"{one['alpha']['mean']:.4f}",
            *(_points(found) for found in differences),
            f"{one['speedup']['median']:.2f}",
            f"{one['total']['sequences']:,}",
        )
        seeds = " ".join(f"{alpha:.4f}" for alpha in one["alpha"]["by_seed"])
        made_of.add_row(one["name"], seeds, one["made"])
    seeds = ", ".join(map(str, summary["seeds"]))
    return Group(
        f"{summary['recipe']} · seeds {seeds} · target {summary['target']}\n",
        reached,
        f"\nα: exact acceptance on the target's own text after {summary['prompts']} held-out "
        "prompts. Differences in points, on the same prompts, with 95 % intervals over seeds and "
        "prompts together, not adjusted for there being many. Speed: times plain decoding. In all: "
        "sequences read, with the reference's where it is needed.\n",
        made_of,
        *(f"\n{note}" for note in summary["notes"]),
    )


def _table(*headings: str) -> Table:
    view = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, heading in enumerate(headings):
        view.add_column(heading, justify="right" if number else "left", overflow="fold")
    view.columns[0].no_wrap = True
    view.columns[-1].justify = "left" if headings[-1] == "made of" else "right"
    return view


def _points(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    value, low, high = (100 * found[name] for name in ("value", "low", "high"))
    return f"{value:+.2f}\n{low:+.2f}…{high:+.2f}"


def frame(summary: dict[str, Any]) -> pd.DataFrame:
    """One row a method, every value in a column of its own: `alpha.seed0`, `alpha.ci.low`."""

    def seeds_named(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            key: {f"seed{seed}": one for seed, one in zip(summary["seeds"], inner, strict=True)}
            if key == "by_seed"
            else seeds_named(inner)
            for key, inner in value.items()
        }

    return pd.DataFrame(dict(comparison.flat(seeds_named(one))) for one in summary["methods"])
