"""What a comparison and an ablation hand on: to a terminal, a table, a page and a program.

`comparison` and `ablation` compute them; their `definitions` say what every field means.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from adaspec.recipe import Speculation
from adaspec.runs import Ceiling
from adaspec.runs.contract import AtLeastOne, Contract, Count, Interval, Name, Part
from adaspec.runs.report import Measured, Share, TokenCounts

Verdict = Literal["ahead", "behind", "not told apart"]


class Fairness(Part):
    """Whether a draft cost what another did, and in words."""

    fair: bool
    says: str


class Compute(Part):
    """What was computed.

    Attributes:
        flops: floating-point operations, as `analysis.compute` counts them.
        seconds: wall-clock time, as far as it was recorded.
    """

    flops: Annotated[float, Field(ge=0)]
    seconds: Annotated[float, Field(ge=0)]


class Outlay(Compute):
    """One piece of work.

    Attributes:
        what: in words.
        tokens: that went through the model, prompts included.
        parameters: of the model.
        passes: forward passes that a token took, a backward pass counting as two.
    """

    what: str
    tokens: Count
    parameters: Count
    passes: Count


class Bill(Compute):
    """All that a draft needed.

    Attributes:
        outlays: of which it is the sum.
        assumed: what was not recorded and is taken to be, a sentence each.
    """

    outlays: list[Outlay]
    assumed: list[str]


class Significance(Part):
    """A difference as one of several.

    Attributes:
        p: two-sided, of no difference, as if it were the only one.
        comparisons: by the same measure: the family.
        holm: p adjusted for them.
        ci: the interval adjusted for them; leaves out 0 where `holm` is at most 0.05.
        verdict: by `holm`.
    """

    p: Share
    comparisons: AtLeastOne
    holm: Share
    ci: Interval
    verdict: Verdict


# A comparison


class ComparedRun(Part):
    """Where drafts come from.

    Attributes:
        run: what commands and links call it.
        hashes: target, data, tokenizer, held-out texts -> hash; equal in all compared runs.
    """

    run: str
    id: str
    name: str
    device: str
    hashes: dict[str, str]


class MissingPartner(Part):
    """A method that would make the comparison of a draft fair.

    Attributes:
        of: the key of the draft.
        name, method: as a recipe has them.
        run: whose recipe it is to be added to.
        setting: what adds it, for `--set` or a link to the Train page.
        command: what adds and trains it.
    """

    of: str
    name: str
    method: dict[str, str | float]
    run: str
    setting: str
    command: str


class Budgets(Part):
    """Whether the chosen drafts cost the same, and which may be compared.

    Attributes:
        warning: what differs, in words; empty where nothing does.
        fair: keys of drafts with equal steps and sequences, of all that are offered.
        missing: for every draft that selects and has no partner of equal cost that was trained on
            all tokens, a method that would be one.
    """

    warning: str
    fair: list[list[str]]
    missing: list[MissingPartner]


class _Key(Part):
    """What a draft is called here.

    Attributes:
        draft: its key: its name, `RUN/NAME` where several runs are compared.
        label: the key for the eye, with all its names.
        name: in its run.
    """

    draft: str
    label: str
    name: Name
    run: str


class ComparedDraft(Measured, _Key):  # the fields of the last base come first
    """A draft's row of its report, with its key.

    Attributes:
        compute: None of a draft that others trained, and in comparisons from before it was counted.
    """

    compute: Bill | None = None


class Difference(Part):
    """Draft minus baseline by one measure, on the same prompts.

    Attributes:
        measure, label: the measure's field in the report, and its name for the eye.
        prompts: on how many both were measured.
        says: value, interval and verdict in a sentence.
        adjusted: for the drafts that are compared by this measure; None in comparisons from before
            it was computed.
    """

    draft: str
    baseline: str
    measure: str
    label: str
    value: float
    ci: Interval
    prompts: Count
    verdict: Verdict
    budget: Fairness
    says: str
    adjusted: Significance | None = None


class Agreement(Part):
    """Tokens by whose likeliest token is the target's: both drafts', one's alone, or neither's."""

    drafts: tuple[str, str]
    both: Count
    first: Count
    second: Count
    none: Count


class Bootstrap(Part):
    """How the intervals were drawn."""

    resamples: AtLeastOne
    seed: int


class Comparison(Part):
    """Drafts of one target side by side: the content of `adaspec compare --json`.

    Attributes:
        verdicts: what the differences say, in sentences.
        prompts, tokens: held-out prompts and their response tokens that drafts were measured on.
        baseline: the key of the draft that the others are held against.
        frontier: keys of the drafts that no other is above at as little compute, the cheapest
            first.
        agreement: of every pair of drafts.
        floor: draft -> tokens below the smallest overlap that their KL allows; 0 if all is well.
        ceiling: what a draft of this size reached at all, where that is known.
        notes: what cannot be compared, a sentence each.
        definitions: field, as `alpha.tested` -> what it means.
        command: what computes the same again.
    """

    version: Literal[4] = 4
    verdicts: list[str]
    runs: list[ComparedRun]
    target: str
    prompts: Count
    tokens: TokenCounts
    speculation: Speculation
    budgets: Budgets
    drafts: list[ComparedDraft]
    baseline: str
    differences: list[Difference]
    frontier: list[str] = Field([])
    agreement: list[Agreement]
    floor: dict[str, Count]
    ceiling: Ceiling | None = None
    notes: list[str]
    bootstrap: Bootstrap
    definitions: dict[str, str]
    command: str


# An ablation


class Spent(Part):
    """What a training took, mean over the seeds; seconds are wall-clock time."""

    steps: Count
    sequences: Count
    seconds: float


class OverSeeds(Part):
    """An acceptance rate: its mean over the seeds, and of each seed in their order."""

    mean: float
    ci: Interval
    by_seed: list[float]


class SpeedOverSeeds(Part):
    """The speed-up over plain decoding: its median over the seeds, and of each seed."""

    median: float
    by_seed: list[float]


class MethodDifference(Part):
    """Exact acceptance of a method minus a baseline's, with the ends of its 95 % interval."""

    value: float
    low: float
    high: float
    by_seed: list[float]
    verdict: Verdict
    budget: Fairness
    adjusted: Significance | None = None


class Method(Part):
    """One method over the seeds: what it is, what it took, what it reached.

    Attributes:
        table: the name its files have in a run, where it is another name of a training.
        made: objective, selector and start in words.
        start: the model it began with.
        steps, sequences, seconds: of this training alone, as `Spent`.
        needs: trainings it stands on.
        total: with the reference's, where it needs one.
        compute: of everything it needed, mean over the seeds; None where that is not known.
        block_efficiency: None where a seed has none.
        difference: baseline -> the difference.
    """

    name: Name
    label: str
    table: Name
    made: str
    start: str
    steps: Count
    sequences: Count
    seconds: float
    needs: list[Name]
    total: Spent
    compute: Compute | None = None
    alpha: OverSeeds
    kl: float
    top1: float
    block_efficiency: float | None
    speedup: SpeedOverSeeds
    difference: dict[Name, MethodDifference]


class RatioPoint(Part):
    """A method and its k; 1 for all tokens."""

    name: Name
    k: float


class RatioSeries(Part):
    """Methods that differ in nothing but k: what they have in common, and each, by k."""

    made: str
    points: list[RatioPoint]


class Design(Part):
    """So many seeds and prompts, and the smallest difference that they tell.

    Attributes:
        told: in exact acceptance; a true difference of this size is seen in 80 % of the cases.
        told_adjusted: likewise, as one of all comparisons.
    """

    seeds: AtLeastOne
    prompts: AtLeastOne
    told: float
    told_adjusted: float


class Power(Part):
    """What designs can tell, by how much differences varied in these runs.

    Attributes:
        comparisons: among how many a difference is to be told.
        seed, prompt, rest: standard deviations of a difference in exact acceptance: of what a
            seed's prompts share, None of one seed; of what a prompt's seeds share; of the rest.
        designs: these runs' own first.
        says: what these runs' own design tells, and what is assumed, a sentence each.
    """

    comparisons: AtLeastOne
    seed: float | None
    prompt: float
    rest: float
    designs: list[Design]
    says: list[str]


class Ablation(Part):
    """The methods of one recipe over its seeds: the content of `adaspec ablation --json`.

    Attributes:
        recipe: its name.
        seeds, runs: in the same order, as all `by_seed`.
        baselines: names of the methods that the others are held against.
        prompts: held-out prompts that acceptance was measured on, of each seed.
        frontier: names of the methods that no other is above at as little compute, the cheapest
            first.
        power: None where no two methods differ in their training.
        ceiling: what a draft of this size reached at all, where that is known.
        notes: what to know beside the numbers, a sentence each.
        definitions: field, as `alpha.ci` -> what it means.
    """

    version: Literal[2] = 2
    recipe: str
    seeds: list[int]
    runs: list[str]
    target: str
    baselines: list[Name]
    prompts: Count
    methods: list[Method]
    by_k: list[RatioSeries]
    frontier: list[Name] = Field([])
    power: Power | None = None
    ceiling: Ceiling | None = None
    notes: list[str]
    definitions: dict[str, str]


COMPARISON: Contract[Comparison] = Contract(
    Comparison, 4, lambda content, _: {"verdicts": []} | content
)
ABLATION: Contract[Ablation] = Contract(Ablation, 2)
