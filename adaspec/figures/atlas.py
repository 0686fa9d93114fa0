"""Where acceptance is lost, or one draft is ahead of another: a table whose cells are shaded."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from adaspec.analysis.measures import signed
from adaspec.drawing import BLUE, VERMILLION
from adaspec.figures.style import INK, Figure, finished
from adaspec.strata import Stratum

_FAINTEST, _DEEPEST = 0.03, 0.7  # of a cell's colour


def atlas(
    cells: pd.DataFrame,
    rows: Stratum,
    columns: Stratum,
    what: str,
    how: str,
    *,
    difference: bool = False,
) -> Figure:
    """A heat table of two properties of tokens.

    Args:
        cells: as `analysis.atlas` gives them.
        what: the draft, or the two of a difference.
        how: which tokens these are, in words.
        difference: whether `value` and `part` are of two drafts.
    """
    drawn = labelled(cells, difference=difference)
    encoding: dict[str, Any] = {
        "x": _axis("column", columns, drawn, alt.X),
        "y": _axis("row", rows, drawn, alt.Y),
        "description": alt.Description("says:N"),
        "tooltip": [
            alt.Tooltip("row:N", title=rows.name),
            alt.Tooltip("column:N", title=columns.name),
            alt.Tooltip("text:N", title="points of acceptance"),
            alt.Tooltip("tokens:Q", format=","),
            alt.Tooltip("mean:N", title="on average"),
            alt.Tooltip("instances:N", title="most of all"),
        ],
    }
    colour = alt.Color(
        "sign:N",
        legend=None,
        scale=alt.Scale(
            domain=["ahead", "behind"],
            range=[BLUE, VERMILLION] if difference else [VERMILLION, VERMILLION],
        ),
    )
    shade = alt.FillOpacity("shade:Q", legend=None, scale=None)
    base = alt.Chart(drawn).encode(**encoding)
    unit = ", in nats" if columns.groups[0].endswith(" nats") else ""
    title, sums = headings(cells, what, how, difference=difference)
    return finished(
        alt.layer(
            base.mark_rect(stroke=INK, strokeOpacity=0.15).encode(color=colour, fillOpacity=shade),
            base.mark_text(aria=False).encode(text=alt.Text("text:N"), color=alt.ColorValue(INK)),
        ).properties(height=alt.Step(30)),
        title,
        [sums, f"Down: {rows.name}. Across: {columns.name}{unit}."],
        drawn["says"],
    )


def labelled(cells: pd.DataFrame, *, difference: bool) -> pd.DataFrame:
    """Cells of `analysis.atlas` with what is written and drawn of each: `text`, points of
    acceptance; `shade`, how much of a colour; `sign`, ahead or behind; `mean` and `says`, words.
    """
    drawn = cells.copy()
    points = 100 * drawn["part"]
    drawn["text"] = [signed(each) if difference else f"{each:.2f}" for each in points]
    size = drawn["part"].abs()
    drawn["shade"] = _FAINTEST + (_DEEPEST - _FAINTEST) * size / (size.max() or 1)
    drawn["sign"] = ["ahead" if each >= 0 else "behind" for each in drawn["part"]]
    mean = "ahead by" if difference else "rejected"
    drawn["mean"] = [f"{mean} {100 * value:.1f} %".replace("-", "−") for value in drawn["value"]]
    drawn["says"] = [
        f"{row}, {column}: {text} points of acceptance, {tokens:,} tokens, {mean}, most of all "
        f"{instances}"
        for row, column, text, tokens, mean, instances in zip(
            *(drawn[name] for name in ("row", "column", "text", "tokens", "mean", "instances")),
            strict=True,
        )
    ]
    return drawn


def headings(cells: pd.DataFrame, what: str, how: str, *, difference: bool) -> tuple[str, str]:
    """A title, and what the cells add up to."""
    done = "that the first is ahead by" if difference else "that are lost"
    whole = 100 * float(cells["part"].sum())
    total = signed(whole) if difference else f"{whole:.2f}"
    return (
        f"Where {what} is ahead" if difference else f"Where {what} loses acceptance",
        f"Points of exact acceptance {done} in each cell: together {total}, on {how}.",
    )


def _axis(field: str, stratum: Stratum, drawn: pd.DataFrame, channel: Any) -> Any:
    there = set(drawn[field])
    names = [group for group in stratum.groups if group in there]
    axis = alt.Axis(grid=False, labelLimit=160)
    if field == "column":
        axis = alt.Axis(
            grid=False,
            labelLimit=160,
            orient="top",
            labelExpr="replace(datum.label, ' nats', '')",
            labelAngle=alt.ExprRef("width < 440 ? -60 : 0"),
            labelAlign=alt.ExprRef("width < 440 ? 'left' : 'center'"),
        )
    return channel(f"{field}:N", sort=names, title=None, axis=axis)
