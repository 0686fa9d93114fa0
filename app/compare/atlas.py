"""Where acceptance is lost: a heat table of two properties of tokens; a cell opens its tokens."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import streamlit as st

from adaspec import figures, tokens
from adaspec.analysis.drafts import Entry
from adaspec.figures.results import of_atlas
from adaspec.recipe import STOCK
from adaspec.strata import AXES
from adaspec.turns import once
from app.shared import figure
from app.shell import link


def atlas(picked: list[Entry], baseline: Entry) -> dict[str, Any]:
    """Let a viewer choose and show it; the figure without its links, for a report from disk."""
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
            "Of",
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
    stamps = tuple(tokens.stamp(each.run) for each in (entry, rival) if each)
    figure.show(_drawn(entry, rival, down, across, True, stamps), key="compare-atlas")
    st.caption(
        "A cell opens its tokens. On the Tokens page, Every token has them by Class, Entropy, "
        "Position and Context."
    )
    return _drawn(entry, rival, down, across, False, stamps)


def _named(axis: str) -> str:
    return AXES[axis].name


def _beside(down: str) -> str:
    """What stands across where nobody says."""
    return {"class": "entropy", "position": "context"}.get(down, "class")


@once(32)
def _drawn(
    entry: Entry, rival: Entry | None, down: str, across: str, linked: bool, _stamps: object
) -> dict[str, Any]:
    def leads(row: str, column: str) -> str:
        """To the tokens of a cell, on the Tokens page of this server."""
        # Of two runs, the rival is no draft of the first: its own page has the same tokens.
        both = rival is not None and rival.run == entry.run
        query = {
            "run": entry.run.id,
            "draft": entry.table,
            **({"rival": rival.table} if rival and both else {}),
            "of": "Every token",
            "rank": "disputed" if both else "hardest",
            down: row,
            across: column,
        }
        return f"tokens?{urlencode(query)}"

    chart = of_atlas(entry, rival, down, across, leads if linked else None)
    return figures.specification(chart)
