"""A notification of the browser's when a run has ended that the viewer wants to hear of."""

from __future__ import annotations

import streamlit as st

from adaspec.views.browser_script import script, style
from app.shared.reading import Board

_NAME = "run_notice"
_notice = st.components.v2.component(_NAME, css=style(_NAME), js=script(_NAME))
_SEEN = "seen-live"  # in the session's state: runs that were at work or waiting


def run_notice(board: Board, shown: str) -> None:
    """A button for the open run, and word of all runs that this session has seen at work."""
    seen = st.session_state.setdefault(_SEEN, set())
    seen |= {view.id for view in board.views if view.live}
    told = [view for view in board.views if view.id in seen]
    _notice(
        data={
            "shown": shown,
            "runs": [
                {"id": view.id, "name": view.name, "word": view.word, "live": view.live}
                for view in told
            ],
        },
        key="run-notice",
    )
