"""The ways to begin a run: the Train page, or the recipe `tiny` in one click."""

from __future__ import annotations

import streamlit as st

from adaspec import recipe
from app.runs.actions import attempt, complaint
from app.shared import calibration, submission
from app.shared.reading import View
from app.shell import access, link, words
from app.shell.access import Person

TINY = "tiny"
_EQUAL = "equal-run"  # in the session's state: one that makes another needless, perhaps


def run_start(views: list[View]) -> None:
    """The page's heading, its buttons, and their outcome."""
    viewer = access.person()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Runs", anchor=False, width="stretch")
        st.button(
            "Train tiny",
            icon=":material/bolt:",
            key="train-tiny",
            disabled=not viewer.may_start,
            on_click=attempt,
            args=(TINY, _start_unless_equal, viewer),
            help=f"Queues the recipe tiny as it is: a reference and three drafts{_takes()}. It "
            "continues when you close the page."
            if viewer.may_start
            else "Sign in to start jobs.",
        )
        help_text = "Choose a recipe, change it, and queue it."
        if st.button("Train", key="train", icon=":material/add:", type="primary", help=help_text):
            st.switch_page(link.page("train"))
    complaint(TINY)
    equal = next((view for view in views if view.id == st.session_state.get(_EQUAL)), None)
    if equal:
        _offer(equal, viewer)


def _takes() -> str:
    """What the Train page says of it too, where that is known."""
    expected = calibration.known(recipe.load(TINY))
    return f", {words.roughly(expected.seconds)}" if expected else ""


def _start_unless_equal(viewer: Person) -> None:
    equal = submission.equal(recipe.load(TINY))
    if equal.live:
        st.session_state[_EQUAL] = equal.live[0].id
    elif equal.finished:
        st.session_state[_EQUAL] = equal.finished.path.name
    else:
        _start(viewer)


def _start(viewer: Person) -> None:
    _open(submission.start(recipe.load(TINY), viewer.name).id)


def _open(identity: str) -> None:
    _forget()
    st.query_params["run"] = identity


def _forget() -> None:
    st.session_state.pop(_EQUAL, None)


def _offer(equal: View, viewer: Person) -> None:
    """Ask for one more click before the same recipe is trained twice."""
    state = "is already in the queue" if equal.live else "has already been trained"
    with st.container(horizontal=True, vertical_alignment="center", border=True, key="offer"):
        st.markdown(f"**{TINY}** {state}, with the same values.", width="stretch")
        st.button("Open it", key="open-equal", on_click=_open, args=(equal.id,))
        if not (equal.live and equal.owner == viewer.name):
            arguments = (TINY, _start, viewer)
            st.button("Train again", key="train-again", on_click=attempt, args=arguments)
        st.button("", key="no-offer", icon=":material/close:", type="tertiary", on_click=_forget)
