"""Work that a viewer's browser does by itself (`browser/shared/local.js`): whether it does, and
what the server hears of it.

Keys are those of the components that do it.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from adaspec import AdaspecError
from adaspec.runs import Run
from adaspec.views import Engine
from app.shared.engine import engine

_CANNOT = "local-cannot"  # in the session's state: engine -> why this browser does not run it


def engine_here(run: Run, names: list[str], key: str) -> tuple[Engine | None, str]:
    """What the browser runs the target and other models of a run with; None and a sentence, why the
    server does.
    """
    try:
        there = engine(run, names)
    except AdaspecError as error:
        return None, str(error)
    cannot: dict[str, str] = st.session_state.setdefault(_CANNOT, {})
    if fault := _told(key, "fault"):  # forgotten with the component, which is not shown any more
        cannot[str(fault["of"])] = str(fault["why"])
    why = cannot.get(there.id, "")
    return (None, why) if why else (there, "")


def wanted(key: str, identity: str) -> Any:
    """The answer that the viewer wants files of, as the browser sent it; None: no files."""
    files = _told(key, "files")
    return files["content"] if files and files["of"] == identity else None


def count_click(key: str) -> None:
    """The viewer asks, perhaps once more: what was stopped then begins anew."""
    st.session_state[_clicks(key)] = clicks(key) + 1


def clicks(key: str) -> int:
    counted: int = st.session_state.get(_clicks(key), 0)
    return counted


def _clicks(key: str) -> str:
    return f"{key}-clicks"


def _told(key: str, what: str) -> Any:
    return (st.session_state.get(key) or {}).get(what)
