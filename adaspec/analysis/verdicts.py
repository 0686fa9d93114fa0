"""A comparison in sentences, before any table: who is ahead, by how much, and at what cost."""

from __future__ import annotations

from collections.abc import Iterator

from adaspec.analysis.fairness import listed
from adaspec.analysis.results import ComparedDraft, Difference
from adaspec.analysis.significance import says
from adaspec.recipe import STOCK

MEASURE = "alpha.generated"
"""Exact acceptance on the target's own text: what drafts are to be compared by."""


def verdicts(drafts: list[ComparedDraft], differences: list[Difference]) -> list[str]:
    """Sentences about exact acceptance, those at equal cost first."""
    labels = {draft.draft: draft.label for draft in drafts}
    stock = {draft.draft for draft in drafts if draft.name == STOCK}
    given = {draft.draft for draft in drafts if not draft.budget.steps} - stock
    ours = [difference for difference in differences if difference.measure == MEASURE]
    fair = [each for each in ours if each.budget.fair]
    of_others = [each for each in ours if {each.draft, each.baseline} & given]
    against_stock = [
        each for each in ours if {each.draft, each.baseline} & stock and each not in of_others
    ]
    known = [each for each in ours if each not in (*of_others, *against_stock)]
    unfair = [each for each in known if not each.budget.fair]
    sentences = [_sentence(each, labels, f"With {each.budget.says}, ", "") for each in fair]
    sentences += [
        _sentence(each, labels, "", f"; but at another cost: {each.budget.says}") for each in unfair
    ]
    sentences += [_sentence(each, labels, "", f"; {each.budget.says}") for each in of_others]
    sentences += [_worth(each, labels, stock) for each in against_stock]
    return [*sentences, *_all_worse(drafts)]


def _sentence(difference: Difference, labels: dict[str, str], before: str, after: str) -> str:
    draft, baseline = labels[difference.draft], labels[difference.baseline]
    if difference.verdict == "not told apart":
        words = f"{draft} and {baseline} are not told apart: {_points(difference, signed=True)}"
    else:
        how = "ahead of" if difference.verdict == "ahead" else "behind"
        words = f"{draft} is {how} {baseline} by {_points(difference)}"
    return f"{before}{words}{after}{_as_one_of(difference)}."


def _as_one_of(difference: Difference) -> str:
    """What becomes of it among all comparisons, where that is another verdict."""
    adjusted = difference.adjusted
    if adjusted is None or adjusted.verdict == difference.verdict:
        return ""
    return (
        f"; as one of {adjusted.comparisons} comparisons {adjusted.verdict} "
        f"({says(adjusted.holm)} by Holm)"
    )


def _points(difference: Difference, *, signed: bool = False) -> str:
    """`0.68 points of exact acceptance (95 % interval 0.56 to 0.81)`, as sizes unless signed."""
    values = [100 * each for each in (difference.value, *difference.ci)]
    if not signed:
        value, *ends = map(abs, values)
        values = [value, *sorted(ends)]
    sign = "+" if signed else ""
    size, low, high = (f"{each:{sign}.2f}".replace("-", "−") for each in values)
    return f"{size} points of {difference.label} (95 % interval {low} to {high})"


def _worth(difference: Difference, labels: dict[str, str], stock: set[str]) -> str:
    """What training was worth, where one of the two is the draft before it."""
    trained = {difference.draft, difference.baseline} - stock
    if not trained or difference.verdict == "not told apart":
        return _sentence(difference, labels, "", "")
    ahead = difference.draft if difference.verdict == "ahead" else difference.baseline
    did = "lost" if ahead in stock else "gained"
    return f"By training, {labels[trained.pop()]} {did} {_points(difference)}."


def _all_worse(drafts: list[ComparedDraft]) -> Iterator[str]:
    """Where no training was worth it."""
    before = [draft.alpha.generated for draft in drafts if draft.name == STOCK]
    trained = [draft for draft in drafts if draft.budget.steps]
    if before and trained and all(draft.alpha.generated < before[0] for draft in trained):
        names = listed([draft.label for draft in trained])
        yield (
            f"No training helped: {names} agree less with the target than the stock draft did. "
            "Lower the learning rate or train longer, and look at the loss on the Runs page; a "
            "draft that was good before is easily spoilt."
        )
