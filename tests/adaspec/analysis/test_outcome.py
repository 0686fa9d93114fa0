"""Two recipes: the fields that differ, and what became of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from adaspec import recipe, runs
from adaspec.analysis.outcome import outcome
from adaspec.recipe import differences
from adaspec.recipe.paths import ABSENT, at
from adaspec.runs import Run
from tests.adaspec.test_cli import adaspec


def changed(content: dict[str, Any], **stage2: Any) -> recipe.Recipe:
    return recipe.parse(content | {"stage2": content["stage2"] | stage2})


def test_only_what_differs_is_told_and_defaults_are_written_out(content: dict[str, Any]) -> None:
    first = recipe.parse(content)
    second = changed(content | {"name": "other", "about": "x", "seed": 7}, k=0.2)
    told = differences(first, second)
    assert [difference.path for difference in told] == ["seed", "stage2.k"]
    assert [(one, other) for _, one, other in told] == [(first.seed, 7), (first.stage2.k, 0.2)]
    assert differences(first, first) == []


def test_what_one_of_them_lacks_is_one_difference(content: dict[str, Any]) -> None:
    methods = content["stage2"]["methods"]
    fewer = {name: methods[name] for name in methods if name != "adaspec"}
    first, second = recipe.parse(content), changed(content, methods=fewer)
    (only,) = differences(first, second)
    assert (only.path, only.second) == ("stage2.methods.adaspec", ABSENT)
    assert only.first["selector"] == "top_delta"
    (back,) = differences(second, first)
    assert (back.first, back.second) == (ABSENT, only.first)


def test_every_path_leads_to_its_values(content: dict[str, Any]) -> None:
    first, second = recipe.load("tiny"), recipe.load("english")
    told = differences(first, second)
    assert len(told) > 5
    for difference in told:
        assert at(first.model_dump(mode="json"), difference.path) == difference.first
        assert at(second.model_dump(mode="json"), difference.path) == difference.second


@pytest.fixture
def pair(home: Path, finished_run: Run) -> tuple[Run, Run]:
    """The finished run twice, the second with another k in its recipe."""
    both = []
    for identity in ("01AAAAAAAAAAAAAAAAAAAAAAAA", "01BBBBBBBBBBBBBBBBBBBBBBBB"):
        run = Run(home / "runs" / identity)
        shutil.copytree(finished_run.path, run.path)
        both.append(run)
    second = both[1]
    chosen = runs.read_recipe(second)
    text = recipe.parse(chosen.model_dump(mode="json") | {"seed": 5}).yaml()
    second.recipe_file.write_text(text)
    return both[0], second


def test_what_became_of_it(pair: tuple[Run, Run]) -> None:
    content = outcome(*pair)
    assert [setting.field for setting in content.settings] == ["seed"]
    assert content.settings[0].second == "5"
    report = runs.read_report(pair[0])
    assert [draft.name for draft in content.drafts] == [draft.name for draft in report.drafts]
    for told, draft in zip(content.drafts, report.drafts, strict=True):
        assert (told.first, told.first_ci) == (draft.alpha.generated, draft.alpha.generated_ci)
        assert (told.second, told.second_ci) == (told.first, told.first_ci)
    assert content.compared
    assert "not told apart on the same prompts" in content.verdict  # they are copies


def test_runs_of_two_targets_say_why_there_is_no_verdict(home: Path) -> None:
    english, tiny = (Run(path) for path in runs.EXAMPLES.values())
    content = outcome(english, tiny)
    assert not content.compared
    assert "cannot be compared: their targets differ" in content.verdict
    assert content.drafts[0].name == "stock"


def test_a_run_without_a_report_still_has_a_recipe(pair: tuple[Run, Run]) -> None:
    pair[1].report_file.unlink()
    content = outcome(*pair)
    assert [setting.field for setting in content.settings] == ["seed"]
    assert (content.drafts, content.compared) == ([], False)
    assert "has no report yet" in content.verdict


def test_from_a_terminal(pair: tuple[Run, Run], home: Path) -> None:
    done = adaspec("differ", *(run.id for run in pair), home=home)
    assert done.returncode == 0, done.stderr
    assert "seed" in done.stdout
    assert "not told apart" in " ".join(done.stdout.split())
