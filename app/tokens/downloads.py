"""A text and its measures to download: as a table, or as a page that works offline."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
import streamlit as st

from adaspec import tokens
from adaspec.runs import Run
from adaspec.tabular import spreadsheet
from adaspec.tokens import Source
from adaspec.views import TokenView
from adaspec.views.token_view import standalone
from app.shared.downloads import file_button


def example_downloads(
    run: Run, source: Source, seq: int, view: TokenView, state: dict[str, Any]
) -> None:
    """Buttons for an example of a run; a file is made when it is asked for."""
    name = f"tokens-{run.path.name}-{source}-{seq}"
    with st.container(horizontal=True, key="token-downloads"):
        text_download(view, state, name)
        file_button(
            "CSV",
            lambda: spreadsheet(tokens.table(run, source, seq)),
            f"{name}.csv",
            "One row per response token: every column of every snapshot, and ΔL.",
        )
        file_button(
            "Parquet",
            lambda: _parquet(tokens.table(run, source, seq)),
            f"{name}.parquet",
            "The same table as Parquet.",
        )


def text_download(view: TokenView, state: dict[str, Any], name: str = "tokens") -> None:
    """The button for any text: a page of its own."""
    file_button(
        "Page",
        lambda: standalone(view, state),
        f"{name}.html",
        "One HTML file with this view: hover, metrics, k and pins work offline.",
    )


def _parquet(table: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    table.to_parquet(file, index=False)
    return file.getvalue()
