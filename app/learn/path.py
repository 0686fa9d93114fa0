"""The path: one step at a time, with a bet before its answer and a question after it.

Everything that a learner does happens in the browser (`browser/learn/path.js`), which has the words
of all steps and keeps the answers; the server hears which step is looked at, and sends what that
step exhibits.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from adaspec.views.browser_script import script, style
from app.learn.places import Exhibit

STEP = "step"  # the query parameter, counted from 1
KEY, TURN = "learn", "learn-turn"
_NAME = "learn_path"
_path = st.components.v2.component(_NAME, css=style(_NAME), js=script(_NAME))


def learn_path(view: dict[str, Any], number: int | None, exhibit: Exhibit | None) -> None:
    """Show a step.

    Args:
        view: `LearnView` as JSON.
        number: of the step, from 1; None: where the browser knows that its viewer left off.
        exhibit: of that step.
    """
    shown = exhibit and {"of": number, "kind": exhibit.kind, "data": exhibit.data}
    data = {"view": view, "step": number, "turn": st.session_state.get(TURN, 0), "exhibit": shown}
    _path(data=data, key=KEY, on_step_change=_turned)


def _turned() -> None:
    """The address follows the learner, so that every step is a link."""
    if left := st.session_state[KEY].get(STEP):
        st.query_params[STEP] = str(int(left["at"]))
        st.session_state[TURN] = int(left["turn"])
