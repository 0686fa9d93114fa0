"""Buttons for files that are made on demand."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from functools import partial

import streamlit as st

from adaspec import tabular
from adaspec.tabular import Table

_KINDS = {
    "csv": ("CSV", "One row an observation, numbers in full."),
    "tex": ("LaTeX", "With the rules of booktabs."),
    "md": ("Markdown", "For notes, issues and pull requests."),
}


def table_buttons(tables: list[Table], stem: str, key: str) -> None:
    """A menu with every table in every format.

    Args:
        stem: how the names of the files begin.
    """
    with st.popover("Tables", icon=":material/table:", key=key):
        for table in tables:
            st.caption(table.name.replace("-", " ").capitalize())
            with st.container(horizontal=True, gap="xsmall"):
                for ending, (label, what) in _KINDS.items():
                    make = partial(tabular.FORMATS[ending], table)
                    file_button(label, make, f"{stem}-{table.name}.{ending}", what, key=key)


def file_button(
    label: str, make: Callable[[], str | bytes], file: str, what: str, key: str | None = None
) -> None:
    """A button for one file.

    Args:
        key: tells it from others of the label on the page.
    """
    st.download_button(
        label,
        make,
        file,
        mimetypes.guess_type(file)[0] or "application/octet-stream",
        on_click="ignore",
        icon=":material/download:",
        help=what,
        key=key and f"{key}-{file}",
    )
