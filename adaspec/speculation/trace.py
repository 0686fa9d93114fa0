"""The trace of one speculative decoding: every proposal, every decision, every millisecond.

A trace is plain JSON of token ids and numbers, complete without a model. Its *text* is the tokens
that came out. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from adaspec.recipe import Decoding
from adaspec.runs.contract import MEASURE, Contract, Count, Part

Probability = Annotated[float, Field(ge=0)]
"""At most 1 but for rounding."""
Likely = tuple[int, float, float]
"""A token and its probabilities p and q."""


class Proposal(Part):
    """One drafted token.

    p and q are those of `Decoding`'s temperature, top-k and top-p; in greedy decoding, where both
    would be 0 or 1, they are the models' own, at temperature 1.

    Attributes:
        p, q: probabilities of this token in target and draft, given the tokens before it.
        u: the uniform it was tested with: accepted if u < min(1, p / q), in greedy decoding if both
            models have the same likeliest token. None where it was not tested, because one before
            it was rejected: p is then of a text that never came to be.
        accepted: None where it was not tested.
        overlap: beta = sum_x min(p, q) here, the acceptance rate before the token is known; None
            where no details were asked for.
        likeliest: the union of both models' five likeliest tokens and this one, by max(p, q);
            rounded to 6 decimals, others than this one only from 0.0001 on.
    """

    token: Count
    p: Probability
    q: Probability
    u: float | None
    accepted: bool | None
    overlap: float | None = None
    likeliest: list[Likely] = Field([])


class Last(Part):
    """The token that the target adds at a round's end.

    Attributes:
        kind: `residual` in place of a rejected proposal, drawn from norm(max(p - q, 0)); `bonus`
            after the last accepted one, drawn from p.
        u: the uniform it was drawn with, by inverse of the cumulated distribution.
        p, q: probabilities of this token, as in `Proposal`; q is None at the text's end, where the
            draft was not asked any more.
        keep: min(1, q / p): the probability that the draft would have proposed this token and kept
            it, given that this token came (in greedy decoding 0 or 1). None where q is.
        drawn_from: the five likeliest tokens of the distribution that it was drawn from.
        likeliest: of a bonus token whose q is known, as in `Proposal`; a residual token's are its
            rejected proposal's.
    """

    token: Count
    kind: Literal["residual", "bonus"]
    u: float
    p: Probability
    q: Probability | None = None
    keep: float | None = Field(None, ge=0, le=1)
    drawn_from: list[tuple[int, float]] = Field([])
    likeliest: list[Likely] = Field([])


class Round(Part):
    """One pass of the target.

    Attributes:
        proposals: fewer than gamma where the text has no room for more, or the draft ended it.
        last: None where an accepted proposal ended the text.
        draft_ms, verify_ms: wall-clock milliseconds of drafting, and of the target's pass with all
            its decisions.
    """

    proposals: list[Proposal]
    last: Last | None
    draft_ms: float = Field(ge=0)
    verify_ms: float = Field(gt=0)

    @model_validator(mode="after")
    def _in_order(self) -> Round:
        decisions = [proposal.accepted for proposal in self.proposals]
        untested = len(decisions) - self.accepted - self.rejected
        in_order = [True] * self.accepted + [False] * self.rejected + [None] * untested
        if decisions != in_order or not self.tokens:
            raise ValueError("not accepted proposals, then one rejected, then untested ones")
        if any(proposal.p == 0 for proposal in self.proposals[: self.accepted]):
            raise ValueError("a token was accepted that the target never gives")
        return self

    @property
    def accepted(self) -> int:
        return sum(proposal.accepted is True for proposal in self.proposals)

    @property
    def rejected(self) -> bool:
        return any(proposal.accepted is False for proposal in self.proposals)

    @property
    def tokens(self) -> int:
        """Tokens of the text that came out of it."""
        return self.accepted + (self.last is not None)


class Emitted(NamedTuple):
    """A token of the text.

    Attributes:
        keep: the probability that a draft's proposal is accepted here, given this very token:
            min(1, q / p). None at the end of the text.
    """

    token: int
    round: int
    kind: Literal["accepted", "residual", "bonus"]
    keep: float | None


class Trace(Part):
    """A whole decoding.

    Attributes:
        target, draft: what they are called; the draft is empty in plain decoding (gamma = 0).
        prompt: token ids.
        seed: of the uniforms. Those of a position depend on seed and position alone, so that two
            drafts on one prompt are tested with the same ones.
        prefill_ms: both models' passes over the prompt, which `rounds` leaves out.
        plain_ms: milliseconds a token of plain decoding with the same prompt and settings, by the
            same clock, mean of one before and one after; None where nobody measured it.
        stopped: at the end of the sequence, at `max_new_tokens`, or at a model's context limit.
    """

    version: Literal[1] = 1
    target: str = ""
    draft: str = ""
    prompt: list[Count]
    decoding: Decoding
    seed: int
    rounds: list[Round] = Field(min_length=1)
    prefill_ms: float = Field(ge=0)
    plain_ms: float | None = Field(None, gt=0)
    stopped: Literal["eos", "length", "context"]

    @property
    def text(self) -> list[int]:
        """[tokens] ids of what came out."""
        return [token.token for token in emitted(self)]

    @property
    def ms(self) -> float:
        """Wall-clock milliseconds of all rounds."""
        return sum(each.draft_ms + each.verify_ms for each in self.rounds)


TRACE: Contract[Trace] = Contract(Trace, remedy=MEASURE)


def emitted(trace: Trace) -> Iterator[Emitted]:
    """The tokens of the text in order, with where each came from."""
    for number, one in enumerate(trace.rounds):
        for proposal in one.proposals[: one.accepted]:
            # In greedy decoding it was accepted because it is both models' likeliest token.
            keep = 1.0 if trace.decoding.greedy else min(1.0, proposal.q / proposal.p)
            yield Emitted(proposal.token, number, "accepted", keep)
        if one.last:
            yield Emitted(one.last.token, number, one.last.kind, one.last.keep)
