"""Which run, source of text and drafts a page of tokens shows."""

from __future__ import annotations

import streamlit as st

from adaspec import runs, tokens
from adaspec.analysis.methods import default_draft
from adaspec.recipe import STOCK
from adaspec.runs import Run
from adaspec.tokens import SOURCES, Source
from adaspec.views.token_view import Roles
from app.shared import reading
from app.shared.reading import View
from app.shell import link

_SOURCES = {
    "generated": "the target's own text",
    "dataset": "the data set's answers",
    "answers": "the target's training answers",
}


def pick_run() -> Run:
    """One of the runs that were measured; ends the page where there is none.

    The menu keeps it from page to page. At first it is the newest.
    """
    wanted = st.query_params.get(link.RUN)
    views = reading.offered(
        reading.board(wanted).views,
        lambda view: view.run.examples_file.is_file(),
        filter(None, [wanted, link.kept_run()]),
    )
    if not views:
        st.info(
            "No run has been measured yet. Every finished run is; an older one by "
            "adaspec measure RUN",
            icon=":material/info:",
        )
        st.stop()
    chosen = link.choice(
        "Run",
        link.RUN,
        list(views),
        default=link.kept_run(),
        format_func=lambda run: named(views[run]),
        always=True,
    )
    link.keep_run(chosen)
    return views[chosen].run


def named(view: View) -> str:
    """A run's name and what tells it from others of that name."""
    return f"{view.name} {'(example)' if view.run.is_example else f'…{view.id[-4:]}'}"


def pick_source(run: Run) -> Source:
    there = tokens.sources(run)
    return link.choice(
        "Text",
        "source",
        there,
        format_func=_SOURCES.__getitem__,
        help="\n".join(f"- **{_SOURCES[name]}**: {SOURCES[name]}" for name in there),
    )


def pick_roles(run: Run) -> Roles:
    """The draft, and another one to compare it with."""
    drafts = final_drafts(run)
    draft = link.choice(
        "Draft q",
        "draft",
        drafts,
        default=default_draft(runs.read_recipe(run), drafts),
        help="The model whose distribution q is compared with the target's p.",
    )
    others = [name for name in drafts if name != draft]
    if not others:
        return Roles(draft, None)
    rival = link.choice(
        "Rival",
        "rival",
        others,
        default=next((name for name in reversed(others) if name != STOCK), others[0]),
        help="A second draft, for the metric *rival − draft* and the order *most disputed*.",
    )
    return Roles(draft, rival)


def final_drafts(run: Run) -> list[str]:
    """Models of the run that were measured at their end."""
    return [snapshot.name for snapshot in tokens.snapshots(run) if snapshot.step is None]
