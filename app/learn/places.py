"""Where in the bundled runs a step looks: places in their texts, found by a rule.

So a run that was made anew has places of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from adaspec import AdaspecError, replays, runs, tokens
from adaspec.runs import Run
from adaspec.speculation.trace import Proposal, Round, Trace, emitted
from adaspec.views import replay_view
from adaspec.views.token_view import word
from app.learn.blocks import Chip, Pair, Pairs, Passage

LIKELIEST = 5  # tokens of a distribution that are shown by themselves


class Exhibit(NamedTuple):
    """A component of another page, or the losslessness lab, with what it shows."""

    kind: Literal["player", "heatmap", "filter", "lab"]
    data: dict[str, Any]


# Runs, tokens and numbers in writing


def english() -> Run:
    """The bundled run that writes language."""
    return _bundled("english")


def sums() -> Run:
    """The bundled run that is exact in digits."""
    return _bundled("example")


def _bundled(name: str) -> Run:
    run = next((run for run in runs.examples() if run.id == name), None)
    if run is None:
        raise AdaspecError(f"This installation lacks the bundled run {name!r}, which Learn shows.")
    return run


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def nats(value: float) -> str:
    return f"{value:.2f} nats"


# Places in a replay


class Spot(NamedTuple):
    """A proposal of a replay: number `position` of round `number`, from 0, on prompt `seq`."""

    run: Run
    draft: str
    seq: int
    trace: Trace
    number: int
    position: int

    @property
    def round(self) -> Round:
        return self.trace.rounds[self.number]

    @property
    def proposal(self) -> Proposal:
        return self.round.proposals[self.position]

    def word(self, token: int) -> str:
        return word(tokens.vocabulary(self.run)[token])

    @property
    def step(self) -> int:
        """The player's step at which this proposal has just been decided."""
        before = sum(map(replay_view.round_steps, self.trace.rounds[: self.number]))
        return before + len(self.round.proposals) + 1 + self.position + 1

    def address(self, **more: str) -> tuple[str, dict[str, str]]:
        query = {"run": self.run.id, "draft": self.draft, "example": str(self.seq)}
        return "replay", query | more

    def player(self, step: int, token: str | None) -> Exhibit:
        view = replay_view.stored(self.run, self.draft, self.seq) | {"brief": True}
        return Exhibit(
            "player", {"view": view, "state": {"step": step, "speed": 1, "token": token}}
        )

    def passage(self, chips: list[Chip]) -> Passage:
        """The text up to this proposal's place, and these tokens."""
        before = [token.token for token in emitted(self.trace) if token.round < self.number]
        before += [proposal.token for proposal in self.round.proposals[: self.position]]
        text = Chip(text=text_of(self.run, before), fate="text")
        return Passage(prompt=text_of(self.run, self.trace.prompt), chips=[text, *chips])

    def pairs(self, *, shared: bool) -> Pairs:
        """Both models' likeliest tokens here; all the others together make the last row."""
        likeliest = self.proposal.likeliest[:LIKELIEST]
        rows = [
            Pair(
                label=self.word(token),
                p=p,
                q=q,
                both=min(p, q),
                marked=shared and token == self.proposal.token,
            )
            for token, p, q in likeliest
        ]
        common = max(0.0, (self.proposal.overlap or 0.0) - sum(row.both for row in rows))
        p, q = (max(0.0, 1 - sum(getattr(row, model) for row in rows)) for model in "pq")
        rows.append(Pair(label="any other", p=p, q=q, both=min(common, p, q)))
        return Pairs(rows=rows, shared=shared)


def text_of(run: Run, ids: list[int]) -> str:
    pieces = tokens.vocabulary(run)
    return b"".join(pieces[token].data for token in ids).decode(errors="replace")


def _spots(run: Run) -> Iterator[Spot]:
    """Every tested proposal of the best draft's replays, in order."""
    best = runs.read_report(run).best.name
    for seq in replays.numbers(run, best):
        trace = replays.read(run, best, seq)
        for number, decoded in enumerate(trace.rounds):
            for position, proposal in enumerate(decoded.proposals):
                if proposal.accepted is not None:
                    yield Spot(run, best, seq, trace, number, position)


def _first(spots: Iterator[Spot], fits: Callable[[Spot], bool], what: str) -> Spot:
    spot = next(filter(fits, spots), None)
    if spot is None:
        raise AdaspecError(f"No replay of the bundled run has {what}, which Learn shows.")
    return spot


def checked() -> Spot:
    """The first rejected proposal whose round is whole and kept at least half of its guesses."""
    run = sums()

    def fits(spot: Spot) -> bool:
        gamma = spot.trace.decoding.gamma
        return (
            len(spot.round.proposals) == gamma
            and spot.proposal.accepted is False
            and gamma / 2 <= spot.position
        )

    return _first(_spots(run), fits, "a pass that keeps half of its guesses")


def overrated() -> Spot:
    """The first likely proposal that the draft overrates, but not by much."""

    def fits(spot: Spot) -> bool:
        proposal = spot.proposal
        return proposal.q >= 0.2 and 0.4 <= proposal.p / proposal.q <= 0.75

    return _first(_spots(sums()), fits, "a guess that the draft overrates by a little")


def halfway() -> Spot:
    """The earliest proposal where the models agree by half, and few tokens hold most of p and q."""

    def fits(spot: Spot) -> bool:
        proposal = spot.proposal
        listed = [sum(row[of] for row in proposal.likeliest[:LIKELIEST]) for of in (1, 2)]
        return 0.4 <= (proposal.overlap or 0) <= 0.6 and min(listed) >= 0.6

    spots = sorted(_spots(english()), key=lambda spot: (spot.number, spot.position))
    return _first(iter(spots), fits, "a token at which the models agree by half")
