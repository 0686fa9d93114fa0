"""Every token of a run in one list, by what makes it worth a look; a row opens it in its text.

The heat map takes the token from the page's address as it takes any link's: so a row, and the
button for the next one, write there.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from adaspec import strata, tokens
from adaspec.analysis import tabulated
from adaspec.recipe import REFERENCE, STOCK
from adaspec.runs import Run
from adaspec.strata import AXES
from adaspec.tokens import TOKEN_ORDERS, Source
from adaspec.turns import once
from adaspec.views.token_view import Roles
from adaspec.vocabulary import CLASSES
from app.shared.downloads import table_buttons
from app.shell import link, words

SHOWN = 1000  # tokens in the list
ALL = "all"
JUMPS = "tokens-jumps"  # in the session's state: how often a token was opened from here
_LABELS = {
    "hardest": "hardest",
    "selected": "most selected",
    "disputed": "most disputed",
    "improved": "most improved",
    "unsure": "where the target is unsure",
}
_HEADINGS = {
    "kl": "KL",
    "delta": "ΔL",
    "kept": "kept",
    "weight": "weight",
    "dispute": "dispute",
    "entropy": "entropy",
    "class": "class",
    "seq": "#",
    "pos": "position",
}
_PLACES = {"entropy": "Entropy", "position": "Position", "context": "Context"}
_SIGNS = str.maketrans({"\n": "⏎", "\t": "→", "\r": "␍", " ": "␣"})


def token_list(run: Run, source: Source, roles: Roles, k: int, by: str) -> int:
    """Draw the list; the number of the example to show.

    Args:
        k: the filter ratio in thousandths.
        by: `stock` or `draft`: whose ΔL selects.
    """
    measured = [snapshot.name for snapshot in tokens.snapshots(run)]
    lacking = {"disputed": not roles.rival, "selected": REFERENCE not in measured}
    orders = [order for order in TOKEN_ORDERS if not lacking.get(order)]
    order = link.choice(
        "Order",
        "rank",
        orders,
        format_func=_LABELS.__getitem__,
        help="\n".join(f"- **{_LABELS[name]}**: {TOKEN_ORDERS[name]}" for name in orders),
    )
    kind = link.choice("Class", "class", [ALL, *CLASSES], help="What kind of token it is.")
    cell = _cell()
    selects = STOCK if by == "stock" or roles.draft == REFERENCE else roles.draft
    ranked = _ranked(
        run,
        source,
        order,
        roles,
        selects,
        k,
        None if kind == ALL else kind,
        cell,
        tokens.stamp(run),
    )
    if ranked.empty:
        st.caption("No token is of this kind.")
        return int(link.number("example", 0, len(tokens.examples(run, source)) - 1) or 0)
    key = f"every-{run.path.name}-{source}-{order}-{kind}-{cell}-{roles}-{selects}-{k}"
    if st.session_state.setdefault("tokens-list", key) != key:  # another list begins at its top
        st.session_state["tokens-list"] = key
        st.session_state.pop("tokens-place", None)
    if "token" not in st.query_params and st.session_state.get("tokens-place") is None:
        _open(run, source, ranked, 0)
    place = _place(run, source, ranked)
    with st.container(horizontal=True, vertical_alignment="center", key="next-token"):
        st.button(
            f"Next {_LABELS[order]}" if order != "unsure" else "Next unsure",
            key="next",
            icon=":material/skip_next:",
            disabled=place is not None and place + 1 >= len(ranked),
            on_click=_open_next,
            args=(run, source, ranked, place),
        )
        if place is not None:
            st.caption(f"{words.ordinal(place + 1)} of {words.count(len(ranked))}")
    _table(run, source, ranked, place, key)
    total = tokens.bounds(run, source)
    caption = (
        f"The {len(ranked):,} of {total[1] - total[0]:,} tokens with the {TOKEN_ORDERS[order]}. "
        f"ΔL is that of {selects}; kept at k = {k / 1000:g}."
    )
    st.caption(words.plain(caption))
    table_buttons(
        [tabulated.of_tokens(ranked, caption)], f"tokens-{run.path.name}", key="every-tables"
    )
    return int(link.number("example", 0, len(tokens.examples(run, source)) - 1) or 0)


def _cell() -> tuple[tuple[str, str], ...]:
    """In which groups a token has to be, as (axis, group): cells of Compare's atlas lead here."""
    asked = [axis for axis in _PLACES if axis in st.query_params]
    chosen = []
    with st.expander("Where it stands", expanded=bool(asked), icon=":material/grid_on:"):
        for axis, label in _PLACES.items():
            group = link.choice(label, axis, [ALL, *AXES[axis].groups], help=AXES[axis].explanation)
            chosen += [(axis, group)] if group != ALL else []
    return tuple(chosen)


@once(8)
def _ranked(
    run: Run,
    source: Source,
    order: str,
    roles: Roles,
    by: str,
    k: int,
    kind: str | None,
    cell: tuple[tuple[str, str], ...],
    _stamp: object,
) -> pd.DataFrame:
    return tokens.ranked_tokens(
        run,
        source,
        order,
        roles.draft,
        roles.rival,
        by=by,
        k=k,
        most=SHOWN,
        kind=kind,
        among=strata.within(run, source, dict(cell)) if cell else None,
    )


def _place(run: Run, source: Source, ranked: pd.DataFrame) -> int | None:
    """Which row is open: the token of the address, else the last one that was opened."""
    example, token = (link.number(name, 0, 1e9) for name in ("example", "token"))
    if example is not None and token is not None:
        seq = int(example)
        pos = int(token) - len(tokens.prompt_ids(run, source, seq))
        hits = ranked.index[(ranked["seq"] == seq) & (ranked["pos"] == pos)]
        if len(hits):
            st.session_state["tokens-place"] = int(hits[0])
    return st.session_state.get("tokens-place")


def _open_next(run: Run, source: Source, ranked: pd.DataFrame, place: int | None) -> None:
    _open(run, source, ranked, 0 if place is None else place + 1)
    st.session_state["tokens-nexts"] = st.session_state.get("tokens-nexts", 0) + 1


def _open_row(run: Run, source: Source, ranked: pd.DataFrame, key: str) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    if rows:
        _open(run, source, ranked, rows[0])


def _open(run: Run, source: Source, ranked: pd.DataFrame, place: int) -> None:
    """Let the address ask for the token of a row."""
    seq, pos = int(ranked["seq"].iloc[place]), int(ranked["pos"].iloc[place])
    if st.query_params.get("example") != str(seq):
        st.query_params.pop("pins", None)  # they are of the other text
    st.query_params["example"] = str(seq)
    st.query_params["token"] = str(len(tokens.prompt_ids(run, source, seq)) + pos)
    st.session_state.pop("link-shown-tokens", None)  # the token is of the text to be shown
    st.session_state[JUMPS] = st.session_state.get(JUMPS, 0) + 1
    st.session_state["tokens-place"] = place


def _table(run: Run, source: Source, ranked: pd.DataFrame, place: int | None, key: str) -> None:
    shown = pd.DataFrame(
        {
            "token": [_visible(text) for text in ranked["text"]],
            **{heading: ranked[name] for name, heading in _HEADINGS.items() if name in ranked},
        }
    )
    name = f"{key}-{st.session_state.get('tokens-nexts', 0)}"
    chosen: list[int] = [] if place is None else [place]
    st.dataframe(
        shown,
        hide_index=True,
        height=420,
        key=name,
        on_select=lambda: _open_row(run, source, ranked, name),
        selection_mode="single-row",
        selection_default={"selection": {"rows": chosen, "columns": [], "cells": []}},
        column_config=_columns(),
        alt="Tokens",
    )


def _columns() -> dict[str, Any]:
    def number(help_text: str) -> Any:
        return st.column_config.NumberColumn(width=70, format="%.3f", help=help_text)

    return {
        "token": st.column_config.TextColumn(pinned=True, help="␣: a space, ⏎: a line's end."),
        "KL": number("KL(p‖q) of the draft, nats."),
        "ΔL": number("KL(p‖q) − KL(p‖r), nats, of the model that selects."),
        "kept": st.column_config.CheckboxColumn(help="Whether AdaSPEC keeps it at this k."),
        "weight": number("How much the draft's training counts it; the mean over those kept is 1."),
        "dispute": number("|KL(p‖rival) − KL(p‖q)|, nats."),
        "entropy": number("H(p) of the target, nats."),
        "#": st.column_config.NumberColumn(width=50, help="Number of the example."),
        "position": st.column_config.NumberColumn(help="Tokens since the answer began."),
    }


def _visible(text: str) -> str:
    return text.translate(_SIGNS)
