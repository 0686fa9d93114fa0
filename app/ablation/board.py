"""Methods over seeds in the browser: the tables, and a report that has the figures as well."""

from __future__ import annotations

from typing import Any

import streamlit as st

from adaspec.views.browser_script import page, script, style
from app.shared import figure

_NAME = "ablation_board"
_board = st.components.v2.component(_NAME, css=style(_NAME), js=script(_NAME))


def ablation_board(view: dict[str, Any], key: str) -> None:
    """Show what `app.ablation.view` gives."""
    _board(data={"view": view}, key=key)


def standalone(view: dict[str, Any], charts: dict[str, dict[str, Any]]) -> str:
    """The report: one page that works from disk and asks nobody for anything.

    Args:
        charts: name -> the figure's specification.
    """
    title = f"Methods over seeds: {view['summary']['recipe']}"
    data = {"view": view, "figures": list(charts.values())}
    return page(_NAME, title, data, figure.bundle())
