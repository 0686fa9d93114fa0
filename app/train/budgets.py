"""What will be compared with what: the budget of every draft, and which comparisons are fair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adaspec import AdaspecError, recipe
from adaspec.recipe import REFERENCE, TARGET, Recipe, Training
from app.shell import words

ALL = "all"
MOST = 10**12  # sequences of one training: whoever asks for more has mistyped

_FAIR, _UNFAIR = ":green[:material/check:] **Fair:**", ":orange[:material/close:] **Not fair:**"
_SAME, _ALSO = ":material/equal:", ":material/arrow_forward:"


@dataclass(frozen=True)
class Baseline:
    """A method that would make a comparison fair.

    Attributes:
        of: the draft that has nothing to be compared with.
    """

    of: str
    name: str
    method: dict[str, Any]


def plan(one: Recipe, rows: int) -> list[Training]:
    """Every training of the recipe.

    Raises:
        AdaspecError: one of them is larger than any could be.
    """
    try:
        trainings = recipe.trainings(one, rows)
    except OverflowError:  # endless epochs
        trainings = []
    if not trainings or any(each.sequences > MOST for each in trainings):
        raise AdaspecError("It would never end: look at the epochs, the batches and k.")
    return trainings


def table(trainings: list[Training]) -> list[dict[str, Any]]:
    """A row a training."""
    return [
        {
            "draft": each.name,
            "sequences": each.sequences,
            "steps": each.steps,
            "batch": each.batch,
            "k": ALL if each.k is None else f"{each.k:.4g}",
            "needs": f"= {same}" if (same := _twin(each, trainings)) else _needs(each),
        }
        for each in trainings
    ]


def sentences(trainings: list[Training]) -> list[str]:
    """In Markdown: who may be compared with whom, and who may not."""
    drafts = [each for each in trainings if each.name != TARGET]
    methods = [each for each in drafts if each.name != REFERENCE]
    return [*_fair(drafts), *_unfair(methods), *_dependent(methods)]


def missing(one: Recipe, trainings: list[Training]) -> list[Baseline]:
    """The baselines without which a draft has no fair comparison, each once."""
    if not one.stage2:
        return []
    found: dict[str, Baseline] = {}
    for each in trainings:
        if each.k is None or each.method is None or _baselines(each, trainings):
            continue
        method: dict[str, Any] = {"selector": "all", "budget": "steps"}
        name = "distillspec"
        if each.batch != one.stage2.batch:
            name, method["budget"] = "distillspec-data", "data"
            if each.k != one.stage2.k:
                method["k"] = each.k
        found.setdefault(str(method), Baseline(each.name, name, method))
    return list(found.values())


def _baselines(draft: Training, trainings: list[Training]) -> list[Training]:
    """Drafts trained on all tokens, for as many steps and sequences."""
    return [each for each in trainings if each.k is None and _size(each) == _size(draft)]


def _size(training: Training) -> tuple[int, int]:
    return training.steps, training.sequences


def _needs(training: Training) -> str:
    return REFERENCE if _on_reference(training) else ""


def _on_reference(training: Training) -> bool:
    starts_there = training.method is not None and training.method.start == REFERENCE
    return starts_there or training.needs_reference


def _twin(training: Training, trainings: list[Training]) -> str:
    """The earlier training that is the same one."""
    first = next(each for each in trainings if each.key == training.key)
    return "" if first is training else first.name


def _fair(drafts: list[Training]) -> Iterator[str]:
    """Groups of drafts with equal budgets."""
    for group in _by_size(drafts):
        names = words.listed([each.name for each in group])
        if len(group) > 1 and len({each.key for each in group}) == 1:
            yield f"{_SAME} {names} are the same training: it is done once."
        elif len(group) > 1:
            yield f"{_FAIR} {names} take equal steps and read equal sequences."


def _unfair(methods: list[Training]) -> Iterator[str]:
    """The smallest budget against each larger one."""
    least, *larger = _by_size(methods) or [[]]
    for group in larger:
        alike = group[0].steps == least[0].steps
        steps = "as many steps" if alike else f"{words.count(group[0].steps)} steps"
        times = words.rounded(round(group[0].sequences / least[0].sequences, 1))
        verb = "takes" if len(group) == 1 else "take"
        yield (
            f"{_UNFAIR} {words.listed([each.name for each in group])} {verb} {steps}, but "
            f"{times} times the sequences of {words.listed([each.name for each in least])}."
        )


def _by_size(some: list[Training]) -> list[list[Training]]:
    """Those of equal steps and sequences together, the smallest first."""
    groups: dict[tuple[int, int], list[Training]] = {}
    for each in some:
        groups.setdefault((each.sequences, each.steps), []).append(each)
    return [groups[size] for size in sorted(groups)]


def _dependent(methods: list[Training]) -> Iterator[str]:
    names = [each.name for each in methods if _on_reference(each)]
    if names:
        verb = "needs" if len(names) == 1 else "need"
        yield f"{_ALSO} {words.listed(names)} {verb} the training of the reference before."
