"""A text and its measures to download: as a table, or as a page that works offline."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
import streamlit as st

from adaspec import tokens
from adaspec.runs import Run
from adaspec.tokens import Source
from app.shared.downloads import csv, file_button
from app.tokens.heatmap import standalone


def example_downloads(
    run: Run, source: Source, seq: int, view: dict[str, Any], state: dict[str, Any]
) -> None:
    """Buttons for an example of a run; a file is made when it is asked for."""
    name = f"tokens-{run.path.name}-{source}-{seq}"
    with st.container(horizontal=True, key="token-downloads"):
        text_download(view, state, name)
        file_button(
            "CSV",
            lambda: csv(_table(run, source, seq)),
            f"{name}.csv",
            "One row per response token: every column of every snapshot, and ΔL.",
        )
        file_button(
            "Parquet",
            lambda: _parquet(_table(run, source, seq)),
            f"{name}.parquet",
            "The same table as Parquet.",
        )


def text_download(view: dict[str, Any], state: dict[str, Any], name: str = "tokens") -> None:
    """The button for any text: a page of its own."""
    file_button(
        "Page",
        lambda: standalone(view, state),
        f"{name}.html",
        "One HTML file with this view: hover, metrics, k and pins work offline.",
    )


def _table(run: Run, source: Source, seq: int) -> pd.DataFrame:
    """The example's rows of every snapshot, with text, and dL where there is a reference."""
    names = [snapshot.name for snapshot in tokens.snapshots(run)]
    table = tokens.rows(run, source, seq, names)
    pieces = tokens.vocabulary(run)
    table.insert(1, "text", [pieces[token].text for token in table["token"]])
    if "kl@reference" in table:
        for name in names:
            table[f"delta@{name}"] = table[f"kl@{name}"] - table["kl@reference"]
    return table


def _parquet(table: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    table.to_parquet(file, index=False)
    return file.getvalue()
