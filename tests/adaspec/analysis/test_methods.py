"""Methods in words, and which of them are the same but for k."""

from __future__ import annotations

import pytest

from adaspec import recipe
from adaspec.analysis.methods import by_k, default_draft, has_several, made

K = ["stage2.methods.a={selector: top_delta, k: 0.2}", "stage2.methods.b={selector: top_delta}"]


def series(*settings: str) -> list[tuple[str, list[str]]]:
    """Of `conditions-tiny` with micro-batches: the names of each."""
    loaded = recipe.load("conditions-tiny/micro-seed0", list(settings))
    return [(line.made, [one.name for one in line.trainings])
            for line in by_k(recipe.trainings(loaded, 1200))]  # fmt: skip


def test_methods_that_differ_in_the_pool_do_not_differ_in_k_alone() -> None:
    assert series() == []
    several = "forward_kl · top_delta · from stock"
    assert series(*K) == [(several, ["a", "adaspec", "b", "distillspec"])]
    pooled = "stage2.methods.c={selector: top_delta, k: 0.6, pool: micro_batch}"
    pools = f"{several} · pool: micro_batch"
    assert series(pooled) == [(pools, ["adaspec-micro", "c", "distillspec"])]


@pytest.mark.parametrize(
    "change",
    [
        "to=total_variation",
        "pool=micro_batch",
        "loss=mean_selected",
        "start=reference",
        "objective=reverse_kl",
        "selector=random",
        "weight=soft",
        "weight=confidence",
        "budget=data",  # of another k it also reads other sequences
    ],
)
def test_another_method_is_on_no_line_of_this_one(change: str) -> None:
    k = "stage2.methods.b.k=0.6"
    lines = series(*K, k, f"stage2.methods.a.{change}", "stage2.methods.adaspec-micro={}")
    assert [names[:2] for _, names in lines] == [["adaspec", "b"]]
    assert all("a" not in names for _, names in lines)


def test_a_method_in_words() -> None:
    tiny = recipe.load("tiny", ["stage2.methods.x={to: total_variation, selector: random, k: 0.2}"])
    assert made("x", tiny) == "forward_kl → total_variation · random 0.2 · from stock"
    soft = ["stage2.methods.x={selector: top_delta, weight: soft, softness: 0.2}"]
    words = "forward_kl · top_delta 0.4 · weight: soft 0.2 · from stock"
    assert made("x", recipe.load("tiny", soft)) == words
    assert made("distillspec", tiny) == "forward_kl · all · from stock"
    assert made("reference", tiny) == "stage 1: KL, all tokens"
    assert made("stock", tiny) == "before any distillation"


def test_the_first_draft_of_a_page_is_adaspecs_or_the_last() -> None:
    chosen = recipe.load("tiny", ["stage2.methods.chance={selector: random}"])
    offered = ["stock", "reference", "chance", "adaspec", "distillspec-data"]
    assert default_draft(chosen, offered) == "adaspec"
    assert default_draft(chosen, ["stock", "chance", "reference"]) == "reference"
    assert default_draft(recipe.load("tiny-stock"), ["stock"]) == "stock"


def test_a_recipe_of_one_method_has_nothing_to_compare() -> None:
    assert has_several(recipe.load("tiny"))
    one = {"adaspec": {"selector": "top_delta"}}
    assert not has_several(recipe.load("tiny", [f"stage2.methods={one}"]))
    assert not has_several(recipe.load("tiny-stock"))
