"""One run: what it is, its progress, its results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import streamlit as st

from adaspec.jobs.queue import Job
from adaspec.report import DEFINITIONS
from adaspec.runs import Facts, RunState, Stage
from app.runs.actions import run_actions
from app.runs.list import MEMORY, state_badge
from app.shared import reading
from app.shared.reading import View
from app.shell import words


def run_head(view: View) -> None:
    """Its name, its actions, and its state."""
    with st.container(horizontal=True, vertical_alignment="center", key="run-head"):
        st.header(words.plain(view.name), anchor=False, width="content")
        state_badge(view)
        if view.job and view.job.attempt > 1:
            st.badge(f"attempt {view.job.attempt}", color="gray", help=_attempts(view.job))
        if view.run.is_example:
            origin = f"Comes with the studio: adaspec report {view.id}"
            st.badge("example", color="gray", help=origin)
        else:
            by = f"by {words.plain(view.owner)} · " if view.owner else ""
            st.caption(f"{by}`{view.id}`", width="content", help="The id: adaspec report ID")
    _notes(view)
    run_actions(view)
    _trouble(view)
    if view.word == "queued":
        st.info(_waiting(view), icon=":material/schedule:")
    if view.word == "starting":
        st.info("Starting: loading the libraries takes 10 to 20 seconds.")
    if view.state and view.word not in ("finished", "queued"):
        _now(view, view.state)


def _notes(view: View) -> None:
    """What people wrote about it."""
    if view.notes.tags:
        with st.container(horizontal=True, gap="xsmall"):
            for tag in view.notes.tags:
                st.badge(words.plain(tag), icon=":material/sell:", color="gray")
    if view.notes.note:
        st.text(view.notes.note)


def run_facts(state: RunState) -> None:
    """What it is trained from, on what, and where."""
    facts = state.facts
    columns = st.columns(4)
    with columns[0]:
        tuned = any(stage.name == "target" for stage in state.plan)
        _fact(
            "Target",
            "The large model, p, whose text is wanted. The draft must guess it.",
            state.sources.get("target", words.NOTHING),
            _parameters(facts.target_parameters if facts else None),
            "fine-tuned in this run first (stage 0)" if tuned else "as it is",
        )
    with columns[1]:
        _fact(
            "Stock draft",
            "The small model before any distillation, q. Every draft here is trained from it.",
            state.sources.get("stock", _no_stock(facts)),
            _parameters(facts.draft_parameters if facts else None),
            _proposed(facts),
            *_given(facts),
        )
    with columns[2]:
        _fact(
            "Data",
            "Training rows, and rows held out. Dropped: no response was left within the maximum "
            "length. Truncated: the response was cut to that length.",
            *_rows(facts),
        )
    with columns[3]:
        _fact(
            "Machine",
            "The device the run last used, and its arithmetic precision.",
            facts.device if facts else words.NOTHING,
            facts.precision if facts else "",
            f"torch {facts.torch}" if facts else "",
        )


def _parameters(count: int | None) -> str:
    return "" if count is None else f"{words.parameters(count)} parameters"


def _proposed(facts: Facts | None) -> str:
    """Of a draft whose vocabulary is trimmed."""
    if facts is None or facts.draft_vocabulary is None:
        return ""
    of = words.count(facts.shared_vocabulary)
    return f"proposes {words.count(facts.draft_vocabulary)} of {of} token ids"


def _no_stock(facts: Facts | None) -> str:
    if facts and facts.given_parameters:
        return "none: nothing is distilled"
    return "none: this recipe trains a target only"


def _given(facts: Facts | None) -> list[str]:
    """The drafts that others trained."""
    sizes = facts.given_parameters if facts else {}
    return [f"{name}, given: {words.parameters(count)} parameters" for name, count in sizes.items()]


def _rows(facts: Facts | None) -> tuple[str, ...]:
    if facts is None:
        return (words.NOTHING,)
    return (
        words.counted(facts.training_rows, "training row"),
        f"{words.count(facts.evaluation_rows)} held out",
        f"{words.count(facts.truncated_rows)} truncated, {words.count(facts.dropped_rows)} dropped",
    )


def run_papers(view: View) -> None:
    """The log, the recipe and the plan, as far as they exist yet."""
    papers: dict[str, Callable[[View], None]] = {"Recipe": _recipe}
    if view.state or reading.output_lines(view, ""):
        papers = {"Log": _log, **papers}
    if view.state:
        papers["Plan"] = _plan
    tabs = st.tabs(list(papers), key="papers", bind="query-params", on_change="rerun")
    for tab, draw in zip(tabs, papers.values(), strict=True):
        if tab.open:
            with tab:
                draw(view)


def _waiting(view: View) -> str:
    position = f"{words.ordinal(view.place or 1)} in the queue."
    if view.starts_in is None:
        return f"{position} Its start cannot be estimated yet."
    return f"{position} It is expected to start {words.roughly(view.starts_in)}."


def _attempts(job: Job) -> str:
    if not job.deaths:
        return "It was stopped, and resumed from its last checkpoint."
    died = words.counted(job.deaths, "attempt")
    return f"{died} died before this one. The latest: {words.plain(job.error)}"


def _trouble(view: View) -> None:
    """Why it stopped, and what to do about it."""
    if view.error:
        st.error(words.plain(view.error), icon=":material/error:")
    if not view.resumable:
        return
    began = "It resumes from its last checkpoint" if view.state else "It starts from the beginning"
    if view.word == "failed" and view.job and view.job.deaths:
        advice = (
            "A process that vanishes was often killed by the system for lack of memory: "
            "**Duplicate with changes** lets you set a smaller `micro_batch`. **Resume** tries "
            "again without changes."
        )
    elif view.word == "failed":
        advice = (
            f"Once the cause is gone, **Resume** it. {began}. If the recipe is the cause: "
            "**Duplicate with changes**."
        )
    else:
        advice = f"**Resume** it when you like. {began}."
    st.markdown(f"{advice} In a terminal: `adaspec resume {view.id}`")


def _fact(label: str, help_text: str, value: str, *more: str) -> None:
    with st.container(gap="xxsmall"):
        st.caption(label, help=help_text)
        st.text(value)
        for line in filter(None, more):
            st.caption(words.plain(line))


def _now(view: View, state: RunState) -> None:
    """The progress of an unfinished run."""
    progress = view.progress
    if not progress:
        return
    running = view.word in reading.AT_WORK
    names = [stage.name for stage in state.plan]
    position = names.index(progress.stage) + 1 if progress.stage in names else 0
    figures = [
        (
            "Stage" if running else "Stopped in stage",
            progress.stage or words.NOTHING,
            f"Number {position} of {len(state.plan)} in the plan below." if position else "",
        ),
        (
            "Step",
            f"{words.count(progress.step)} of {words.count(progress.steps)}",
            "Optimiser steps of this stage, or batches if it trains nothing.",
        ),
        (
            "Loss",
            words.rounded(view.latest and view.latest.loss),
            "The stage's objective at the latest step.",
        ),
    ]
    if running:
        figures += [
            (
                "Tokens per second",
                words.count(progress.tokens_per_s),
                "Response tokens trained per second at the latest step.",
            ),
            (
                "Time left",
                words.duration(progress.seconds_left),
                "For the whole run, estimated from its own pace.",
            ),
        ]
    if view.latest and view.latest.memory is not None:
        figures.append(("Memory", words.size(view.latest.memory), MEMORY))
    with st.container(border=True, key="now"):
        columns = st.columns((1.6, *[1] * (len(figures) - 1)))
        for column, (label, value, help_text) in zip(columns, figures, strict=True):
            column.metric(label, value, help=help_text or None)


def _log(view: View) -> None:
    wanted = st.text_input(
        "Search the log", key="log-search", icon=":material/search:", placeholder="Search"
    )
    log, output = reading.log_lines(view, wanted), reading.output_lines(view, wanted)
    _lines(log, "log")
    if output:
        st.caption("Process output", help="From all attempts, the latest last.")
        _lines(output, "output")
    if not (log or output):
        st.caption("No matching lines." if wanted else "Nothing has been logged yet.")


def _recipe(view: View) -> None:
    st.code(reading.recipe_text(view), language="yaml")


def _lines(lines: list[str], key: str) -> None:
    """As code, without its highlighter: half a megabyte."""
    if lines:
        height: Literal["content"] | int = 320 if len(lines) > 12 else "content"
        with st.container(border=True, height=height, key=f"lines-{key}"):
            st.text("\n".join(lines))


_WHAT = {
    "train": "train",
    "answer": "write the target's own answers",
    "continue": "write continuations",
    "cache": "cache the target's hidden states",
    "replay": "decode speculatively",
    "measure": "measure",
}


def _plan(view: View) -> None:
    stages = view.state.plan if view.state else []
    st.dataframe(
        [_plan_row(view, stage) for stage in stages],
        column_config={
            "steps": st.column_config.NumberColumn(
                help="Optimiser steps, or batches, answers or decodings where nothing is trained."
            ),
            "work": st.column_config.NumberColumn(
                help="Sequences through the target, from which the time left is estimated. "
                "Writing one counts as several."
            ),
            "needs": st.column_config.TextColumn(help=DEFINITIONS["needs"]),
        },
        hide_index=True,
        key="plan",
    )


def _plan_row(view: View, stage: Stage) -> dict[str, Any]:
    steps = view.metrics.get(stage.name)
    trained = view.state is not None and stage.name in view.state.models  # perhaps stopped early
    ended = trained or bool(steps and steps[-1].step >= stage.steps)
    done = "done" if ended else ("begun" if steps else "waiting")
    return {
        "stage": stage.name,
        "what": _WHAT[stage.kind],
        "steps": stage.steps,
        "work": stage.work,
        "needs": ", ".join(stage.needs),
        "state": f"same as {stage.same_as}" if stage.same_as else done,
    }
