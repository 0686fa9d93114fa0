"""The list of jobs and runs: one line each, its name opens it.

The names are buttons. Everything else is one piece of HTML beside them: as separate elements, the
cells would be a hundred messages to every viewer every two seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import NamedTuple

import streamlit as st

from app.runs.choice import choose_runs
from app.shared.reading import AT_WORK, Board, View
from app.shell import theme, words

NAMES = 2.6  # width of their column, in the units of the others
MEMORY = "The most memory its process has used so far: the GPU's, or the machine's on a CPU."


def run_list(board: Board, chosen: str) -> str | None:
    """Draw the list; the id of a run that was just clicked."""
    columns = [column for column in _COLUMNS if column.is_wanted(board.views)]
    clicked = None
    if board.alarm:
        st.warning(words.plain(board.alarm), icon=":material/power_off:")
    with st.container(key="runs-list", border=True, gap="xsmall"):
        for heading, views in choose_runs(board.views, chosen).items():
            clicked = _group(heading, views, columns, chosen) or clicked
        if board.waits_for:
            st.caption(f":material/schedule: The next job waits: {words.plain(board.waits_for)}")
    return clicked


def _group(heading: str, views: list[View], columns: list[_Column], chosen: str) -> str | None:
    """Draw one group of the list; the id of a run that was just clicked."""
    clicked = None
    names, others = st.columns(
        (NAMES, sum(column.width for column in columns)), gap="small", wrap=False
    )
    with names.container(gap=None):
        help_text = "Click a run to open it; the page's address then links to it."
        st.html(_heading(escape(heading or "Run"), help_text))
        for view in views:
            if _opener(view, view.id == chosen):
                clicked = view.id
    others.html(_table(views, columns))
    return clicked


def state_badge(view: View) -> None:
    """The run's state as an icon and a word."""
    icon, colour = theme.STATES[view.word]
    st.badge(view.word, icon=f":material/{icon}:", color=colour)


def _opener(view: View, is_chosen: bool) -> bool:
    label = words.plain(view.name) + (" :gray-badge[example]" if view.run.is_example else "")
    return st.button(
        f"**{label}**" if is_chosen else label,
        key=f"open-{view.id}",
        type="tertiary",
        icon=":material/chevron_right:" if is_chosen else None,
        width="stretch",
        wrap=False,
    )


def _table(views: list[View], columns: list[_Column]) -> str:
    widths = " ".join(f"minmax(0, {column.width}fr)" for column in columns)
    heads = [_heading(column.heading, column.help_text) for column in columns]
    cells = [f"<span>{column.cell(view)}</span>" for view in views for column in columns]
    return (
        f'<div class="runs" style="grid-template-columns: {widths}">{"".join(heads + cells)}</div>'
    )


def _heading(text: str, help_text: str) -> str:
    return f'<span class="runs-heading"><abbr title="{escape(help_text)}">{text}</abbr></span>'


def _owner(view: View) -> str:
    return escape(view.owner)


def _state(view: View) -> str:
    icon, colour = theme.STATES[view.word]
    drawn = f'<span class="runs-icon" aria-hidden="true" translate="no">{icon}</span>'
    return f'<span class="runs-state {colour}">{drawn}{view.word}</span>'


def _progress(view: View) -> str:
    if view.word == "queued":
        return _waiting(view)
    if not view.progress or view.word == "finished":
        return ""
    percent = f"{100 * view.progress.fraction:.0f}"
    stage = f" · {escape(view.progress.stage)}" if view.progress.stage else ""
    bar = f'<span class="runs-bar"><span style="width: {percent}%"></span></span>'
    return f"{percent} %{stage}{bar}"


def _waiting(view: View) -> str:
    """The position of a queued job: `2nd, in about 5 min`, or `2nd in the queue`."""
    position = words.ordinal(view.place or 1)
    if view.starts_in is None:
        return f"{position} in the queue"
    return f"{position}, {words.roughly(view.starts_in)}"


def _speed(view: View) -> str:
    running = view.word == "running" and view.progress
    return words.count(view.progress.tokens_per_s) if running and view.progress else ""


def _time_left(view: View) -> str:
    running = view.word == "running" and view.progress
    return words.duration(view.progress.seconds_left) if running and view.progress else ""


def _memory(view: View) -> str:
    memory = view.latest.memory if view.word == "running" and view.latest else None
    return "" if memory is None else words.size(memory)


def _best(view: View) -> str:
    return "" if view.best is None else words.fixed(view.best)


def _tags(view: View) -> str:
    return escape(", ".join(view.notes.tags))


def _created(view: View) -> str:
    return words.moment(view.created, st.context.timezone) if view.created else ""


def _have_owners(views: list[View]) -> bool:
    return len({view.owner for view in views if view.owner}) > 1


def _are_at_work(views: list[View]) -> bool:
    return any(view.word in AT_WORK for view in views)


def _are_unfinished(views: list[View]) -> bool:
    return any(view.word != "finished" for view in views)


class _Column(NamedTuple):
    """A column of the list, as HTML; `is_wanted` decides for which runs it has a value."""

    heading: str
    help_text: str
    width: float
    cell: Callable[[View], str]
    is_wanted: Callable[[list[View]], bool] = bool


_COLUMNS = [
    _Column("Owner", "Who started it.", 1.2, _owner, _have_owners),
    _Column(
        "State",
        "Interrupted: its process is gone. Failed: it ended with an error. Cancelled: somebody "
        "stopped it. When resumed, all three continue from their last checkpoint.",
        1.8,
        _state,
    ),
    _Column(
        "Progress",
        "The share of the run's work that is done, weighted by the sequences each stage reads, "
        "and the current stage; or its position in the queue, where people take turns.",
        2.6,
        _progress,
        _are_unfinished,
    ),
    _Column(
        "Tokens/s",
        "Response tokens trained per second at the latest step.",
        1.1,
        _speed,
        _are_at_work,
    ),
    _Column("Time left", "Estimated from this run's own pace.", 1.3, _time_left, _are_at_work),
    _Column("Memory", MEMORY, 1.1, _memory, lambda views: any(map(_memory, views))),
    _Column(
        "Best α",
        "The highest exact acceptance rate among its drafts, on text generated by the target. "
        "Budgets may differ between drafts: open the run to compare them.",
        1.1,
        _best,
    ),
    _Column("Tags", "Given on the run's page.", 1.4, _tags, lambda views: any(map(_tags, views))),
    _Column("Created", "When it was submitted or started, in your time zone.", 1.6, _created),
]
