"""How a run's training went: acceptance, alone or beside other runs', and losses."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import cast

import plotly.graph_objects as go
import streamlit as st

from adaspec import drawing
from adaspec.runs import Step
from app.runs.figure import run_figure
from app.shared import charts, reading
from app.shared.charts import Axis, Curve
from app.shared.pickers import named
from app.shared.reading import View
from app.shell import words

LETTERS = "ABCD"  # one a run where several are drawn together; the open one is A
COMPARED = "with"  # query parameter: ids of the others


def run_curves(view: View, views: list[View]) -> None:
    """Draw what was logged so far.

    Args:
        views: runs to choose from for a comparison.
    """
    if not view.metrics:
        return
    st.header("Training", anchor=False)
    with st.container(horizontal=True, key="curve-controls"):
        together = (view, *_others(view, views))
        drafts = _drafts(together) if len(together) > 1 else tuple(view.monitored)
        axis = _axis()
    if len(together) > 1:
        _key(together)
        _acceptance(together, drafts, axis)
    elif view.report:
        left, right = st.columns((1.9, 1), gap="medium")
        with left:
            _acceptance(together, drafts, axis)
        with right:
            _final(view)
    else:
        _acceptance(together, drafts, axis)
    _losses(view, axis)


def _others(view: View, views: list[View]) -> list[View]:
    """The runs that are drawn beside this one; the link says which."""
    key = f"{COMPARED}-{view.id}"
    wanted = st.session_state.get(key, st.query_params.get_all(COMPARED))
    offered = reading.offered(
        views, lambda other: other.id != view.id and other.run.metrics_file.is_file(), wanted
    )
    there = [run for run in wanted if run in offered][: len(LETTERS) - 1]
    if st.session_state.get(key) != there:
        st.session_state[key] = there
    chosen = st.multiselect(
        "Compare with",
        list(offered),
        key=key,
        format_func=lambda run: named(offered[run]),
        max_selections=len(LETTERS) - 1,
        placeholder="Other runs",
        help="Overlays the held-out acceptance of up to three other runs.",
        disabled=not offered,
        select_all=False,
        width=360,
    )
    if chosen != st.query_params.get_all(COMPARED):
        st.query_params[COMPARED] = chosen
    return [offered[run] for run in chosen]


def _drafts(together: tuple[View, ...]) -> tuple[str, ...]:
    """The drafts to draw: all, or those that were asked for."""
    names = list(dict.fromkeys(name for view in together for name in view.monitored))
    chosen = st.multiselect(
        "Drafts",
        names,
        key="drafts",
        bind="query-params",
        placeholder="All drafts",
        help="Shows only these drafts.",
        select_all=False,
        width=300,
    )
    return tuple(chosen or names)


def _axis() -> Axis:
    chosen = st.segmented_control(
        "Horizontal axis",
        ["steps", "sequences"],
        default="steps",
        required=True,
        key="axis",
        bind="query-params",
        help="Optimiser steps, or sequences read. Methods with larger batches read more sequences "
        "in the same number of steps, so check both before calling a draft better.",
    )
    return cast(Axis, chosen or "steps")


def _key(together: tuple[View, ...]) -> None:
    """Which line belongs to which run, and which runs must not be compared."""
    lines = zip(LETTERS, drawing.RUN_LINES.values(), together, strict=False)
    runs = [f"**{letter}** {sample} {words.plain(named(view))}" for letter, sample, view in lines]
    st.markdown(
        " &emsp; ".join(runs),
        help="The line says which run it is; colour and marker say which draft.",
    )
    for letter, other in zip(LETTERS[1:], together[1:], strict=False):
        if unlike := _unlike(together[0], other):
            st.warning(
                f"{letter} has {unlike} from A: comparing their acceptances says nothing about the "
                "drafts.",
                icon=":material/balance:",
            )


def _unlike(view: View, other: View) -> str:
    """What differs between two runs that makes their acceptances two different measures."""
    if not (view.state and other.state):
        return ""
    ours, theirs = view.state.hashes, other.state.hashes
    differs = {
        "a different target": ours.get("target") != theirs.get("target")
        or _tuning(view) != _tuning(other),
        "different data": ours.get("data") != theirs.get("data"),
    }
    return " and ".join(name for name, is_so in differs.items() if is_so)


def _tuning(view: View) -> object:
    """What determines how the target was fine-tuned first; nothing if it was not."""
    recipe = reading.recipe(view)
    return recipe and recipe.stage0 and (recipe.stage0, recipe.seed)


def _acceptance(together: tuple[View, ...], drafts: tuple[str, ...], axis: Axis) -> None:
    figure = _acceptance_figure(together, drafts, axis)
    if figure is None:
        return
    st.markdown(
        "**Held-out acceptance while training**",
        help="Exact acceptance rate, the mean of Σ min(p, q), on a few of the held-out "
        "continuations. Step 0 is before training. The table uses all of them.",
    )
    run_figure(figure, "acceptance", "Acceptance during training")


def _final(view: View) -> None:
    st.markdown(
        "**Final acceptance**",
        help="Marker: on text that the target generated, with its 95 % interval. Grey tick: on "
        "the data set's own answers.",
    )
    run_figure(_intervals_figure(view), "intervals", "Acceptance of every draft")


def _losses(view: View, axis: Axis) -> None:
    figure = _loss_figure(view, axis)
    if figure is None:
        return
    st.markdown(
        "**Loss of each stage**",
        help="Solid: training. Dotted with circles: held-out. Each panel has its own scale: "
        "objectives differ, and a filtered loss covers fewer tokens, so compare shapes, not "
        "heights.",
    )
    run_figure(figure, "loss", "Loss during training")


# Figures. A view is one look, shared by everybody who looks: so are the figures of it.


@lru_cache(maxsize=32)
def _acceptance_figure(
    together: tuple[View, ...], drafts: tuple[str, ...], axis: Axis
) -> go.Figure | None:
    first, *others = together
    curves, stock = _curves(first, drafts, axis), _stock(first)
    if others:
        lines = zip(LETTERS, drawing.RUN_LINES, together, strict=False)
        curves = [
            replace(curve, label=f"{curve.draft} · {letter}", dash=dash)
            for letter, dash, view in lines
            for curve in _curves(view, drafts, axis)
        ]
        stock = stock and replace(stock, label="stock · A")
    return charts.acceptance(curves, axis, stock) if curves else None


def _curves(view: View, drafts: tuple[str, ...], axis: Axis) -> list[Curve]:
    names, a_step = _names(view), _a_step(view, axis)
    return [
        Curve(
            draft,
            names.get(draft, draft),
            drawing.look(draft).dash,
            _points(view.monitored[draft], a_step.get(draft, 1)),
        )
        for draft in drafts
        if draft in view.monitored
    ]


def _stock(view: View) -> Curve | None:
    """Where the first training began: at the stock draft."""
    first = [steps[0] for steps in view.monitored.values()][:1]
    points = _points([step for step in first if step.step == 0], 1)
    return Curve("stock", "stock", drawing.look("stock").dash, points) if points else None


def _points(steps: list[Step], a_step: float) -> list[tuple[float, float]]:
    return [(step.step * a_step, step.alpha) for step in steps if step.alpha is not None]


@lru_cache(maxsize=32)
def _loss_figure(view: View, axis: Axis) -> go.Figure | None:
    return charts.loss(view.metrics, axis, _a_step(view, axis), _names(view))


@lru_cache(maxsize=32)
def _intervals_figure(view: View) -> go.Figure:
    return charts.intervals(view.report.drafts if view.report else [])


def _names(view: View) -> dict[str, str]:
    return reading.shared_names(view.state) if view.state else {}


def _a_step(view: View, axis: Axis) -> dict[str, float]:
    """Stage -> what one of its steps counts on this axis."""
    return reading.sequences_a_step(view.state) if view.state and axis == "sequences" else {}
