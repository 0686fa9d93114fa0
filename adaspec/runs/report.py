"""`report.json`: what a finished run's drafts reached, and what that cost.

`adaspec.report` computes it from the token tables and the replays; its `definitions` say what every
field means.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from adaspec import AdaspecError
from adaspec.recipe import Sampling, Speculation
from adaspec.runs.budget import Budget
from adaspec.runs.contract import (
    MEASURE,
    AtLeastOne,
    Content,
    Contract,
    Count,
    Interval,
    Name,
    Part,
)
from adaspec.runs.folder import Run
from adaspec.runs.served import Rule
from adaspec.runs.speed import Business, Gamma
from adaspec.runs.state import read_state

Share = Annotated[float, Field(ge=0, le=1)]


class Position(Part):
    """The i-th proposals of all rounds.

    Attributes:
        tested: how many the target came to test.
        passed: h_i, the share of those that it accepted.
        reached: P_i, the share of rounds that accept at least i.
    """

    tested: Count
    passed: Share
    reached: Share


class Decoded(Part):
    """The text that acceptance was counted on; `rounds` are passes of the target."""

    prompts: Count
    tokens: Count
    rounds: Count


class Acceptance(Part):
    """What replays say of a draft; a rate is None where nothing was tested."""

    tested: Share | None
    tested_ci: Interval | None
    drafted: Share | None
    drafted_ci: Interval | None
    block_efficiency: float | None
    block_efficiency_ci: Interval | None
    accepted_lengths: list[Count]
    positions: list[Position]
    decoded: Decoded


class SpeedPoint(Part):
    """Speed-up over plain decoding at one gamma, as measured and as the costs predict it."""

    gamma: Gamma
    measured: float | None = None
    measured_ci: Interval | None = None
    predicted: float | None = None


class Speedup(Part):
    """What the clock says of a draft."""

    gamma: Gamma
    c: float
    v: float
    plain_ms: float
    measured: float
    measured_ci: Interval
    break_even_alpha: float | None
    predicted: float | None = None
    best_gamma: Gamma | None = None
    curve: list[SpeedPoint]


class Alpha(Part):
    """The acceptance rates of a draft, each with its name.

    Attributes:
        dataset: None where the data are prompts alone.
    """

    generated: float
    generated_ci: Interval
    dataset: float | None
    tested: Share | None
    tested_ci: Interval | None
    drafted: Share | None
    drafted_ci: Interval | None


class Measured(Part):
    """What a draft reached, and what that cost.

    Attributes:
        needs: other trainings of the run that it stands on.
        remarks: what to know before its numbers are compared, a sentence each.
    """

    alpha: Alpha
    kl: float
    reverse_kl: float
    top1: Share
    budget: Budget
    block_efficiency: float | None
    block_efficiency_ci: Interval | None
    accepted_lengths: list[Count]
    positions: list[Position]
    decoded: Decoded
    speedup: Speedup
    needs: list[Name] = Field([])
    remarks: list[str] = Field([])


class _Names(Part):
    name: Name
    same_as: Name | None = None


class DraftReport(Measured, _Names):  # the fields of the last base come first
    """A draft's row.

    Attributes:
        same_as: the draft that this one is another name of.
    """


class TokenCounts(Part):
    """Response tokens: those that the target generated, and those of the data set's answers."""

    generated: Count
    dataset: Count


class OwnAnswers(Part):
    """What it took that the target answered the training prompts itself, once for all drafts.

    Attributes:
        tokens: that it generated, each in a forward pass of its sequence.
        passes: of the target, each over a batch of answers.
        seconds: of writing them, in this run or in the one whose answers are used again.
    """

    answers: Count
    tokens: Count
    passes: Count
    seconds: Annotated[float, Field(ge=0)]

    def __str__(self) -> str:
        return (
            f"Before that, the target wrote the training answers: {self.answers:,} of them, "
            f"{self.tokens:,} tokens in {self.passes:,} forward passes over a batch, "
            f"{self.seconds:,.0f} seconds, once for all drafts."
        )


class Trimmed(Part):
    """Drafts that propose some token ids alone, and what that leaves out.

    Attributes:
        drafts: their names.
        ids: how many they propose, the most frequent of the training rows.
        of: how many there are.
        left_out: of p over the others, the mean over the tokens that the target generated.
    """

    drafts: list[Name]
    ids: AtLeastOne
    of: AtLeastOne
    left_out: Share

    def __str__(self) -> str:
        return (
            f"{', '.join(self.drafts)}: proposing {self.ids:,} of {self.of:,} token ids, the most "
            f"frequent of the training rows. The target gives the others {self.left_out:.2%} of "
            f"its own text, so that exact α is at most {1 - self.left_out:.4f}; KL is that of p "
            "renormalised over the ids that are proposed."
        )


class NullTest(Part):
    """What came out when the target drafted for itself, in which case all must be accepted.

    Attributes:
        precision: of the target's weights: float32 or bf16.
        proposals: sampled ones, whose beta was measured.
        beta, least: mean and least of sum_x min(p, q) over them.
        tolerance: how far `beta` may be from 1; `least` may be three times as far.
        greedy: share of greedy proposals that were accepted, of those tested.
        greedy_tolerance: how far it may be from 1.
        message: the result in a sentence or two.
    """

    passed: bool
    precision: str
    proposals: Count
    beta: Share
    least: Share
    tolerance: float
    greedy: Share
    greedy_tolerance: float
    message: str


class Checks(Part):
    """The content of `checks.json`: what a run found when it looked at itself."""

    version: Literal[1] = 1
    null_test: NullTest


class Rate(Part):
    """An acceptance rate of a draft as a server would have it."""

    setting: Sampling
    rule: Rule
    value: Share
    ci: Interval


class Report(Part):
    """The content of `report.json`.

    Attributes:
        run: its id.
        recipe: its name.
        prompts: held-out prompts that acceptance was measured on.
        device: a GPU's name, or `CPU`.
        drafts: stock, reference, the recipe's methods, then those that others trained, of each
            what there is.
        business: of the machine while speed-ups were measured; None where it was not recorded.
        definitions: field, as `alpha.tested` -> what it means.
        served: draft -> its rates by every setting and rule; empty in runs from before they were
            measured.
        temperature: of the continuations that acceptance was measured on.
        answers: None where the target answered no training prompts.
        trimmed: drafts whose vocabulary is trimmed, those with the same ids together.
    """

    version: Literal[5] = 5
    run: str
    recipe: str
    target: str
    prompts: Count
    tokens: TokenCounts
    speculation: Speculation
    device: str
    drafts: list[DraftReport] = Field(min_length=1)
    checks: Checks | None = None
    business: Business | None = None
    definitions: dict[str, str]
    served: dict[Name, list[Rate]] = Field({})
    temperature: Annotated[float, Field(ge=0)] = 1.0
    answers: OwnAnswers | None = None
    trimmed: list[Trimmed] = Field([])

    @property
    def at_temperature(self) -> str:
        """` (temperature 0.3)`: of the continuations; empty at 1, that of the models themselves."""
        return "" if self.temperature == 1 else f" (temperature {self.temperature:g})"

    @property
    def best(self) -> DraftReport:
        """The draft that is accepted most often; the first of equal ones."""
        return max(self.drafts, key=lambda draft: draft.alpha.generated)

    def draft(self, name: str) -> DraftReport:
        """The row of this name.

        Raises:
            AdaspecError: there is none; says which there are.
        """
        for draft in self.drafts:
            if draft.name == name:
                return draft
        names = ", ".join(draft.name for draft in self.drafts)
        raise AdaspecError(f"No draft {name!r}: run {self.run} has {names}.")


def _upgrade(content: Content, version: int) -> Content:
    """Versions 2 and 3 allowed fields to be missing; version 4 brought answers by the
    target, version 5 trimmed drafts."""
    if "speculation" not in content:
        raise ValueError("from before drafts were decoded with")
    return content


REPORT: Contract[Report] = Contract(Report, 5, _upgrade, MEASURE)
CHECKS: Contract[Checks] = Contract(Checks, remedy=MEASURE)


def read_report(run: Run) -> Report:
    """The finished run's report.

    Raises:
        AdaspecError: the run has none yet.
        Unreadable: it is damaged, or older than decoding with drafts.
    """
    if not run.report_file.exists():
        state = read_state(run)
        raise AdaspecError(
            f"Run {state.id} has no report yet: it is {state.state}"
            f"{f' at {state.stage}' if state.stage else ''}. "
            "To go on: adaspec run with the same recipe or --run-dir."
        )
    return REPORT.read(run.report_file)
