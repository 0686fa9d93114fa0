"""What all figures share: how drafts are told apart, and how a figure is laid out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from adaspec.drawing import Look, look

Looks = Mapping[str, Look]
Figure = alt.LayerChart

INK = "currentColor"  # of axes and text: the page's own; `files` puts a colour in its place
WIDTH = 720  # pixels, where no page stretches the figure

SHAPES = {  # in a square from -1 to 1, where Vega has no such shape
    "circle-open": "M-1,0A1,1,0,1,1,1,0A1,1,0,1,1,-1,0M-.5,0A.5,.5,0,1,0,.5,0A.5,.5,0,1,0,-.5,0Z",
    "x": "M-.9,-.5L-.5,-.9L0,-.4L.5,-.9L.9,-.5L.4,0L.9,.5L.5,.9L0,.4L-.5,.9L-.9,.5L-.4,0Z",
    "pentagon": "M0,-1L.951,-.309L.588,.809L-.588,.809L-.951,-.309Z",
    "hexagon": "M0,-1L.866,-.5L.866,.5L0,1L-.866,.5L-.866,-.5Z",
    "star": "M0,-1L.25,-.34L.951,-.309L.4,.13L.588,.809L0,.42"
    "L-.588,.809L-.4,.13L-.951,-.309L-.25,-.34Z",
}
DASHES = {
    "solid": [1, 0],
    "dash": [9, 6],
    "dot": [2, 4],
    "dashdot": [9, 4, 2, 4],
    "longdash": [14, 6],
    "longdashdot": [14, 4, 2, 4],
}
_CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": "Source Sans, Segoe UI, Roboto, Helvetica, Arial, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 13,
        "titleFontSize": 14,
        "titleFontWeight": "normal",
        "labelOpacity": 0.85,
        "gridColor": INK,
        "gridOpacity": 0.14,
        "domain": False,
        "ticks": False,
        "labelPadding": 6,
        "titlePadding": 10,
    },
    "legend": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 13,
        "labelLimit": 320,
        "symbolSize": 110,
        "symbolOpacity": 1,
        "rowPadding": 6,
    },
    "title": {
        "anchor": "start",
        "color": INK,
        "fontSize": 17,
        "fontWeight": 600,
        "subtitleColor": INK,
        "subtitleFontSize": 13,
        "subtitleLineHeight": 18,
        "subtitlePadding": 6,
        "offset": 14,
    },
    "text": {"color": INK, "fontSize": 13},
}


def legend_above() -> alt.Legend:
    """Drafts over the figure, in a row, or on a phone in two columns."""
    return alt.Legend(title=None, orient="top", columns=alt.ExprRef("width < 440 ? 2 : 0"))


def looks_of(drafts: Sequence[str] | pd.Series, looks: Looks | None) -> dict[str, Look]:
    """Draft -> its look, in the order in which they come."""
    return {draft: (looks or {}).get(draft) or look(draft) for draft in dict.fromkeys(drafts)}


def colours(field: str, names: list[str], looks: list[Look], legend: Any) -> alt.Color:
    scale = alt.Scale(domain=names, range=[each.colour for each in looks])
    return alt.Color(f"{field}:N", scale=scale, legend=legend, sort=names)


def shapes(field: str, names: list[str], looks: list[Look], legend: Any) -> alt.Shape:
    shapes = [SHAPES.get(each.marker, each.marker) for each in looks]
    scale = alt.Scale(domain=names, range=shapes)
    return alt.Shape(f"{field}:N", scale=scale, legend=legend, sort=names)


def finished(
    chart: alt.LayerChart | alt.FacetChart,
    title: str | None,
    subtitle: list[str],
    says: Sequence[str] | pd.Series,
) -> Figure:
    """A chart with its title, what it shows in words, and what all figures have in common."""
    text = ". ".join([*([title] if title else []), *(line.rstrip(".") for line in subtitle), *says])
    named = {"title": alt.TitleParams(title, subtitle=subtitle)} if title else {}
    assert isinstance(chart, Figure)  # nothing here has facets
    return chart.properties(
        width=WIDTH,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        description=text + ".",
        usermeta={"embedOptions": {"renderer": "svg", "actions": False}},
        config=alt.Config(**_CONFIG),
        **named,
    )
