"""The figures of what `adaspec.analysis` says, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from adaspec import tokens
from adaspec.analysis import atlas as analysis
from adaspec.analysis.comparison import sampled
from adaspec.analysis.compute import written
from adaspec.analysis.drafts import Entry
from adaspec.analysis.planner import DECODED, Plan
from adaspec.analysis.results import Ablation, ComparedDraft, Comparison, Method, Spent
from adaspec.analysis.server_log import Held
from adaspec.drawing import LOOKS, Look, look, look_of_run
from adaspec.figures import acceptance, decoding
from adaspec.figures import tokens as token_figures
from adaspec.figures.atlas import atlas
from adaspec.figures.style import DASHES, Figure
from adaspec.recipe import STOCK
from adaspec.runs import Ceiling
from adaspec.runs.report import SpeedPoint
from adaspec.strata import AXES
from adaspec.tokens import GENERATED

Charts = dict[str, Figure]

COSTS = {  # of `total` in a method's summary
    "sequences": "sequences in all",
    "steps": "steps in all",
    "seconds": "seconds in all",
}
MOST = 12_000  # tokens in a scatter; all of the example's


# Drafts of one target


def of_comparison(comparison: Comparison, entries: list[Entry] | None = None) -> Charts:
    """What `comparison.compare` gives, as figures.

    Args:
        entries: the drafts compared, for a scatter of the tokens of each and its atlas; without
            them, none.
    """
    drafts = comparison.drafts
    looks, labels = _looks(comparison), {draft.draft: draft.label for draft in drafts}
    drawn: Charts = {}
    if comparison.differences:
        drawn["differences"] = acceptance.differences(
            pd.DataFrame(_differences(comparison)),
            labels[comparison.baseline],
            f"on the same {comparison.prompts:,} prompts of the target's own text",
            looks,
        )
    if trained := [draft for draft in drafts if draft.compute and draft.compute.flops]:
        known = trained + [draft for draft in drafts if draft.compute and not draft.compute.flops]
        drawn["acceptance-against-compute"] = acceptance.acceptance_against_compute(
            pd.DataFrame([_computed(draft, comparison.frontier) for draft in known]),
            f"{comparison.prompts:,} prompts",
            looks,
            ["compute", "seconds"],
            _height(comparison),
        )
    drawn["speedup-against-gamma"] = decoding.speedup_against_gamma(
        pd.DataFrame(_curves(drafts)), looks
    )
    first = drafts[0].run
    if any(draft.positions for draft in drafts):
        drawn["acceptance-by-position"] = decoding.acceptance_by_position(
            pd.DataFrame(_positions(drafts, first)), looks
        )
        drawn["accepted-lengths"] = decoding.accepted_lengths(
            pd.DataFrame(_lengths(drafts, first)), looks
        )
    baseline = next((each for each in entries or [] if each.key == comparison.baseline), None)
    for entry in entries or []:
        name = f"overlap-against-kl-{entry.key.replace('/', '-')}"
        drawn[name] = _scatter(entry, looks)
        drawn[f"atlas-{entry.key.replace('/', '-')}"] = of_atlas(entry)
        if baseline and entry != baseline:
            drawn[f"atlas-{entry.key.replace('/', '-')}-minus-baseline"] = of_atlas(entry, baseline)
    return drawn


def of_atlas(
    entry: Entry, rival: Entry | None = None, rows: str = "class", columns: str = "entropy"
) -> Figure:
    """Where a draft loses acceptance, or where it is ahead of another.

    Args:
        rows, columns: axes, of `strata.AXES`.
    """
    cells = analysis.atlas(entry, rows, columns, rival)
    what, how = atlas_words(entry, rival)
    return atlas(cells, AXES[rows], AXES[columns], what, how, difference=rival is not None)


def atlas_words(entry: Entry, rival: Entry | None) -> tuple[str, str]:
    """Whose an atlas is, and of which tokens."""
    total = tokens.bounds(entry.run, GENERATED)
    label = f"{entry.label} − {rival.label}" if rival else entry.label
    return label, f"{total[1] - total[0]:,} tokens of the target's own text"


def _looks(comparison: Comparison) -> dict[str, Look]:
    """By label; of all runs that are compared, also those no draft of which is chosen."""
    runs = [run.run for run in comparison.runs]
    return {
        draft.label: look_of_run(draft.name, runs.index(draft.run), len(runs))
        for draft in comparison.drafts
    }


def _differences(comparison: Comparison) -> Iterator[dict[str, Any]]:
    drafts = {draft.draft: draft for draft in comparison.drafts}
    for difference in comparison.differences:
        if difference.measure == "alpha.generated":
            draft = drafts[difference.draft]
            low, high = difference.ci
            yield {
                "draft": draft.label,
                "value": 100 * difference.value,
                "low": 100 * low,
                "high": 100 * high,
                "verdict": difference.verdict,
                "trained": draft.name != STOCK,
            }


def _computed(draft: ComparedDraft, frontier: list[str]) -> dict[str, Any]:
    assert draft.compute
    low, high = draft.alpha.generated_ci
    return {
        "draft": draft.label,
        "cost": draft.compute.flops,
        "alpha": draft.alpha.generated,
        "low": low,
        "high": high,
        "by_seed": [draft.alpha.generated],
        "frontier": draft.draft in frontier,
        "compute": written(draft.compute.flops),
        "seconds": f"{draft.compute.seconds:,.0f}",
    }


def _curves(drafts: list[ComparedDraft]) -> Iterator[dict[str, Any]]:
    for draft in drafts:
        for point in draft.speedup.curve:
            low, high = point.measured_ci or (None, None)
            yield {
                "draft": draft.label,
                "gamma": point.gamma,
                "predicted": _number(point.predicted),
                "measured": _number(point.measured),
                "low": _number(low),
                "high": _number(high),
            }


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _positions(drafts: list[ComparedDraft], first: str) -> Iterator[dict[str, Any]]:
    for draft in drafts:
        for position, row in enumerate(draft.positions, 1):
            named = {"draft": draft.label, "position": position}
            yield named | row.model_dump() | {"outlined": draft.run != first}


def _lengths(drafts: list[ComparedDraft], first: str) -> Iterator[dict[str, Any]]:
    for draft in drafts:
        rounds = sum(draft.accepted_lengths)
        for accepted, count in enumerate(draft.accepted_lengths):
            yield {
                "draft": draft.label,
                "accepted": accepted,
                "rounds": count,
                "share": count / max(rounds, 1),
                "outlined": draft.run != first,
            }


def _scatter(entry: Entry, looks: dict[str, Look]) -> Figure:
    columns = {
        name: tokens.column(entry.run, GENERATED, name, entry.table) for name in ("kl", "overlap")
    }
    total = len(columns["kl"])
    rows = sampled(total, MOST)
    drawn = pd.DataFrame({name: column[rows] for name, column in columns.items()})
    how = (
        f"All {total:,} tokens of the target's own text"
        if len(rows) == total
        else f"{len(rows):,} of {total:,} tokens of the target's own text, evenly spaced"
    )
    return token_figures.overlap_against_kl(drawn, entry.label, how, looks)


# Methods over seeds


def of_ablation(summary: Ablation, baseline: str | None = None, cost: str = "sequences") -> Charts:
    """What `ablation.summary` gives, as figures.

    Args:
        baseline: name of one of the summary's baselines; by default the first.
        cost: one of `COSTS`.
    """
    against = baseline or summary.baselines[0]
    methods = {method.name: method for method in summary.methods}
    looks = {method.label: look(method.table) for method in methods.values()}
    how = _over(summary)
    rows = pd.DataFrame([_method(summary, method, cost) for method in methods.values()])
    details = [name for name in rows if name in _DETAILS]
    drawn: Charts = {
        "acceptance-against-cost": acceptance.acceptance_against_cost(
            rows, COSTS[cost], how, looks, details, _height(summary)
        )
    }
    if any(method.compute and method.compute.flops for method in methods.values()):
        computed = [
            _method(summary, method, cost)
            | {"cost": method.compute.flops, "frontier": method.name in summary.frontier}
            for method in methods.values()
            if method.compute
        ]
        drawn["acceptance-against-compute"] = acceptance.acceptance_against_compute(
            pd.DataFrame(computed), how, looks, details, _height(summary)
        )
    if compared := [method for method in methods.values() if against in method.difference]:
        compared.sort(key=lambda method: -method.difference[against].value)
        drawn["differences"] = acceptance.differences(
            pd.DataFrame([_method_difference(method, against) for method in compared]),
            methods[against].label,
            f"on the same prompts within each seed, over {how}",
            looks,
        )
    if summary.by_k:
        points = [
            _method(summary, methods[point.name], cost) | {"k": point.k, "series": series.made}
            for series in summary.by_k
            for point in series.points
        ]
        drawn["acceptance-against-k"] = acceptance.acceptance_against_k(
            pd.DataFrame(points), how, looks, details, _height(summary)
        )
    return drawn


def _height(numbers: Comparison | Ablation) -> float | None:
    """Of the ceiling's line."""
    return numbers.ceiling.alpha if numbers.ceiling else None


_DETAILS = ("made", "by seed", "own training", "in all", "compute", "speed-up")


def _over(summary: Ablation) -> str:
    seeds, prompts = summary.seeds, summary.prompts
    if len(seeds) > 1:
        return f"seeds {', '.join(map(str, seeds))} and {prompts:,} prompts"
    return f"{prompts:,} prompts of one seed"


def _method(summary: Ablation, method: Method, cost: str) -> dict[str, Any]:
    alpha, total, seeds = method.alpha, method.total, summary.seeds
    low, high = alpha.ci
    each = [f"{seed}: {value:.4f}" for seed, value in zip(seeds, alpha.by_seed, strict=True)]
    return {
        "draft": method.label,
        "cost": float(getattr(total, cost)),
        "alpha": alpha.mean,
        "low": low,
        "high": high,
        "by_seed": alpha.by_seed,
        "start": method.start,
        "made": method.made,
        **({"by seed": ", ".join(each)} if len(seeds) > 1 else {}),
        "own training": _budget(method),
        "in all": _budget(total),
        "compute": written(method.compute.flops) if method.compute else "–",
        "speed-up": f"{method.speedup.median:.2f} ×",
    }


def _budget(spent: Spent | Method) -> str:
    return f"{spent.steps:,} steps, {spent.sequences:,} sequences, {spent.seconds:,.0f} s"


def _method_difference(method: Method, baseline: str) -> dict[str, Any]:
    difference = method.difference[baseline]
    return {
        "draft": method.label,
        **{name: 100 * getattr(difference, name) for name in ("value", "low", "high")},
        "verdict": difference.verdict,
        "by_seed": [100 * value for value in difference.by_seed],
        "trained": method.table != STOCK,
    }


# Drafts of one run


def over_k(
    series: Mapping[str, list[dict[str, Any]]], prompts: int, ceiling: Ceiling | None = None
) -> Figure:
    """Acceptance against k of one run's drafts.

    Args:
        series: what the drafts of a line have in common -> of each, `name`, `k`, and as in a
            report, `generated` and `generated_ci`.
        prompts: how many the intervals are over.
        ceiling: what a draft of this size reached at all.
    """
    points = [
        {
            "draft": point["name"],
            "k": point["k"],
            "alpha": point["generated"],
            "low": point["generated_ci"][0],
            "high": point["generated_ci"][1],
            "by_seed": [point["generated"]],
            "series": made,
        }
        for made, line in series.items()
        for point in line
    ]
    height = ceiling.alpha if ceiling else None
    how = f"{prompts:,} prompts"
    return acceptance.acceptance_against_k(pd.DataFrame(points), how, ceiling=height)


# A server


def of_plan(plan: Plan, measured: list[SpeedPoint]) -> Figure:
    """What `planner.plan` gives: a line a batch size.

    Args:
        measured: the draft's `speedup.curve` in the report, drawn over the run's own costs.
    """
    clocked = {point.gamma: point for point in measured if plan.measured and point.measured_ci}
    rows: list[dict[str, Any]] = []
    for batch in plan.batches:
        for point in batch.curve:
            timed = clocked.get(point.gamma, SpeedPoint(gamma=point.gamma))
            low, high = timed.measured_ci or (None, None)
            rows.append(
                {
                    "draft": f"batch {batch.costs.batch}",
                    "gamma": point.gamma,
                    "predicted": point.speedup,
                    "measured": _number(timed.measured),
                    "low": _number(low),
                    "high": _number(high),
                }
            )
    by = plan.acceptance
    where = " by position" if by.name == DECODED and by.passed else ""
    how = [
        f"Lines: α = {by.alpha:.3f}{where} ({by.name}).",
        "Below 1 ×: slower than plain decoding.",
    ]
    if clocked:
        how.append(f"Points: measured on {plan.device}, with 95 % intervals.")
    names = dict.fromkeys(row["draft"] for row in rows)
    return decoding.speedup_against_gamma(pd.DataFrame(rows), _in_turn(names), how)


def of_log(held: Held) -> Figure | None:
    """What `server_log.hold` gives; None where the log says nothing of positions."""
    log = held.log
    if not log.reached:
        return None
    series = {f"{log.engine}'s log": log.reached} | {
        prediction.name: prediction.reached for prediction in held.predictions
    }
    rows = [
        {"draft": name, "position": position, "reached": share}
        for name, reached in series.items()
        for position, share in enumerate(reached, 1)
    ]
    counted = f"{log.drafted:,.0f} proposals" if log.drafted else "its proposals"
    how = f"{log.engine} counted {counted}; the others are the run's predictions."
    return decoding.reached_by_position(pd.DataFrame(rows), _in_turn(series), how)


def _in_turn(names: Iterable[str]) -> dict[str, Look]:
    """Looks of what is no draft, told apart as drafts are."""
    known, dashes = [each for name, each in LOOKS.items() if name != STOCK], list(DASHES)
    return {
        name: (known[number] if number < len(known) else look(name))._replace(
            dash=dashes[number % len(dashes)]
        )
        for number, name in enumerate(names)
    }
