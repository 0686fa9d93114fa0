"""A figure of Plotly's on the page, drawn by a third of what Streamlit would load for one."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from adaspec.views.browser_script import script, style
from app.shell import scripts

_NAME = "run_figure"
# Plotly's own style is the page's: within a shadow it would have none.
_figure = st.components.v2.component(
    _NAME, css=style(_NAME), js=script(_NAME), isolate_styles=False
)


def run_figure(figure: go.Figure, key: str, label: str) -> None:
    """Draw it as wide as there is room.

    Args:
        label: what it shows, in words.
    """
    data = {
        "figure": figure.to_plotly_json(),
        "label": label,
        "library": scripts.address("plotly"),
    }
    _figure(data=data, key=key)
