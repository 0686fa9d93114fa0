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
        plain_ms: [prompts] the same of plain decoding, the mean of before and after.
        draft_ms: a drafted token, median over all rounds of all drafts of this size.
        verify_ms: the target's pass over gamma + 1 tokens, median over all rounds of all drafts.
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


BUSY = 0.1
"""From which share of the CPUs on other processes make a measurement doubtful."""


class Business(Part):
    """How busy the machine was with other things while it was measured.

    Attributes:
        load: processes that were at work or waiting: the larger load average of a minute, before
            and after.
        cpus: that the machine has.
        others: share of their time that other processes took.
    """

    load: Annotated[float, Field(ge=0)]
    cpus: Annotated[int, Field(ge=1)]
    others: Annotated[float, Field(ge=0, le=1)]

    @property
    def warning(self) -> str:
        """What to think of what was timed; empty where the machine was idle."""
        if self.others < BUSY:
            return ""
        return (
            f"Speed-ups were measured on a busy machine: other processes took {self.others:.0%} of "
            f"its {self.cpus} CPUs (load {self.load:.1f}). Measure again when it is idle."
        )


class Speed(Part):
    """The content of `speed.json`.

    Attributes:
        plain_ms: milliseconds a token of plain decoding, median of all its turns.
        drafts: name -> gamma -> what was measured there.
        business: None where it was not recorded.
    """

    version: Literal[2] = 2
    plain_ms: Milliseconds
    drafts: dict[Name, Annotated[dict[Gamma, Timed], Field(min_length=1)]]
    business: Business | None = None


SPEED: Contract[Speed] = Contract(Speed, 2, remedy=MEASURE)


def read_speed(run: Run) -> Speed | None:
    """What was measured; None where nothing was.

    Raises:
        Unreadable: it is damaged.
    """
    return SPEED.read(run.speed_file) if run.speed_file.exists() else None
