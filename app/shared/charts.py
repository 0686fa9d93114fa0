"""A run's numbers as Plotly figures. Knows no Streamlit and no files.

Each figure is made in one piece: to change one that is made costs ten times as much, and thirty
viewers wait for it.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any, Literal

import pandas  # noqa: F401  Plotly stumbles over one that another session's thread is importing
import plotly.graph_objects as go

from adaspec import drawing
from adaspec.runs import DraftReport, Metrics, Step
from app.shell import theme

Rows = list[dict[str, Any]]
Axis = Literal["steps", "sequences"]

POINTS = 300  # along one loss curve; more only cost the browser time
PANELS = 4  # side by side
ACROSS, DOWN = 0.07, 0.5  # between two panels: of the figure's width, of a panel's height
LABEL = 20  # pixels from one line of text to the next
FRAME = 90  # pixels of a figure's height that are not the plot


@dataclass(frozen=True)
class Curve:
    """Held-out acceptance of one draft while it was trained.

    Attributes:
        draft: its name, from which colour and marker follow.
        label: what to call it.
        dash: how its line is drawn.
        points: steps or sequences, and the acceptance there.
    """

    draft: str
    label: str
    dash: str
    points: list[tuple[float, float]]


def acceptance(curves: list[Curve], axis: Axis, stock: Curve | None) -> go.Figure:
    """Curves on one scale, each named where it ends.

    Args:
        stock: acceptance before any training, one point; None where it is not known.
    """
    everything = [*curves, stock] if stock else curves
    ends = [(curve.points[-1][1], curve.draft, curve.label) for curve in everything]
    values = [y for curve in everything for _, y in curve.points]
    low, high = min(values), max(values)
    room = (high - low) or 1.0
    height = max(380, FRAME + (LABEL + 2) * len(ends))
    layout = theme.layout(height) | {
        "xaxis": theme.across(axis, rangemode="tozero"),
        "yaxis": theme.axis("held-out acceptance", range=[low - 0.06 * room, high + 0.06 * room]),
        "hovermode": "closest",
        "hoverlabel": {"namelength": -1},
        "annotations": _labels(ends, low, room, height),
        "shapes": [_level(stock)] if stock else [],
    }
    layout["margin"]["r"] = 80 + 7.2 * max(len(label) for _, _, label in ends)
    return go.Figure({"data": [_trace(curve, axis) for curve in curves], "layout": layout})


def _trace(curve: Curve, axis: Axis) -> dict[str, Any]:
    look = drawing.look(curve.draft)
    return {
        "type": "scatter",
        "x": [x for x, _ in curve.points],
        "y": [y for _, y in curve.points],
        "name": html.escape(curve.label),
        "mode": "lines+markers",
        "line": {"color": look.colour, "dash": curve.dash, "width": 2.5},
        "marker": {"symbol": look.marker, "size": 8},
        "hovertemplate": f"%{{y:.4f}} after %{{x:,.0f}} {axis}",
    }


def _level(curve: Curve) -> dict[str, Any]:
    """One point as a line across the plot."""
    (_, y) = curve.points[0]
    line = {"color": drawing.look(curve.draft).colour, "dash": curve.dash}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line}


def _labels(ends: list[tuple[float, str, str]], low: float, room: float, height: int) -> Rows:
    """A name for every curve at the right of the plot, apart where they end close together."""
    ends = sorted(ends)
    gap = LABEL / (height - FRAME)
    places = drawing.apart([(value - low) / room for value, _, _ in ends], gap, 0.0, 1.0)
    labels = []
    for (value, draft, label), place in zip(ends, places, strict=True):
        look = drawing.look(draft)
        mark = f'<span style="color:{look.colour}">{drawing.GLYPHS[look.marker]}</span>'
        labels.append(
            {
                "x": 1.01,
                "xref": "paper",
                "xanchor": "left",
                "y": low + place * room,
                "text": f"{mark} {html.escape(label)} {value:.4f}",
                "showarrow": False,
                "font": {"size": 13},
            }
        )
    return labels


def loss(
    metrics: Metrics, axis: Axis, a_step: dict[str, float], names: dict[str, str]
) -> go.Figure | None:
    """Training loss of every stage in a panel and on a scale of its own; None before any.

    Losses of different objectives, or over different tokens, have no common scale.

    Args:
        a_step: stage -> what one of its steps counts on the axis, where that is not 1.
        names: stage -> what to call it.
    """
    stages = [
        stage for stage, rows in metrics.items() if any(step.loss is not None for step in rows)
    ]
    if not stages:
        return None
    columns = min(PANELS, len(stages))
    lines = -(-len(stages) // columns)
    layout = theme.layout(40 + 190 * lines)
    layout["margin"]["t"] = 28
    layout["annotations"] = []
    data = []
    for place, stage in enumerate(stages):
        number = "" if place == 0 else str(place + 1)
        layout |= _panel(number, place % columns, place // columns, columns, lines)
        layout["annotations"].append(_title(number, names.get(stage, stage)))
        for trace in _losses(stage, metrics[stage], axis, a_step.get(stage, 1)):
            data.append(trace | {"xaxis": f"x{number}", "yaxis": f"y{number}"})
    return go.Figure({"data": data, "layout": layout})


def _panel(number: str, column: int, line: int, columns: int, lines: int) -> dict[str, Any]:
    """The axes of one panel of a grid; Plotly counts from the bottom."""
    width, height = (1 - ACROSS * (columns - 1)) / columns, 1 / (lines + DOWN * (lines - 1))
    left, bottom = column * (width + ACROSS), 1 - (line + 1) * height - line * DOWN * height
    across, up = [left, left + width], [max(0.0, bottom), bottom + height]
    return {
        f"xaxis{number}": theme.across(
            anchor=f"y{number}", domain=across, nticks=5, rangemode="tozero"
        ),
        f"yaxis{number}": theme.axis(anchor=f"x{number}", domain=up, nticks=5),
    }


def _title(number: str, text: str) -> dict[str, Any]:
    return {
        "text": html.escape(text),
        "x": 0.5,
        "xref": f"x{number} domain",
        "xanchor": "center",
        "y": 1,
        "yref": f"y{number} domain",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 14},
    }


def _losses(stage: str, logged: list[Step], axis: Axis, a_step: float) -> Rows:
    """The training loss, and the held-out one where there is one."""
    steps, losses = _thinned([(step.step, step.loss) for step in logged if step.loss is not None])
    held_out = [step for step in logged if step.held_out_loss is not None]
    hover = f"%{{y:.4f}} at %{{x:,.0f}} {axis}"
    return [
        {
            "type": "scatter",
            "x": [step * a_step for step in steps],
            "y": losses,
            "mode": "lines",
            "line": {"color": drawing.look(stage).colour, "width": 2},
            "name": "training",
            "hovertemplate": hover,
        },
        {
            "type": "scatter",
            "x": [step.step * a_step for step in held_out],
            "y": [step.held_out_loss for step in held_out],
            "mode": "lines+markers",
            "line": {"color": drawing.GREY, "width": 1.5, "dash": "dot"},
            "marker": {"symbol": "circle-open", "size": 7},
            "name": "held-out",
            "hovertemplate": hover,
        },
    ]


def _thinned(points: list[tuple[int, float]]) -> tuple[list[float], list[float]]:
    """Steps and losses, as means over blocks of neighbouring steps where there are very many."""
    size = max(1, -(-len(points) // POINTS))
    blocks = [points[start : start + size] for start in range(0, len(points), size)]
    steps = [sum(step for step, _ in block) / len(block) for block in blocks]
    return steps, [sum(loss for _, loss in block) / len(block) for block in blocks]


def intervals(drafts: list[DraftReport]) -> go.Figure:
    """Final acceptance of every draft: on the target's text with its interval, and on the data."""
    names = [html.escape(draft.name) for draft in drafts]
    layout = theme.layout(380) | {
        "xaxis": theme.across("acceptance rate", nticks=6),
        "yaxis": theme.axis(categoryorder="array", categoryarray=names[::-1]),
    }
    data = [trace for draft in drafts for trace in _interval(draft)]
    return go.Figure({"data": data, "layout": layout})


def _interval(draft: DraftReport) -> Rows:
    look, row = drawing.look(draft.name), [html.escape(draft.name)]
    value, (low, high) = draft.alpha.generated, draft.alpha.generated_ci
    return [
        {
            "type": "scatter",
            "x": [draft.alpha.dataset],
            "y": row,
            "mode": "markers",
            "marker": {
                "symbol": "line-ns-open",
                "size": 14,
                "color": drawing.GREY,
                "line": {"width": 2},
            },
            "name": "the data set's answers",
            "hovertemplate": "%{x:.4f}",
        },
        {
            "type": "scatter",
            "x": [value],
            "y": row,
            "error_x": {
                "array": [high - value],
                "arrayminus": [value - low],
                "thickness": 2.5,
                "width": 7,
                "color": look.colour,
            },
            "mode": "markers+text",
            "marker": {"symbol": look.marker, "size": 11, "color": look.colour},
            "text": f"{value:.4f}",
            "textposition": "top center",
            "textfont": {"size": 13},
            "name": "the target's own text",
            "hovertemplate": f"%{{x:.4f}}, 95 % interval {low:.4f} – {high:.4f}",
        },
    ]
