"""Where acceptance is lost: a heat table of two properties of tokens; a cell opens its tokens."""

from __future__ import annotations

import streamlit as st

from adaspec.analysis.drafts import Entry
from adaspec.recipe import STOCK
from adaspec.strata import AXES
from adaspec.views import AtlasView, atlas_view
from adaspec.views.browser_script import script, style
from app.shell import link

_table = st.components.v2.component(
    atlas_view.NAME, css=style(atlas_view.NAME), js=script(atlas_view.NAME)
)


def atlas(picked: list[Entry], baseline: Entry) -> AtlasView:
    """Let a viewer choose an atlas, and show it."""
    st.header("Where acceptance is lost", anchor=False)
    choices = {entry.key: (entry, None) for entry in picked} | {
        f"{entry.key} − {baseline.key}": (entry, baseline) for entry in picked if entry != baseline
    }
    labels = {
        name: entry.label + (f" − {rival.label}" if rival else "")
        for name, (entry, rival) in choices.items()
    }
    trained = [entry for entry in picked if entry.table != STOCK] or picked
    best = max(trained, key=lambda entry: entry.report.alpha.generated)
    with st.container(horizontal=True, key="compare-atlas-choice"):
        of = link.choice(
            "Atlas of",
            "atlas",
            list(choices),
            default=best.key,
            format_func=labels.__getitem__,
            help="One draft: what it loses. Two: what the first is ahead by, the baseline second.",
        )
        down = link.choice("Down", "down", list(AXES), format_func=_named)
        across = link.choice(
            "Across", "across", [axis for axis in AXES if axis != down], default=_beside(down),
            format_func=_named,
        )  # fmt: skip
    entry, rival = choices[of]
    view = atlas_view.view(entry, rival, down, across)
    _table(data={"view": view.model_dump(mode="json")}, key="compare-atlas")
    st.caption("On the Tokens page, Every token has them by Class, Entropy, Position and Context.")
    return view


def _named(axis: str) -> str:
    return AXES[axis].name


def _beside(down: str) -> str:
    """What stands across where nobody says."""
    return {"class": "entropy", "position": "context"}.get(down, "class")
