"""A component's state, in the page's address and back.

A state is a dict, and `first` says how a view is looked at first. The browser tells of its state
with the id of the view that it is `of`, once it has rested; the address has what differs from
`first`. A link that asks for something that does not exist is reported and ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import streamlit as st

from app.shell import link


def show(
    component: Callable[..., Any],
    view: dict[str, Any],
    asked: dict[str, Any],
    first: dict[str, Any],
    own: Iterable[str],
    key: str,
    **heard: Callable[[], None],
) -> dict[str, Any]:
    """Show a view; the state as the viewer left it, or as asked for.

    Args:
        asked: what differs from `first`.
        own: the keys that belong to one view: those left from another view are ignored.
        heard: `on_NAME_change`, called when the component tells of NAME.
    """
    key = link.fresh(key)
    # Before the component, so that it shows what the address will say: it may have been told of
    # this view long ago, and have shown others since.
    state = dict(st.session_state.get(key, {}).get("state") or {})
    if state.pop("of", None) != view["id"]:
        state = {name: value for name, value in state.items() if name not in own}
    state = first | asked | state
    component(data={"view": view, "state": state}, key=key, on_state_change=lambda: None, **heard)
    return state


def forget(names: Iterable[str], shown: str, key: str) -> None:
    """Drop from the address what is of another view than the one to be shown under this key.

    Whoever comes from another page has a link that means this view: see `link.arrive`.
    """
    key = f"link-shown-{key}"
    if st.session_state.get(key, shown) != shown:
        for name in names:
            st.query_params.pop(name, None)
    st.session_state[key] = shown


def option(name: str, offered: Iterable[str]) -> str | None:
    """Which of these the link asks for."""
    there, asked = list(offered), st.query_params.get(name)
    if asked is None or asked in there:
        return asked
    link.complain(f"There is no {name} {asked[:40]!r}. There are {', '.join(there)}.")
    return None


def into_link(state: dict[str, Any], first: dict[str, Any]) -> None:
    """Write into the address what differs from the view's initial state."""
    for name, value in first.items():
        if state[name] == value:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = _written(state[name])


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_written, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.15g}" if isinstance(value, float) else str(value)
