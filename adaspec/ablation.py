"""Methods over seeds: runs of one recipe that differ in their seed alone, in one table.

A difference is made on the same prompts within each seed and averaged over the seeds. Its interval
resamples seeds and prompts, both, since a method that is ahead by the luck of one seed or of a few
prompts is not ahead. Loads no torch.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table

from adaspec import AdaspecError, comparison, runs
from adaspec.comparison import MEASURES, Entry
from adaspec.recipe import REFERENCE, STOCK, Method, Recipe
from adaspec.runs import Run
from adaspec.speculation.statistics import LEVELS

RESAMPLES = 4000
ACCEPTANCE = MEASURES[0]

EXPLANATIONS = {
    "alpha": "exact acceptance on text the target generated, mean over the seeds",
    "difference": "of exact acceptance, draft minus baseline on the same prompts, mean over the "
    "seeds; 95 % bootstrap interval over seeds and prompts together",
    "total": "steps and sequences of this training and of the reference where it needs one",
    "speedup": "measured over plain decoding, median over the seeds",
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
        AdaspecError: the runs have no such draft, or no report.
    """
    recipe = runs.read_recipe(found[0].run)
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
        "target": runs.read_report(found[0].run)["target"],
        "baselines": baselines,
        "prompts": runs.read_report(found[0].run)["prompts"],
        "methods": [
            _method(name, recipe, by_seed, baselines)
            for name in dict.fromkeys(names)
        ],
        "definitions": EXPLANATIONS,
    }  # fmt: skip


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
    alphas = [row["alpha"]["generated"] for row in rows]
    budget = rows[0]["budget"]
    needs = rows[0].get("needs", [])
    steps, sequences = budget["steps"], budget["sequences"]
    if REFERENCE in needs:
        of_reference = comparison.report_row(by_seed[0][REFERENCE])["budget"]
        steps, sequences = steps + of_reference["steps"], sequences + of_reference["sequences"]
    speeds = [row["speedup"]["measured"] for row in rows]
    return {
        "name": name,
        "label": entries[0].label.rpartition("/")[2],
        "made": made(name, recipe),
        "steps": budget["steps"],
        "sequences": budget["sequences"],
        "needs": needs,
        "total": {"steps": steps, "sequences": sequences},
        "seconds": float(np.mean([row["budget"]["seconds"] for row in rows])),
        "alpha": {"mean": float(np.mean(alphas)), "by_seed": alphas},
        "kl": float(np.mean([row["kl"] for row in rows])),
        "top1": float(np.mean([row["top1"] for row in rows])),
        "block_efficiency": float(np.mean([row["block_efficiency"] for row in rows])),
        "speedup": {"median": float(np.median(speeds)), "by_seed": speeds},
        "difference": {
            baseline: difference(entries, [there[baseline] for there in by_seed])
            for baseline in baselines
            if by_seed[0][baseline].table != entries[0].table
        },
    }


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


def difference(ours: list[Entry], theirs: list[Entry]) -> dict[str, Any]:
    """Of exact acceptance: `value`, `low`, `high`, and `by_seed`.

    Args:
        ours, theirs: the draft and its baseline of every seed.
    """
    pairs = [
        (comparison.by_prompt(one, ACCEPTANCE), comparison.by_prompt(other, ACCEPTANCE))
        for one, other in zip(ours, theirs, strict=True)
    ]
    # [seeds, prompts]; within a seed, both read the same text.
    a, b = (np.array([pair[side][0] for pair in pairs]) for side in (0, 1))
    counts = np.array([pair[0][1] for pair in pairs])
    by_seed = (a.sum(1) - b.sum(1)) / counts.sum(1)
    low, high = two_way_bootstrap(a - b, counts, RESAMPLES)
    return {
        "value": float(by_seed.mean()),
        "low": low,
        "high": high,
        "by_seed": by_seed.tolist(),
    }


def two_way_bootstrap(
    sums: np.ndarray, counts: np.ndarray, resamples: int, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of the mean over seeds of sum(sums) / sum(counts), seeds and prompts resampled.

    The prompts are the same for every seed, so they are drawn once for all of them.

    Args:
        sums, counts: [seeds, prompts].
    """
    generator = np.random.default_rng(seed)
    seeds, prompts = sums.shape
    means = np.empty(resamples)
    for i in range(resamples):
        rows = generator.integers(0, seeds, seeds)
        columns = generator.integers(0, prompts, prompts)
        picked = np.ix_(rows, columns)
        means[i] = (sums[picked].sum(1) / counts[picked].sum(1)).mean()
    low, high = np.percentile(means, LEVELS)
    return float(low), float(high)


def table(summary: dict[str, Any]) -> Group:
    """The summary for a terminal, the highest acceptance first."""
    view = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    headings = ["method", "α", "by seed"]
    headings += [f"− {baseline}, 95 %" for baseline in summary["baselines"]]
    for number, heading in enumerate([*headings, "speed-up", "steps", "sequences", "in all"]):
        view.add_column(heading, justify="right" if number else "left", overflow="fold")
    for one in sorted(summary["methods"], key=lambda one: -one["alpha"]["mean"]):
        differences = [one["difference"].get(name) for name in summary["baselines"]]
        view.add_row(
            f"[bold]{one['label']}[/bold]\n{one['made']}",
            f"{one['alpha']['mean']:.4f}",
            "\n".join(f"{alpha:.4f}" for alpha in one["alpha"]["by_seed"]),
            *(_points(found) for found in differences),
            f"{one['speedup']['median']:.2f} x",
            f"{one['steps']:,}",
            f"{one['sequences']:,}",
            f"{one['total']['steps']:,} / {one['total']['sequences']:,}",
        )
    seeds = ", ".join(map(str, summary["seeds"]))
    return Group(
        f"{summary['recipe']} · seeds {seeds} · target {summary['target']}\n",
        view,
        f"\nExact acceptance on the target's own text after {summary['prompts']} held-out prompts. "
        "Differences in points, on the same prompts; intervals over seeds and prompts together, "
        "not adjusted for there being many. In all: steps / sequences with the reference's, where "
        "it is needed.",
    )


def _points(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    value, low, high = (100 * found[name] for name in ("value", "low", "high"))
    return f"{value:+.2f}\n[{low:+.2f}, {high:+.2f}]".replace("[", "\\[")
