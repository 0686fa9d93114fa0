"""Two recipes held against each other: what differs in them, and what became of it."""

from __future__ import annotations

import json
from typing import Any

from adaspec import AdaspecError, runs
from adaspec.analysis import comparison
from adaspec.analysis.identity import unlike
from adaspec.analysis.measures import MEASURES
from adaspec.recipe import Recipe, differences
from adaspec.recipe.paths import ABSENT
from adaspec.runs import DraftReport, Run
from adaspec.runs.contract import Interval, Name, Part

ACCEPTANCE = MEASURES[0]


class Setting(Part):
    """A field of a recipe that the two do not have alike, both values as text: JSON, and
    text as it is.

    Attributes:
        field: as `--set` takes it.
        first, second: None where a recipe has no such field.
    """

    field: str
    first: str | None
    second: str | None


class Reached(Part):
    """Exact acceptance on the target's own text of the drafts of one name, with 95 % intervals;
    None where a run has no such draft."""

    name: Name
    first: float | None = None
    first_ci: Interval | None = None
    second: float | None = None
    second_ci: Interval | None = None


class Outcome(Part):
    """Two runs, by their recipes.

    Attributes:
        runs: their ids.
        settings: what differs in the recipes.
        drafts: what was reached, under all names that there are.
        verdict: the best draft of the first against the best of the second, on the same prompts; or
            why they cannot be compared.
        compared: whether they could be.
        best: both drafts' keys, as Compare takes them.
    """

    runs: tuple[str, str]
    settings: list[Setting]
    drafts: list[Reached]
    verdict: str
    compared: bool
    best: list[str]


def outcome(first: Run, second: Run) -> Outcome:
    """What differs between the recipes of two runs, and what became of it.

    Raises:
        AdaspecError: a recipe cannot be read.
    """
    recipes = (runs.read_recipe(first), runs.read_recipe(second))
    try:
        reports = [
            {draft.name: draft for draft in runs.read_report(run).drafts} for run in (first, second)
        ]
        reason = unlike(first, second)
    except AdaspecError as error:
        return Outcome(
            runs=(first.id, second.id),
            settings=settings(*recipes),
            drafts=[],
            verdict=str(error),
            compared=False,
            best=[],
        )
    best = [
        f"{run.id}/{max(drafts.values(), key=lambda draft: draft.alpha.generated).name}"
        for run, drafts in zip((first, second), reports, strict=True)
    ]
    return Outcome(
        runs=(first.id, second.id),
        settings=settings(*recipes),
        drafts=[
            _reached(name, *(drafts.get(name) for drafts in reports))
            for name in dict.fromkeys([*reports[0], *reports[1]])
        ],
        verdict=reason or _verdict(first, second, best),
        compared=reason is None,
        best=best,
    )


def settings(first: Recipe, second: Recipe) -> list[Setting]:
    """What differs between two recipes, as text."""
    return [
        Setting(field=field, first=_text(one), second=_text(other))
        for field, one, other in differences(first, second)
    ]


def _text(value: Any) -> str | None:
    if value is ABSENT:
        return None
    if isinstance(value, list) and len(value) == 1:  # as a recipe writes one source
        (value,) = value
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _reached(name: str, first: DraftReport | None, second: DraftReport | None) -> Reached:
    return Reached(
        name=name,
        first=first and first.alpha.generated,
        first_ci=first and first.alpha.generated_ci,
        second=second and second.alpha.generated,
        second_ci=second and second.alpha.generated_ci,
    )


def _verdict(first: Run, second: Run, best: list[str]) -> str:
    compared = comparison.compare([first, second], best, best[1])
    says = [
        difference.says
        for difference in compared.differences
        if difference.draft == best[0] and difference.measure == ACCEPTANCE.name
    ]
    return says[0] if says else f"The best draft of both is the same model: {best[0]}."
