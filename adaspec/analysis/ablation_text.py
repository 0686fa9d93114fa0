"""An ablation in a terminal of 80 columns."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table


def table(summary: dict[str, Any]) -> Group:
    """The summary for a terminal of 80 columns, the highest acceptance first."""
    against = [f"− {name}" for name in summary["baselines"]]
    reached = _table("method", "α", *against, "speed", "in all")
    made_of = _table("method", "α by seed", "made of")
    for method in sorted(summary["methods"], key=lambda it: -it["alpha"]["mean"]):
        differences = [method["difference"].get(name) for name in summary["baselines"]]
        reached.add_row(
            method["name"],
            f"{method['alpha']['mean']:.4f}",
            *(_points(difference) for difference in differences),
            f"{method['speedup']['median']:.2f}",
            f"{method['total']['sequences']:,}",
        )
        seeds = " ".join(f"{alpha:.4f}" for alpha in method["alpha"]["by_seed"])
        made_of.add_row(method["name"], seeds, method["made"])
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


def _points(difference: dict[str, Any] | None) -> str:
    if difference is None:
        return ""
    value, low, high = (100 * difference[name] for name in ("value", "low", "high"))
    return f"{value:+.2f}\n{low:+.2f}…{high:+.2f}"
