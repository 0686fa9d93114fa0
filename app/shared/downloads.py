"""A button for a file that is made on demand."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv(table: pd.DataFrame) -> str:
    """A table for a spreadsheet, which takes text that begins so for a formula: it gets a quote."""
    return table.map(_harmless).rename(columns=_harmless).to_csv(index=False, lineterminator="\r\n")


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


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
