"""`draft_vocabulary.json`: which token ids a draft with a trimmed vocabulary proposes.

It lies in the model's folder and goes where the model goes: its head has a row for each of these
ids and no others. `tokens/left_out.json` has what the target gives to the others, as a run measured
it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from adaspec.runs.contract import MEASURE, AtLeastOne, Contract, Count, Name, Part

DRAFT_VOCABULARY_FILE = "draft_vocabulary.json"


class DraftVocabulary(Part):
    """The content of `draft_vocabulary.json`.

    Attributes:
        ids: those that are proposed, ascending.
        of: how many there are, from 0.
        counted: tokens of the training rows, by which the ids were chosen.
        inside: those of them that are one of `ids`.
    """

    version: Literal[1] = 1
    ids: list[Count] = Field(min_length=1)
    of: AtLeastOne
    counted: Count
    inside: Count

    @model_validator(mode="after")
    def _ascending(self) -> DraftVocabulary:
        if any(before >= after for before, after in pairwise(self.ids)) or self.ids[-1] >= self.of:
            raise ValueError("the ids are not ascending and below `of`")
        return self

    def __str__(self) -> str:
        return f"{len(self.ids):,} of {self.of:,} token ids"


DRAFT_VOCABULARY: Contract[DraftVocabulary] = Contract(DraftVocabulary)


class LeftOutBy(Part):
    """What the target gives to ids that one draft never proposes.

    Attributes:
        ids: how many it proposes.
        of: how many there are.
        sums: of p over the others, summed over each prompt's tokens.
    """

    ids: AtLeastOne
    of: AtLeastOne
    sums: list[Annotated[float, Field(ge=0)]]


class LeftOut(Part):
    """The content of `left_out.json`; a run has it where a draft's vocabulary is trimmed.

    Attributes:
        tokens: of each prompt's continuation by the target.
        drafts: name -> what it leaves out, of those that are trimmed.
    """

    version: Literal[1] = 1
    tokens: list[Count]
    drafts: dict[Name, LeftOutBy]


LEFT_OUT: Contract[LeftOut] = Contract(LeftOut, remedy=MEASURE)
