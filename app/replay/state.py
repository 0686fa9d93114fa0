"""How a replay is looked at, in the page's address and back: step, speed and token."""

from __future__ import annotations

import re
from typing import Any

import streamlit as st

from app.replay.player import OWN, SPEEDS, STATE
from app.shared import view_state
from app.shell import link


def from_link(view: dict[str, Any]) -> dict[str, Any]:
    """The state that the link asks for; what does not exist is reported."""
    view_state.forget(OWN, view["id"], "replay")
    state: dict[str, Any] = {}
    if (step := link.number("step", 0, view["steps"])) is not None:
        state["step"] = int(step)
    speeds = {f"{speed:g}": speed for speed in SPEEDS}
    if (speed := view_state.option("speed", speeds)) is not None:
        state["speed"] = speeds[speed]
    if (token := st.query_params.get("token")) is not None:
        if _is_token(token, view["trace"]["rounds"]):
            state["token"] = token
        else:
            link.complain(f"There is no token {token[:40]!r} here: it is ROUND.POSITION, from 0.0.")
    return state


def _is_token(asked: str, rounds: list[dict[str, Any]]) -> bool:
    if not (match := re.fullmatch(r"(\d{1,6})\.(\d{1,3})", asked)):
        return False
    number, position = map(int, match.groups())
    if number >= len(rounds):
        return False
    round = rounds[number]
    return position < len(round["proposals"]) + (round["last"] is not None)


def into_link(state: dict[str, Any]) -> None:
    """Write into the address what differs from a replay's initial state."""
    view_state.into_link(state, STATE)
