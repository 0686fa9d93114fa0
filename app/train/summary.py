"""Beside the form: the start button, what the training will take, what it will compare."""

from __future__ import annotations

from typing import Any

import streamlit as st

from adaspec import AdaspecError, explain, least
from adaspec.estimate import Estimate
from adaspec.recipe import STOCK, Recipe, Training
from app.shared import calibration, submission
from app.shell import access, link, words
from app.train import budgets, recipe_form
from app.train.editor import Editor
from app.train.fields import Errors
from app.train.samples import Look

PER_ROWS = 1000  # for which budgets are told where nobody has counted or limited the rows
FAULTS = 5  # told beside the button; all of them stand at their fields

_BUTTON = "train-start-button"


def train_summary(editor: Editor, now: Recipe | None, errors: Errors, look: Look) -> None:
    """The card; without a recipe (`now`), the reason."""
    if now is None:
        _not_ready(editor, errors)
        return
    rows = look.count or now.data.limit or PER_ROWS
    try:
        plan = budgets.plan(now, rows)
    except AdaspecError as error:
        _not_ready(editor, {"": str(error)})
        return
    known = calibration.known(now)
    _start(now, known)
    _estimate(now, known)
    if not plan:
        st.header("What is measured", anchor=False)
        st.caption(_measured(now, look))
        return
    st.header("What is compared" if now.stage2 else "What is trained", anchor=False)
    if look.count is None:
        st.caption(f"The rows are counted when the run begins. For {rows:,} of them:")
    _budgets(editor, now, plan)


def _measured(now: Recipe, look: Look) -> str:
    """Of a recipe that trains nothing."""
    names = words.listed([*([STOCK] if now.draft else []), *now.drafts])
    prompts = now.evaluation.prompts
    if look.held_out is not None:
        prompts = min(prompts, look.held_out)
    return f"Nothing is trained. {names}: on {words.counted(prompts, 'held-out prompt')}."


def _not_ready(editor: Editor, errors: Errors) -> None:
    st.button("Start", icon=":material/play_arrow:", width="stretch", disabled=True, key=_BUTTON)
    if editor.fault:
        st.warning("The YAML has a fault.", icon=":material/edit_note:")
        return
    lines = [
        f"- {f'**{words.plain(_named(editor, path))}**: ' if path else ''}{words.plain(text)}"
        for path, text in list(errors.items())[:FAULTS]
    ]
    more = len(errors) - FAULTS
    if more > 0:
        lines.append(f"- and {more} more")
    st.warning("Before it can start:\n\n" + "\n".join(lines), icon=":material/edit_note:")


def _named(editor: Editor, path: str) -> str:
    """A field as YAML calls it; methods by their names."""
    parts = path.split(".")
    rows = recipe_form.method_rows(editor.content)
    if path.startswith(recipe_form.METHODS) and len(parts) > 2:
        parts[2] = str(rows[parts[2]]["name"])
    return ".".join(parts)


def _start(now: Recipe, known: Estimate | None) -> None:
    viewer = access.person()
    try:
        equal = submission.equal(now)
        position = submission.place(now, viewer.name)
    except AdaspecError as error:  # the queue is out of order
        st.error(words.plain(str(error)), icon=":material/error:")
        return
    mine = equal.mine(viewer.name)
    too_large, anyway = least.refusal(now, known), False
    if too_large:
        st.error(words.plain(too_large), icon=":material/error:")
        anyway = viewer.is_admin and st.checkbox("Start it anyway", key="train-anyway")
    if st.button(
        "Train again" if equal.finished else "Start",
        key=_BUTTON,
        icon=":material/play_arrow:",
        type="primary",
        width="stretch",
        disabled=not viewer.may_start or mine is not None or bool(too_large and not anyway),
    ):
        _submit(now, viewer.name, anyway=anyway)
    if mine:
        st.caption(f"You have already started it: it is {mine.state}.")
    elif viewer.may_start:
        st.caption(f"As {words.plain(viewer.name)}. {position}")
    else:
        st.caption("Sign in to start. Nothing you have set is lost.")
    for job in equal.live:
        label = f"Equal job of {words.plain(job.owner)}: {job.state}"
        _run_link(job.id, "Open it" if job is mine else label)
    if equal.finished:
        _run_link(equal.finished.path.name, "This has already been trained: open the run")


def _run_link(identity: str, label: str) -> None:
    st.page_link(
        link.page("runs"), label=label, icon=":material/list:", query_params={"run": identity}
    )


def _submit(now: Recipe, owner: str, *, anyway: bool) -> None:
    try:
        job = submission.start(now, owner, anyway=anyway)
    except (AdaspecError, OSError) as error:
        st.error(words.plain(explain(error)), icon=":material/error:")
        return
    st.switch_page(link.page("runs"), query_params={"run": job.id})


def _estimate(now: Recipe, known: Estimate | None) -> None:
    st.header("What it takes", anchor=False)
    if known is None and least.refusal(now):
        st.caption("Nobody needs to measure it: this machine is too small for it.")
        return
    if known is None:
        measuring = calibration.of(now)
        live = measuring is not None and measuring.live
        st.fragment(_measurement, run_every=1.0 if live else None)(now, live)
        return
    time, disk, memory = st.columns((1.5, 1, 1.1), gap="xsmall")
    duration = words.duration(_rounded(known.seconds)).removesuffix(" 00 s")
    time.metric("Time", duration, help="Approximate, if it has the device to itself.")
    disk.metric("Disk", words.size(known.disk), help="When the run folder is at its largest.")
    memory.metric(
        "Memory",
        words.size(known.memory),
        help="Peak memory, of the GPU if it runs on one; – if it has not been measured.",
    )
    free = words.size(calibration.free_disk())
    st.caption(f"{words.plain(known.source)} Free: {free} of disk.")


def _measurement(now: Recipe, was_live: bool) -> None:
    """The measurement's progress, or the button that starts one."""
    measuring = calibration.of(now)
    if measuring and measuring.live:
        waits = (
            "Measuring a few real steps" if measuring.began else "Another measurement runs first"
        )
        st.progress(
            calibration.progress(measuring), text=f"{waits}. You can keep working meanwhile."
        )
        return
    if was_live:
        st.rerun()
    if measuring and measuring.error:
        st.warning(words.plain(measuring.error), icon=":material/warning:")
    st.caption("Nothing similar has run on this machine yet.")
    may_start = access.person().may_start
    if st.button(
        "Measure a few steps",
        icon=":material/timer:",
        disabled=not may_start,
        help="Takes about 20 seconds." if may_start else "Sign in to measure.",
    ):
        try:
            calibration.begin(now)
        except AdaspecError as error:
            st.warning(words.plain(str(error)), icon=":material/hourglass_top:")
        else:
            st.rerun()


def _budgets(editor: Editor, now: Recipe, plan: list[Training]) -> None:
    """The cost of every draft, what may be compared, and what is missing for it."""
    st.dataframe(
        budgets.table(plan), column_config=_columns(), hide_index=True, key="train-budgets"
    )
    for sentence in budgets.sentences(plan):
        st.markdown(sentence)
    for baseline in budgets.missing(now, plan):
        st.warning(
            f"Nothing here is a fair comparison for {words.plain(baseline.of)}: no draft on all "
            "tokens takes as many steps and reads as many sequences.",
            icon=":material/balance:",
        )
        st.button(
            f"Add {words.plain(baseline.name)}",
            key=f"train-add-{baseline.of}",
            icon=":material/add:",
            on_click=editor.add_method,
            args=(baseline.name, baseline.method),
        )


def _columns() -> dict[str, Any]:
    def number(help_text: str, width: int) -> Any:
        return st.column_config.NumberColumn(help=help_text, format="localized", width=width)

    return {
        "draft": st.column_config.TextColumn(pinned=True),
        "sequences": number("Sequences read: batch × steps.", 75),
        "steps": number("Optimiser steps.", 50),
        "batch": number("Sequences per optimiser step, after the budget.", 50),
        "k": st.column_config.TextColumn(
            help="The share of the response tokens that it trains on.", width=40, alignment="right"
        ),
        "needs": st.column_config.TextColumn(
            help="Another training of the run that it depends on, with its own budget. = marks "
            "the same training under another name, done once."
        ),
    }


def _rounded(seconds: float) -> float:
    """Estimates are not precise to the second."""
    return seconds if seconds < 90 else 60 * round(seconds / 60)
