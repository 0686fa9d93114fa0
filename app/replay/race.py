"""Two of a run's replays of one prompt, side by side and by one clock."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import streamlit as st

from adaspec import runs, tokens
from adaspec.runs import Run
from adaspec.views import replay_view
from adaspec.views.browser_script import script, style
from app.shared import view_state
from app.shell import link

STATE: dict[str, Any] = {"clock": None}  # it plays from the start
_LONGEST = 1e9  # milliseconds
_NAME = "replay_race"
_KEY = "replay-race"
_race = st.components.v2.component(_NAME, css=style(_NAME), js=script(_NAME))


def draft_race(run: Run, draft: str, rival: str, seq: int) -> None:
    """Both drafts' replays; the clock is in the link."""
    both = [draft, rival]
    identity = f"{run.path.name}/{draft}/{rival}/{seq}"
    view = {
        "id": identity,
        "title": f"{runs.read_state(run).name} · prompt #{seq} · {draft} against {rival}",
        "replays": [replay_view.stored(run, name, seq) for name in both],
        "clock": _clock(run, both),
        "compare": "compare?" + urlencode({"run": run.id, "drafts": ",".join(both)}),
    }
    view_state.forget(STATE, identity, _KEY)
    clock = link.number("clock", 0, _LONGEST)
    state = view_state.show(_race, view, {"clock": clock}, STATE, tuple(STATE), _KEY)
    view_state.into_link(state, STATE)


def _clock(run: Run, both: list[str]) -> str:
    speed = runs.read_speed(run)
    if speed and all(tokens.table_of(run, name) in speed.drafts for name in both):
        return (
            "The clock: milliseconds of drafting and checking as timed for this run, the same "
            "for drafts of one size."
        )
    return "The clock: the median milliseconds of drafting and checking of each replay."
