"""The comparison in the browser: budgets, results, paired differences, figures, and the tokens.

Everything that a viewer does there stays there (`browser/compare.js`). The same script serves the
page and the report that is opened from disk.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.components.browser_script import page, script, style

_SCRIPT = script(
    "columns", "glyphs", "dom", "scale", "compare_words", "compare_tables", "compare_figures",
    "compare_tokens", "compare",
)  # fmt: skip
_STYLE = style("compare")
_board = st.components.v2.component("compare_board", css=_STYLE, js=_SCRIPT)


def compare_board(view: dict[str, Any], key: str) -> None:
    """Show a comparison; its tokens are links to the Tokens page."""
    _board(data={"view": view, "alone": False}, key=key)


def standalone(view: dict[str, Any]) -> str:
    """The report: one page that works from disk and asks nobody for anything."""
    names = " and ".join(one["name"] for one in view["comparison"]["runs"])
    title = f"Drafts compared: {names}"
    return page("compare", title, _STYLE, _SCRIPT, {"view": view, "alone": True})
