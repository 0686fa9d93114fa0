"""How a text is looked at, in the page's address and back: metric, k, token, pins and the rest."""

from __future__ import annotations

from typing import Any

import streamlit as st

from adaspec.views.metrics import METRICS
from adaspec.views.token_view import STATE
from app.shared import view_state
from app.shell import link
from app.tokens.heatmap import OWN

LONGEST_PINS = 8
_CHOICES = {
    "metric": [metric.name for metric in METRICS],
    "pool": ["corpus", "batch"],
    "by": ["stock", "draft"],
    "underline": ["metric", "triple", "none"],
    "density": ["comfortable", "compact"],
}
_SWITCHES = ("wrap", "prompt", "outline")


def from_link(rows: int, steps: list[str]) -> dict[str, Any]:
    """The state that the link asks for, except k; what does not exist is reported.

    Args:
        rows: tokens of the text.
        steps: snapshots that the scrubber knows.
    """
    state: dict[str, Any] = {}
    for name, offered in (_CHOICES | {"step": steps}).items():
        if (chosen := view_state.option(name, offered)) is not None:
            state[name] = chosen
    for name in _SWITCHES:
        if name in st.query_params:
            state[name] = st.query_params[name] != "no"
    if (token := link.number("token", 0, rows - 1)) is not None:
        state["token"] = int(token)
    pins = [int(pin) for pin in st.query_params.get("pins", "").split(",") if pin.isdigit()]
    state["pins"] = [pin for pin in pins if pin < rows][:LONGEST_PINS]
    return state


def forget_tokens(text: str) -> None:
    """Drop the chosen token and the pins when another text is shown, whose tokens differ."""
    view_state.forget(OWN, text, "tokens")


def into_link(state: dict[str, Any]) -> None:
    """Write into the address what differs from a text's initial state."""
    view_state.into_link(_with_ratio(state), _with_ratio(STATE))


def _with_ratio(state: dict[str, Any]) -> dict[str, Any]:
    """With k as in the address: a fraction, not thousandths."""
    return state | {"k": state["k"] / 1000}
