"""A run's numbers as Plotly figures. Knows no Streamlit and no files."""

from __future__ import annotations

import html
from typing import Any, Literal

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app import theme

Rows = list[dict[str, Any]]
Axis = Literal["steps", "sequences"]

POINTS = 300  # along one loss curve; more only cost the browser time
PANELS = 4  # side by side


def acceptance(
    metrics: dict[str, Rows], axis: Axis, a_step: dict[str, float], names: dict[str, str]
) -> go.Figure | None:
    """Held-out acceptance of every draft while it was trained; None before there is any.

    Args:
        a_step: stage -> sequences read in one step.
        names: stage -> what to call its curve.
    """
    curves = {
        stage: points
        for stage, rows in metrics.items()
        if (points := [row for row in rows if row.get("alpha") is not None])
    }
    if not curves:
        return None
    figure = go.Figure()
    ends = {}
    for stage, points in curves.items():
        look = theme.look(stage)
        scale = a_step.get(stage, 1) if axis == "sequences" else 1
        figure.add_scatter(
            x=[row["step"] * scale for row in points],
            y=[row["alpha"] for row in points],
            name=names.get(stage, stage),
            mode="lines+markers",
            line={"color": look.colour, "dash": look.dash, "width": 2.5},
            marker={"symbol": look.marker, "size": 8},
            hovertemplate=f"%{{y:.4f}} after %{{x:,.0f}} {axis}",
        )
        ends[stage] = points[-1]["alpha"]
    before = next((rows[0] for rows in curves.values() if rows[0]["step"] == 0), None)
    if before:
        look = theme.look("stock")
        figure.add_hline(before["alpha"], line={"color": look.colour, "dash": look.dash})
        ends["stock"] = before["alpha"]
    _label_ends(figure, ends, names, height=380)
    figure.update_xaxes(title=axis, rangemode="tozero")
    figure.update_yaxes(title="held-out acceptance")
    figure.update_layout(hovermode="closest")
    theme.style(figure, 380)
    return figure.update_layout(margin_r=210)


def _label_ends(
    figure: go.Figure, ends: dict[str, float], names: dict[str, str], height: int
) -> None:
    """Name every curve at the right of the plot, pushed apart where they end close together."""
    values = sorted(y for trace in figure.data for y in trace.y)
    low, high = values[0], values[-1]
    room = (high - low) or 1.0
    line = 20 / (height - 90)  # of the plot's height
    place = -1.0
    for stage, value in sorted(ends.items(), key=lambda end: end[1]):
        place = max((value - low) / room, place + line)
        look = theme.look(stage)
        mark, name = theme.GLYPHS[look.marker], html.escape(names.get(stage, stage))
        figure.add_annotation(
            x=1.01,
            xref="paper",
            xanchor="left",
            y=low + place * room,
            text=f'<span style="color:{look.colour}">{mark}</span> {name} {value:.4f}',
            showarrow=False,
            font_size=13,
        )
    figure.update_yaxes(range=[low - 0.06 * room, high + max(0.06, place - 1 + 0.06) * room])


def loss(
    metrics: dict[str, Rows], axis: Axis, a_step: dict[str, float], names: dict[str, str]
) -> go.Figure | None:
    """Training loss of every stage in a panel and on a scale of its own; None before any.

    Losses of different objectives, or over different tokens, have no common scale.
    """
    stages = [stage for stage, rows in metrics.items() if any("loss" in row for row in rows)]
    if not stages:
        return None
    columns = min(PANELS, len(stages))
    lines = -(-len(stages) // columns)
    figure = make_subplots(
        lines,
        columns,
        subplot_titles=[html.escape(names.get(stage, stage)) for stage in stages],
        horizontal_spacing=0.07,
        vertical_spacing=0.3 / lines,
    )
    for place, stage in enumerate(stages):
        look = theme.look(stage)
        scale = a_step.get(stage, 1) if axis == "sequences" else 1
        where = {"row": place // columns + 1, "col": place % columns + 1}
        steps, losses = _thinned([row for row in metrics[stage] if "loss" in row])
        figure.add_scatter(
            x=[step * scale for step in steps],
            y=losses,
            mode="lines",
            line={"color": look.colour, "width": 2},
            name="training",
            hovertemplate=f"%{{y:.4f}} at %{{x:,.0f}} {axis}",
            **where,
        )
        held_out = [row for row in metrics[stage] if row.get("held_out_loss") is not None]
        figure.add_scatter(
            x=[row["step"] * scale for row in held_out],
            y=[row["held_out_loss"] for row in held_out],
            mode="lines+markers",
            line={"color": theme.GREY, "width": 1.5, "dash": "dot"},
            marker={"symbol": "circle-open", "size": 7},
            name="held-out",
            hovertemplate=f"%{{y:.4f}} at %{{x:,.0f}} {axis}",
            **where,
        )
    figure.update_xaxes(nticks=5, rangemode="tozero")
    figure.update_yaxes(nticks=5)
    return theme.style(figure, 40 + 190 * lines).update_layout(margin_t=28)


def _thinned(rows: Rows) -> tuple[list[float], list[float]]:
    """Steps and losses, as means over blocks of neighbouring steps where there are very many."""
    size = -(-len(rows) // POINTS)
    blocks = [rows[start : start + size] for start in range(0, len(rows), size)]
    steps = [sum(row["step"] for row in block) / len(block) for block in blocks]
    return steps, [sum(row["loss"] for row in block) / len(block) for block in blocks]


def intervals(drafts: Rows) -> go.Figure:
    """Final acceptance of every draft: on the target's text with its interval, and on the data."""
    figure = go.Figure()
    order = list(reversed([draft["name"] for draft in drafts]))
    for draft in drafts:
        look = theme.look(draft["name"])
        value, (low, high) = draft["alpha"]["generated"], draft["alpha"]["generated_ci"]
        figure.add_scatter(
            x=[draft["alpha"]["dataset"]],
            y=[draft["name"]],
            mode="markers",
            marker={"symbol": "line-ns-open", "size": 14, "color": theme.GREY, "line_width": 2},
            name="the data set's answers",
            hovertemplate="%{x:.4f}",
        )
        figure.add_scatter(
            x=[value],
            y=[draft["name"]],
            error_x={
                "array": [high - value],
                "arrayminus": [value - low],
                "thickness": 2.5,
                "width": 7,
                "color": look.colour,
            },
            mode="markers+text",
            marker={"symbol": look.marker, "size": 11, "color": look.colour},
            text=f"{value:.4f}",
            textposition="top center",
            textfont_size=13,
            name="the target's own text",
            hovertemplate=f"%{{x:.4f}}, 95 % interval {low:.4f} – {high:.4f}",
        )
    figure.update_yaxes(categoryorder="array", categoryarray=order)
    figure.update_xaxes(title="acceptance rate", nticks=6)
    return theme.style(figure, 380)
