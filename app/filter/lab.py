"""The filter lab: dL's histogram with a handle on it, and all that follows from where it is.

Everything that a viewer does happens in the browser (`browser/filter/lab.js`), which has every
curve for all 1001 ratios; the server hears of k when it has rested.
"""

from __future__ import annotations

import streamlit as st

from adaspec.views.browser_script import page, script, style
from app.filter.view import FilterView
from app.shell import link

_NAME = "filter_lab"
_filter_lab = st.components.v2.component(_NAME, css=style(_NAME), js=script(_NAME))


def filter_lab(view: FilterView, k: int, key: str) -> int:
    """Show a filter view; the k that the viewer left, in thousandths, or the given one."""
    data = {"view": view, "state": {"k": k}}
    left = _filter_lab(data=data, key=link.fresh(key), on_k_change=lambda: None)
    return k if left.k is None else int(left.k)


def standalone(view: FilterView, k: int) -> str:
    """The lab as a page that works from disk; its handle can be dragged there too."""
    return page(_NAME, f"Filter: {view['title']}", {"view": view, "state": {"k": k}})
