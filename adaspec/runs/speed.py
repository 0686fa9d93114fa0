"""`replays/speed.json`: what the clock said of every draft, and of the target alone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from adaspec.runs.contract import MEASURE, Contract, Name, Part
from adaspec.runs.folder import Run

Milliseconds = Annotated[float, Field(gt=0)]
Gamma = Annotated[int, Field(ge=1, le=64)]


class Timed(Part):
    """A draft at one draft length gamma.

    Attributes:
        ms: [prompts] milliseconds a token of the text.
        plain_ms: [prompts] the same of the plain decoding beside it.
        draft_ms: a drafted token, median over all rounds.
        verify_ms: the target's pass over gamma + 1 tokens, likewise.
    """

    ms: list[Milliseconds] = Field(min_length=1)
    plain_ms: list[Milliseconds]
    draft_ms: Milliseconds
    verify_ms: Milliseconds

    @model_validator(mode="after")
    def _paired(self) -> Timed:
        if len(self.ms) != len(self.plain_ms):
            raise ValueError("ms and plain_ms have not the same prompts")
        return self


class Speed(Part):
    """The content of `speed.json`.

    Attributes:
        plain_ms: milliseconds a token of plain decoding, median of all its turns.
        drafts: name -> gamma -> what was measured there.
    """

    version: Literal[1] = 1
    plain_ms: Milliseconds
    drafts: dict[Name, Annotated[dict[Gamma, Timed], Field(min_length=1)]]


SPEED: Contract[Speed] = Contract(Speed, remedy=MEASURE)


def read_speed(run: Run) -> Speed | None:
    """What was measured; None where nothing was.

    Raises:
        Unreadable: it is damaged.
    """
    return SPEED.read(run.speed_file) if run.speed_file.exists() else None
