"""The list of runs: one line a run, its name opens it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import start, theme, words
from app.reading import View

SHOWN = 8  # runs, until all are asked for

_WIDTHS = (3.2, 1.6, 3.4, 1.4, 1.5, 1.7)
_HEADINGS = {
    "Run": "The recipe's name. Open a run by clicking it; the page's address then leads here.",
    "State": "Interrupted: its process is gone. Failed: it ended with an error. "
    "Both go on from their last checkpoint.",
    "Progress": "Share of all the run's work that is done, weighed by the sequences that each "
    "stage reads, and the stage it is in.",
    "Time left": "Estimated from this run's own pace.",
    "Best acceptance": "The largest exact acceptance rate of its drafts, on text that the target "
    "generated. Budgets differ between drafts: open the run to compare them.",
    "Created": "When the run began, in your time zone.",
}


def run_list(views: list[View], chosen: str) -> str | None:
    """Draw the list; the id of a run that was just clicked."""
    clicked = None
    with st.container(key="runs-list", border=True, gap="xxsmall"):
        for column, (heading, help_text) in zip(_row(), _HEADINGS.items(), strict=True):
            column.caption(heading, help=help_text)
        everything = len(views) > SHOWN and st.session_state.get("all-runs", False)
        for place, view in enumerate(views):
            if everything or place < SHOWN or view.live or view.id == chosen:
                clicked = _line(view, view.id == chosen) or clicked
        if len(views) > SHOWN:
            st.toggle(f"Show all {len(views)} runs", key="all-runs")
    return clicked


def _line(view: View, is_chosen: bool) -> str | None:
    name, state, progress, left, best, created = _row()
    label = words.plain(view.name) + (" :gray-badge[example]" if view.run.is_example else "")
    icon = ":material/chevron_right:" if is_chosen else None
    label = f"**{label}**" if is_chosen else label
    opened = name.button(label, key=f"open-{view.id}", type="tertiary", icon=icon, width="stretch")
    with state:
        state_badge(view)
    if view.progress:
        percent = f"{100 * view.progress.fraction:.0f} %"
        stage = f"{words.plain(view.progress.stage)} · " if view.progress.stage else ""
        progress.progress(view.progress.fraction, text=stage + percent)
    if view.word == "running" and view.progress:
        left.text(words.duration(view.progress.seconds_left))
    if view.word == "failed" and not view.state:
        left.button("Dismiss", key=f"forget-{view.id}", on_click=start.forget, args=(view.id,))
    if view.best is not None:
        best.text(words.fixed(view.best))
    if view.state:
        created.text(words.moment(view.state.created, st.context.timezone))
    return view.id if opened else None


def state_badge(view: View) -> None:
    """The run's state as an icon and a word."""
    icon, colour = theme.STATES[view.word]
    st.badge(view.word, icon=icon, color=colour)


def _row() -> Sequence[DeltaGenerator]:
    return st.columns(_WIDTHS, vertical_alignment="center")
