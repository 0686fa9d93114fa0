"""The filter lab: dL's histogram with a handle on it, and all that follows from where it is.

Everything that a viewer does happens in the browser (`browser/filter/lab.js`), which has every
curve for all 1001 ratios; the server hears of k when it has rested.
"""

from __future__ import annotations

import streamlit as st

from app.filter.view import FilterView
from app.shared.browser_script import script, style

_NAME = "filter_lab"
_filter_lab = st.components.v2.component(_NAME, css=style(_NAME), js=script(_NAME))


def filter_lab(view: FilterView, k: int, key: str) -> int:
    """Show a filter view; the k that the viewer left, in thousandths, or the given one."""
    left = _filter_lab(data={"view": view, "state": {"k": k}}, key=key, on_k_change=lambda: None)
    return k if left.k is None else int(left.k)
