"""A comparison in a terminal of 80 columns, budgets first."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from adaspec.analysis.measures import MEASURES, written

_WIDTHS = (19, 18, 19, 14)  # of the differences' columns, the same for every draft


def tables(comparison: dict[str, Any]) -> Group:
    """What `comparison.compare` found."""
    labels = {draft["draft"]: draft["label"] for draft in comparison["drafts"]}
    names = ", ".join(f"{one['name']} (run {one['id']})" for one in comparison["runs"])
    baseline = labels[comparison["baseline"]]
    parts: list[Text | Table] = [
        Text(f"{names}\ntarget {comparison['target']}\n"),
        _cost(comparison),
        *_warnings(comparison["budgets"]),
        Text(""),
        _reached(comparison),
        Text(f"\nPaired differences: draft − {baseline}, on the same prompts", style="bold"),
    ]
    for draft in comparison["drafts"]:
        mine = [one for one in comparison["differences"] if one["draft"] == draft["draft"]]
        if mine:
            parts += [Text(f"\n{draft['label']}: {mine[0]['budget']['says']}"), _differences(mine)]
    if len(comparison["differences"]) > 1:
        parts.append(Text("\nThe intervals are not adjusted for several comparisons."))
    return Group(*parts, *(Text(f"\n{note}") for note in comparison["notes"]))


def _warnings(budgets: dict[str, Any]) -> list[Text]:
    found = []
    if budgets["warning"]:
        found.append(Text(f"\n{budgets['warning']}", style="yellow"))
        for group in budgets["fair"]:
            found.append(Text(f"Fair, with equal steps and sequences: {', '.join(group)}."))
    for lack in budgets["missing"]:
        said = f"\nNothing here is a fair comparison for {lack['of']}. To make one:"
        found += [Text(said, style="yellow"), Text(lack["command"])]
    return found


def _cost(comparison: dict[str, Any]) -> Table:
    view = _table("budget", "steps", "sequences", "tokens", "teacher", "seconds", "needs")
    for draft in comparison["drafts"]:
        counts = ("steps", "sequences", "selected_tokens", "teacher_forwards", "seconds")
        costs = [f"{draft['budget'][key]:,.0f}" for key in counts]
        view.add_row(draft["label"], *costs, ", ".join(draft.get("needs", [])))
    return view


def _reached(comparison: dict[str, Any]) -> Table:
    view = _table("reached", "exact α", "tested", "a pass", "KL", "top-1", "speed-up")
    for draft in comparison["drafts"]:
        alpha = draft["alpha"]
        view.add_row(
            draft["label"],
            f"{alpha['generated']:.4f}",
            _digits(alpha["tested"], 4),
            _digits(draft["block_efficiency"], 3),
            f"{draft['kl']:.{3 if draft['kl'] < 10 else 1}f}",
            f"{draft['top1']:.3f}",
            _digits(draft["speedup"]["measured"], 2),
        )
    return view


def _differences(found: list[dict[str, Any]]) -> Table:
    by_name = {measure.name: measure for measure in MEASURES}
    view = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for number, width in enumerate(_WIDTHS):
        view.add_column(width=width, justify="left" if number in (0, 3) else "right", no_wrap=True)
    for one in found:
        measure = by_name[one["measure"]]
        low, high = (written(end, measure) for end in one["ci"])
        unit = "tokens" if measure.name == "block_efficiency" else measure.unit
        view.add_row(
            f"  {measure.label}",
            f"{written(one['value'], measure)} {unit}",
            f"[{low}, {high}]".replace("[", r"\["),
            one["verdict"],
        )
    return view


def _digits(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _table(*headings: str) -> Table:
    view = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for number, heading in enumerate(headings):
        view.add_column(heading, justify="right" if number else "left", no_wrap=True)
    return view
