"""The token heatmap: a text whose tokens are coloured by a metric, in a page and as a file.

Both show a *view* (what there is to see; `browser/tokens/view.js` reads it) in a *state* (how it is
looked at; `STATE`). Everything that a viewer does happens in the browser; the server hears of it
when it has rested.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.shared import view_state
from app.shared.browser_script import page, script, style

STATE: dict[str, Any] = {  # how a text is looked at first
    "metric": "kl",
    "k": 400,
    "pool": "corpus",
    "token": None,
    "pins": [],
    "step": None,
    "underline": "metric",
    "density": "comfortable",
    "wrap": True,
    "prompt": True,
    "outline": True,
}
OWN = ("token", "pins")  # of one text alone
_NAME = "token_heatmap"
_heatmap = st.components.v2.component(_NAME, css=style(_NAME), js=script(_NAME))


def token_heatmap(view: dict[str, Any], state: dict[str, Any], key: str) -> dict[str, Any]:
    """Show a view; the state as the viewer left it, or the given one.

    Args:
        state: what differs from `STATE`.
    """
    return view_state.show(_heatmap, view, state, STATE, OWN, key)


def standalone(view: dict[str, Any], state: dict[str, Any]) -> str:
    """A page that shows the same from disk, without a server."""
    data = {"view": view, "state": STATE | state}
    return page(_NAME, view["title"], data)
