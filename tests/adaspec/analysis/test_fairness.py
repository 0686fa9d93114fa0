"""Who may be compared with whom: the same of what is planned and of what was run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adaspec import recipe
from adaspec.analysis.drafts import entries
from adaspec.analysis.fairness import (
    Cost,
    by_size,
    costs,
    default_baseline,
    fair_groups,
    missing,
    weigh,
)
from adaspec.analysis.results import Fairness
from tests.comparisons import EXAMPLE


def planned(*settings: str) -> tuple[recipe.Recipe, list[Cost]]:
    chosen = recipe.load("tiny", list(settings))
    return chosen, costs(recipe.trainings(chosen, 1200))


def test_the_target_that_stage_0_trains_is_nobodys_baseline() -> None:
    """It used to be one on the Train page where steps and sequences happened to coincide."""
    alone = ["stage2.methods={adaspec: {selector: top_delta, budget: steps}}", "stage2.epochs=2"]
    for settings in (alone, [*alone, "stage0={lr: 1.0e-3, epochs: 2}"]):
        chosen, drafts = planned(*settings)
        (draft,) = (one for one in drafts if one.name == "adaspec")
        lack = missing(draft, drafts, chosen.stage2)
        assert lack is not None
        assert (lack.of, lack.name) == ("adaspec", "distillspec")
        assert fair_groups(drafts) == []
        _, fair = planned(*settings, lack.setting)
        assert [[one.name for one in group] for group in fair_groups(fair)] == [
            ["adaspec", "distillspec"]
        ]


def test_a_plan_and_its_run_are_judged_alike() -> None:
    chosen, drafts = planned()
    by_name = {one.name: one for one in drafts}
    ran = {entry.table: entry.cost for entry in entries([EXAMPLE])}
    for name, cost in ran.items():
        if name != "stock":
            assert replace(cost, label=name) == by_name[name]
    names = [[one.name for one in group] for group in fair_groups(ran.values())]
    assert names == [["distillspec-data", "adaspec"]]
    assert names[0] == [one.name for one in fair_groups(drafts)[-1]]
    for each in (ran.values(), drafts):
        assert default_baseline(each).name == "distillspec-data"
    assert missing(by_name["adaspec"], drafts, chosen.stage2) is None


def test_the_stock_draft_is_in_no_group() -> None:
    stock = Cost("stock", "stock", "stock", 0, 0)
    trained = Cost("a", "a", "a", 4, 8)
    assert by_size([stock, stock, trained]) == [[trained]]
    assert weigh(trained, stock) == Fairness(fair=False, says="stock was not trained")


@pytest.mark.parametrize(
    ("steps", "sequences", "says"),
    [
        (10, 80, "equal steps and sequences"),
        (10, 200, "equal steps, 2.5 times the sequences"),
        (5, 80, "0.5 times the steps, equal sequences"),
    ],
)
def test_what_a_training_cost_is_said_in_words(steps: int, sequences: int, says: str) -> None:
    other = Cost("b", "b", "b", 10, 80)
    assert weigh(Cost("a", "a", "a", steps, sequences), other) == Fairness(
        fair=says.startswith("equal steps and"), says=says
    )
    needing = Cost("a", "a", "a", steps, sequences, needs=("reference",))
    assert weigh(needing, other).says == f"{says}, and reference trained before"
    assert weigh(needing, replace(other, name="reference")).says == says


def test_a_name_that_is_taken_by_another_method_is_left_to_it() -> None:
    chosen, drafts = planned(
        "stage2.methods={adaspec: {selector: top_delta, budget: steps}, "
        "distillspec: {objective: reverse_kl, budget: data}}",
        "stage2.epochs=2",
    )
    lack = missing(drafts[1], drafts, chosen.stage2)
    assert lack.name == "distillspec-2"
