"""Acceptance of drafts and methods: against cost, against k, and against a baseline's.

A frame has a row for everything that is drawn, and its columns are named in each docstring;
`draft` is what a draft is called.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from adaspec.analysis.measures import signed
from adaspec.drawing import apart
from adaspec.figures.style import (
    INK,
    WIDTH,
    Figure,
    Looks,
    colours,
    finished,
    legend_above,
    looks_of,
    shapes,
)

FAR_APART = 8  # times: costs beyond it are drawn on a logarithmic scale
_SIGNS = {"ahead": "▲", "behind": "▼", "not told apart": "≈"}
_ALPHA = "exact acceptance"


def acceptance_against_cost(
    methods: pd.DataFrame,
    cost: str,
    how: str,
    looks: Looks | None = None,
    details: Sequence[str] = (),
    ceiling: float | None = None,
) -> Figure:
    """Exact acceptance of every method against what its training cost, numbered from the best.

    Methods of one cost stand side by side; a line leads from each to the cost. What is no better
    than the untrained draft does not set the scale: an arrow says that it lies below.

    Args:
        methods: `draft`; `cost`, 0 for what was not trained; `alpha`, `low`, `high`; `by_seed`, a
            list, of one where there is one seed; `start`, the model that the training began with.
        cost: name and unit of the cost, for instance "sequences in all".
        how: what the intervals are over, in words.
        details: more columns for the tooltip.
        ceiling: what a draft of this size reached at all, as a line.
    """
    rows = methods.sort_values("alpha", ascending=False, kind="stable").reset_index(drop=True)
    rows["rank"] = [str(number + 1) for number in range(len(rows))]
    rows["named"] = [
        f"{rank}  {draft}  {alpha:.4f}"
        for rank, draft, alpha in zip(rows["rank"], rows["draft"], rows["alpha"], strict=True)
    ]
    rows["says"] = _says(rows, "exact acceptance", details)
    looks = looks_of(rows["draft"], looks)
    trained, untrained = rows[rows["cost"] > 0], rows[rows["cost"] <= 0]
    low, high = _scale(_setting(rows), 0.06, ceiling)
    log = trained["cost"].max() > FAR_APART * trained["cost"].min()
    trained = _side_by_side(trained, log, 30 / WIDTH)
    foot = low - 0.16 * (high - low)
    trained["foot"], trained["top"] = foot, foot + 0.04 * (high - low)
    below = trained["alpha"] < low
    costs = sorted(trained["cost"].unique())
    x_axis = alt.Axis(format=",.0f", grid=False, values=costs if len(costs) <= 4 else alt.Undefined)
    x = alt.X(
        "x:Q",
        title=f"{cost}, logarithmic scale" if log else cost,
        axis=x_axis,
        scale=alt.Scale(
            type="log" if log else "linear", domain=_across(trained, log), nice=False, clamp=True
        ),
    )
    y = _y("alpha", (foot, high))
    named, legend = list(rows["named"]), alt.Legend(title=None, orient="right")
    colour = colours("named", named, [looks[name] for name in rows["draft"]], legend)
    shape = shapes("named", named, [looks[name] for name in rows["draft"]], legend)
    legend_too: Any = alt.LegendStreamBinding(legend="pointerover")
    pointed = alt.selection_point(
        name="pointed",
        fields=["named"],
        on="pointerover",
        clear="pointerout",
        bind=legend_too,
    )
    opacity = alt.when(pointed).then(alt.value(1)).otherwise(alt.value(0.18))
    base = alt.Chart(trained[~below]).encode(
        x=x, color=colour, opacity=opacity, **_words(rows, details)
    )
    bar, *ends = _interval(base)
    layers = [
        # First of those that have the legend: Vega-Lite binds no other's to it.
        bar.add_params(pointed),
        *ends,
        alt.Chart(trained)
        .mark_rule(color=INK, opacity=0.4, aria=False)
        .encode(x=x, y=alt.Y("top:Q", title=_ALPHA), x2=alt.X2("cost:Q"), y2=alt.Y2("foot:Q")),
        *_seeds(trained[~below], x, "x"),
        alt.Chart(trained[~below & (trained["start"] == "reference")])
        .mark_point(shape="circle", size=420, strokeWidth=1.5, aria=False)
        .encode(x=x, y=y, color=colour),
        base.mark_point(filled=True, size=130).encode(y=y, shape=shape),
        base.mark_text(dy=-9, aria=False).encode(
            y=alt.Y("high:Q", title=_ALPHA), text=alt.Text("rank:N"), color=alt.ColorValue(INK)
        ),
    ]
    if below.any():
        sunk = alt.Chart(trained[below]).encode(x=x, color=colour, **_words(rows, details))
        at = {"y": alt.YDatum(foot + 0.12 * (high - low))}
        layers += [
            sunk.mark_point(filled=True, opacity=1, size=130).encode(shape=shape, **at),
            sunk.mark_text(dy=-15, aria=False).encode(
                text=alt.Text("rank:N"), color=alt.ColorValue(INK), **at
            ),
            sunk.mark_text(text="↓", dy=15, aria=False).encode(color=alt.ColorValue(INK), **at),
        ]
    layers += _levels(untrained, colour, shape, low, foot, _words(rows, details))
    layers += _ceiling(ceiling)
    single = len(rows["by_seed"].iloc[0]) == 1
    return finished(
        alt.layer(*layers).properties(height=400),
        f"Acceptance against {cost}",
        [
            f"Exact acceptance on the target's own text; bars: 95 % intervals over {how}.",
            ("" if single else "Small dots: single seeds. ")
            + "Ring: training starts from the reference. Methods of equal cost stand side by side.",
        ],
        rows["says"],
    )


def acceptance_against_compute(
    drafts: pd.DataFrame,
    how: str,
    looks: Looks | None = None,
    details: Sequence[str] = (),
    ceiling: float | None = None,
) -> Figure:
    """Exact acceptance against the compute of everything that a draft needed, with the frontier.

    Filled are the drafts on it, which no other is above at as little compute; the line is the
    highest acceptance that so much compute has bought.

    Args:
        drafts: `draft`; `cost` in FLOP, 0 for what was not trained; `alpha`, `low`, `high`;
            `by_seed`, a list, of one where there is one seed; `frontier`, whether it is on it.
        how: what the intervals are over, in words.
        details: more columns for the tooltip.
        ceiling: what a draft of this size reached at all, as a line.
    """
    rows = drafts.sort_values("alpha", ascending=False, kind="stable").reset_index(drop=True)
    rows["rank"], rows["x"] = "", rows["cost"]
    rows["says"] = [
        text + ("; on the frontier" if there else "")
        for text, there in zip(
            _says(rows, "exact acceptance", details), rows["frontier"], strict=True
        )
    ]
    looks = looks_of(rows["draft"], looks)
    names, drawn = list(looks), list(looks.values())
    untrained, trained = rows[rows["cost"] <= 0], rows[rows["cost"] > 0]
    low, high = _scale(trained, 0.1, ceiling)
    foot = low - 0.16 * (high - low) if (untrained["alpha"] < low).any() else low
    log = trained["cost"].max() > 2 * trained["cost"].min()
    title = "FLOP of everything that was needed" + (", logarithmic scale" if log else "")
    scale = alt.Scale(type="log" if log else "linear", domain=_across(trained, log), nice=False)
    axis = alt.Axis(format="~s", grid=False, tickCount=6)
    x, y = alt.X("x:Q", title=title, axis=axis, scale=scale), _y("alpha", (foot, high))
    legend = alt.Legend(title=None, orient="right")
    colour = colours("draft", names, drawn, legend)
    shape = shapes("draft", names, drawn, legend)
    base = alt.Chart(trained).encode(x=x, color=colour, **_words(rows, details))
    layers = [
        alt.Chart(_stairs(trained[trained["frontier"]], _across(trained, log)[1]))
        .mark_line(color=INK, opacity=0.6, strokeWidth=1.8, interpolate="step-after", aria=False)
        .encode(x=x, y=y),
        *_interval(base),
        *_seeds(trained, x, "x"),
        base.mark_point(size=130, strokeWidth=2, opacity=1).encode(
            y=y,
            shape=shape,
            fill=colour,
            fillOpacity=alt.when("datum.frontier").then(alt.value(1)).otherwise(alt.value(0)),
        ),
        *_levels(untrained, colour, shape, low, foot, _words(rows, details)),
        *_ceiling(ceiling),
    ]
    return finished(
        alt.layer(*layers).properties(height=360),
        "Acceptance against everything that was computed",
        [
            f"Exact acceptance on the target's own text; bars: 95 % intervals over {how}.",
            "Line and filled signs: the frontier, by what was measured.",
        ],
        rows["says"],
    )


def _stairs(rows: pd.DataFrame, end: float) -> pd.DataFrame:
    """The frontier from its cheapest draft to the end of the scale."""
    steps = rows.sort_values("cost")[["x", "alpha"]]
    last = steps.tail(1).assign(x=end)
    return pd.concat([steps, last])


def acceptance_against_k(
    points: pd.DataFrame,
    how: str,
    looks: Looks | None = None,
    details: Sequence[str] = (),
    ceiling: float | None = None,
) -> Figure:
    """Exact acceptance against the filter ratio, a line for methods that differ in k alone.

    Args:
        points: `draft`, `k` (1 keeps every token), `alpha`, `low`, `high`; `by_seed`, a list;
            `series`, what the drafts of a line have in common.
        how: what the intervals are over, in words.
        details: more columns for the tooltip.
        ceiling: what a draft of this size reached at all, as a line.
    """
    rows = points.reset_index(drop=True)
    places = dict(zip(rows["draft"], rows["k"], strict=True))
    places = dict(zip(places, apart(list(places.values()), 0.024), strict=True))
    rows["x"] = rows["draft"].map(places)  # drafts of one k stand side by side
    rows["alpha_text"] = [f"{alpha:.4f}" for alpha in rows["alpha"]]
    rows["says"] = _says(rows, "exact acceptance", ["k", *details])
    looks = looks_of(rows["draft"], looks)
    drafts = list(looks)
    x = alt.X(
        "x:Q",
        title="k, share of tokens trained on; 1 is all of them",
        scale=alt.Scale(domain=[0, 1.06], nice=False),
        axis=alt.Axis(values=[0, 0.2, 0.4, 0.6, 0.8, 1], grid=False),
    )
    y = _y("alpha", _scale(rows, 0.1, ceiling))
    legend = legend_above()
    colour = colours("draft", drafts, list(looks.values()), legend)
    shape = shapes("draft", drafts, list(looks.values()), legend)
    base = alt.Chart(rows).encode(x=x, color=colour, **_words(rows, ["k", *details]))
    return finished(
        alt.layer(
            alt.Chart(rows)
            .mark_line(color=INK, opacity=0.5, strokeWidth=1.8, aria=False)
            .encode(x=x, y=y, strokeDash=alt.StrokeDash("series:N", legend=None)),
            *_interval(base),
            *_seeds(rows, x, "x"),
            base.mark_point(filled=True, opacity=1, size=130).encode(y=y, shape=shape),
            base.mark_text(dy=-9, aria=False).encode(
                y=alt.Y("high:Q", title=_ALPHA),
                text=alt.Text("alpha_text:N"),
                color=alt.ColorValue(INK),
            ),
            *_ceiling(ceiling),
        ).properties(height=300),
        "Acceptance against k",
        [
            "Exact acceptance on the target's own text; drafts of one line differ in k alone.",
            f"Equal steps and sequences. Bars: 95 % intervals over {how}.",
        ],
        rows["says"],
    )


def differences(rows: pd.DataFrame, baseline: str, how: str, looks: Looks | None = None) -> Figure:
    """Draft minus baseline with its interval, a row a draft; the stock draft sets no scale.

    Args:
        rows: `draft`; `value`, `low`, `high`, in points of exact acceptance; `verdict`, "ahead",
            "behind" or "not told apart"; optionally `by_seed`, a list, and `trained`, false for the
            draft before any distillation.
        baseline: what it is called.
        how: how the difference was made, in words.
    """
    rows = rows.reset_index(drop=True)
    looks = looks_of(rows["draft"], looks)
    setting = rows[rows["trained"]] if "trained" in rows and rows["trained"].any() else rows
    ends = [0.0, *setting["low"], *setting["high"]]
    room = 0.14 * (max(ends) - min(ends) or 1)
    low, high = min(ends) - room, max(ends) + room
    rows["sign"] = rows["verdict"].map(_SIGNS)
    rows["text"] = [
        f"{signed(value)} {sign} {verdict}"
        for value, sign, verdict in zip(rows["value"], rows["sign"], rows["verdict"], strict=True)
    ]
    rows["interval"] = [
        f"{signed(least)} … {signed(most)}"
        for least, most in zip(rows["low"], rows["high"], strict=True)
    ]
    rows["says"] = [
        f"{draft} − {baseline}: {signed(value)} points [{interval.replace(' … ', ', ')}]: {verdict}"
        for draft, value, interval, verdict in zip(
            rows["draft"], rows["value"], rows["interval"], rows["verdict"], strict=True
        )
    ]
    beyond = (rows["value"] < low) | (rows["value"] > high)
    words: dict[str, Any] = {
        "description": alt.Description("says:N"),
        "tooltip": [
            alt.Tooltip("draft:N"),
            alt.Tooltip("text:N", title="points"),
            alt.Tooltip("interval:N", title="95 % interval"),
        ],
    }
    y = alt.Y(
        "draft:N",
        sort=list(rows["draft"]),
        title=None,
        axis=alt.Axis(labelLimit=260, labelFontSize=14, labelOpacity=1),
    )
    scale = alt.Scale(domain=[low, high], nice=False, clamp=True)
    title = f"minus {baseline}, points"
    x = alt.X("value:Q", title=title, scale=scale, axis=alt.Axis(tickCount=8))
    drafts = list(looks)
    colour = colours("draft", drafts, list(looks.values()), None)
    shape = shapes("draft", drafts, list(looks.values()), None)
    base = alt.Chart(rows[~beyond]).encode(y=y, color=colour, **words)
    layers = [
        alt.Chart(pd.DataFrame({"zero": [0]}))
        .mark_rule(color=INK, strokeDash=[4, 3], strokeWidth=1.5, aria=False)
        .encode(x=alt.X("zero:Q", scale=scale, title=title)),
        base.mark_rule(strokeWidth=2.5).encode(
            x=alt.X("low:Q", scale=scale, title=title), x2=alt.X2("high:Q")
        ),
        *(
            base.mark_tick(orient="vertical", size=11, thickness=2, aria=False).encode(
                x=alt.X(f"{end}:Q", scale=scale, title=title)
            )
            for end in ("low", "high")
        ),
        base.mark_point(filled=True, opacity=1, size=130).encode(x=x, shape=shape),
        base.mark_text(dy=-16, aria=False).encode(
            x=x, text=alt.Text("text:N"), color=alt.ColorValue(INK)
        ),
    ]
    if "by_seed" in rows:
        seeds = _exploded(rows[~beyond])
        layers.append(
            alt.Chart(seeds)
            .mark_circle(color=INK, size=10, opacity=0.65, yOffset=12, aria=False)
            .encode(x=alt.X("seed:Q", scale=scale, title=title), y=y)
        )
    if beyond.any():
        left = rows["value"] < low
        sides: tuple[tuple[Any, float, Literal["left", "right"]], ...]
        sides = ((left, low, "left"), (~left, high, "right"))
        for side, where, align in sides:
            layers.append(
                alt.Chart(rows[beyond & side])
                .transform_calculate(
                    arrow="'←  ' + datum.text" if align == "left" else "datum.text + '  →'"
                )
                .mark_text(align=align, dx=8 if align == "left" else -8)
                .encode(
                    x=alt.X(datum=where, scale=scale, title=title),
                    y=y,
                    text=alt.Text("arrow:N"),
                    color=alt.ColorValue(INK),
                    **words,
                )
            )
    return finished(
        alt.layer(*layers).properties(height=alt.Step(52)),
        "Paired differences in exact acceptance",
        [f"Draft minus {baseline}, {how}.", "Bars: 95 % intervals; an arrow: beyond the scale."],
        rows["says"],
    )


def _setting(rows: pd.DataFrame) -> pd.DataFrame:
    """Those that set a scale: what is no better than the untrained draft would leave the others no
    room. Where nothing is better, all."""
    untrained = rows[rows["cost"] <= 0]["alpha"]
    better = rows[rows["alpha"] > untrained.max()] if len(untrained) else rows
    return better if len(better) else rows


def _scale(rows: pd.DataFrame, margin: float, ceiling: float | None = None) -> tuple[float, float]:
    ends = [*rows["low"], *rows["high"], *(alpha for each in rows["by_seed"] for alpha in each)]
    ends += [] if ceiling is None else [ceiling]
    room = margin * (max(ends) - min(ends) or 0.01)
    return min(ends) - room, max(ends) + 1.5 * room


def _across(rows: pd.DataFrame, log: bool) -> list[float]:
    """The range of what is drawn side by side, and a margin."""
    ends = [*rows["x"], *rows["cost"]]
    if log:
        least, most = math.log10(min(ends)), math.log10(max(ends))
        margin = max(0.08 * (most - least), 0.05)
        return [10 ** (least - margin), 10 ** (most + margin)]
    margin = max(0.08 * (max(ends) - min(ends)), 1e-6 * max(ends))
    return [min(ends) - margin, max(ends) + margin]


def _side_by_side(rows: pd.DataFrame, log: bool, gap: float) -> pd.DataFrame:
    """Rows with `x`, where each is drawn: at its cost, or beside those of the same, the best at the
    left. `gap` is a share of the figure's width."""
    rows = rows.sort_values("cost", kind="stable").copy()
    wanted = np.log10(rows["cost"]) if log else rows["cost"].astype(float)
    span = float(wanted.max() - wanted.min()) or (0.3 if log else 0.3 * float(wanted.max()))
    positions = np.array(apart(list(wanted), 1.2 * span * gap))
    rows["x"] = 10**positions if log else positions
    return rows


def _interval(base: alt.Chart) -> list[alt.Chart]:
    """A bar from `low` to `high` with its ends."""
    return [
        base.mark_rule(strokeWidth=2.5, aria=False).encode(
            y=alt.Y("low:Q", title=_ALPHA), y2=alt.Y2("high:Q")
        ),
        *(
            base.mark_tick(orient="horizontal", size=10, thickness=2, aria=False).encode(
                y=alt.Y(f"{end}:Q", title=_ALPHA)
            )
            for end in ("low", "high")
        ),
    ]


def _exploded(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a seed, where there are several."""
    several = rows[[len(each) > 1 for each in rows["by_seed"]]]
    return several.explode("by_seed").rename(columns={"by_seed": "seed"}).astype({"seed": float})


def _seeds(rows: pd.DataFrame, x: alt.X, column: str) -> list[alt.Chart]:
    """Small dots beside each bar, one a seed."""
    dots = _exploded(rows)
    if dots.empty:
        return []
    return [
        alt.Chart(dots[[column, "seed"]])
        .mark_circle(color=INK, size=10, opacity=0.65, xOffset=8, aria=False)
        .encode(x=x, y=alt.Y("seed:Q", title=_ALPHA))
    ]


def _levels(
    rows: pd.DataFrame, colour: alt.Color, shape: alt.Shape, low: float, foot: float, words: Any
) -> list[alt.Chart]:
    """What has no cost is a line across, or a note where it is far below the scale."""
    layers: list[alt.Chart] = []
    for number, (_, row) in enumerate(rows.iterrows()):
        alpha = float(row["alpha"])
        far = alpha < low
        note = f"{row['rank']}  {row['draft']} {alpha:.4f}, not trained"
        level = pd.DataFrame(
            [row.to_dict() | {"text": note + (" ↓ below the scale" if far else "")}]
        )
        position = foot + 0.3 * (low - foot) if far else alpha
        up = -11 - 20 * number
        base = alt.Chart(level).encode(y=alt.YDatum(position), **words)
        if not far:
            line = base.mark_rule(strokeDash=[4, 3], strokeWidth=1.5, aria=False)
            layers.append(line.encode(color=colour))
        layers += [
            base.mark_point(filled=True, opacity=1, size=110, yOffset=up).encode(
                x=alt.XValue(12), color=colour, shape=shape
            ),
            base.mark_text(align="left", dy=up, aria=False).encode(
                x=alt.XValue(24), text=alt.Text("text:N")
            ),
        ]
    return layers


def _ceiling(alpha: float | None) -> list[alt.Chart]:
    """What a draft of this size reached at all, as a line across."""
    if alpha is None:
        return []
    text = f"ceiling for this size {alpha:.4f}"
    says = f"{text}: what a draft of this size reached at all, trained long"
    line = pd.DataFrame([{"alpha": alpha, "text": text, "says": says}])
    base = alt.Chart(line).encode(
        y=alt.Y("alpha:Q", title=_ALPHA), description=alt.Description("says:N")
    )
    return [
        base.mark_rule(color=INK, strokeDash=[2, 3], strokeWidth=1.8),
        base.mark_text(color=INK, align="right", dx=-4, dy=-9, aria=False).encode(
            x=alt.XValue("width"), text=alt.Text("text:N")
        ),
    ]


def _says(rows: pd.DataFrame, measure: str, details: Sequence[str]) -> list[str]:
    """A mark in words."""
    return [
        f"{row['draft']}: {measure} {row['alpha']:.4f}, 95 % interval {row['low']:.4f} – "
        f"{row['high']:.4f}" + "".join(f"; {name}: {row[name]}" for name in details)
        for row in rows.to_dict("records")
    ]


def _words(rows: pd.DataFrame, details: Sequence[str]) -> dict[str, Any]:
    """What a mark says to a screen reader, and what it shows to a pointer."""
    return {
        "description": alt.Description("says:N"),
        "tooltip": [
            alt.Tooltip("draft:N"),
            alt.Tooltip("alpha:Q", title="exact acceptance", format=".4f"),
            alt.Tooltip("low:Q", title="95 % from", format=".4f"),
            alt.Tooltip("high:Q", title="95 % to", format=".4f"),
            *(alt.Tooltip(f"{name}:N", title=name) for name in details),
        ],
    }


def _y(field: str, domain: tuple[float, float]) -> alt.Y:
    scale = alt.Scale(domain=list(domain), nice=False, zero=False)
    return alt.Y(f"{field}:Q", title=_ALPHA, scale=scale, axis=alt.Axis(format=".3f"))
