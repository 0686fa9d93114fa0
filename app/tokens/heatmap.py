"""The token heatmap: a text whose tokens are coloured by a metric.

It shows a *view* in a *state* (`adaspec.views.token_view`). Everything that a viewer does
happens in the browser; the server hears of it when it has rested.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from adaspec.views import TokenView
from adaspec.views.browser_script import script, style
from adaspec.views.token_view import NAME, STATE
from app.shared import view_state

OWN = ("token", "pins")  # of one text alone
_heatmap = st.components.v2.component(NAME, css=style(NAME), js=script(NAME))


def token_heatmap(view: TokenView, state: dict[str, Any], key: str) -> dict[str, Any]:
    """Show a view; the state as the viewer left it, or the given one.

    Args:
        state: what differs from `STATE`.
    """
    return view_state.show(_heatmap, view.model_dump(), state, STATE, OWN, key)
