"""Drafts side by side on one prompt, in step: each one's decoding, or the target's own text."""

from __future__ import annotations

from typing import Any

import streamlit as st

from adaspec.views.browser_script import script, style
from app.shared import view_state

STATE: dict[str, Any] = {  # how lanes are looked at first
    "at": None,  # number of the row reached, from 1; None: the last
    "versus": None,  # keys of the two drafts compared; None: the last that is no baseline, and it
}
_NAME = "compare_lanes"
_lanes = st.components.v2.component(_NAME, css=style(_NAME), js=script(_NAME))


def compare_lanes(view: dict[str, Any], state: dict[str, Any], key: str) -> dict[str, Any]:
    """Show lanes; the state as the viewer left it, or the given one.

    Args:
        state: what differs from `STATE`.
    """
    return view_state.show(_lanes, view, state, STATE, STATE, key)
