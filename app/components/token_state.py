"""How a text is looked at, in the page's address and back: metric, k, token, pins and the rest."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import link
from app.components.token_heatmap import STATE
from app.metrics import METRICS
from app.words import listed

LONGEST_PINS = 8
_TEXT = "token-text"
_CHOICES = {
    "metric": [metric.name for metric in METRICS],
    "pool": ["corpus", "batch"],
    "underline": ["metric", "triple", "none"],
    "density": ["comfortable", "compact"],
}
_SWITCHES = ("wrap", "prompt", "outline")


def from_link(rows: int, steps: list[str]) -> dict[str, Any]:
    """The state that the link asks for, but for k; what it asks for in vain is said.

    Args:
        rows: tokens of the text.
        steps: snapshots that the scrubber knows.
    """
    state: dict[str, Any] = {}
    for name, offered in (_CHOICES | {"step": steps}).items():
        asked = st.query_params.get(name)
        if asked in offered:
            state[name] = asked
        elif asked is not None:
            link.complain(f"There is no {name} {asked[:40]!r}. There are {listed(offered)}.")
    for name in _SWITCHES:
        if name in st.query_params:
            state[name] = st.query_params[name] != "no"
    if (token := link.number("token", 0, rows - 1)) is not None:
        state["token"] = int(token)
    pins = [int(one) for one in st.query_params.get("pins", "").split(",") if one.isdigit()]
    state["pins"] = [one for one in pins if one < rows][:LONGEST_PINS]
    return state


def forget_tokens(text: str) -> None:
    """Drop the chosen token and the pins when another text is shown: it has other tokens."""
    if st.session_state.get(_TEXT, text) != text:
        st.query_params.pop("token", None)
        st.query_params.pop("pins", None)
    st.session_state[_TEXT] = text


def into_link(state: dict[str, Any]) -> None:
    """Write into the address what differs from how a text is looked at first."""
    for name, first in STATE.items():
        value = state[name]
        if value == first:
            st.query_params.pop(name, None)
        elif name == "k":
            st.query_params[name] = f"{value / 1000:g}"
        elif name == "pins":
            st.query_params[name] = ",".join(map(str, value))
        else:
            st.query_params[name] = {True: "yes", False: "no"}.get(value, str(value))
