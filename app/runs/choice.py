"""Which runs are listed, in what order and in which groups: as the page's address has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import streamlit as st

from app.shared.reading import LISTED, View
from app.shell import link, theme, words

SHOWN = 8  # runs, until all are asked for or some are looked for
NO_RECIPE = "no recipe"

# Query parameters; `recipe` is Train's.
FIND, STATE, RECIPE, TAG, ORDER, GROUP, ALL = (
    *("find", "state", "recipes", "tag", "order", "group", "all"),
)
_ANCIENT = datetime(1, 1, 1, tzinfo=UTC)


Wanted = dict[Callable[[View], list[str]], list[str]]
"""What a run says of itself -> what it may say; anything where that is empty."""


class Order(NamedTuple):
    """An order of runs; `key` None is the board's own."""

    label: str
    key: Callable[[View], Any] | None = None


ORDERS = {
    "newest": Order("At work, waiting, then the newest"),
    "oldest": Order("Oldest first", lambda view: view.created or _ANCIENT),
    "alpha": Order("Highest α first", lambda view: -(view.best or 0.0)),
    "name": Order("By name", lambda view: (view.name.lower(), view.id)),
    "state": Order("By state", lambda view: list(theme.STATES).index(view.word)),
}


def choose_runs(views: list[View], chosen: str) -> dict[str, list[View]]:
    """The runs to list, by heading: one group without a heading, or one a recipe.

    Args:
        chosen: the id of the open run, which is listed however far down it is.
    """
    with st.container(horizontal=True, vertical_alignment="center", key="runs-choice"):
        text = st.text_input(
            "Find runs",
            key=FIND,
            bind="query-params",
            icon=":material/search:",
            placeholder="Name, recipe, owner, state, tag, note or id",
            max_chars=100,
            label_visibility="collapsed",
            width=380,
        )
        with st.popover("Sort and filter", icon=":material/filter_list:"):
            wanted: Wanted = {
                _said_state: _several("States", STATE, list(theme.STATES)),
                _said_recipe: _several("Recipes", RECIPE, _there(views, _said_recipe)),
                _said_tags: _several("Tags", TAG, _there(views, _said_tags)),
            }
            order = link.choice(
                "Order", ORDER, list(ORDERS), format_func=lambda name: ORDERS[name].label
            )
            is_grouped = st.toggle("Group by recipe", key=GROUP, bind="query-params")
        everything = len(views) > SHOWN and st.toggle(
            f"Show all {len(views)} runs", key=ALL, bind="query-params"
        )
        is_filtered = bool(text or any(wanted.values()))
        if is_filtered:
            icon = ":material/filter_list_off:"
            st.button("Clear", key="clear-filters", icon=icon, on_click=_clear)
    fitting = [view for view in views if _fits(view, text or "", wanted)]
    if key := ORDERS[order].key:
        fitting.sort(key=key)
    most = LISTED if everything or is_filtered else SHOWN
    shown = [view for place, view in enumerate(fitting) if place < most or view.id == chosen]
    if not fitting:
        st.caption("No run is like that.")
    elif len(fitting) > len(shown) and most == LISTED:
        st.caption(f"The first {len(shown)} of {words.counted(len(fitting), 'run')}.")
    elif is_filtered:
        st.caption(f"{len(fitting)} of {words.counted(len(views), 'run')}.")
    return _grouped(shown) if is_grouped else {"": shown}


def _several(label: str, name: str, options: list[str]) -> list[str]:
    return st.multiselect(
        label,
        options,
        key=name,
        bind="query-params",
        placeholder="All",
        select_all=False,
        disabled=not options,
    )


def _said_state(view: View) -> list[str]:
    return [view.word]


def _said_recipe(view: View) -> list[str]:
    return [view.recipe] if view.recipe else []


def _said_tags(view: View) -> list[str]:
    return view.notes.tags


def _there(views: list[View], said: Callable[[View], list[str]]) -> list[str]:
    return sorted({text for view in views for text in said(view)})


def _fits(view: View, text: str, wanted: Wanted) -> bool:
    """Whether a run has the text, and of every kind one of the wanted."""
    if text and text.lower() not in _said(view):
        return False
    return all(not some or set(some) & set(said(view)) for said, some in wanted.items())


def _said(view: View) -> str:
    """What it can be found by."""
    notes = view.notes
    parts = [view.name, view.recipe, view.owner, view.word, view.id, *notes.tags, notes.note]
    return "\n".join(parts).lower()


def _grouped(views: Iterable[View]) -> dict[str, list[View]]:
    groups: dict[str, list[View]] = {}
    for view in views:
        groups.setdefault(view.recipe or NO_RECIPE, []).append(view)
    return groups


def _clear() -> None:
    st.session_state[FIND] = ""
    for name in (STATE, RECIPE, TAG):
        st.session_state[name] = []
