"""A button on every page that copies its address: the address says what is shown."""

from __future__ import annotations

import streamlit as st

from adaspec.views.browser_script import script, style

_NAME = "copy_link"
_button = st.components.v2.component(_NAME, css=style(_NAME), js=script(_NAME))


def copy_link() -> None:
    """Show it in the page's upper right corner."""
    _button(data=None, key="copy-link")
