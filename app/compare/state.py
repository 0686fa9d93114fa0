"""How a comparison and its lanes are looked at, as the page's address asks for it."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from adaspec.views import compare_view
from app.compare import board as compare_board
from app.compare import lanes as compare_lanes
from app.shared import view_state
from app.shell import link


def board_from_link(view: dict[str, Any]) -> dict[str, Any]:
    """The state of the board that the link asks for; what it asks for in vain is said."""
    view_state.forget(compare_view.STATE, view["id"], "compare-board")
    asked = {
        "scatter": view_state.option("scatter", view["looks"]),
        "kl": _limits("kl"),
        "beta": _limits("beta"),
        "agree": _pair("agree", view),
        "cell": view_state.option("cell", compare_board.CELLS),
    }
    drafts = asked["agree"] or ()
    if asked["cell"] and (asked["kl"] or asked["beta"] or len(set(drafts)) == 1):
        link.complain("No cell is opened beside a rectangle, and a draft has none with itself.")
        asked["cell"] = None
    return asked


def lanes_from_link(view: dict[str, Any]) -> dict[str, Any]:
    """The state of the lanes that the link asks for; what it asks for in vain is said."""
    view_state.forget(compare_lanes.STATE, view["id"], "compare-lanes")
    at = link.number("at", 1, view["rows"])
    return {"at": at and int(at), "versus": _pair("versus", view)}


def _limits(name: str) -> list[float] | None:
    if (asked := st.query_params.get(name)) is None:
        return None
    try:
        low, high = map(float, asked.split(","))
    except ValueError:
        low = high = math.nan
    if 0 <= low <= high < math.inf:
        return [low, high]
    link.complain(f"{name}={asked[:40]} in the link is no FROM,TO: two numbers from 0 on.")
    return None


def _pair(name: str, view: dict[str, Any]) -> list[str] | None:
    if (asked := st.query_params.get(name)) is None:
        return None
    drafts = asked.split(",")
    if len(drafts) == 2 and view["looks"].keys() >= set(drafts):
        return drafts
    there = ", ".join(view["looks"])
    link.complain(f"{name}={asked[:40]} in the link is no pair ONE,OTHER of the drafts {there}.")
    return None
