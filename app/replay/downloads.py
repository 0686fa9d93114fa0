"""A replay to download: as a self-explanatory document, or as a page that works offline."""

from __future__ import annotations

from typing import Any

import streamlit as st

from adaspec import tokens
from adaspec.runs import Run
from adaspec.speculation.document import document
from adaspec.speculation.trace import Trace
from adaspec.views.replay_view import standalone
from app.shared.downloads import file_button


def replay_downloads(run: Run, view: dict[str, Any], state: dict[str, Any]) -> None:
    """Buttons; each file is made on demand."""
    name = f"replay-{view['id'].replace('/', '-')}"
    with st.container(horizontal=True, key="replay-downloads"):
        file_button(
            "Page",
            lambda: standalone(view, state),
            f"{name}.html",
            "One HTML file with this player: it plays offline.",
        )
        file_button(
            "JSON",
            lambda: _document(run, view),
            f"{name}.json",
            "The trace with every decision, the texts of its tokens, and what each field means.",
        )


def _document(run: Run, view: dict[str, Any]) -> str:
    trace = Trace.model_validate(view["trace"])
    return document(trace, tokens.vocabulary(run)).model_dump_json(indent=1)
