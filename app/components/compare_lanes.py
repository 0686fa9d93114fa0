"""Drafts side by side on one prompt, in step: each one's decoding, or the target's own text."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.components.browser_script import script, style

_lanes = st.components.v2.component(
    "compare_lanes",
    css=style("compare_lanes"),
    js=script("glyphs", "dom", "compare_words", "compare_lanes"),
)


def compare_lanes(view: dict[str, Any], key: str) -> None:
    _lanes(data={"view": view}, key=key)
