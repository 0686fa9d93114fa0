"""How states look, and how live curves are laid out; drafts look as `adaspec.drawing` says.

A colour never carries meaning alone: every state has an icon and a word as well.
"""

from __future__ import annotations

from typing import Any, Literal

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


def across(title: str = "", **more: Any) -> dict[str, Any]:
    """How all horizontal axes are drawn: without lines up through the plot."""
    return axis(title, showgrid=False, **more)


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """How all axes are drawn."""
    return {
        "title": {"text": title, "font": {"size": 14}},
        "tickfont": {"size": 13},
        "ticklabelstandoff": 6,
        "automargin": True,
        "zeroline": False,
    } | more


def layout(height: int) -> dict[str, Any]:
    """How all figures are laid out: transparent, legible from the last row, no legend.

    Colours of text and grid are those of the theme that the viewer has chosen: see
    `browser/runs/figure.css`.
    """
    return {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 12, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 14, "family": "Source Sans, sans-serif"},
        "showlegend": False,
        "dragmode": False,
    }
