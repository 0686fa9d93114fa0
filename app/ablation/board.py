"""Methods over seeds in the browser: acceptance against cost, differences, against k, the table."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.shared.browser_script import script, style

_NAME = "ablation_board"
_board = st.components.v2.component(_NAME, css=style(_NAME), js=script(_NAME))


def ablation_board(view: dict[str, Any], key: str) -> None:
    """Show what `app.ablation.view` gives."""
    _board(data={"view": view}, key=key)
