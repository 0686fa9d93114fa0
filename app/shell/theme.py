"""How drafts and states look: one palette that colour-blind viewers can tell apart, in both themes.

A colour never carries meaning alone: every draft has a dash and a marker of its own as well, every
state an icon and a word.
"""

from __future__ import annotations

import zlib
from typing import Any, Literal, NamedTuple


class Look(NamedTuple):
    """How a draft is drawn, on every chart of every run."""

    colour: str
    dash: str
    marker: str


# Okabe and Ito's palette without its black and yellow, which vanish on one of the two grounds.
ORANGE, SKY, GREEN, BLUE = "#E69F00", "#56B4E9", "#009E73", "#1F83C9"
VERMILLION, PURPLE, GREY = "#D55E00", "#CC79A7", "#8A8F98"
BROWN = "#A6761D"

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
_COLOURS = (GREEN, PURPLE, "#999933", "#8A7FE0")  # none of a known draft's
_DASHES = ("dash", "dashdot", "longdash", "solid", "longdashdot")
_MARKERS = ("cross", "x", "triangle-down", "pentagon", "hexagon")

Badge = Literal["blue", "green", "orange", "red", "gray"]


STATES: dict[str, tuple[str, Badge]] = {  # word -> Material icon, colour of the badge
    "queued": ("schedule", "gray"),
    "starting": ("hourglass_top", "blue"),
    "running": ("play_arrow", "blue"),
    "stopping": ("stop", "orange"),
    "finished": ("check", "green"),
    "cancelled": ("block", "gray"),
    "interrupted": ("pause", "orange"),
    "failed": ("close", "red"),
    "damaged": ("question_mark", "gray"),
}


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


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """How all axes are drawn."""
    return {
        "title": {"text": title, "font": {"size": 14}},
        "tickfont": {"size": 13},
        "automargin": True,
        "zeroline": False,
    } | more


def layout(height: int) -> dict[str, Any]:
    """How all figures are laid out: transparent, legible from the last row, no legend.

    Colours of text and grid are Streamlit's, which follow the theme that the viewer has chosen.
    """
    return {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 12, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 14},
        "showlegend": False,
        "dragmode": False,
    }
