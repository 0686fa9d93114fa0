"""The least that a recipe can take: below what it takes, growing with it, and enough to refuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaspec import estimate, least, recipe
from adaspec.estimate import Estimate
from adaspec.models import new_llama, parameters, train_tokenizer
from adaspec.recipe import NewModel
from adaspec.runs import EXAMPLES, Run, read_report
from adaspec.stories import stories

SHAPE = {"vocabulary": 512, "hidden": 64, "layers": 2, "heads": 2, "feed_forward": 96}


def grown(**changes: object) -> recipe.Recipe:
    overrides = [f"{path.replace('__', '.')}={value}" for path, value in changes.items()]
    return recipe.load("tiny-target", overrides)


@pytest.mark.parametrize("change", [{}, {"layers": 3}, {"hidden": 128}, {"feed_forward": 40}])
def test_parameters_are_the_models(change: dict[str, int]) -> None:
    shape = NewModel(**(SHAPE | change))
    texts = [row["question"] for row in stories(200, seed=5)]
    model = new_llama(shape, train_tokenizer(texts, shape.vocabulary), 0)
    ours = shape.model_copy(update={"vocabulary": model.config.vocab_size})
    assert least.parameters(ours) == parameters(model)


def test_what_is_not_certain_does_not_count() -> None:
    """A tokenizer may turn out smaller than it may be, and an answer ends when it ends."""
    bound = least.least(grown())
    assert least.least(grown(target__new__vocabulary=1_000_000)) == bound
    assert least.least(grown(evaluation__max_new_tokens=32_768)) == bound
    few = [{"question": "1+1", "answer": "2"}] * 4
    tokenizer = train_tokenizer([row["question"] for row in few], 1_000_000)
    assert len(tokenizer) >= least.BYTES


def test_what_was_measured_refuses_as_well() -> None:
    took = Estimate(seconds=1, disk=1, memory=10**15, device="CPU with 2 threads", source="")
    assert least.refusal(recipe.load("tiny"), took.model_copy(update={"memory": 10**6})) == ""
    assert "about 1000.0 TB of memory" in least.refusal(recipe.load("tiny"), took)


def test_it_is_below_what_the_example_took() -> None:
    bound = least.least(recipe.load("tiny"))
    took = estimate.known(recipe.load("tiny"))
    assert took is not None
    assert 0 < bound.seconds < took.seconds
    assert 0 < bound.disk < took.disk
    assert bound.memory < (took.memory or 10**12)
    assert read_report(Run(EXAMPLES["example"])).device == "CPU"


@pytest.mark.parametrize("name", recipe.names())
def test_every_bundled_recipe_might_be_done_here(name: str) -> None:
    assert least.refusal(recipe.load(name)) == ""


SIZES = {
    "target__new__layers": (1, 1000),
    "target__new__feed_forward": (8, 1_000_000),
    "data__train__stories": (1, 1_000_000),
    "stage0__epochs": (1, 10_000),
}


@given(data=st.data(), path=st.sampled_from(sorted(SIZES)))
def test_more_never_takes_less(data: st.DataObject, path: str) -> None:
    low, high = sorted(data.draw(st.integers(*SIZES[path])) for _ in range(2))
    less, more = (least.least(grown(**{path: size})) for size in (low, high))
    assert less.seconds <= more.seconds
    assert less.disk <= more.disk
    assert (less.memory or 0) <= (more.memory or 0)


@pytest.mark.parametrize(
    ("changes", "figure"),
    [
        ({"target__new__hidden": 65_536, "target__new__layers": 1000}, "TB of memory"),
        ({"target__new__feed_forward": 10**6, "target__new__layers": 1000}, "of memory"),
        ({"data__train__stories": 10**6, "stage0__epochs": 10_000, "stage0__batch": 1}, "of disk"),
        (
            {"data__train__stories": 10**6, "stage0__epochs": 10_000, "target__new__layers": 500},
            "years on this machine",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_figure(
    changes: dict[str, int], figure: str
) -> None:
    reason = least.refusal(grown(**changes))
    assert figure in reason
    assert "at least" in reason
