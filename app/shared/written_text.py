"""A text that a viewer writes: in the link while it is short, else kept here under an id."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import streamlit as st

from adaspec import AdaspecError, files, runs
from app.shared.live_answer import MOST
from app.shell import link

IN_LINK = 1000  # letters of a text that a link holds itself
LARGEST = 4 * MOST  # bytes of a text that is kept: a letter has four at most
KEPT = 1000  # texts that are kept; the longest unused go
_ID = re.compile(r"~[0-9a-f]{16}")


def written_text(label: str, name: str, key: str, first: str, help_text: str) -> str:
    """A field whose text the link brings back, however long.

    Args:
        name: of the query parameter.
        first: what stands there at first.
    """
    if key not in st.session_state:
        st.session_state[key] = _asked(name, first)[:MOST]
    typed: str = st.text_area(label, key=key, height=150, max_chars=MOST, help=help_text)
    if typed == first:
        st.query_params.pop(name, None)
    elif len(typed) <= IN_LINK:
        st.query_params[name] = typed
    else:
        _keep(name, typed)
    return typed


def _asked(name: str, first: str) -> str:
    asked = st.query_params.get(name, first)
    if not _ID.fullmatch(asked):
        return asked
    try:
        return files.read_text(_file(asked), LARGEST)
    except FileNotFoundError:
        link.complain("The text of this link is not kept here any more.")
    except AdaspecError as error:
        link.complain(f"The text of this link {error}")
    return first


def _keep(name: str, text: str) -> None:
    identity = f"~{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    path = _file(identity)
    try:
        if path.is_file():
            path.touch()
        else:
            runs.write_atomic(path, text)
            _make_room(path.parent)
    except OSError:  # a full disk: the text stays on the page, but the link is without it
        st.query_params.pop(name, None)
        return
    st.query_params[name] = identity


def _make_room(folder: Path) -> None:
    texts = sorted(folder.glob("*.txt"), key=lambda path: path.stat().st_mtime)
    for path in texts[:-KEPT]:
        path.unlink(missing_ok=True)


def _file(identity: str) -> Path:
    return runs.home() / "texts" / f"{identity.removeprefix('~')}.txt"
