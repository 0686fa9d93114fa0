"""Methods over seeds: real runs of three seeds, and intervals that hold what they say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from adaspec import AdaspecError, pipeline, recipe, runs
from adaspec.analysis import ablation, comparison, seeds
from adaspec.analysis.drafts import entries, find
from adaspec.analysis.results import ABLATION, Fairness
from adaspec.runs import Run
from tests.adaspec.test_cli import adaspec, one_line_error
from tests.adaspec.test_resampling import plainly
from tests.comparisons import ABLATION_2, fields


@pytest.fixture(scope="module")
def two_seeds(mini, finished_run, tmp_path_factory) -> tuple[Path, list[Run]]:
    """A home with seeds 0 and 1 of one recipe, and a run of another recipe."""
    home = tmp_path_factory.mktemp("seeds")
    patch = pytest.MonkeyPatch()
    patch.setenv("ADASPEC_HOME", str(home))
    first = Run(home / "runs" / finished_run.path.name)
    shutil.copytree(finished_run.path, first.path)
    second = pipeline.execute(mini.model_copy(update={"seed": 1}))
    patch.undo()
    return home, [first, second]


@pytest.fixture
def there(two_seeds, monkeypatch) -> list[Run]:
    home, found = two_seeds
    monkeypatch.setenv("ADASPEC_HOME", str(home))
    return found


def overlaps(run: Run, draft: str) -> tuple[np.ndarray, np.ndarray]:
    """(prompt, beta) of every token of the target's own text, read plainly."""
    contexts = pq.read_table(run.contexts_file).to_pandas()
    mine = (contexts["source"] == "generated").to_numpy()
    beta = pq.read_table(run.tokens_file(draft))["overlap"].to_numpy()
    return contexts["seq"].to_numpy()[mine], beta[mine]


def test_the_seeds_of_a_run_are_found(there: list[Run]) -> None:
    assert [(one.seed, one.run) for one in seeds.relatives(there[1])] == list(enumerate(there))
    assert seeds.of(there[::-1]) == seeds.relatives(there[0])
    alone = seeds.relatives(Run(runs.EXAMPLES["example"]))
    assert [one.seed for one in alone] == [0]


def test_the_summary_is_means_over_seeds_of_paired_differences(there: list[Run]) -> None:
    summary = ablation.summary(seeds.of(there))
    assert (summary.seeds, summary.baselines) == ([0, 1], ["distillspec", "adaspec"])
    methods = {one.name: one for one in summary.methods}
    assert list(methods) == ["stock", "distillspec", "distillspec-data", "adaspec"]
    assert methods["distillspec"].label == "distillspec = reference"
    assert methods["adaspec"].made == "forward_kl · top_delta 0.4 · from stock"
    ours = methods["adaspec"]
    assert ours.alpha.by_seed == [
        pytest.approx(overlaps(run, "adaspec")[1].mean()) for run in there
    ]
    assert ours.alpha.mean == pytest.approx(np.mean(ours.alpha.by_seed))
    found = ours.difference["distillspec"]
    expected = [
        (overlaps(run, "adaspec")[1] - overlaps(run, "reference")[1]).mean() for run in there
    ]
    assert found.by_seed == pytest.approx(expected, abs=1e-6)
    assert found.value == pytest.approx(np.mean(expected), abs=1e-6)
    assert found.low <= found.value <= found.high
    assert "adaspec" not in ours.difference
    assert ours.total.steps == ours.steps + methods["distillspec"].steps
    assert ours.block_efficiency == pytest.approx(
        np.mean([runs.read_report(run).draft("adaspec").block_efficiency for run in there])
    )


def test_the_fields_of_its_json_stay() -> None:
    """Another field, or one less, is a new version."""
    content = json.loads(ABLATION.dump(ablation.summary(seeds.of([Run(runs.EXAMPLES["example"])]))))
    assert fields(content) == fields(json.loads(ABLATION_2.read_bytes()))


def test_a_seed_without_a_block_efficiency_leaves_none() -> None:
    """Where nothing was decoded; a mean of the others would hide it, and NaN is no JSON."""
    assert ablation.mean([2.0, 3.0]) == 2.5
    assert ablation.mean([2.0, None]) is None


def test_a_methods_interval_is_over_seeds_and_prompts(there: list[Run]) -> None:
    """Of alpha itself; ends to 15 % of the width: 1000 resamples each."""
    recipe = runs.read_recipe(there[0])
    often = recipe.evaluation.model_copy(update={"bootstrap": 1000})
    drafts = [find(entries([run]), "adaspec") for run in there]
    found = ablation.interval(drafts, recipe.model_copy(update={"evaluation": often}))
    read = [overlaps(run, "adaspec") for run in there]
    sums, counts = (
        np.array([np.bincount(seq, weights) for seq, weights in pairs])
        for pairs in (read, [(seq, np.ones_like(beta)) for seq, beta in read])
    )
    expected = plainly(sums, counts, 1000)
    assert found == pytest.approx(expected, abs=0.15 * (expected[1] - expected[0]))


@pytest.mark.parametrize("draft", ["adaspec", "distillspec-data", "stock"])
def test_of_one_seed_report_comparison_and_ablation_say_the_same(draft: str) -> None:
    """They used to draw by other seeds, and another number of times."""
    example = Run(runs.EXAMPLES["example"])
    methods = {one.name: one for one in ablation.summary(seeds.of([example])).methods}
    reported = runs.read_report(example).draft(draft).alpha
    assert methods[draft].alpha.ci == pytest.approx(reported.generated_ci, abs=1e-12)
    for baseline in {"distillspec", "adaspec"} - {draft}:
        found = methods[draft].difference[baseline]
        compared = comparison.compare([example], [draft, baseline], baseline).differences
        exact = next(one for one in compared if one.draft == draft)
        assert exact.measure == "alpha.generated"
        assert (found.value, found.low, found.high) == (exact.value, *exact.ci)
        assert found.verdict == exact.verdict


def test_differences_say_their_verdict_and_whether_they_are_fair(there: list[Run]) -> None:
    methods = {one.name: one for one in ablation.summary(seeds.of(there)).methods}
    for one in methods.values():
        for found in one.difference.values():
            sign = np.sign(found.low) if found.low * found.high > 0 else 0
            assert found.verdict == {1: "ahead", -1: "behind", 0: "not told apart"}[sign]
    fair = {name: one.difference["adaspec"].budget for name, one in methods.items()
            if name != "adaspec"}  # fmt: skip
    assert fair["distillspec-data"] == Fairness(fair=True, says="equal steps and sequences")
    assert not fair["distillspec"].fair
    assert fair["stock"].says == "stock was not trained"


def test_the_command_for_more_seeds(there: list[Run], tmp_path) -> None:
    found = seeds.of(there)
    assert seeds.more_seeds(found) == f"adaspec run {there[0].recipe_file} --set seed=2"
    assert seeds.more_seeds(found[1:]) == f"adaspec run {there[1].recipe_file} --set seed=0"
    bundled = Run(tmp_path / "bundled")
    shutil.copytree(there[0].path, bundled.path)
    for part in ("ablation-tiny", "conditions-tiny/long"):
        cell = recipe.cells(part)[1]
        bundled.recipe_file.write_text(recipe.load(cell).yaml(), encoding="utf-8")
        assert seeds.more_seeds([seeds.SeedRun(1, bundled)]) == f"adaspec run {part}"
    changed = recipe.load(cell, ["stage2.k=0.3"])
    bundled.recipe_file.write_text(changed.yaml(), encoding="utf-8")
    assert seeds.more_seeds([seeds.SeedRun(1, bundled)]).endswith("--set seed=0")


def test_the_table_has_every_number_in_a_column(there: list[Run]) -> None:
    summary = ablation.summary(seeds.of(there[1:]))
    frame = ablation.frame(summary).set_index("name")
    ours = next(one for one in summary.methods if one.name == "adaspec")
    row = frame.loc["adaspec"]
    assert row["alpha.by_seed.seed1"] == ours.alpha.by_seed[0]
    assert (row["alpha.ci.low"], row["alpha.ci.high"]) == ours.alpha.ci
    assert row["difference.distillspec.verdict"] == ours.difference["distillspec"].verdict
    assert row["total.sequences"] == ours.total.sequences
    assert row["needs"] == "reference"


def test_what_does_not_belong_together_is_refused(there: list[Run]) -> None:
    example = Run(runs.EXAMPLES["example"])
    with pytest.raises(AdaspecError, match="differ in more than their seed"):
        seeds.of([there[0], example])
    with pytest.raises(AdaspecError, match="have the same seed"):
        seeds.of([there[0], there[0]])
    with pytest.raises(AdaspecError, match="No draft 'nobody': these runs have stock"):
        ablation.summary(seeds.of(there), ["nobody"])


def test_seeds_that_hold_out_other_rows_are_not_paired(there: list[Run], tmp_path) -> None:
    other = Run(tmp_path / "other")
    shutil.copytree(there[1].path, other.path)
    state = runs.read_state(other)
    runs.write_state(other, state.model_copy(update={"hashes": state.hashes | {"data": "x"}}))
    with pytest.raises(AdaspecError, match="made from different rows"):
        ablation.summary(seeds.of([there[0], other]))


def test_a_family_differs_in_nothing_but_the_seed(mini: recipe.Recipe) -> None:
    assert mini.family == mini.model_copy(update={"seed": 7, "name": "x"}).family
    assert mini.family != mini.model_copy(update={"checkpoint_every": 99}).family


def test_the_bundled_ablations_give_every_method_the_same(home) -> None:
    conditions = ("short", "long", "longest", "half", "raw", "twice", "cut", "micro")
    stems = [("ablation-tiny", 1200), ("methods-tiny", 1200)]
    stems += [("ablation-smollm2/brief", 120), ("ablation-smollm2/longer", 120)]
    stems += [("ablation-smollm2/wide", 360)]
    stems += [(f"conditions-tiny/{condition}", 1200) for condition in conditions]
    stems += [("methods-tiny", 1200), ("findings-gpu", 7473)]
    stems += [("findings-english/rows", 960), ("findings-english/own", 960)]
    for stem, rows in stems:
        cells = recipe.cells(stem)
        assert len(cells) == (5 if "english" in stem else 3)
        loaded = [recipe.load(cell) for cell in cells]
        assert len({one.family for one in loaded}) == 1
        assert [one.seed for one in loaded] == [*range(len(cells))]
        plan = [one for one in recipe.trainings(loaded[0], rows) if one.name != "reference"]
        assert len({(one.steps, one.sequences) for one in plan}) == 1


def test_the_command_prints_and_refuses(two_seeds) -> None:
    home, (first, _) = two_seeds
    done = adaspec("ablation", first.path.name, "--against", "distillspec-data", home=home)
    assert done.returncode == 0, done.stderr
    assert "− distillspec-data" in done.stdout
    assert "seeds 0, 1" in done.stdout
    assert "A bootstrap of few seeds is too narrow" in done.stdout
    as_json = json.loads(adaspec("ablation", first.path.name, "--json", home=home).stdout)
    assert as_json["seeds"] == [0, 1]
    one_line_error(adaspec("ablation", "nothing", home=home))
    one_line_error(adaspec("ablation", first.path.name, "--against", "x", home=home))


def test_a_matrix_is_run_whole(tmp_path, content) -> None:
    """`adaspec run NAME` of a bundled matrix; here one of mini's seeds, in a process."""
    stem = "mini-seeds"
    folder = tmp_path / "recipes"
    folder.mkdir()
    small = content | {
        "stage2": content["stage2"] | {"methods": {"adaspec": {"selector": "top_delta"}}},
        "matrix": {
            "axes": [
                {"one": {}, "two": {"stage2": {"lr": 1e-4}}},
                {"seed0": {"seed": 0}, "seed1": {"seed": 1}},
            ],
            "cells": {},
        },
    }
    small.pop("name")
    (folder / f"{stem}.yaml").write_text(json.dumps(small))
    script = (
        "import sys; from pathlib import Path; from adaspec.recipe import loading; "
        f"loading.RECIPES = Path({str(folder)!r}); "
        "from adaspec.cli import main; sys.argv[0] = 'adaspec'; main()"
    )
    command = [sys.executable, "-c", script, "run", stem]
    environment = os.environ | {"ADASPEC_HOME": str(tmp_path / "home"), "COLUMNS": "120"}
    quiet = {"capture_output": True, "text": True, "env": environment, "check": False}
    done = subprocess.run(command, **quiet)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("seeds 0, 1") == 2  # one ablation a condition
    for condition in ("one", "two"):
        assert f"{stem}/{condition}-seed0 and its other seeds" in done.stdout
    refused = subprocess.run([*command, "--run-dir", str(tmp_path / "x")], **quiet)
    assert refused.returncode == 2
    assert "is 4 recipes" in refused.stderr
