"""What models see of a recipe's first rows: their tokens, and which of them are the answer.

Found out by a separate process (`first_rows`), since this one loads no torch.
"""

from __future__ import annotations

import subprocess
from typing import Annotated, Literal

from pydantic import Field

from adaspec import AdaspecError, apart
from adaspec.recipe import Recipe
from adaspec.runs.contract import Count, Part

ROWS = 3
MOST_TOKENS = 1000
"""Of a row, those that are shown."""
SECONDS = 120.0
"""After which nobody waits any more."""


class SeenToken(Part):
    """A token.

    Attributes:
        text: what it stands for; part of a character becomes a replacement character.
        part: `prompt`, or `answer`: what a draft learns to write.
    """

    id: Count
    text: str
    part: Literal["prompt", "answer"]


class SeenRow(Part):
    """A row as models see it.

    Attributes:
        tokens: at most `MOST_TOKENS`.
        length: how many there are; 0 where the row is dropped, since no response is left.
        answer: how many of them are the answer.
        cut: the answer was cut off at `data.max_length`, and does not end.
    """

    tokens: list[SeenToken]
    length: Count
    answer: Count
    cut: bool


class Preview(Part):
    """The first training rows; of those to measure on, where nothing is trained.

    Without answers where the target has yet to write them.
    """

    rows: Annotated[list[SeenRow], Field(max_length=ROWS)]


def preview(recipe: Recipe) -> Preview:
    """What models see of a recipe's first rows, found out in a separate process.

    Raises:
        AdaspecError: what would stop the run as well, or it takes too long.
    """
    try:
        return apart.ask("adaspec.first_rows", recipe, Preview, SECONDS)
    except subprocess.TimeoutExpired:
        raise AdaspecError(
            f"The rows were not ready after {SECONDS:g} seconds: the run itself will show them."
        ) from None
