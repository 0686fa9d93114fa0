"""Speculative decoding: speed-up against the draft length, and how much of a round is accepted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from adaspec.drawing import apart
from adaspec.figures.style import (
    DASHES,
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

_CHARACTER = 7.4  # pixels, of a label's text
_BANDS = alt.Scale(paddingInner=0.15)


MEASURED = [
    "Points: measured, batch 1, with 95 % intervals (an arrow: beyond the plot).",
    "Lines: predicted from tested α and the measured costs. Below 1 ×: slower than none.",
]


def speedup_against_gamma(
    points: pd.DataFrame, looks: Looks | None = None, how: Sequence[str] = MEASURED
) -> Figure:
    """Measured and predicted speed-up against the draft length, each line named at its end.

    Args:
        points: `draft`, `gamma`; `predicted`, `measured`, `low`, `high`: times plain decoding, NaN
            where there is none.
        how: what points and lines are, a sentence or two a line.
    """
    rows = points.reset_index(drop=True)
    looks = looks_of(rows["draft"], looks)
    drafts = list(looks)
    speeds = rows[["predicted", "measured"]].to_numpy(float)
    values = np.append(speeds[np.isfinite(speeds)], 1.0)
    room = 0.25 * (values.max() - values.min() or 1)  # for intervals; longer ones end in an arrow
    low, high = values.min() - room, values.max() + room
    gammas = sorted(int(gamma) for gamma in rows["gamma"].unique())
    span = gammas[-1] - gammas[0] + 0.8
    label = min(0.42, (36 + _CHARACTER * max(map(len, drafts))) / WIDTH)
    right = gammas[-1] + 0.4 + span * label / (1 - label)
    step = 7 * span / ((1 - label) * WIDTH)
    rows["x"] = rows["gamma"] + [
        (drafts.index(draft) - (len(drafts) - 1) / 2) * step for draft in rows["draft"]
    ]
    rows["bottom"], rows["top"] = rows["low"].clip(lower=low), rows["high"].clip(upper=high)
    rows["text"] = [
        f"{measured:.2f} × [{least:.2f}, {most:.2f}]"
        for measured, least, most in zip(rows["measured"], rows["low"], rows["high"], strict=True)
    ]
    rows["expected"] = [f"{value:.2f} ×" for value in rows["predicted"]]
    rows["says"] = [
        f"{draft}, γ = {gamma}: measured {text}, predicted {expected}"
        for draft, gamma, text, expected in zip(
            rows["draft"], rows["gamma"], rows["text"], rows["expected"], strict=True
        )
    ]
    across, up = "γ, tokens drafted a round", "speed-up over plain decoding"
    lengths = alt.Axis(values=gammas, grid=False, format="d")
    reach = alt.Scale(domain=[gammas[0] - 0.4, right], nice=False)
    x = alt.X("x:Q", title=across, scale=reach, axis=lengths)
    scale = alt.Scale(domain=[low, high], nice=False, zero=False, clamp=True)
    axis = alt.Axis(labelExpr="datum.label + ' ×'")
    y = alt.Y("predicted:Q", title=up, scale=scale, axis=axis)
    colour = colours("draft", drafts, list(looks.values()), None)
    shape = shapes("draft", drafts, list(looks.values()), None)
    dash = alt.StrokeDash(
        "draft:N",
        legend=None,
        scale=alt.Scale(domain=drafts, range=[DASHES[each.dash] for each in looks.values()]),
    )
    measured = rows[rows["measured"].notna()]
    words: dict[str, Any] = {
        "description": alt.Description("says:N"),
        "tooltip": [
            alt.Tooltip("draft:N"),
            alt.Tooltip("gamma:Q", title="γ"),
            alt.Tooltip("text:N", title="measured"),
            alt.Tooltip("expected:N", title="predicted"),
        ],
    }
    base = alt.Chart(measured).encode(x=x, color=colour, **words)
    last = rows.sort_values("gamma", kind="stable").groupby("draft", sort=False).tail(1).copy()
    ends = last["predicted"].fillna(last["measured"]).fillna(1.0)
    last["place"] = apart(list(ends), 20 * (high - low) / 300, low, high)
    last["name_x"] = rows["x"].max() + 2.5 * step
    names = alt.Chart(last).encode(
        x=alt.X("name_x:Q", title=across, axis=lengths), y=alt.Y("place:Q", scale=scale, title=up)
    )
    even = {"even": [1.0], "from": [gammas[0] - 0.4], "to": [rows["x"].max() + step]}
    layers = [
        alt.Chart(pd.DataFrame(even))  # no further than the lines: it would strike names through
        .mark_rule(color=INK, strokeDash=[4, 3], strokeWidth=1.5, aria=False)
        .encode(
            x=alt.X("from:Q", title=across, scale=reach, axis=lengths),
            x2=alt.X2("to:Q"),
            y=alt.Y("even:Q", scale=scale, title=up),
        ),
        alt.Chart(rows[rows["predicted"].notna()])
        .mark_line(strokeWidth=2, aria=False)
        .encode(x=alt.X("gamma:Q", title=across, axis=lengths), y=y, color=colour, strokeDash=dash),
        base.mark_rule(strokeWidth=2).encode(
            y=alt.Y("bottom:Q", scale=scale, title=up, axis=axis), y2=alt.Y2("top:Q")
        ),
        base.mark_point(filled=True, opacity=1, size=110).encode(
            y=alt.Y("measured:Q", scale=scale, title=up, axis=axis), shape=shape
        ),
        names.mark_point(filled=True, opacity=1, size=90, aria=False).encode(
            color=colour, shape=shape
        ),
        names.mark_text(align="left", dx=12, fontSize=14).encode(text=alt.Text("draft:N")),
    ]
    for sign, edge, cut in (
        ("▼", low, measured["low"] < low),
        ("▲", high, measured["high"] > high),
    ):
        layers.append(
            alt.Chart(measured[cut])
            .mark_text(text=sign, aria=False, fontSize=11)
            .encode(x=x, y=alt.Y(datum=edge, scale=scale, title=up), color=colour)
        )
    return finished(
        alt.layer(*layers).properties(height=300),
        "Speed-up against γ",
        list(how),
        rows["says"],
    )


def acceptance_by_position(rows: pd.DataFrame, looks: Looks | None = None) -> Figure:
    """How far a round is accepted: bars for reaching a place, a line for passing its own test.

    Args:
        rows: `draft`; `position`, from 1; `reached`, share of rounds that accept at least so many;
            `passed`, share of the proposals tested there that were accepted; `tested`, how many;
            optionally `outlined`, true for bars that are drawn hollow.
    """
    rows = rows.reset_index(drop=True)
    rows["says"] = [
        f"{draft}, proposal {position}: P = {reached:.3f} of rounds accept at least {position}; "
        f"h = {passed:.3f} of {tested:,} tested"
        for draft, position, reached, passed, tested in zip(
            *(rows[name] for name in ("draft", "position", "reached", "passed", "tested")),
            strict=True,
        )
    ]
    tooltip = [
        alt.Tooltip("draft:N"),
        alt.Tooltip("position:O", title="proposal"),
        alt.Tooltip("reached:Q", title="rounds that accept it (P)", format=".3f"),
        alt.Tooltip("passed:Q", title="accepted where tested (h)", format=".3f"),
        alt.Tooltip("tested:Q", title="tested", format=","),
    ]
    return _bars(
        rows,
        looks,
        ("position", "i-th proposal of a round"),
        ("reached", "share of rounds"),
        tooltip,
        "Acceptance by position",
        [
            "Bar: rounds that accept at least i proposals (P).",
            "Line: of the i-th proposals tested, the share accepted (h).",
        ],
        line="passed",
    )


def reached_by_position(rows: pd.DataFrame, looks: Looks, how: str) -> Figure:
    """What a server's log says beside what was predicted: rounds that accept so many proposals.

    Args:
        rows: `draft`, whose the bar is: the server's or a prediction's; `position`, from 1;
            `reached`, share of rounds that accept at least so many.
        how: where the server's bars are from.
    """
    rows = rows.reset_index(drop=True)
    rows["says"] = [
        f"{draft}, proposal {position}: {reached:.3f} of rounds accept at least {position}"
        for draft, position, reached in zip(
            *(rows[name] for name in ("draft", "position", "reached")), strict=True
        )
    ]
    tooltip = [
        alt.Tooltip("draft:N", title="by"),
        alt.Tooltip("position:O", title="proposal"),
        alt.Tooltip("reached:Q", title="rounds that accept it (P)", format=".3f"),
    ]
    return _bars(
        rows,
        looks,
        ("position", "i-th proposal of a round"),
        ("reached", "share of rounds"),
        tooltip,
        "The server's log over the prediction",
        [how, "Bar: rounds that accept at least i proposals (P)."],
    )


def accepted_lengths(rows: pd.DataFrame, looks: Looks | None = None) -> Figure:
    """How many proposals a round accepts.

    Args:
        rows: `draft`; `accepted`, proposals of a round; `rounds`, how many accepted so many;
            `share` of all rounds; optionally `outlined`, as in `acceptance_by_position`.
    """
    rows = rows.reset_index(drop=True)
    rows["says"] = [
        f"{draft}: {rounds:,} rounds, {share:.1%}, accepted exactly {accepted}"
        for draft, rounds, share, accepted in zip(
            *(rows[name] for name in ("draft", "rounds", "share", "accepted")), strict=True
        )
    ]
    tooltip = [
        alt.Tooltip("draft:N"),
        alt.Tooltip("accepted:O"),
        alt.Tooltip("rounds:Q", format=","),
        alt.Tooltip("share:Q", format=".1%"),
    ]
    return _bars(
        rows,
        looks,
        ("accepted", "proposals accepted in a round"),
        ("share", "share of rounds"),
        tooltip,
        "Accepted lengths",
        ["Share of all rounds, among them those that the text's end cut short."],
    )


def _bars(
    rows: pd.DataFrame,
    looks: Looks | None,
    group: tuple[str, str],
    value: tuple[str, str],
    tooltip: list[alt.Tooltip],
    title: str,
    subtitle: list[str],
    line: str | None = None,
) -> Figure:
    """Bars in groups, a bar a draft, each with the draft's marker above it."""
    looks = looks_of(rows["draft"], looks)
    drafts = list(looks)
    rows["above"] = rows[[value[0], line]].max(axis=1) if line else rows[value[0]]
    legend = legend_above()
    base = alt.Chart(rows).encode(
        x=alt.X(f"{group[0]}:O", title=group[1], axis=alt.Axis(labelAngle=0), scale=_BANDS),
        xOffset=alt.XOffset("draft:N", sort=drafts, scale=alt.Scale(domain=drafts)),
        color=colours("draft", drafts, list(looks.values()), legend),
        description=alt.Description("says:N"),
        tooltip=tooltip,
    )
    y = alt.Y(
        f"{value[0]}:Q",
        title=value[1],
        axis=alt.Axis(format=".0%"),
        scale=alt.Scale(domain=[0, 1.12 * max(0.01, float(rows["above"].max()))], nice=False),
    )
    bar = base.mark_bar(strokeWidth=1.5, fillOpacity=0.72).encode(y=y)
    if "outlined" in rows:
        bar = bar.encode(
            stroke=colours("draft", drafts, list(looks.values()), None),
            fillOpacity=alt.when("datum.outlined").then(alt.value(0.2)).otherwise(alt.value(0.72)),
        )
    layers = [bar]
    if line:
        layers.append(
            base.mark_tick(orient="horizontal", thickness=2.5, color=INK, aria=False).encode(
                y=alt.Y(f"{line}:Q"), color=alt.ColorValue(INK)
            )
        )
    layers.append(
        base.mark_point(filled=True, opacity=1, size=60, yOffset=-9, aria=False).encode(
            y=alt.Y("above:Q"), shape=shapes("draft", drafts, list(looks.values()), legend)
        )
    )
    return finished(alt.layer(*layers).properties(height=280), title, subtitle, rows["says"])
