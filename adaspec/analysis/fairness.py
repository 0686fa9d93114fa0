"""Which drafts may be compared with which: those whose trainings cost the same.

Fair are equal optimiser steps and equal sequences read; best against a draft trained on all tokens.
What nobody distilled is no alternative to a draft: the stock draft, and the target, whatever stage
0 took. The rule is the same for what a recipe plans and for what runs have done.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from adaspec.analysis.results import Fairness
from adaspec.recipe import STOCK, TARGET, Method, Stage2, Training


@dataclass(frozen=True)
class Cost:
    """What the training of a draft takes, or took.

    Attributes:
        name: in its run or recipe.
        key, label: what it is called among those it is compared with, and for the eye.
        steps, sequences: optimiser steps and sequences read; 0 of a draft that was there before.
        batch: sequences a step.
        k: the filter ratio; None where it is trained on all tokens.
        needs: trainings that came before it, with costs of their own.
    """

    name: str
    key: str
    label: str
    steps: int
    sequences: int
    batch: int = 0
    k: float | None = None
    needs: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        return self.sequences, self.steps


class Missing(NamedTuple):
    """A method that would make a comparison fair.

    Attributes:
        of: the key of the draft that has nothing to be compared with.
        method: as a recipe has it.
    """

    of: str
    name: str
    method: dict[str, str | float]

    @property
    def setting(self) -> str:
        """What adds it to the recipe: `adaspec run ... --set SETTING`."""
        return f"stage2.methods.{self.name}={json.dumps(self.method)}"


def costs(plan: list[Training]) -> list[Cost]:
    """Of the drafts that a recipe plans."""
    return [
        Cost(
            name=training.name,
            key=training.name,
            label=training.name,
            steps=training.steps,
            sequences=training.sequences,
            batch=training.batch,
            k=training.k,
            needs=tuple(training.stands_on),
        )
        for training in plan
        if training.name != TARGET
    ]


def by_size(drafts: Iterable[Cost]) -> list[list[Cost]]:
    """Trained drafts of equal steps and sequences together, the smallest first."""
    groups: dict[tuple[int, int], list[Cost]] = {}
    for draft in drafts:
        if draft.steps:
            groups.setdefault(draft.size, []).append(draft)
    return [groups[size] for size in sorted(groups)]


def fair_groups(drafts: Iterable[Cost]) -> list[list[Cost]]:
    """Those of `by_size` with two drafts or more."""
    return [group for group in by_size(drafts) if len(group) > 1]


def default_baseline(drafts: Iterable[Cost]) -> Cost | None:
    """What the others are held against; None where no two cost the same.

    Of the fair groups, those that select tokens before others; there, the draft that trained on
    the largest share of its tokens.
    """
    groups = fair_groups(drafts)
    if not groups:
        return None
    group = max(groups, key=lambda group: any(draft.k is not None for draft in group))
    return max(group, key=lambda draft: 1.0 if draft.k is None else draft.k)


def weigh(draft: Cost, other: Cost) -> Fairness:
    """Whether `draft` cost what `other` did."""
    untrained = [each for each in (draft, other) if not each.steps]
    if elsewhere := [each.label for each in untrained if each.name != STOCK]:
        unknown = f"what the training of {listed(elsewhere)} took is not known here"
        return Fairness(fair=False, says=unknown)
    if untrained:
        return Fairness(
            fair=False, says=f"{listed([each.label for each in untrained])} was not trained"
        )
    fair = draft.size == other.size
    says = [
        f"equal {what}" if mine == others else f"{mine / others:.3g} times the {what}"
        for what, mine, others in (
            ("steps", draft.steps, other.steps),
            ("sequences", draft.sequences, other.sequences),
        )
    ]
    if fair:
        says = ["equal steps and sequences"]
    if needs := [name for name in draft.needs if name != other.name]:
        says.append(f"and {listed(needs)} trained before")
    return Fairness(fair=fair, says=", ".join(says))


def missing(draft: Cost, offered: Iterable[Cost], stage2: Stage2) -> Missing | None:
    """What to train on all tokens, where a draft that selects has no such one of equal cost.

    Args:
        stage2: of the draft's recipe.
    """
    if draft.k is None or any(each.k is None and each.size == draft.size for each in offered):
        return None
    wide = draft.batch != stage2.batch
    name, budget = ("distillspec-data", "data") if wide else ("distillspec", "steps")
    method: dict[str, str | float] = {"selector": "all", "budget": budget}
    if wide and draft.k != stage2.k:
        method["k"] = draft.k
    others = {name for name, each in stage2.methods.items() if each != Method(**method)}
    numbered = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return Missing(draft.key, next(each for each in numbered if each not in others), method)


def listed(names: list[str]) -> str:
    """`a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
