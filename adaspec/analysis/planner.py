"""Does a draft pay on a server? Speed-up against draft length and batch size, from what drafting
and verifying cost there and how often a proposal is accepted.

Leviathan et al. (2211.17192): tokens a pass by equation 1, and the speed-up of theorem 3.8, but for
the cost of verification, which is 1 there and given here. Acceptances are taken to be independent
where the run has not measured them by position. Loads no torch.
"""

from __future__ import annotations

import re
from itertools import accumulate
from operator import mul
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from adaspec import AdaspecError
from adaspec.analysis.serving import WORDS
from adaspec.recipe import Sampling
from adaspec.runs import Report, Run, read_report, read_speed
from adaspec.runs.contract import AtLeastOne, Part
from adaspec.runs.report import Share
from adaspec.runs.served import Rule
from adaspec.runs.speed import Gamma
from adaspec.speculation import statistics

DECODED = "as decoded here"
OWN = "your own α"
LONGEST = 64  # draft lengths
MOST_BATCHES = 16
LONGEST_COSTS = 1000  # letters of costs that somebody types
FORM = "BATCH:PLAIN:DRAFT:VERIFY@γ in milliseconds, as in 1:20:2:24@4, 32:30:4:70@4"


Cost = Annotated[float, Field(gt=0, le=3.6e6)]  # milliseconds: no pass takes an hour


class Costs(Part):
    """What a server takes at one batch size, for all sequences of the batch together.

    Attributes:
        plain_ms: the target's pass over one token of each: plain decoding.
        draft_ms: the draft's pass over one token of each.
        verify_ms: gamma -> the target's pass over gamma + 1 tokens of each.
    """

    batch: AtLeastOne
    plain_ms: Cost
    draft_ms: Cost
    verify_ms: dict[Gamma, Cost] = Field(min_length=1)

    @property
    def c(self) -> float:
        """Of drafting a token, in plain passes."""
        return self.draft_ms / self.plain_ms


class Acceptance(Part):
    """How often proposals are accepted, by some rule.

    Attributes:
        name: as it is chosen.
        alpha: of all positions.
        passed: of the first positions, where the run has measured them; the others have alpha.
        setting: temperature, top-k and top-p in words; empty for an alpha of one's own.
        rule: None for an alpha of one's own.
    """

    name: str
    alpha: Share
    passed: list[Share] = Field([])
    setting: str = ""
    rule: Rule | None = None

    def by_position(self, gamma: int) -> list[float]:
        """alpha_1 to alpha_gamma."""
        return [*self.passed, *[self.alpha] * gamma][:gamma]

    def reached(self, gamma: int) -> list[float]:
        """P_1 to P_gamma: the share of rounds that accept at least so many."""
        return list(accumulate(self.by_position(gamma), mul))


class Point(Part):
    """One draft length at one batch size.

    Attributes:
        tokens: a pass, 1 + the expected accepted length.
        speedup: over plain decoding of the same batch.
        break_even_alpha: None where even a draft that is always accepted is too slow.
    """

    gamma: Gamma
    tokens: float
    speedup: float
    break_even_alpha: Share | None


class BatchPlan(Part):
    """One batch size.

    Attributes:
        curve: from gamma = 1 to the longest whose verification was measured.
        best: the draft length with the largest speed-up, whether that is a gain or not.
        least_alpha: the least break-even alpha of all draft lengths; None where no acceptance pays.
        says: all that in a sentence.
    """

    costs: Costs
    c: float
    curve: list[Point]
    best: Gamma
    least_alpha: Share | None
    says: str

    def at(self, gamma: int) -> Point:
        return self.curve[gamma - 1]

    @property
    def pays(self) -> bool:
        return self.at(self.best).speedup > 1


class Position(Part):
    """The i-th proposals of rounds.

    Attributes:
        passed: alpha_i.
        reached: their product so far, the share of rounds that accept at least i.
        length: EAL, the expected accepted length of rounds of i proposals.
    """

    passed: Share
    reached: Share
    length: float


class Plan(Part):
    """The content of `adaspec plan --json`.

    Attributes:
        measured: whether the costs are the run's own: batch 1, on its machine.
        gamma: to set; by default the best at the first batch size where the draft pays, else at
            the first.
    """

    version: Literal[1] = 1
    run: str
    target: str
    draft: str
    device: str
    measured: bool
    acceptance: Acceptance
    batches: list[BatchPlan]
    positions: list[Position]
    gamma: Gamma


def plan(
    run: Run,
    draft: str | None = None,
    acceptance: str | None = None,
    alpha: float | None = None,
    costs: str = "",
    gamma: int | None = None,
) -> Plan:
    """What to expect of a run's draft on a server.

    Args:
        draft: by default the one that is accepted most often.
        acceptance: one of `acceptances`; by default the first.
        alpha: an acceptance rate of one's own instead.
        costs: of one's own, as `parse_costs` reads them; by default the run's.
        gamma: to set; by default the best at the first batch size where the draft pays.

    Raises:
        AdaspecError: no report, no such draft or acceptance, or costs or a gamma that are none.
    """
    if gamma is not None and not 1 <= gamma <= LONGEST:
        raise AdaspecError(f"A draft length is from 1 to {LONGEST}, not {gamma}.")
    report = read_report(run)
    name = report.draft(draft).name if draft else report.best.name
    chosen = own(alpha) if alpha is not None else choose(acceptances(report, name), acceptance)
    batches = parse_costs(costs) if costs.strip() else [measured_costs(run, report, name)]
    plans = [_batch(chosen, each) for each in batches]
    longest = max(len(each.curve) for each in plans)
    passed = chosen.by_position(longest)
    first = next((each for each in plans if each.pays), plans[0])
    return Plan(
        run=report.run,
        target=report.target,
        draft=name,
        device=report.device,
        measured=not costs.strip(),
        acceptance=chosen,
        batches=plans,
        positions=[
            Position(passed=share, reached=reached, length=length)
            for share, reached, length in zip(
                passed,
                chosen.reached(longest),
                statistics.expected_lengths(passed).tolist(),
                strict=True,
            )
        ],
        gamma=gamma or first.best,
    )


def _batch(acceptance: Acceptance, costs: Costs) -> BatchPlan:
    c = costs.c
    v = statistics.verification_cost(
        {gamma: ms / costs.plain_ms for gamma, ms in costs.verify_ms.items()}
    )
    longest = max(costs.verify_ms)
    lengths = statistics.expected_lengths(acceptance.by_position(longest))
    curve = [
        Point(
            gamma=gamma,
            tokens=1 + float(length),
            speedup=(1 + float(length)) / (gamma * c + v(gamma)),
            break_even_alpha=statistics.break_even(gamma, c, v(gamma)),
        )
        for gamma, length in enumerate(lengths, 1)
    ]
    best = max(curve, key=lambda point: (point.speedup, -point.gamma))
    known = [point for point in curve if point.break_even_alpha is not None]
    least = min(known, key=lambda point: point.break_even_alpha or 0.0, default=None)
    where = f"At batch {costs.batch}"
    if least is None:
        most = max((gamma + 1) / (gamma * c + v(gamma)) for gamma in range(1, longest + 1))
        says = (
            f"{where} no acceptance pays here: even a draft that is always accepted would make it "
            f"{most:.2f} ×."
        )
    elif best.speedup > 1:
        says = (
            f"{where}, γ = {best.gamma} is best: {best.speedup:.2f} × plain decoding, "
            f"{best.tokens:.2f} tokens a pass. The draft pays from α = {least.break_even_alpha:.3f}"
            f" (γ = {least.gamma})."
        )
    else:
        says = (
            f"{where}, plain decoding is faster: the best that the draft makes of it is "
            f"{best.speedup:.2f} × (γ = {best.gamma}). It would pay from "
            f"α = {least.break_even_alpha:.3f} (γ = {least.gamma})."
        )
    return BatchPlan(
        costs=costs,
        c=c,
        curve=curve,
        best=best.gamma,
        least_alpha=least.break_even_alpha if least else None,
        says=says,
    )


# Acceptance


def acceptances(report: Report, draft: str) -> dict[str, Acceptance]:
    """By name, what the run says of a draft: as its replays tested it, then by rule and setting."""
    row = report.draft(draft)
    known: list[Acceptance] = []
    if row.alpha.tested is not None:
        known.append(
            Acceptance(
                name=DECODED,
                alpha=row.alpha.tested,
                passed=[position.passed for position in row.positions],
                setting=str(report.speculation),
                rule="sampling",
            )
        )
    rates = report.served.get(row.same_as or row.name, [])
    known += [_served(rate.rule, str(rate.setting), rate.value) for rate in rates]
    if not rates:  # of before they were measured: exact acceptance is one of them
        setting = str(Sampling(temperature=report.temperature))
        known.append(_served("sampling", setting, row.alpha.generated))
    return {each.name: each for each in known}


def _served(rule: Rule, setting: str, alpha: float) -> Acceptance:
    return Acceptance(name=f"{WORDS[rule]}, {setting}", alpha=alpha, setting=setting, rule=rule)


def choose(known: dict[str, Acceptance], wanted: str | None) -> Acceptance:
    """The one of this name; by default the first.

    Raises:
        AdaspecError: there is none; says which there are.
    """
    if wanted is None:
        return next(iter(known.values()))
    if wanted not in known:
        raise AdaspecError(f"No acceptance {wanted[:60]!r}: there is {'; '.join(known)}.")
    return known[wanted]


def own(alpha: float) -> Acceptance:
    """An acceptance rate that somebody gives.

    Raises:
        AdaspecError: it is none.
    """
    if not 0 <= alpha <= 1:
        raise AdaspecError(f"An acceptance rate is from 0 to 1, not {alpha:g}.")
    return Acceptance(name=OWN, alpha=alpha)


# Costs


def measured_costs(run: Run, report: Report, draft: str) -> Costs:
    """Those of a run's draft: batch 1, on the machine that measured it.

    Raises:
        AdaspecError: they are gone.
        Unreadable: they are damaged.
    """
    row, speed = report.draft(draft), read_speed(run)
    timed = speed.drafts.get(row.same_as or row.name) if speed else None
    if not speed or not timed:
        raise AdaspecError(
            f"Run {report.run} has no times of {draft}: adaspec measure {report.run}, or give "
            f"costs: {FORM}"
        )
    return Costs(
        batch=1,
        plain_ms=speed.plain_ms,
        draft_ms=statistics.draft_ms(timed),
        verify_ms={gamma: each.verify_ms for gamma, each in timed.items()},
    )


_ROW = re.compile(r"(\d{1,9}):([^:@]+):([^:@]+):([^:@]+@[^:@]+(?::[^:@]+@[^:@]+)*)")


def parse_costs(text: str) -> list[Costs]:
    """Batch sizes with their costs, by size: `1:20:2:24@4, 32:30:4:50@2:70@4`.

    Batch; milliseconds of a plain pass, of a drafted token, and of a pass over gamma + 1 tokens,
    for as many gammas as were measured.

    Raises:
        AdaspecError: it is not that.
    """
    rows = [row.strip() for row in text[:LONGEST_COSTS].split(",")]
    if len(text) > LONGEST_COSTS or len(rows) > MOST_BATCHES:
        raise AdaspecError(
            f"At most {MOST_BATCHES} batch sizes, in {LONGEST_COSTS} letters, may be given."
        )
    costs = sorted((_costs(row) for row in rows), key=lambda each: each.batch)
    if len({each.batch for each in costs}) < len(costs):
        raise AdaspecError("A batch size is given twice.")
    return costs


def _costs(row: str) -> Costs:
    fault = AdaspecError(f"{row[:60]!r} says no costs: give {FORM}")
    matched = _ROW.fullmatch(row)
    if not matched:
        raise fault
    batch, plain_ms, draft_ms, verified = matched.groups()
    try:
        verify_ms = {
            int(gamma): float(ms)
            for ms, _, gamma in (part.partition("@") for part in verified.split(":"))
        }
        return Costs(
            batch=int(batch),
            plain_ms=float(plain_ms),
            draft_ms=float(draft_ms),
            verify_ms=verify_ms,
        )
    except (ValidationError, ValueError):  # no number, not positive, or gamma beyond 64
        raise fault from None
