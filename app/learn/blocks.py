"""What stands between the words of a step: a text with its guesses, bars, a pair of bars, a table.

The page draws them (`browser/learn/blocks.js`), and so does the handout.
"""

from __future__ import annotations

from typing import Literal

from adaspec.runs.contract import Part

Fate = Literal["text", "guessed", "kept", "rejected", "own", "dropped", "marked"]


class Chip(Part):
    """A token that the step is about, or a stretch of text around such tokens.

    Attributes:
        fate: `text`: no token to look at; `guessed`: still open; `own`: the target's; `dropped`:
            behind a rejected one.
    """

    text: str
    fate: Fate


class Passage(Part):
    """A prompt, and the text that goes on from it."""

    kind: Literal["passage"] = "passage"
    prompt: str
    chips: list[Chip]


class Pair(Part):
    """A token's probability in the target and in the draft.

    Attributes:
        both: what they have in common; for several tokens together less than the smaller one.
    """

    label: str
    p: float
    q: float
    both: float
    marked: bool = False


class Pairs(Part):
    """Two distributions, token by token.

    Attributes:
        shared: whether the part that both have in common is filled and added up.
    """

    kind: Literal["pairs"] = "pairs"
    rows: list[Pair]
    shared: bool = False


class Bar(Part):
    """A measured value.

    Attributes:
        text: the value in writing.
        low, high: its interval, where it has one.
    """

    label: str
    value: float
    text: str
    low: float | None = None
    high: float | None = None
    marked: bool = False


class Bars(Part):
    """Measured values side by side, all from zero.

    Attributes:
        most: the value that fills the width.
        line: a value to compare with, and what it means.
    """

    kind: Literal["bars"] = "bars"
    title: str
    rows: list[Bar]
    most: float
    line: tuple[float, str] | None = None


class Table(Part):
    """Rows of words."""

    kind: Literal["table"] = "table"
    head: list[str]
    rows: list[list[str]]


Block = Passage | Pairs | Bars | Table
