"""The replay player: speculative decoding, step by step, in a page and as a file.

Both show a *view* (`app.replay.view`) in a *state* (`STATE`). Everything that a viewer does happens
in the browser (`browser/replay/player.js`), which has the whole trace; the server hears of the
state when it has rested, never while it plays.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.shared import view_state
from app.shared.browser_script import page, script, style

STATE: dict[str, Any] = {  # how a replay is looked at first
    "step": None,  # the first rounds play by themselves
    "speed": 1,
    "token": None,  # ROUND.PLACE of the token that is asked about; None: the last decided
}
OWN = ("step", "token")  # of one replay alone
SPEEDS = (0.5, 1, 2, 5, 20, 100)
_NAME = "replay_player"
_player = st.components.v2.component(_NAME, css=style(_NAME), js=script(_NAME))


def replay_player(view: dict[str, Any], state: dict[str, Any], key: str) -> dict[str, Any]:
    """Show a view; the state as the viewer left it, or the given one.

    Args:
        state: what differs from `STATE`.
    """
    return view_state.show(_player, view, state, STATE, OWN, key)


def standalone(view: dict[str, Any], state: dict[str, Any]) -> str:
    """A page that plays the same from disk, without a server."""
    data = {"view": view, "state": STATE | state}
    return page(_NAME, view["title"], data)
