"""How drafts look, whatever draws them: one palette that colour-blind eyes tell apart, on light and
dark ground, and labels that do not overlap. Knows no plotting library.

A colour never carries meaning alone: every draft has a dash and a marker of its own as well.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import NamedTuple


class Look(NamedTuple):
    """How a draft is drawn, on every chart of every run."""

    colour: str
    dash: str
    marker: str


# Okabe and Ito's palette without its black and yellow, which vanish on one of the two grounds, and
# without its green, which says `accepted`.
ORANGE, SKY, BLUE = "#E69F00", "#56B4E9", "#1F83C9"
VERMILLION, PURPLE, GREY = "#D55E00", "#CC79A7", "#8A8F98"
BROWN, SLATE = "#A6761D", "#46698C"
ACCEPTED, REJECTED = "#009E73", "#B03078"
"""Of a decision (`browser/shared/outcome.css`), and no draft's."""

LOOKS = {
    "stock": Look(GREY, "dot", "circle-open"),
    "target": Look(PURPLE, "solid", "star"),
    "reference": Look(BLUE, "solid", "circle"),
    "distillspec": Look(ORANGE, "dash", "square"),
    "distillspec-data": Look(SKY, "dashdot", "triangle-up"),
    "adaspec": Look(VERMILLION, "solid", "diamond"),
    # beside kl-to-tv-from-reference in the bundled recipes, whose look it would nearly share
    "adaspec-from-reference": Look(BROWN, "longdashdot", "cross"),
}
RUN_LINES = {  # dash -> the same in running text; one a run where several are drawn together
    "solid": "━━━",
    "dash": "━ ━",
    "dot": "• • •",
    "dashdot": "━ •",
}
_COLOURS = (SLATE, PURPLE, "#999933", "#8A7FE0")  # none of a known draft's
_DASHES = ("dash", "dashdot", "longdash", "solid", "longdashdot")
_MARKERS = ("cross", "x", "triangle-down", "pentagon", "hexagon")

GLYPHS = {  # the marker in running text
    "circle": "●",
    "circle-open": "○",
    "square": "■",
    "diamond": "◆",
    "triangle-up": "▲",
    "triangle-down": "▼",
    "cross": "✚",
    "x": "✖",
    "pentagon": "⬟",
    "hexagon": "⬢",
    "star": "★",
}


def look(draft: str) -> Look:
    """The look of a draft follows from its name alone, so that it never changes."""
    number = zlib.crc32(draft.encode())
    drawn = Look(
        _COLOURS[number % len(_COLOURS)],
        _DASHES[number // 7 % len(_DASHES)],
        _MARKERS[number // 41 % len(_MARKERS)],
    )
    return LOOKS.get(draft, drawn)


_OTHERS = ("#46698C", "#999933", "#8A7FE0", "#3E9DA8", "#B77CCB", "#A8564A", "#B59A6A")


def look_of_run(draft: str, run: int, runs: int) -> Look:
    """The look of a draft where those of several runs are drawn: a line a run, and colours of its
    own. It follows from the name and the run's place, whichever drafts are drawn.

    Args:
        run: its place among the runs, from 0.
    """
    drawn = look(draft)
    if runs == 1:
        return drawn
    dash = list(RUN_LINES)[run % len(RUN_LINES)]
    if run == 0:
        return drawn._replace(dash=dash)
    known = list(LOOKS)
    place = known.index(draft) if draft in known else zlib.crc32(draft.encode())
    return drawn._replace(dash=dash, colour=_OTHERS[(place + 3 * (run - 1)) % len(_OTHERS)])


def apart(
    wanted: Sequence[float], gap: float, low: float = float("-inf"), high: float = float("inf")
) -> list[float]:
    """Positions a gap apart, in the order of the wanted ones and as near to them as can be.

    What would overlap becomes a row around the mean of what its members want. Rows that would leave
    the range are pushed back into it; where there is not room for all, they leave it at `low`.

    Args:
        wanted: in any order; the result is in the same order.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    rows: list[tuple[float, int]] = []  # sum of what the members want, and how many they are
    for index in order:
        rows.append((wanted[index], 1))
        while len(rows) > 1 and _middle(rows[-1]) - _middle(rows[-2]) < (
            gap * (rows[-1][1] + rows[-2][1]) / 2
        ):
            (total, size), (before, others) = rows.pop(), rows.pop()
            rows.append((total + before, size + others))
    spread = [
        _middle(row) + (number - (row[1] - 1) / 2) * gap for row in rows for number in range(row[1])
    ]
    for number in range(len(spread)):
        spread[number] = max(spread[number], low + number * gap)
    for number in range(len(spread)):
        spread[-1 - number] = min(spread[-1 - number], high - number * gap)
    positions = [0.0] * len(wanted)
    for index, position in zip(order, spread, strict=True):
        positions[index] = position
    return positions


def _middle(row: tuple[float, int]) -> float:
    return row[0] / row[1]
