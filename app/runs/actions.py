"""What can be done with a run: a button for each thing, and why it could not be done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from adaspec import AdaspecError, explain, runs
from adaspec.jobs import queue
from adaspec.runs import Run
from app.shared import reading
from app.shared.reading import View
from app.shell import access, link, words
from app.shell.access import Person

_COMPLAINT, _DELETING = "complaint", "deleting"  # in the session's state


def run_actions(view: View) -> None:
    """A button for each thing that is possible now and allowed to this viewer."""
    viewer = access.person()
    own = is_own(view, viewer)
    with st.container(horizontal=True, gap="xsmall", key="actions"):
        if own and view.job and view.live:
            stopping = view.word == "stopping"
            label, icon = ("Stopping", "hourglass_top") if stopping else ("Cancel", "stop")
            help_text = "It keeps its results so far and can be resumed."
            _button(view, label, icon, help_text, queue.cancel, viewer.name, disabled=stopping)
        if view.resumable and viewer.may_start and (own or not view.job):
            help_text = "Queues it again; it resumes from its last checkpoint."
            _button(view, "Resume", "play_arrow", help_text, queue.resume, viewer.name)
        if view.word == "queued" and viewer.is_admin:
            help_text = "Moves it to the front of the queue."
            _button(
                view, "First", "vertical_align_top", help_text, queue.move, "first", viewer.name
            )
            help_text = "Moves it to the end of the queue."
            _button(
                view, "Last", "vertical_align_bottom", help_text, queue.move, "last", viewer.name
            )
        if view.word != "damaged":
            _duplicate(view)
        if own and view.state:
            _rename(view)
            _annotate(view)
        if own and not view.live:
            _delete(view)
    complaint(view.id)


def attempt(where: str, act: Callable[..., object], *arguments: Any) -> None:
    """Do what a click asks for. If it fails, the reason is kept for `complaint` to show there."""
    st.session_state.pop(_COMPLAINT, None)
    try:
        act(*arguments)
    except (AdaspecError, OSError) as error:
        st.session_state[_COMPLAINT] = (where, explain(error))
    reading.look_again()


def complaint(where: str) -> None:
    """Why the latest click here did nothing, if it failed."""
    place, text = st.session_state.get(_COMPLAINT, ("", ""))
    if place == where:
        st.error(words.plain(text), icon=":material/error:")


def deletion(views: list[View]) -> None:
    """Ask for confirmation before deleting a run.

    Called by the page itself: a refreshing fragment would close the dialog.
    """
    wanted = st.session_state.get(_DELETING)
    if view := next((view for view in views if view.id == wanted), None):
        _ask(view)


def is_own(view: View, viewer: Person) -> bool:
    """Whether a viewer may change a run: their own, an administrator any, nobody an example."""
    mine = viewer.may_start and view.job is not None and view.owner == viewer.name
    return (mine or viewer.is_admin) and not view.run.is_example


def _button(
    view: View,
    label: str,
    icon: str,
    help_text: str,
    act: Callable[..., object],
    *arguments: Any,
    disabled: bool = False,
) -> None:
    st.button(
        label,
        key=label.lower(),
        icon=f":material/{icon}:",
        help=help_text,
        disabled=disabled,
        on_click=attempt,
        args=(view.id, act, view.id, *arguments),
    )


def _duplicate(view: View) -> None:
    help_text = "Opens its recipe on the Train page to start another run. This one stays unchanged."
    label, icon = "Duplicate with changes", ":material/content_copy:"
    if st.button(label, key="duplicate", icon=icon, help=help_text):
        st.switch_page(link.page("train"), query_params={"from": view.id})


def _rename(view: View) -> None:
    popover, field = f"rename-{view.id}", f"new-name-{view.id}"
    with (
        st.popover("Rename", icon=":material/edit:", key=popover, on_change="rerun"),
        st.form("rename", border=False),
    ):
        st.text_input("Name", view.name, key=field, max_chars=runs.LONGEST_NAME)
        st.form_submit_button(
            "Rename", on_click=attempt, args=(view.id, _give_name, view.run, popover, field)
        )


def _give_name(run: Run, popover: str, field: str) -> None:
    queue.rename(run, st.session_state[field], access.person().name)
    st.session_state[popover] = False  # closes it


def _annotate(view: View) -> None:
    popover, tags, note = (f"{name}-{view.id}" for name in ("annotate", "new-tags", "new-note"))
    known = {tag for other in reading.board().views for tag in other.notes.tags}
    with (
        st.popover("Tags and note", icon=":material/sell:", key=popover, on_change="rerun"),
        st.form("annotate", border=False),
    ):
        st.multiselect(
            "Tags",
            sorted(known | set(view.notes.tags)),
            view.notes.tags,
            key=tags,
            accept_new_options=True,
            max_selections=runs.MOST_TAGS,
            placeholder="Type one and press Enter",
            select_all=False,
        )
        st.text_area("Note", view.notes.note, key=note, max_chars=runs.LONGEST_NOTE)
        st.form_submit_button(
            "Save", on_click=attempt, args=(view.id, _write_notes, view.run, popover, tags, note)
        )


def _write_notes(run: Run, popover: str, tags: str, note: str) -> None:
    state = st.session_state
    queue.annotate(run, state[tags], state[note], access.person().name)
    state[popover] = False  # closes it


def _delete(view: View) -> None:
    if st.button("Delete", key="delete", icon=":material/delete:"):
        st.session_state[_DELETING] = view.id
        st.rerun()


def _keep() -> None:
    st.session_state.pop(_DELETING, None)


@st.dialog("Delete this run?", icon=":material/delete:", on_dismiss=_keep)
def _ask(view: View) -> None:
    size = words.size(reading.size_on_disk(view))
    st.markdown(
        f"**{words.plain(view.name)}** (`{view.id}`) with its models, token tables and log: "
        f"{size} on disk. This cannot be undone."
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        kept = st.button("Keep it", key="keep", on_click=_keep)
        deleted = st.button(
            "Delete it", key="really-delete", type="primary", on_click=_let_go, args=(view.id,)
        )
    if kept or deleted:
        st.rerun()


def _let_go(identity: str) -> None:
    _keep()
    attempt(identity, _remove, identity)


def _remove(identity: str) -> None:
    queue.delete(identity, access.person().name)
    st.query_params.pop("run", None)
