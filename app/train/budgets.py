"""What will be compared with what: the budget of every draft, and which comparisons are fair."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adaspec import AdaspecError
from adaspec.analysis import fairness
from adaspec.analysis.fairness import Cost, Missing
from adaspec.recipe import REFERENCE, Recipe, Training, trainings
from adaspec.recipe.plan import twin
from app.shell import words

ALL = "all"
MOST = 10**12  # sequences of one training: whoever asks for more has mistyped

_FAIR, _UNFAIR = ":green[:material/check:] **Fair:**", ":orange[:material/close:] **Not fair:**"
_SAME, _ALSO = ":material/equal:", ":material/arrow_forward:"


def plan(recipe: Recipe, rows: int) -> list[Training]:
    """Every training of the recipe.

    Raises:
        AdaspecError: one of them is larger than any could be.
    """
    planned = trainings(recipe, rows)
    if any(training.sequences > MOST for training in planned):
        raise AdaspecError("It would never end: check the epochs, the batches and k.")
    return planned


def table(plan: list[Training]) -> list[dict[str, Any]]:
    """One row per training."""
    return [
        {
            "draft": training.name,
            "sequences": training.sequences,
            "steps": training.steps,
            "batch": training.batch,
            "k": ALL if training.k is None else f"{training.k:.4g}",
            "needs": f"= {same.name}"
            if (same := twin(training, plan))
            else " ".join(training.stands_on),
        }
        for training in plan
    ]


def sentences(plan: list[Training]) -> list[str]:
    """In Markdown: which drafts may be compared, and which may not."""
    drafts = fairness.costs(plan)
    methods = [draft for draft in drafts if draft.name != REFERENCE]
    keys = {training.name: training.key for training in plan}
    return [*_fair(drafts, keys), *_unfair(methods), *_dependent(methods)]


def missing(recipe: Recipe, plan: list[Training]) -> list[Missing]:
    """The baselines without which a draft has no fair comparison, each once."""
    if not recipe.stage2:
        return []
    drafts = fairness.costs(plan)
    lacks: dict[str, Missing] = {}
    for draft in drafts:
        if lack := fairness.missing(draft, drafts, recipe.stage2):
            lacks.setdefault(lack.setting, lack)
    return list(lacks.values())


def _fair(drafts: list[Cost], keys: dict[str, str]) -> Iterator[str]:
    """Groups of drafts with equal budgets; those of one key are one training."""
    for group in fairness.fair_groups(drafts):
        names = words.listed([draft.name for draft in group])
        if len({keys[draft.name] for draft in group}) == 1:
            yield f"{_SAME} {names} are the same training: it is done once."
        else:
            yield f"{_FAIR} {names} take equal steps and read equal sequences."


def _unfair(methods: list[Cost]) -> Iterator[str]:
    """The smallest budget against each larger one."""
    least, *larger = fairness.by_size(methods) or [[]]
    for group in larger:
        alike = group[0].steps == least[0].steps
        steps = "as many steps" if alike else f"{words.count(group[0].steps)} steps"
        times = words.rounded(round(group[0].sequences / least[0].sequences, 1))
        verb = "takes" if len(group) == 1 else "take"
        yield (
            f"{_UNFAIR} {words.listed([draft.name for draft in group])} {verb} {steps}, but "
            f"{times} times the sequences of {words.listed([draft.name for draft in least])}."
        )


def _dependent(methods: list[Cost]) -> Iterator[str]:
    names = [draft.name for draft in methods if draft.needs]
    if names:
        verb = "needs" if len(names) == 1 else "need"
        yield f"{_ALSO} {words.listed(names)} {verb} the reference's training first."
