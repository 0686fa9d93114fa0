"""What is compared with what: runs, drafts and the baseline, as the page's address has them."""

from __future__ import annotations

import streamlit as st

from adaspec import AdaspecError
from adaspec.analysis import drafts
from adaspec.analysis.comparison import default_baseline
from adaspec.analysis.drafts import Entry
from adaspec.analysis.identity import unlike
from adaspec.analysis.results import Budgets, MissingPartner
from adaspec.recipe import STOCK
from adaspec.runs import Run
from app.shared import reading
from app.shared.pickers import named, pick_run
from app.shell import link, words

DRAFTS, OTHERS, BASELINE = "drafts", "with", "baseline"  # query parameters


def pick_runs() -> tuple[list[Run], list[str]]:
    """One run and others that agree with it; and why those that were asked for and do not are out.

    Ends the page where there is no run.
    """
    first = pick_run()
    asked = st.query_params.get_all(OTHERS)
    offered = reading.offered(
        reading.board(*asked).views,
        lambda view: (
            view.run != first and view.run.examples_file.is_file() and view.report is not None
        ),
        asked,
    )
    refused = [
        f"There is no measured run {identity[:40]!r} to compare with."
        for identity in asked
        if identity not in offered
    ]
    key = f"compare-with-{first.path}"
    if key not in st.session_state:
        st.session_state[key] = [
            identity for identity in dict.fromkeys(asked) if identity in offered
        ]
    chosen = st.multiselect(
        "With other runs",
        list(offered),
        key=key,
        format_func=lambda identity: named(offered[identity]),
        placeholder="None" if offered else "There are none",
        help="Their drafts are compared with this run's where target, tokenizer, data and held-out "
        "texts are the same, by hash.",
        disabled=not offered,
        select_all=False,
        width=260,
    )
    _into_link(OTHERS, chosen)
    alike = [first]
    for other in (offered[identity].run for identity in chosen):
        reason = _refusal(first, other)
        if reason:
            refused.append(reason)
        else:
            alike.append(other)
    return alike, refused


def _refusal(first: Run, other: Run) -> str | None:
    try:
        return unlike(first, other)
    except AdaspecError as error:
        return str(error)


def pick_drafts(offered: list[Entry]) -> list[Entry]:
    """Some of them, and always the stock draft; by default all."""
    labels = {entry.key: entry.label for entry in offered if entry.table != STOCK}
    asked = [name for text in st.query_params.get_all(DRAFTS) for name in text.split(",") if name]
    key = _drafts_key(offered)
    if key not in st.session_state:
        st.session_state[key] = list(dict.fromkeys(_known(offered, asked)))
    chosen = st.multiselect(
        "Drafts",
        list(labels),
        key=key,
        format_func=labels.__getitem__,
        placeholder="All drafts",
        help="The stock draft, before any distillation, is always among them. = marks one training "
        "under two names.",
        select_all=False,
        width=400,
    )
    _into_link(DRAFTS, [",".join(chosen)] if chosen else [])
    return drafts.choose(offered, chosen)


def _known(offered: list[Entry], asked: list[str]) -> list[str]:
    keys = []
    for name in asked:
        try:
            entry = drafts.find(offered, name)
        except AdaspecError as error:
            link.complain(str(error))
            continue
        if entry.table != STOCK:
            keys.append(entry.key)
    return keys


def _drafts_key(offered: list[Entry]) -> str:
    return f"compare-drafts-{[entry.key for entry in offered]}"


def pick_baseline(picked: list[Entry]) -> Entry:
    """What the others are held against."""
    keys = {entry.key: entry for entry in picked}
    chosen = link.choice(
        "Baseline",
        BASELINE,
        list(keys),
        default=default_baseline(picked).key,
        format_func=lambda key: keys[key].label,
        help="Differences are *draft − baseline*. At first it is the fairest there is: equal steps "
        "and sequences, on all tokens; else the stock draft.",
    )
    return keys[chosen]


def budget_warning(offered: list[Entry], budgets: Budgets) -> None:
    """What differs between the budgets, and the fair comparison that there is or could be."""
    labels = {entry.key: entry.label for entry in offered}
    if budgets.warning:
        st.warning(f"**{words.plain(budgets.warning)}**", icon=":material/balance:")
        with st.container(horizontal=True, key="compare-fair"):
            for number, group in enumerate(budgets.fair):
                st.button(
                    f"Only the fair pair: {words.listed([labels[key] for key in group])}"
                    if len(group) == 2
                    else f"Only the fair ones: {words.listed([labels[key] for key in group])}",
                    key=f"compare-fair-{number}",
                    icon=":material/balance:",
                    help="Equal optimiser steps and equal sequences read. The stock draft stays.",
                    on_click=_take,
                    args=(_drafts_key(offered), group),
                )
    for partner in budgets.missing:
        _missing(labels[partner.of], partner)


def _take(key: str, group: list[str]) -> None:
    st.session_state[key] = group
    st.session_state.pop(f"link-{BASELINE}", None)
    st.query_params.pop(BASELINE, None)


def _missing(label: str, partner: MissingPartner) -> None:
    st.warning(
        f"Nothing here is a fair comparison for {words.plain(label)}: no draft on all tokens took "
        f"as many steps and read as many sequences. The method {words.plain(partner.name)}, added "
        "to its recipe, would be one.",
        icon=":material/balance:",
    )
    st.page_link(
        link.page("train"),
        label=f"Train {words.plain(partner.name)}",
        icon=":material/model_training:",
        query_params={"from": partner.run, "set": partner.setting},
    )


def _into_link(name: str, values: list[str]) -> None:
    if values != st.query_params.get_all(name):
        st.query_params[name] = values
