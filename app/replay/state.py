"""How a replay is looked at, in the page's address and back: step, speed, token, presentation."""

from __future__ import annotations

import re
from typing import Any

import streamlit as st

from adaspec.speculation.trace import Trace
from adaspec.views.replay_view import STATE, steps
from app.replay.player import OWN, SPEEDS
from app.shared import view_state
from app.shell import link

_MOST_STEPS = 100_000  # of a replay that the server does not know


def from_link(shown: str, trace: Trace | None = None) -> dict[str, Any]:
    """The state that the link asks for; what does not exist is reported.

    Args:
        shown: the id of the view.
        trace: None where only the browser has it; the player then stops at its end.
    """
    view_state.forget(OWN, shown, "replay")
    state: dict[str, Any] = {}
    if (step := link.number("step", 0, steps(trace) if trace else _MOST_STEPS)) is not None:
        state["step"] = int(step)
    speeds = {f"{speed:g}": speed for speed in SPEEDS}
    if (speed := view_state.option("speed", speeds)) is not None:
        state["speed"] = speeds[speed]
    state["present"] = view_state.option("present", ["yes"]) is not None
    if (token := st.query_params.get("token")) is not None:
        if _is_token(token, trace):
            state["token"] = token
        else:
            link.complain(f"There is no token {token[:40]!r} here: it is ROUND.POSITION, from 0.0.")
    return state


def _is_token(asked: str, trace: Trace | None) -> bool:
    if not (match := re.fullmatch(r"(\d{1,6})\.(\d{1,3})", asked)):
        return False
    if trace is None:
        return True
    number, position = map(int, match.groups())
    if number >= len(trace.rounds):
        return False
    decoded = trace.rounds[number]
    return position < len(decoded.proposals) + (decoded.last is not None)


def into_link(state: dict[str, Any]) -> None:
    """Write into the address what differs from a replay's initial state."""
    view_state.into_link(state, STATE)
