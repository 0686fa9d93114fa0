"""What a recipe will do on a number of rows: its trainings with their budgets, and what follows.

Derived here once, for the run, its estimate and the Train page: a comparison of methods is only
fair when their budgets are known before it runs.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from adaspec.recipe.schema import (
    REFERENCE,
    STOCK,
    TARGET,
    Method,
    Optimisation,
    Recipe,
    Strict,
    digest,
)
from adaspec.selection import SELECTORS, Need
from adaspec.weighting import WEIGHTS


class Training(Strict):
    """One training, fully derived. Two trainings with equal `key` are the same training.

    Attributes:
        name: the draft's name, or `target` or `reference`. Not part of the key.
        method: None for stage 0, which is cross-entropy on the data.
        k: the filter ratio; None where nothing is filtered.
        batch: sequences per optimiser step, after the budget.
        steps: optimiser steps.
        snapshots: those after which the model is kept as it is. Not part of the key.
    """

    name: str
    method: Method | None
    optimisation: Optimisation
    k: float | None
    batch: int
    steps: int
    seed: int
    snapshots: tuple[int, ...] = ()

    @property
    def key(self) -> str:
        """What makes the training what it is, given the run's data and starting models."""
        method = None
        if self.method:
            method = self.method.model_dump(exclude={"budget", "k"} | self.method.unset)
        if method and self.k is None:  # with all tokens, neither pool nor normalisation selects
            method |= {"selector": "all", "loss": "mean_selected"}
            if not self.splits_batch:
                method["pool"] = "batch"
        recipe = self.optimisation.model_dump(exclude={"batch", "epochs"})
        return digest([method, recipe, self.k, self.batch, self.steps, self.seed])

    @property
    def splits_batch(self) -> bool:
        return (self.optimisation.micro_batch or self.batch) < self.batch

    @property
    def pools_batch(self) -> bool:
        """Whether the loss is one of the whole batch, whatever its micro-batches."""
        return self.method is None or self.method.pool == "batch"

    @property
    def weight(self) -> str | None:
        """How much tokens count; None: those selected alike."""
        return self.method.weight if self.method else None

    @property
    def scores(self) -> bool:
        """Whether tokens are looked at before they train: to select or to weigh them."""
        return self.k is not None or self.weight is not None

    def needs(self, what: Need) -> bool:
        """Whether its selector or its weight reads it."""
        if self.method is None:
            return False
        selector = SELECTORS[self.method.selector].needs if self.k is not None else frozenset()
        return what in (selector | WEIGHTS[self.weight].needs if self.weight else selector)

    @property
    def needs_reference(self) -> bool:
        """Whether the reference enters the selection or the weight."""
        return self.needs("loss_r") or self.needs("log_r")

    @property
    def stands_on(self) -> list[str]:
        """Names of the trainings that come before it: the reference's, if it starts or selects by
        it."""
        starts_there = self.method is not None and self.method.start == REFERENCE
        return [REFERENCE] if starts_there or self.needs_reference else []

    @property
    def sequences(self) -> int:
        return self.batch * self.steps


def trainings(recipe: Recipe, rows: int) -> list[Training]:
    """Every training of a recipe on `rows` training rows, in the order they run.

    Stage 0 reads each of them once an epoch; the others read `Data.examples`, which may be the
    target's own answers.

    Budgets (the stage's batch B and epochs E, the method's filter ratio k):
        steps: batch B for E epochs.
        data: batch B/k for E/k epochs: as many steps, 1/k times the sequences.
        published: `data` for a method that selects, `steps` for one that does not. This is what
            the scripts behind AdaSPEC's published "3-epoch" tables run.
    """
    plan, examples = [], recipe.data.examples(rows)
    if recipe.stage0:
        plan.append(_training(TARGET, None, recipe.stage0, None, 1.0, rows, recipe.seed))
    if recipe.stage1:
        plain = Method(pool=recipe.stage1.pool)
        optimisation = _optimisation(recipe.stage1)
        plan.append(_training(REFERENCE, plain, optimisation, None, 1.0, examples, recipe.seed))
    if recipe.stage2:
        stage = recipe.stage2
        shared = _optimisation(stage)
        for name, method in stage.methods.items():
            ratio = method.k if method.k is not None else stage.k
            k = ratio if SELECTORS[method.selector].score and ratio < 1 else None
            wide = method.budget == "data" or (method.budget == "published" and k is not None)
            plan.append(
                _training(name, method, shared, k, ratio if wide else 1.0, examples, recipe.seed)
            )
    return [
        training.model_copy(
            update={"snapshots": _snapshots(training.steps, recipe.evaluation.snapshots)}
        )
        if training.method
        else training
        for training in plan
    ]


def _optimisation(stage: Optimisation) -> Optimisation:
    """How a stage is optimised, without what else it says."""
    return Optimisation(**stage.model_dump(include=set(Optimisation.model_fields)))


def _snapshots(steps: int, count: int) -> tuple[int, ...]:
    """Each three times as late as the one before, since most is learnt at first."""
    at = (steps // 3**i for i in range(count, 0, -1))
    return tuple(dict.fromkeys(step for step in at if step))


def _training(
    name: str,
    method: Method | None,
    optimisation: Optimisation,
    k: float | None,
    width: float,
    rows: int,
    seed: int,
) -> Training:
    steps = max(1, round(optimisation.epochs * rows / optimisation.batch))
    batch = max(1, round(Fraction(optimisation.batch) / Fraction(str(width))))
    return Training(
        name=name,
        method=method,
        optimisation=optimisation,
        k=k,
        batch=batch,
        steps=steps,
        seed=seed,
    )


ANSWER, CONTINUE, CACHE = "answers", "continuations", "cache"
REPLAY, MEASURE = "replays", "measurement"
"""The stages that train nothing."""


def distinct(plan: list[Training]) -> list[Training]:
    """Every training once, under the first of its names."""
    return list({training.key: training for training in reversed(plan)}.values())[::-1]


def twin(training: Training, plan: list[Training]) -> Training | None:
    """The earlier, identical training under another name, if there is one."""
    first = next(other for other in plan if other.key == training.key)
    return None if first.name == training.name else first


def width(recipe: Recipe) -> int:
    """The most sequences that go through the models together in training."""
    return max(
        (
            min(training.optimisation.micro_batch or training.batch, training.batch)
            for training in trainings(recipe, 1)
        ),
        default=0,
    )


class HeldOut(NamedTuple):
    """How many held-out rows are measured at the end, and how many are monitored in training.

    Where `validation` is 0, rows of the first kind are monitored, if anything is distilled. The
    target continues each row of both kinds once.
    """

    test: int
    validation: int


def held_out_rows(recipe: Recipe, rows: int) -> HeldOut:
    """Of so many evaluation rows: those measured come first, those looked at follow."""
    test = min(recipe.evaluation.prompts, rows)
    return HeldOut(test, min(recipe.evaluation.monitor, rows - test) if recipe.stage1 else 0)


def answers(recipe: Recipe, rows: int) -> int:
    """How many the target writes to so many training prompts."""
    return 0 if recipe.data.responses == "data" else rows * recipe.data.answers.samples


def texts_read(recipe: Recipe, rows: int, prompts: int) -> list[int]:
    """How many texts of each source every model is measured on: what the target goes on with after
    so many prompts, the data's answers to them, and of the target's training answers as many.
    """
    data = recipe.data
    own = min(data.examples(rows), prompts) if answers(recipe, rows) else 0
    return [texts for texts in (prompts, prompts if data.response else 0, own) if texts]


def snapshots_together(recipe: Recipe, plan: list[Training]) -> list[list[str]]:
    """The models that are measured, in groups that share one pass of the target: all results, then
    the snapshots of each training."""
    drafts = [training for training in distinct(plan) if training.name != TARGET]
    stock = [STOCK] if recipe.draft else []
    results = [*stock, *(draft.name for draft in drafts), *recipe.drafts]
    ways = [[f"{draft.name}@{step}" for step in draft.snapshots] for draft in drafts]
    return [results, *filter(None, ways)]


def decodings(recipe: Recipe, plan: list[Training], prompts: int) -> int:
    """How many texts are decoded, each at batch 1: all replays and timed prompts of the drafts."""
    results, *_ = snapshots_together(recipe, plan)
    return recipe.evaluation.speculation.decodings(prompts, len(results))
