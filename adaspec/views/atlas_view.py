"""Where acceptance is lost, as the browser shows it: a table whose cells open their tokens."""

from __future__ import annotations

from urllib.parse import urlencode

import numpy as np

from adaspec import strata, tokens
from adaspec.analysis.atlas import atlas
from adaspec.analysis.comparison import sampled
from adaspec.analysis.drafts import Entry
from adaspec.figures import MOST
from adaspec.figures.atlas import headings, labelled
from adaspec.figures.results import atlas_words
from adaspec.strata import AXES
from adaspec.tokens import GENERATED
from adaspec.turns import once
from adaspec.views import AtlasCell, AtlasView, Packed
from adaspec.views.token_view import packed

NAME = "compare_atlas"  # the component in the browser
_UNIT = " nats"


def view(entry: Entry, rival: Entry | None, down: str, across: str) -> AtlasView:
    """An atlas, once for all viewers.

    Args:
        rival: whose acceptance is taken from the draft's.
        down, across: of `strata.AXES`.
    """
    stamps = tuple(tokens.stamp(each.run) for each in (entry, rival) if each)
    return _view(entry, rival, down, across, stamps)


@once(32)
def _view(entry: Entry, rival: Entry | None, down: str, across: str, stamps: object) -> AtlasView:
    cells = labelled(atlas(entry, down, across, rival), difference=rival is not None)
    title, says = headings(cells, *atlas_words(entry, rival), difference=rival is not None)
    rows, columns = (
        [group for group in AXES[axis].groups if group in set(cells[field])]
        for axis, field in ((down, "row"), (across, "column"))
    )
    return AtlasView(
        id=f"{entry.key}/{rival and rival.key}/{down}/{across}/{stamps}",
        title=title,
        says=says,
        drafts=[each.key for each in (entry, rival) if each],
        axes=(_named(down), _named(across)),
        rows=[group.removesuffix(_UNIT) for group in rows],
        columns=[group.removesuffix(_UNIT) for group in columns],
        cells=[
            AtlasCell(
                row=rows.index(cell["row"]),
                column=columns.index(cell["column"]),
                text=cell["text"],
                shade=cell["shade"],
                sign=cell["sign"] if rival else "behind",
                says=cell["says"],
                link=_leads(entry, rival, {down: cell["row"], across: cell["column"]}),
            )
            for cell in cells.to_dict("records")
        ],
        lies=(_numbers(entry, down, rows), _numbers(entry, across, columns)),
    )


def _named(axis: str) -> str:
    """With its unit, which its groups are written without."""
    return f"{AXES[axis].name}, nats" if AXES[axis].groups[0].endswith(_UNIT) else AXES[axis].name


def _leads(entry: Entry, rival: Entry | None, cell: dict[str, str]) -> str:
    """To the tokens of a cell, on the Tokens page of this server."""
    # Of two runs, the rival is no draft of the first: its own page has the same tokens.
    both = rival is not None and rival.run == entry.run
    query = {
        "run": entry.run.id,
        "draft": entry.table,
        **({"rival": rival.table} if rival and both else {}),
        "of": "Every token",
        "rank": "disputed" if both else "hardest",
        **cell,
    }
    return f"tokens?{urlencode(query)}"


def _numbers(entry: Entry, axis: str, shown: list[str]) -> Packed:
    """Of every token of the sample, the number of its group among those that are shown."""
    groups = strata.groups(entry.run, GENERATED, axis)
    place = np.array([shown.index(group) if group in shown else 0 for group in AXES[axis].groups])
    sample = place[groups[sampled(len(groups), MOST)]]
    return Packed.model_validate(packed(sample, "<u1"))
