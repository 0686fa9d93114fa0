"""A figure of `adaspec.figures` on a page.

Its specification is made once for all viewers: to make one takes half a second. Streamlit is given
it as it is, without a theme: its text has the colour of the page's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

Specification = Mapping[str, Any]


def show(figure: Specification, key: str) -> None:
    """Draw a figure as wide as there is room.

    Args:
        figure: as `figures.specification` gives it.
    """
    with st.container(key=key):
        st.vega_lite_chart(spec=dict(figure), theme=None, width="stretch")


def show_in_pairs(figures: Mapping[str, Specification], key: str) -> None:
    """Draw figures two in a row; each has its name in its key."""
    named = list(figures.items())
    for pair in zip(named[::2], [*named[1::2], None], strict=False):
        columns = st.columns(2, gap="large")
        for column, each in zip(columns, pair, strict=True):
            if each:
                with column:
                    show(each[1], f"{key}-{each[0]}")
