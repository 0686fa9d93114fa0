"""One recipe made several: over k, over seeds, and what Ablation makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from adaspec import AdaspecError, recipe
from adaspec.analysis.methods import by_k
from adaspec.jobs import queue
from adaspec.recipe import Recipe, base_name, sweep, trainings
from tests.adaspec.test_cli import adaspec, one_line_error


def test_over_k_the_methods_differ_in_k_alone(mini: Recipe) -> None:
    (over,) = sweep(mini, [0.2, 0.6, 0.2])
    assert mini.stage2
    assert over.stage2
    assert list(over.stage2.methods) == [*mini.stage2.methods, "adaspec-k0.2", "adaspec-k0.6"]
    assert (over.seed, over.name) == (mini.seed, "mini over k")
    (series,) = by_k(trainings(over, 30))  # what Ablation and Filter draw against k
    assert [training.k for training in series.trainings] == [0.2, 0.6, None]


def test_over_seeds_nothing_else_changes(mini: Recipe) -> None:
    swept = sweep(mini, seeds=[0, 4])
    assert [each.seed for each in swept] == [0, 4]
    assert {each.family for each in swept} == {mini.family}
    assert [each.name for each in swept] == ["mini/seed0", "mini/seed4"]
    assert base_name(swept[1].name) == "mini"
    assert sweep(swept[1], seeds=[2])[0].name == "mini/seed2"


def test_over_both_every_seed_has_every_k(mini: Recipe) -> None:
    swept = sweep(mini, [0.3], [1, 2])
    assert len({each.family for each in swept}) == 1
    assert all(each.stage2 and "adaspec-k0.3" in each.stage2.methods for each in swept)


@pytest.mark.parametrize(("ratios", "seeds"), [([0.0], []), ([1.5], []), ([], [-1])])
def test_values_out_of_bounds_are_refused(mini: Recipe, ratios, seeds) -> None:
    with pytest.raises(AdaspecError):
        sweep(mini, ratios, seeds)


def test_without_a_method_that_selects_there_is_no_k(mini: Recipe) -> None:
    content = mini.model_dump(mode="json", exclude_unset=True)
    content["stage2"]["methods"] = {"distillspec": {}}
    with pytest.raises(AdaspecError, match="there is no k to vary"):
        sweep(recipe.parse(content), [0.2])


def test_from_a_terminal(home: Path) -> None:
    asked = ("sweep", "tiny", "--k", "0.2,0.7", "--seeds", "1,2")
    refused = adaspec(*asked, home=home)
    assert "give --yes" in refused.stderr
    assert queue.all_jobs() == []
    done = adaspec(*asked, "--yes", home=home)
    assert done.returncode == 0, done.stderr
    assert "2 jobs, one after the other: 0:" in done.stdout
    assert [job.name for job in queue.all_jobs()] == ["tiny over k/seed1", "tiny over k/seed2"]
    assert all(job.seconds for job in queue.all_jobs())
    assert "Nothing to sweep over" in one_line_error(adaspec("sweep", "tiny", home=home))
    assert "'x' is not a number" in one_line_error(adaspec("sweep", "tiny", "--k", "x", home=home))
