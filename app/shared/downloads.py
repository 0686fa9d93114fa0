"""A button for a file that is made on demand."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable

import streamlit as st


def file_button(label: str, make: Callable[[], str | bytes], file: str, what: str) -> None:
    st.download_button(
        label,
        make,
        file,
        mimetypes.guess_type(file)[0] or "application/octet-stream",
        on_click="ignore",
        icon=":material/download:",
        help=what,
    )
