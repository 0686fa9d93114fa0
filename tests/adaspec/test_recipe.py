"""Recipes: validation in one line, the matrix, overrides, budgets, equal trainings."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaspec import ASSETS, AdaspecError, recipe, rows, runs
from adaspec.recipe import paths


def test_every_bundled_recipe_is_valid_and_survives_its_own_yaml(tmp_path) -> None:
    assert len([name for name in recipe.names() if name.startswith("paper/")]) == 20
    for name in recipe.names():
        loaded = recipe.load(name)
        (tmp_path / "copy.yaml").write_text(loaded.yaml())
        again = recipe.load(str(tmp_path / "copy.yaml"))
        assert again == loaded
        assert again.hash == loaded.hash


def test_a_part_of_a_matrix_is_named_by_some_of_its_values() -> None:
    whole = recipe.cells("paper")
    assert recipe.cells("paper/gsm8k") == [name for name in whole if "/gsm8k-" in name]
    assert recipe.cells("paper/pythia-optimal") == [
        name for name in whole if "-pythia-optimal" in name
    ]
    for nothing in ("paper/gsm8k-pythia-3epoch", "paper/nothing", "tiny", "tiny/x", "nothing"):
        assert recipe.cells(nothing) == []


def test_a_bundled_file_is_the_same_in_every_installation(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = recipe.load("english")
    assert str(loaded.data.train.file) == "assets:english/train.parquet"
    assert loaded.data.train.path == ASSETS / "english" / "train.parquet"
    assert len(rows.read(loaded.data.train, "data.train")) == 7000
    own = recipe.load("english", ["data.evaluation=own.jsonl"]).data.evaluation
    assert own.path == own.file == tmp_path / "own.jsonl"


def test_the_place_of_a_bundled_folder_is_a_folder_here() -> None:
    assert recipe.bundled_path("assets:tiny/target") == ASSETS / "tiny" / "target"


# The paper's table: batch, learning rate of Pythia and of CodeGen, optimal epochs of each.
PUBLISHED = {
    "gsm8k": (16, 3e-4, 3e-4, (6, 15, 30), (3, 30, 30)),
    "alpaca": (16, 3e-4, 3e-4, (1, 15, 30), (1, 20, 15)),
    "mbpp": (8, 1e-5, 1e-4, (1, 30, 6), (1, 10, 6)),
    "cnndm": (16, 1e-4, 1e-4, (1, 10, 10), (1, 10, 10)),
    "xsum": (16, 3e-4, 1e-4, (1, 10, 10), (1, 10, 10)),
}


@pytest.mark.parametrize("task", PUBLISHED)
@pytest.mark.parametrize("pair", [0, 1])
def test_the_matrix_is_the_published_table(task: str, pair: int) -> None:
    name = ("pythia", "codegen")[pair]
    batch, *rest = PUBLISHED[task]
    for regime, epochs in (("3epoch", (3, 3, 3)), ("optimal", rest[2 + pair])):
        paper = recipe.load(f"paper/{task}-{name}-{regime}")
        assert (paper.stage0.batch, paper.stage1.batch, paper.stage2.batch) == (batch,) * 3
        assert (paper.stage1.lr, paper.stage2.lr) == (rest[pair],) * 2
        assert (paper.stage0.epochs, paper.stage1.epochs, paper.stage2.epochs) == epochs
        assert paper.stage2.k == 0.4
        assert (paper.stage1.pool, paper.stage1.micro_batch) == ("micro_batch", 2)
        assert ("pythia" in paper.target.source[0]) == (name == "pythia")


def test_published_budget_is_batch_over_k_for_epochs_over_k() -> None:
    plan = {t.name: t for t in recipe.trainings(recipe.load("paper/gsm8k-pythia-3epoch"), 7473)}
    base, wide, adaspec = plan["distillspec"], plan["distillspec-data"], plan["adaspec"]
    assert (base.batch, wide.batch, adaspec.batch) == (16, 40, 40)
    assert base.steps == wide.steps == adaspec.steps == round(3 * 7473 / 16)
    assert adaspec.sequences == 2.5 * base.sequences  # 7.5 epochs
    assert (base.k, wide.k, adaspec.k) == (None, None, 0.4)
    assert adaspec.needs_reference
    assert not wide.needs_reference


def test_distillspec_at_the_references_budget_is_the_reference(content) -> None:
    def keys(**changes: Any) -> dict[str, str]:
        changed = copy.deepcopy(content)
        for path, value in changes.items():
            changed["stage2"][path] = value
        return {t.name: t.key for t in recipe.trainings(recipe.parse(changed), 30)}

    same = keys()
    assert same["distillspec"] == same["reference"]
    assert len(set(same.values())) == 3
    assert keys(lr=1e-3)["distillspec"] != same["reference"]
    assert keys(epochs=2)["distillspec"] != same["reference"]
    # What only a selector looks at does not make a training of all tokens another one.
    spelled = {"distillspec": {"selector": "all", "loss": "mean_selected", "pool": "micro_batch"}}
    assert keys(methods=spelled)["distillspec"] == same["reference"]
    assert keys(methods={"x": {"selector": "top_delta", "k": 1}})["x"] == same["reference"]
    assert keys(methods={"x": {"start": "reference"}})["x"] != same["reference"]


@given(k=st.integers(1, 100).map(lambda n: n / 100), rows=st.integers(1, 10_000))
def test_budgets_keep_the_number_of_steps(k: float, rows: int) -> None:
    content = {
        "name": "x",
        "target": "a/b",
        "draft": "a/c",
        "data": {"train": "t.jsonl", "evaluation": "e.jsonl", "prompt": "{q}", "response": "{a}"},
        "stage1": {"lr": 1},
        "stage2": {
            "lr": 1,
            "k": k,
            "methods": {
                "a": {"budget": "steps"},
                "b": {"budget": "data"},
                "c": {"selector": "top_delta", "budget": "published"},
            },
        },
    }
    plan = {t.name: t for t in recipe.trainings(recipe.parse(content), rows)}
    assert plan["a"].steps == plan["b"].steps == plan["c"].steps
    assert plan["b"].batch == plan["c"].batch == max(1, round(16 / k))


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["stage2.k=0"], "stage2.k: Input should be greater than or equal to 0.001"),
        (["stage2.k=1.5"], "stage2.k: Input should be less than or equal to 1"),
        (["stage2.k=nan"], "stage2.k"),
        (["stage2.epoch=3"], "stage2.epoch: no such key. Did you mean 'epochs'?"),
        (["stage2.methods.adaspec.objektive=x"], "no such key. Did you mean 'objective'?"),
        (["stage2.methods.adaspec.objective=kl"], "Input should be 'forward_kl'"),
        (["sede=1"], "sede: no such key. Did you mean 'seed'?"),
        (["data.evaluation={holdot: 0.1}"], "no such key. Did you mean 'holdout'?"),
        (["data.prompt=[a, b]", "data.prompt.3=c"], "data.prompt.3: the list has 2 items, from 0"),
        (["stage2.methods.stock={}"], "'stock' is taken"),
        (["stage2.methods.a/b={}"], "use at most 40 letters, digits"),
        (["data.train={}"], "give exactly one of `file`, `hub`, `stories`"),
        (["data.train=assets:../secret.jsonl"], "a bundled file lies inside the folder"),
        (["data.train=assets:/secret.jsonl"], "a bundled file lies inside the folder"),
        (["draft=null"], "stage1 distils a draft: give `draft`"),
        (["stage1=null"], "stage2 compares against the reference"),
        (["stage2.k"], "write FIELD=VALUE"),
        (["stage2.k=[1"], "stage2.k: Input should be a valid number"),
        (["data.max_length=0"], "data.max_length"),
        (["stage1.batch=2.5"], "stage1.batch"),
        (["stage1.lr=.inf"], "stage1.lr: Input should be a finite number"),
        (["data.prompt=[]"], "data.prompt: Tuple should have at least 1 item"),
        (["draft={source: target, layers: []}"], "draft.layers: Tuple should have at least 1 item"),
        (["gpus=0"], "gpus: Input should be greater than or equal to 1"),
        (["target={source: a/b, vocabulary: 8}"], "a target proposes nothing: trim a draft's"),
        (["draft={source: a/b, vocabulary: 0}"], "draft.vocabulary: Input should be greater"),
    ],
)
def test_bad_values_are_one_line_that_names_the_field(overrides, expected) -> None:
    with pytest.raises(AdaspecError) as raised:
        recipe.load("tiny", overrides)
    assert expected in str(raised.value)
    assert "\n" not in str(raised.value)


def test_overrides_reach_any_field() -> None:
    loaded = recipe.load(
        "tiny", ["stage2.methods.adaspec.k=0.2", "data.limit=7", "data.train=x.jsonl"]
    )
    assert loaded.stage2.methods["adaspec"].k == 0.2
    assert loaded.data.limit == 7
    assert loaded.data.train.file == Path("x.jsonl").absolute()
    templates = ["data.prompt={question}: ", "data.response={answer}", "data.train={stories: 9}"]
    loaded = recipe.load("tiny", templates)
    assert (loaded.data.prompt, loaded.data.response) == (("{question}: ",), "{answer}")
    assert loaded.data.train.stories == 9


def test_a_path_leads_into_lists_and_to_names_with_dots(tmp_path) -> None:
    lists = ["data.prompt=['{title}', '{question}']", "data.prompt.0={question}: "]
    assert recipe.load("tiny", lists).data.prompt == ("{question}: ", "{question}")
    dotted = ["stage2.methods={mine-0.2: {selector: random}}", "stage2.methods.mine-0.2.k=0.2"]
    assert recipe.load("tiny", dotted).stage2.methods["mine-0.2"].k == 0.2


PATHS = st.lists(st.sampled_from(["a", "b", "a.b", "0", "1", "x.0"]), min_size=1, max_size=4)


@given(PATHS.map(".".join), st.sampled_from([{}, {"a": [1, {}]}, {"a.b": {}}, {"a": 3, "b": {}}]))
def test_what_is_put_at_a_path_is_found_there(path: str, content: dict[str, Any]) -> None:
    content = copy.deepcopy(content)
    try:
        paths.put(content, path, "value")
    except AdaspecError:  # a list has no such place
        return
    assert paths.at(content, path) == "value"


def test_unknown_names_offer_the_nearest() -> None:
    with pytest.raises(AdaspecError, match="Did you mean 'tiny'"):
        recipe.load("tinny")
    with pytest.raises(AdaspecError, match="Did you mean 'paper/gsm8k-pythia-3epoch'"):
        recipe.load("paper/gsm8k-pythia-3epochs")
    with pytest.raises(AdaspecError, match=r"No recipe file nothing\.yaml"):
        recipe.load("nothing.yaml")


def test_a_broken_file_names_its_line(tmp_path) -> None:
    (tmp_path / "a.yaml").write_text("name: x\nseed: [1\n")
    with pytest.raises(AdaspecError, match=r"a\.yaml, line 3: not valid YAML"):
        recipe.load(str(tmp_path / "a.yaml"))
    (tmp_path / "b.yaml").write_text("- 1\n")
    with pytest.raises(AdaspecError, match="a recipe is a YAML mapping"):
        recipe.load(str(tmp_path / "b.yaml"))


def test_runs_from_before_stage_1_had_a_pool_keep_their_hash(content) -> None:
    """That of the bundled run was made then."""
    run = runs.find("example")
    assert runs.read_recipe(run).hash == runs.read_state(run).recipe_hash
    stage1 = content["stage1"]
    hashes = [
        recipe.parse(content | {"stage1": stage1 | pool}).hash
        for pool in ({}, {"pool": "batch"}, {"pool": "micro_batch"})
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_runs_from_before_vocabularies_were_trimmed_keep_their_hash(content) -> None:
    spec = {"source": content["draft"]}
    drafts = {"drafts": {"other": spec}}
    hashes = [
        recipe.parse(content | {"draft": spec | more} | given).hash
        for given in ({}, drafts)
        for more in ({}, {"vocabulary": None}, {"vocabulary": 8})
    ]
    assert hashes[0] == hashes[1] == recipe.parse(content).hash != hashes[2]
    assert hashes[3] == hashes[4] != hashes[5]
    assert len(set(hashes)) == 4
    trimmed = {"drafts": {"other": spec | {"vocabulary": 8}}}
    assert recipe.parse(content | trimmed).hash not in hashes


def test_a_vocabulary_is_counted_on_training_rows(content) -> None:
    data = {name: value for name, value in content["data"].items() if name != "train"}
    spec = {"source": "a/b", "vocabulary": 8}
    plain = {"target": "a/b", "drafts": {"small": spec}, "data": data, "name": "measured"}
    with pytest.raises(AdaspecError, match=r"drafts\.small\.vocabulary counts training rows"):
        recipe.parse(plain)


def test_the_name_is_for_display_only(content) -> None:
    other = recipe.parse(content | {"name": "other", "about": "words"})
    assert other.hash == recipe.parse(content).hash
    assert recipe.parse(content | {"seed": 5}).hash != other.hash


@pytest.mark.parametrize(
    ("steps", "count", "expected"),
    [(225, 3, (8, 25, 75)), (225, 2, (25, 75)), (5, 2, (1,)), (1, 4, ()), (9, 0, ())],
)
def test_snapshots_are_each_three_times_as_late(steps, count, expected) -> None:
    overrides = [f"evaluation.snapshots={count}", f"data.limit={16 * steps}"]
    overrides += ["stage1.epochs=1", "stage2.epochs=1"]
    plan = recipe.trainings(recipe.load("tiny", overrides), 16 * steps)
    assert {training.snapshots for training in plan} == {expected}
    assert (
        len({training.key for training in plan}) == len(plan) - 1
    )  # not part of what a training is
