"""The replay player: speculative decoding, step by step.

It shows a *view* in a *state* (`adaspec.views.replay_view`). Everything that a viewer does happens
in the browser (`browser/replay/player.js`), which has the whole trace; the server hears of the
state when it has rested, never while it plays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from adaspec.views.browser_script import script, style
from adaspec.views.replay_view import NAME, STATE
from app.shared import view_state

OWN = ("step", "token")  # of one replay alone
SPEEDS = (0.5, 1, 2, 5, 20, 100)
_player = st.components.v2.component(NAME, css=style(NAME), js=script(NAME))


def replay_player(
    view: dict[str, Any], state: dict[str, Any], key: str, **heard: Callable[[], None]
) -> dict[str, Any]:
    """Show a view; the state as the viewer left it, or the given one.

    Args:
        state: what differs from `STATE`.
        heard: as of `view_state.show`.
    """
    return view_state.show(_player, view, state, STATE, OWN, key, **heard)
