"""The figures of what `adaspec.analysis` says, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from adaspec import tokens
from adaspec.analysis.comparison import sampled
from adaspec.analysis.drafts import Entry
from adaspec.analysis.results import Ablation, ComparedDraft, Comparison, Method, Spent
from adaspec.drawing import RUN_LINES, Look, look
from adaspec.figures import acceptance, decoding
from adaspec.figures import tokens as token_figures
from adaspec.figures.style import Figure
from adaspec.recipe import STOCK
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
        entries: the drafts compared, for a scatter of the tokens of each; without them, none.
    """
    drafts = comparison.drafts
    looks, labels = _looks(drafts), {draft.draft: draft.label for draft in drafts}
    drawn: Charts = {}
    if comparison.differences:
        drawn["differences"] = acceptance.differences(
            pd.DataFrame(_differences(comparison)),
            labels[comparison.baseline],
            f"on the same {comparison.prompts:,} prompts of the target's own text",
            looks,
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
    for entry in entries or []:
        name = f"overlap-against-kl-{entry.key.replace('/', '-')}"
        drawn[name] = _scatter(entry, looks)
    return drawn


def _looks(drafts: list[ComparedDraft]) -> dict[str, Look]:
    """Colour and marker go by a draft's name; where there are several runs, the line by its run."""
    runs = list(dict.fromkeys(draft.run for draft in drafts))
    lines = dict(zip(runs, RUN_LINES, strict=False))
    return {
        draft.label: look(draft.name)
        if len(runs) == 1
        else look(draft.name)._replace(dash=lines[draft.run])
        for draft in drafts
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
            rows, COSTS[cost], how, looks, details
        )
    }
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
            pd.DataFrame(points), how, looks, details
        )
    return drawn


_DETAILS = ("made", "by seed", "own training", "in all", "speed-up")


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


def over_k(series: Mapping[str, list[dict[str, Any]]], prompts: int) -> Figure:
    """Acceptance against k of one run's drafts.

    Args:
        series: what the drafts of a line have in common -> of each, `name`, `k`, and as in a
            report, `generated` and `generated_ci`.
        prompts: how many the intervals are over.
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
    return acceptance.acceptance_against_k(pd.DataFrame(points), f"{prompts:,} prompts")
