"""The sentences over a comparison: the bundled example's, and each case by hand."""

from __future__ import annotations

import pytest

from adaspec.analysis.comparison import compare
from adaspec.analysis.results import Comparison, Difference, Fairness, Significance
from adaspec.analysis.verdicts import MEASURE, verdicts
from tests.comparisons import EXAMPLE

FAIR = "With equal steps and sequences, and reference trained before, "


@pytest.fixture(scope="module")
def example() -> Comparison:
    return compare([EXAMPLE])


def altered(example: Comparison, draft: str, **changes: object) -> list[Difference]:
    """The differences by exact acceptance, one of them changed, as if it were the only one."""
    ours = [each for each in example.differences if each.measure == MEASURE]
    alone = {"adjusted": None} | changes
    return [each.model_copy(update=alone) if each.draft == draft else each for each in ours]


def test_the_fair_difference_comes_first_with_its_figures(example: Comparison) -> None:
    first = example.verdicts[0]
    ours = next(
        each for each in example.differences if each.measure == MEASURE and each.draft == "adaspec"
    )
    low, high = sorted(abs(100 * end) for end in ours.ci)
    assert ours.budget.fair
    assert first == (
        f"{FAIR}adaspec is {ours.verdict} distillspec-data by "
        f"{abs(100 * ours.value):.2f} points of exact acceptance "
        f"(95 % interval {low:.2f} to {high:.2f})."
    )


def test_another_cost_is_said(example: Comparison) -> None:
    assert "but at another cost: equal steps, 0.4 times the sequences." in example.verdicts[1]
    assert example.verdicts[-1].startswith("By training, distillspec-data gained ")


def test_ahead_and_undecided(example: Comparison) -> None:
    ahead = altered(example, "adaspec", value=0.01, ci=(0.004, 0.016), verdict="ahead")
    assert verdicts(example.drafts, ahead)[0] == (
        f"{FAIR}adaspec is ahead of distillspec-data by 1.00 points of exact acceptance "
        "(95 % interval 0.40 to 1.60)."
    )
    even = altered(example, "adaspec", value=-0.001, ci=(-0.004, 0.002), verdict="not told apart")
    assert verdicts(example.drafts, even)[0] == (
        f"{FAIR}adaspec and distillspec-data are not told apart: −0.10 points of exact "
        "acceptance (95 % interval −0.40 to +0.20)."
    )


def test_where_the_number_of_comparisons_undoes_a_verdict_it_is_said(example: Comparison) -> None:
    adjusted = Significance(
        p=0.03, comparisons=3, holm=0.09, ci=(-0.002, 0.022), verdict="not told apart"
    )
    changes = {"value": 0.01, "ci": (0.004, 0.016), "verdict": "ahead", "adjusted": adjusted}
    assert verdicts(example.drafts, altered(example, "adaspec", **changes))[0].endswith(
        "(95 % interval 0.40 to 1.60); as one of 3 comparisons not told apart (p = 0.0900 by Holm)."
    )


def test_what_training_was_worth_is_the_same_from_both_sides(example: Comparison) -> None:
    against_stock = compare([EXAMPLE], baseline="stock").verdicts
    assert len(against_stock) == 3
    assert example.verdicts[-1] in against_stock
    assert all(verdict.startswith("By training, ") for verdict in against_stock)
    lost = altered(example, "stock", value=0.5, ci=(0.4, 0.6), verdict="ahead")
    swapped = [
        each.model_copy(
            update={"draft": each.baseline, "baseline": each.draft, "verdict": "behind"}
        )
        for each in lost
        if each.draft == "stock"
    ]
    said = "By training, distillspec-data lost 50.00 points"
    assert verdicts(example.drafts, lost)[-1].startswith(said)
    assert verdicts(example.drafts, swapped)[-1].startswith(said)


def test_training_that_changed_nothing_is_said(example: Comparison) -> None:
    even = altered(example, "stock", value=0.001, ci=(-0.1, 0.1), verdict="not told apart")
    assert verdicts(example.drafts, even)[-1].startswith(
        "stock and distillspec-data are not told apart: +0.10 points"
    )


def test_two_drafts_before_training_are_only_held_against_each_other(example: Comparison) -> None:
    drafts = [draft.model_copy(update={"name": "stock"}) for draft in example.drafts]
    ours = [each for each in example.differences if each.draft == "stock"]
    assert verdicts(drafts, ours)[0].startswith("stock is behind distillspec-data by ")


def test_where_no_training_helped_it_says_why_and_what_to_do(example: Comparison) -> None:
    def worse(alpha: float) -> dict[str, object]:
        return {"generated": alpha}

    drafts = [
        draft
        if draft.name == "stock"
        else draft.model_copy(update={"alpha": draft.alpha.model_copy(update=worse(0.1))})
        for draft in example.drafts
    ]
    fair = Fairness(fair=False, says="stock was not trained")
    lost = altered(example, "stock", value=0.5, ci=(0.4, 0.6), verdict="ahead", budget=fair)
    *_, against_stock, last = verdicts(drafts, lost)
    assert against_stock.startswith("By training, distillspec-data lost 50.00 points")
    assert last.startswith("No training helped: distillspec = reference, distillspec-data and ada")
    assert "Lower the learning rate" in last
