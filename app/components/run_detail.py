"""One run: what it is, how far it is, what came out."""

from __future__ import annotations

import shlex
from typing import Any, Literal, cast

import streamlit as st

from adaspec.report import DEFINITIONS
from adaspec.runs import RunState
from app import charts, reading, words
from app.components.run_list import state_badge
from app.components.run_report import run_report
from app.reading import View


def run_detail(view: View) -> None:
    """Everything about one run, from its name down to its log."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(words.plain(view.name), anchor=False, width="content")
        state_badge(view)
        if view.run.is_example:
            st.badge("example", color="gray", help="Made by make example: adaspec report example")
        else:
            st.caption(f"`{view.id}`", width="content", help="The run's id: adaspec report ID")
    _trouble(view)
    if view.word == "starting":
        st.info("Starting. The libraries load first, which takes 10 to 20 seconds.")
    if view.state:
        _facts(view.state)
        if view.word != "finished":
            _now(view, view.state)
        if view.report:
            run_report(view.report)
        _curves(view, view.state)
        _papers(view, view.state)


def _trouble(view: View) -> None:
    if view.error:
        st.error(words.plain(view.error), icon=":material/error:")
    if view.state and view.word in ("failed", "interrupted"):
        how = "It stopped. " if view.word == "interrupted" else "When that is put right: "
        st.markdown(f"{how}The same command goes on from the last checkpoint:")
        folder = shlex.quote(str(view.run.path))
        recipe = shlex.quote(str(view.run.recipe_file))
        st.code(f"adaspec run {recipe} --run-dir {folder}", language="bash", wrap_lines=True)


def _facts(state: RunState) -> None:
    facts = state.facts
    columns = st.columns(4)
    with columns[0]:
        tuned = any(stage.name == "target" for stage in state.plan)
        _fact(
            "Target",
            "The large model whose text is wanted, p. The draft must guess it.",
            state.sources.get("target", words.NOTHING),
            words.parameters(facts.get("target parameters")) + " parameters",
            "fine-tuned in this run first (stage 0)" if tuned else "as it is",
        )
    with columns[1]:
        _fact(
            "Stock draft",
            "The small model before any distillation, q. Every draft here is trained from it.",
            state.sources.get("stock", "none: this recipe trains a target only"),
            words.parameters(facts.get("draft parameters")) + " parameters"
            if "draft parameters" in facts
            else "",
        )
    with columns[2]:
        _fact(
            "Data",
            "Rows that train, and rows held out. Dropped: no response was left within the "
            "length. Truncated: the response was cut to the length.",
            words.counted(facts.get("training rows"), "training row"),
            f"{words.count(facts.get('evaluation rows'))} held out",
            f"{words.count(facts.get('rows truncated'))} truncated, "
            f"{words.count(facts.get('rows dropped (no response left)'))} dropped",
        )
    with columns[3]:
        _fact(
            "Machine",
            "The device the run was last worked on, and the precision of its arithmetic.",
            str(facts.get("device", words.NOTHING)),
            str(facts.get("precision", "")),
            f"torch {facts['torch']}" if "torch" in facts else "",
        )


def _fact(label: str, help_text: str, value: str, *more: str) -> None:
    with st.container(gap="xxsmall"):
        st.caption(label, help=help_text)
        st.text(value)
        for line in filter(None, more):
            st.caption(words.plain(line))


def _now(view: View, state: RunState) -> None:
    """How far an unfinished run is."""
    progress = view.progress
    if not progress:
        return
    rows = view.metrics.get(progress.stage, [])
    loss = next((row["loss"] for row in reversed(rows) if "loss" in row), None)
    running = view.word == "running"
    place = [stage.name for stage in state.plan].index(progress.stage) + 1 if rows else 0
    figures = [
        (
            "Stage" if running else "Stopped in stage",
            progress.stage or words.NOTHING,
            f"Number {place} of {len(state.plan)} in the plan below." if place else "",
        ),
        (
            "Step",
            f"{words.count(progress.step)} of {words.count(progress.steps)}",
            "Optimiser steps of this stage; batches where it trains nothing.",
        ),
        (
            "Loss",
            words.rounded(loss),
            "Training loss of the latest step. Its kind is the stage's objective.",
        ),
    ]
    if running:
        figures += [
            (
                "Tokens a second",
                words.count(progress.tokens_per_s),
                "Response tokens trained a second, latest step.",
            ),
            (
                "Time left",
                words.duration(progress.seconds_left),
                "Of the whole run, estimated from its own pace.",
            ),
        ]
    with st.container(border=True):
        columns = st.columns((1.6, *[1] * (len(figures) - 1)))
        for column, (label, value, help_text) in zip(columns, figures, strict=True):
            column.metric(label, value, help=help_text or None)


def _curves(view: View, state: RunState) -> None:
    if not view.metrics:
        return
    names, a_step = reading.shared_names(state), reading.sequences_a_step(state)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader("Training", anchor=False, width="stretch")
        chosen = st.segmented_control(
            "Horizontal axis",
            ["steps", "sequences"],
            default="steps",
            required=True,
            key="axis",
            bind="query-params",
            help="Optimiser steps, or sequences read. Methods with wider batches read more "
            "sequences in as many steps, so look at both before calling a draft better.",
        )
    axis = cast(charts.Axis, chosen or "steps")
    curves = charts.acceptance(view.metrics, axis, a_step, names)
    left, right = st.columns((1.9, 1), gap="medium") if view.report else (st.container(), None)
    if curves:
        left.markdown(
            "**Held-out acceptance while training**",
            help="Exact acceptance rate, the mean of Σ min(p, q), on a few of the held-out "
            "continuations. Step 0 is before training. The table reads all of them.",
        )
        left.plotly_chart(curves, key="acceptance", config=_PLOT, alt="Acceptance along training")
    if view.report and right:
        right.markdown(
            "**Final acceptance**",
            help="Marker: on text that the target generated, with its 95 % interval. Grey tick: "
            "on the data set's own answers.",
        )
        chart = charts.intervals(view.report["drafts"])
        right.plotly_chart(chart, key="intervals", config=_PLOT, alt="Acceptance of every draft")
    loss = charts.loss(view.metrics, axis, a_step, names)
    if loss:
        st.markdown(
            "**Loss of each stage**",
            help="Solid: training. Dotted with circles: held-out. Each panel has its own scale: "
            "objectives differ, and a filtered loss covers fewer tokens, so compare shapes and "
            "not heights.",
        )
        st.plotly_chart(loss, key="loss", config=_PLOT, alt="Loss along training")


_PLOT: dict[str, Any] = {"displayModeBar": False}


def _papers(view: View, state: RunState) -> None:
    """The log, the recipe and the plan."""
    log, recipe, plan = st.tabs(["Log", "Recipe", "Plan"])
    with log:
        wanted = st.text_input(
            "Search the log", key="log-search", icon=":material/search:", placeholder="Search"
        )
        lines = reading.log_lines(view.run, wanted)
        if lines:
            height: Literal["content"] | int = 320 if len(lines) > 12 else "content"
            st.code("\n".join(lines), language=None, height=height, wrap_lines=True)
        else:
            st.caption("No line has that." if wanted else "Nothing is logged yet.")
    with recipe:
        st.code(reading.recipe_text(view.run), language="yaml")
    with plan:
        st.dataframe(
            [_plan_row(view, state, place) for place in range(len(state.plan))],
            column_config={
                "steps": st.column_config.NumberColumn(
                    help="Optimiser steps, or batches where nothing is trained."
                ),
                "sequences": st.column_config.NumberColumn(
                    help="Sequences it sends through the target."
                ),
                "needs": st.column_config.TextColumn(help=DEFINITIONS["needs"]),
            },
            hide_index=True,
            key="plan",
        )


def _plan_row(view: View, state: RunState, place: int) -> dict[str, Any]:
    stage = state.plan[place]
    rows = view.metrics.get(stage.name)
    ended = bool(rows) and rows[-1]["step"] >= stage.steps if rows else False
    done = "done" if ended else ("begun" if rows else "waiting")
    return {
        "stage": stage.name,
        "what": {"train": "train", "continue": "let the target write", "measure": "measure"}[
            stage.kind
        ],
        "steps": stage.steps,
        "sequences": stage.work,
        "needs": ", ".join(stage.needs),
        "state": f"same as {stage.same_as}" if stage.same_as else done,
    }
