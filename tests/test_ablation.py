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

from adaspec import AdaspecError, ablation, pipeline, recipe, runs
from adaspec.runs import Run
from tests.test_cli import adaspec, one_line_error


@pytest.fixture(scope="module")
def seeds(mini, finished_run, tmp_path_factory) -> tuple[Path, list[Run]]:
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
def there(seeds, monkeypatch) -> list[Run]:
    home, found = seeds
    monkeypatch.setenv("ADASPEC_HOME", str(home))
    return found


def overlaps(run: Run, draft: str) -> tuple[np.ndarray, np.ndarray]:
    """(prompt, beta) of every token of the target's own text, read plainly."""
    contexts = pq.read_table(run.contexts_file).to_pandas()
    mine = (contexts["source"] == "generated").to_numpy()
    beta = pq.read_table(run.tokens_file(draft))["overlap"].to_numpy()
    return contexts["seq"].to_numpy()[mine], beta[mine]


def test_the_seeds_of_a_run_are_found(there: list[Run]) -> None:
    assert [(one.seed, one.run) for one in ablation.relatives(there[1])] == list(enumerate(there))
    assert ablation.of(there[::-1]) == ablation.relatives(there[0])
    alone = ablation.relatives(Run(runs.EXAMPLE))
    assert [one.seed for one in alone] == [0]


def test_the_summary_is_means_over_seeds_of_paired_differences(there: list[Run]) -> None:
    summary = ablation.summary(ablation.of(there))
    assert (summary["seeds"], summary["baselines"]) == ([0, 1], ["distillspec", "adaspec"])
    methods = {one["name"]: one for one in summary["methods"]}
    assert list(methods) == ["stock", "distillspec", "distillspec-data", "adaspec"]
    assert methods["distillspec"]["label"] == "distillspec = reference"
    assert methods["adaspec"]["made"] == "forward_kl · top_delta 0.4 · from stock"
    ours = methods["adaspec"]
    assert ours["alpha"]["by_seed"] == [
        pytest.approx(overlaps(run, "adaspec")[1].mean()) for run in there
    ]
    assert ours["alpha"]["mean"] == pytest.approx(np.mean(ours["alpha"]["by_seed"]))
    found = ours["difference"]["distillspec"]
    expected = [
        (overlaps(run, "adaspec")[1] - overlaps(run, "reference")[1]).mean() for run in there
    ]
    assert found["by_seed"] == pytest.approx(expected, abs=1e-6)
    assert found["value"] == pytest.approx(np.mean(expected), abs=1e-6)
    assert found["low"] <= found["value"] <= found["high"]
    assert "adaspec" not in ours["difference"]
    assert ours["total"]["steps"] == ours["steps"] + methods["distillspec"]["steps"]
    json.dumps(summary, allow_nan=False)


def test_two_way_intervals_hold_the_mean_about_as_often_as_they_say() -> None:
    """Six seeds and 30 prompts that both shift a difference: 95 %, from 88 to 99 in 200 trials."""
    generator = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        shift = generator.normal(0, 0.01, (6, 1)) + generator.normal(0, 0.01, (1, 30))
        counts = generator.integers(20, 40, (1, 30)).repeat(6, 0)
        values = 0.03 + shift + generator.normal(0, 0.01, (6, 30))
        low, high = ablation.two_way_bootstrap(values * counts, counts, 200, trial)
        held += low <= 0.03 <= high
    assert 0.88 <= held / 200 <= 0.99


def test_seeds_count_not_prompts_alone() -> None:
    """Where seeds differ by much, many prompts do not make the interval narrow."""
    sums = np.array([[1.0], [2.0], [3.0]]).repeat(500, 1)
    low, high = ablation.two_way_bootstrap(sums, np.ones_like(sums), 500)
    assert low < 1.4
    assert high > 2.6


def test_what_does_not_belong_together_is_refused(there: list[Run]) -> None:
    example = Run(runs.EXAMPLE)
    with pytest.raises(AdaspecError, match="differ in more than their seed"):
        ablation.of([there[0], example])
    with pytest.raises(AdaspecError, match="have the same seed"):
        ablation.of([there[0], there[0]])
    with pytest.raises(AdaspecError, match="No draft 'nobody': these runs have stock"):
        ablation.summary(ablation.of(there), ["nobody"])


def test_a_family_differs_in_nothing_but_the_seed(mini: recipe.Recipe) -> None:
    assert mini.family == mini.model_copy(update={"seed": 7, "name": "x"}).family
    assert mini.family != mini.model_copy(update={"checkpoint_every": 99}).family


def test_the_bundled_ablations_give_every_method_the_same(home) -> None:
    for stem, rows in (("ablation-tiny", 1200), ("ablation-smollm2", 120)):
        cells = recipe.cells(stem)
        assert len(cells) == 3
        loaded = [recipe.load(cell) for cell in cells]
        assert len({one.family for one in loaded}) == 1
        assert [one.seed for one in loaded] == [0, 1, 2]
        plan = [one for one in recipe.trainings(loaded[0], rows) if one.name != "reference"]
        assert len({(one.steps, one.sequences) for one in plan}) == 1


def test_the_command_prints_and_refuses(seeds) -> None:
    home, (first, _) = seeds
    done = adaspec("ablation", first.path.name, "--against", "distillspec-data", home=home)
    assert done.returncode == 0, done.stderr
    assert "distillspec-data, 95 %" in done.stdout
    assert "seeds 0, 1" in done.stdout
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
        "matrix": {"axes": [{"seed0": {"seed": 0}, "seed1": {"seed": 1}}], "cells": {}},
    }
    small.pop("name")
    (folder / f"{stem}.yaml").write_text(json.dumps(small))
    script = (
        "import sys; from pathlib import Path; from adaspec import recipe; "
        f"recipe.RECIPES = Path({str(folder)!r}); "
        "from adaspec.cli import main; sys.argv[0] = 'adaspec'; main()"
    )
    command = [sys.executable, "-c", script, "run", stem]
    environment = os.environ | {"ADASPEC_HOME": str(tmp_path / "home"), "COLUMNS": "120"}
    quiet = {"capture_output": True, "text": True, "env": environment, "check": False}
    done = subprocess.run(command, **quiet)
    assert done.returncode == 0, done.stderr
    assert "seeds 0, 1" in done.stdout
    refused = subprocess.run([*command, "--run-dir", str(tmp_path / "x")], **quiet)
    assert refused.returncode == 2
    assert "is 2 recipes" in refused.stderr
