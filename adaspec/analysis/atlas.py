"""Where acceptance is lost: by class of token, entropy, position and context, of a draft or two.

A token's loss is 1 − β: the chance that what is drafted there is rejected. Of two drafts on the
same tokens, the difference of β is what one has ahead of the other.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from adaspec import strata, tokens
from adaspec.analysis.drafts import Entry
from adaspec.tokens import GENERATED

SHOWN = 5  # tokens that are named with a cell


def atlas(
    entry: Entry,
    rows: str,
    columns: str,
    rival: Entry | None = None,
    cell: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """What is lost in every cell of two axes, on the target's own text.

    Args:
        rows, columns: of `strata.AXES`.
        rival: whose β is taken from the draft's.
        cell: axis -> group: only tokens that lie in all of these.

    Returns:
        A row for each cell with tokens: `row` and `column`, names of groups; `tokens`; `value`, the
        mean of 1 − β, or of the draft's β minus the rival's; `part`, its sum over the number of
        all tokens of the source, so that the parts of one atlas add up to 1 − α, or to the
        difference of both α; `instances`, the texts of the tokens that count most.

    Raises:
        AdaspecError: there is no such axis or group.
    """
    beta = tokens.column(entry.run, GENERATED, "overlap", entry.table).astype(np.float64)
    value = 1 - beta
    if rival:
        other = tokens.column(rival.run, GENERATED, "overlap", rival.table).astype(np.float64)
        value = beta - other
    run = entry.run
    inside = strata.within(run, GENERATED, cell or {})
    frame = pd.DataFrame(
        {
            "row": strata.groups(run, GENERATED, rows),
            "column": strata.groups(run, GENERATED, columns),
            "value": value,
            "token": tokens.column(run, GENERATED, "token"),
        }
    )[inside]
    pieces = tokens.vocabulary(run)
    cells = []
    for place, group in frame.groupby(["row", "column"]):
        row, column = map(int, np.array(place))
        most = group["value"].abs().groupby(group["token"]).sum().nlargest(SHOWN).index
        cells.append(
            {
                "row": strata.AXES[rows].groups[row],
                "column": strata.AXES[columns].groups[column],
                "tokens": len(group),
                "value": float(group["value"].mean()),
                "part": float(group["value"].sum() / len(value)),
                "instances": " ".join(repr(pieces[token].text) for token in most),
            }
        )
    return pd.DataFrame(cells, columns=["row", "column", "tokens", "value", "part", "instances"])
