"""The comparison in the browser: budgets, results, paired differences, and the tokens.

Everything that a viewer does happens there (`browser/compare/board.js`); the server hears of the
state when it has rested.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from adaspec.views.browser_script import script, style
from adaspec.views.compare_view import NAME, STATE
from app.shared import view_state

CELLS = ("both", "first", "second", "none")
_board = st.components.v2.component(NAME, css=style(NAME), js=script(NAME))


def compare_tokens(view: dict[str, Any], state: dict[str, Any], key: str) -> dict[str, Any]:
    """Show the tokens behind a comparison; the state as the viewer left it, or the given one.

    They are links to the Tokens page.

    Args:
        state: what differs from `STATE`.
    """
    return view_state.show(_board, view, state, STATE, STATE, key)


def compare_tables(view: dict[str, Any], key: str) -> None:
    """Show the tables of a comparison."""
    _board(data={"view": {name: view[name] for name in view if name != "tokens"}}, key=key)
