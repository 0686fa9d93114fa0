"""The comparison in the browser: budgets, results, paired differences, and the tokens.

Everything that a viewer does happens there (`browser/compare/board.js`); the server hears of the
state when it has rested. The same script serves the page and the report that is opened from disk.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from adaspec import figures
from app.shared import view_state
from app.shared.browser_script import page, script, style

STATE: dict[str, Any] = {  # how a comparison is looked at first
    "scatter": None,  # key of the draft; None: the last that is no baseline
    "kl": None,  # the rectangle, from and to; None with a beta: all there are
    "beta": None,
    "agree": None,  # keys of the two drafts of the agreement; None: that one and the baseline
    "cell": None,  # the one that is opened, of CELLS
}
CELLS = ("both", "first", "second", "none")
_NAME = "compare_board"
_board = st.components.v2.component(_NAME, css=style(_NAME), js=script(_NAME))


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


def standalone(
    view: dict[str, Any], state: dict[str, Any], charts: dict[str, dict[str, Any]]
) -> str:
    """The report: one page that works from disk and asks nobody for anything.

    Args:
        charts: name -> the figure's specification.
    """
    names = " and ".join(one["name"] for one in view["comparison"]["runs"])
    title = f"Drafts compared: {names}"
    data = {"view": view, "state": STATE | state, "figures": list(charts.values())}
    return page(_NAME, title, data, figures.bundle())
