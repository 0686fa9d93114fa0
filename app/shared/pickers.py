"""Which run, source of text and drafts a page of tokens shows."""

from __future__ import annotations

import streamlit as st

from adaspec import runs, tokens
from adaspec.analysis.methods import default_draft
from adaspec.recipe import STOCK
from adaspec.runs import Run
from adaspec.tokens import SOURCES, Source
from app.shared import reading
from app.shared.reading import View
from app.shared.token_view import Roles
from app.shell import link

_SOURCES = {"generated": "the target's own text", "dataset": "the data set's answers"}


def _measured_runs() -> list[View]:
    """Runs with token tables, newest first, the bundled example last."""
    return [view for view in reading.board().views if view.run.examples_file.is_file()]


def pick_run() -> Run:
    """One of the runs that have token tables; ends the page where there is none."""
    views = {view.id: view for view in _measured_runs()}
    if not views:
        st.info(
            "No run has token tables yet. Every finished run makes them; for an older run: "
            "adaspec measure RUN",
            icon=":material/info:",
        )
        st.stop()
    chosen = link.choice("Run", "run", list(views), format_func=lambda run: named(views[run]))
    return views[chosen].run


def named(view: View) -> str:
    return "example" if view.run.is_example else f"{view.name} …{view.id[-4:]}"


def pick_source() -> Source:
    return link.choice(
        "Text",
        "source",
        list(SOURCES),
        format_func=_SOURCES.__getitem__,
        help="\n".join(f"- **{_SOURCES[name]}**: {why}" for name, why in SOURCES.items()),
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
