"""What a comparison and an ablation hand on: to a terminal, a table, a page and a program.

`comparison` and `ablation` compute them; their `definitions` say what every field means.
"""

from __future__ import annotations

from typing import Literal

from adaspec.recipe import Speculation
from adaspec.runs.contract import AtLeastOne, Contract, Count, Interval, Name, Part
from adaspec.runs.report import Measured, TokenCounts

Verdict = Literal["ahead", "behind", "not told apart"]


class Fairness(Part):
    """Whether a draft cost what another did, and in words."""

    fair: bool
    says: str


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
    """A draft's row of its report, with its key."""


class Difference(Part):
    """Draft minus baseline by one measure, on the same prompts.

    Attributes:
        measure, label: the measure's field in the report, and its name for the eye.
        prompts: on how many both were measured.
        says: value, interval and verdict in a sentence.
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
        prompts, tokens: held-out prompts and their response tokens that drafts were measured on.
        baseline: the key of the draft that the others are held against.
        agreement: of every pair of drafts.
        floor: draft -> tokens below the smallest overlap that their KL allows; 0 if all is well.
        notes: what cannot be compared, a sentence each.
        definitions: field, as `alpha.tested` -> what it means.
        command: what computes the same again.
    """

    version: Literal[1] = 1
    runs: list[ComparedRun]
    target: str
    prompts: Count
    tokens: TokenCounts
    speculation: Speculation
    budgets: Budgets
    drafts: list[ComparedDraft]
    baseline: str
    differences: list[Difference]
    agreement: list[Agreement]
    floor: dict[str, Count]
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


class Method(Part):
    """One method over the seeds: what it is, what it took, what it reached.

    Attributes:
        table: the name its files have in a run, where it is another name of a training.
        made: objective, selector and start in words.
        start: the model it began with.
        steps, sequences, seconds: of this training alone, as `Spent`.
        needs: trainings it stands on.
        total: with the reference's, where it needs one.
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


class Ablation(Part):
    """The methods of one recipe over its seeds: the content of `adaspec ablation --json`.

    Attributes:
        recipe: its name.
        seeds, runs: in the same order, as all `by_seed`.
        baselines: names of the methods that the others are held against.
        prompts: held-out prompts that acceptance was measured on, of each seed.
        notes: what to know before the intervals are believed, a sentence each.
        definitions: field, as `alpha.ci` -> what it means.
    """

    version: Literal[1] = 1
    recipe: str
    seeds: list[int]
    runs: list[str]
    target: str
    baselines: list[Name]
    prompts: Count
    methods: list[Method]
    by_k: list[RatioSeries]
    notes: list[str]
    definitions: dict[str, str]


COMPARISON: Contract[Comparison] = Contract(Comparison)
ABLATION: Contract[Ablation] = Contract(Ablation)
