"""The examples of a run to choose from, ordered by interest or searched by a word."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from adaspec import figures, tokens
from adaspec.runs import Run
from adaspec.tokens import ORDERS, Source
from adaspec.views.token_view import Roles
from app.shared import figure
from app.shell import link

SHOWN = 200  # examples in the list; a word in the search finds the others
PREVIEW = 160  # characters of an answer
_LABELS = {
    "hardest": "hardest",
    "improved": "most improved",
    "disputed": "most disputed",
    "selected": "most selected",
    "first": "in their order",
}


def example_list(run: Run, source: Source, roles: Roles, k: int, wanted: int | None) -> int:
    """Draw the list; the number of the chosen example, by default the first.

    Args:
        k: the filter ratio in thousandths.
        wanted: the example that a link asks for.
    """
    orders = tokens.orders(run, roles.rival)
    order = link.choice(
        "Order",
        "order",
        orders,
        format_func=_LABELS.__getitem__,
        help="\n".join(f"- **{_LABELS[name]}**: {ORDERS[name]}" for name in orders),
    )
    word = link.text("Search", "search", placeholder="a word in prompt or answer")
    ranked = tokens.ranking(run, source, order, roles.draft, roles.rival, k)
    matching = _containing(ranked, word)
    if matching.empty:
        st.caption("No example contains this.")
        matching = ranked
    current = wanted if wanted is not None else int(matching.iloc[0]["seq"])
    hits = matching.head(SHOWN)
    chosen = _table(hits, order, f"{run.path.name}-{source}-{order}-{word}-{roles}-{k}", current)
    if order != "first":
        score = ranked.loc[ranked["seq"] == chosen, "score"]
        chart = figures.scores(ranked["score"], hits["score"], float(score.iloc[0]), ORDERS[order])
        figure.show(figures.specification(chart), key="example-scores")
    st.caption(
        f"{len(matching):,} of {len(ranked):,} examples"
        + (f", the first {SHOWN} listed" if len(matching) > SHOWN else "")
    )
    return chosen


def _containing(ranked: pd.DataFrame, word: str) -> pd.DataFrame:
    if not word.strip():
        return ranked
    either = pd.Series(False, index=ranked.index)
    for name in ("prompt", "response"):
        either |= ranked[name].str.contains(word.strip(), case=False, regex=False)
    return ranked[either]


def _table(hits: pd.DataFrame, order: str, identity: str, current: int) -> int:
    """The rows; returns the chosen example's number, which another order does not change."""
    shown = pd.DataFrame(
        {
            "#": hits["seq"],
            "score": hits["score"],
            "answer": hits["response"].str.slice(0, PREVIEW),
        }
    )
    if order == "first":
        shown = shown.drop(columns="score")
    sequences = hits["seq"].tolist()
    default = [sequences.index(current)] if current in sequences else []
    event = st.dataframe(
        shown,
        hide_index=True,
        height=420,
        key=link.fresh(f"examples-{identity}"),
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": default, "columns": [], "cells": []}},
        column_config={
            "#": st.column_config.NumberColumn(width=50, help="Number of the example."),
            "score": st.column_config.NumberColumn(
                width=64, format="%.3f", help=ORDERS[order].capitalize() + ", by example."
            ),
        },
    )
    rows = event["selection"]["rows"]
    return int(sequences[rows[0]]) if rows else current
