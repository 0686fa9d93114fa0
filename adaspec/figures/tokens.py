"""Single tokens and examples: overlap against KL, and where listed examples stand among all."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from adaspec.analysis.measures import ROUNDING, floor
from adaspec.drawing import BLUE, GREY, VERMILLION
from adaspec.figures.style import INK, Figure, Looks, finished, looks_of

KL = (1e-4, 20.0)  # nats, drawn on a logarithmic scale; what lies beyond is drawn at the edge


def overlap_against_kl(
    tokens: pd.DataFrame, draft: str, how: str, looks: Looks | None = None
) -> Figure:
    """Acceptance against KL of single tokens, above the floor that no token can lie below.

    Drag a rectangle: what it holds stands out and is counted.

    Args:
        tokens: `kl`, nats; `overlap`, from 0 to 1.
        draft: whose they are.
        how: which tokens these are, in words.
    """
    colour = looks_of([draft], looks)[draft].colour
    rows = pd.DataFrame(
        {
            "kl": tokens["kl"].to_numpy(float).round(5),
            "overlap": tokens["overlap"].to_numpy(float).round(5),
        }
    )
    # As text: Altair refuses frames of over 5,000 rows, and takes seconds to check so many values.
    text = rows.to_csv(index=False, lineterminator="\n")
    values = alt.InlineData(values=text, format=alt.CsvDataFormat(type="csv"))
    path = pd.DataFrame({"kl": np.geomspace(*KL, 121)})
    path["overlap"] = floor(path["kl"].to_numpy())
    x = alt.X(
        "kl:Q",
        title="KL of the token, nats, logarithmic scale",
        scale=alt.Scale(type="log", domain=list(KL), clamp=True, nice=False),
        axis=alt.Axis(
            values=[1e-4, 1e-3, 1e-2, 0.1, 1, 10],
            labelExpr=f"datum.value <= {KL[0]} ? '≤ 0.0001' : format(datum.value, '~g')",
            grid=False,
        ),
    )
    y = alt.Y("overlap:Q", title="overlap β = Σ min(p, q)", scale=alt.Scale(domain=[0, 1]))
    brush = alt.selection_interval(name="rectangle", encodings=["x", "y"])
    layers = [
        alt.Chart()
        .mark_square(size=9, color=colour, aria=False)
        .encode(x=x, y=y, opacity=alt.when(brush).then(alt.value(0.5)).otherwise(alt.value(0.08)))
        .add_params(brush),
        alt.Chart(path).mark_line(color=INK, strokeWidth=2, aria=False).encode(x=x, y=y),
        alt.Chart(pd.DataFrame({"kl": [0.0001], "overlap": [0.04]}))
        .mark_text(align="left", dx=6)
        .encode(x=x, y=y, text=alt.TextValue("below the line no token can lie")),
        alt.Chart()
        .transform_filter({"param": "rectangle", "empty": False})
        .transform_aggregate(count="count()")
        .transform_filter("datum.count > 0")
        .transform_calculate(text="format(datum.count, ',') + ' tokens in the rectangle'")
        .mark_text(align="right", baseline="top", aria=False)
        .encode(x=alt.XValue("width"), y=alt.YValue(0), text=alt.Text("text:N")),
    ]
    below = int((rows["overlap"] < floor(rows["kl"].to_numpy()) - ROUNDING).sum())
    return finished(
        alt.layer(*layers, data=values).properties(height=360),
        f"Overlap against KL, {draft}",
        [f"{how}. Line: the floor by Pinsker, Bretagnolle and Huber."],
        [f"{len(rows):,} tokens of {draft}, {below:,} of them below the floor"],
    )


def scores(everything: ArrayLike, listed: ArrayLike, chosen: float, meaning: str) -> Figure:
    """Where the listed examples, and the chosen one, stand among all.

    Args:
        everything, listed: the scores of all examples, and of those in the list.
        chosen: the score of the chosen one.
        meaning: of a score, in words.
    """
    values = np.asarray(everything, float)
    low, high = float(values.min()), float(values.max())
    edges = np.linspace(low, high if high > low else low + 1e-9, 41)
    counts = pd.concat(
        [
            pd.DataFrame(
                {
                    "which": which,
                    "from": edges[:-1],
                    "to": edges[1:],
                    "examples": np.histogram(np.asarray(part, float), edges)[0],
                }
            )
            for which, part in (("all", values), ("listed", listed))
        ]
    )
    counts["says"] = [
        f"{examples} examples ({which}) from {start:.3f} to {end:.3f}"
        for which, start, end, examples in zip(
            *(counts[name] for name in ("which", "from", "to", "examples")), strict=True
        )
    ]
    counts = counts[counts["examples"] > 0]
    x = alt.X(
        "from:Q",
        title=None,
        scale=alt.Scale(domain=[low, edges[-1]], nice=False),
        axis=alt.Axis(tickCount=6, grid=False),
    )
    marker = pd.DataFrame({"from": [chosen], "says": [f"chosen: {chosen:.3f}"]})
    return finished(
        alt.layer(
            alt.Chart(counts)
            .mark_bar(binSpacing=1)
            .encode(
                x=x,
                x2=alt.X2("to:Q"),
                y=alt.Y("examples:Q", title=None, axis=None, stack=None),
                y2=alt.Y2Datum(0),
                color=alt.Color(
                    "which:N",
                    legend=None,
                    scale=alt.Scale(domain=["all", "listed"], range=[GREY, BLUE]),
                ),
                description=alt.Description("says:N"),
                tooltip=alt.Tooltip("says:N", title=meaning),
            ),
            alt.Chart(marker)
            .mark_point(shape="triangle-up", size=170, filled=True, color=VERMILLION, opacity=1)
            .encode(
                x=x,
                y=alt.YValue(76),
                description=alt.Description("says:N"),
                tooltip=alt.Tooltip("says:N", title=meaning),
            ),
        ).properties(height=76),
        None,
        [],
        [f"{meaning}, of all examples and of those listed", f"chosen: {chosen:.3f}"],
    )
