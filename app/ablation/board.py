"""Methods over seeds in the browser: acceptance against cost, differences, against k, the table."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.shared.browser_script import script, style

_SCRIPT = script("dom", "compare_words", "compare_tables", "compare_figures", "ablation")
_STYLE = style("compare") + style("ablation")
_board = st.components.v2.component("ablation_board", css=_STYLE, js=_SCRIPT)


def ablation_board(view: dict[str, Any], key: str) -> None:
    """Show what `app.ablation.view` gives."""
    _board(data={"view": view}, key=key)
