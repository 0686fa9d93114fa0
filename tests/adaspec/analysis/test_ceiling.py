"""A ceiling is taken only from a run that was measured alike, and stands in figures and words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adaspec import AdaspecError, figures, runs
from adaspec.analysis import ablation, ceiling, seeds
from adaspec.analysis.comparison import compare
from adaspec.figures import over_k
from adaspec.runs import CEILING, Ceiling, Run
from tests.adaspec.test_cli import adaspec, one_line_error
from tests.comparisons import EXAMPLE, change_json, change_table, copied, hash_changed

OWN, LONG = "01HAAAAAAAAAAAAAAAAAAAAAAW", "01HAAAAAAAAAAAAAAAAAAAAAAX"


@pytest.fixture
def own(tmp_path: Path) -> Run:
    return copied(tmp_path / "runs" / OWN)


@pytest.fixture
def long(tmp_path: Path) -> Run:
    """Trained on other rows, and better."""
    run = copied(tmp_path / "runs" / LONG, name="long")
    hash_changed(run, "data")

    def better(report: dict) -> dict:
        (draft,) = [row for row in report["drafts"] if row["name"] == "adaspec"]
        draft["alpha"] |= {"generated": 0.8, "generated_ci": [0.79, 0.81]}
        return report

    change_json(run.report_file, better)
    return run


def test_it_is_the_best_draft_of_a_run_that_was_measured_alike(own: Run, long: Run) -> None:
    found = ceiling.found(own, long)
    report = runs.read_report(long)
    assert found == Ceiling(
        run=LONG,
        name="long",
        draft="adaspec",
        alpha=0.8,
        alpha_ci=(0.79, 0.81),
        sequences=sum(report.draft(name).budget.sequences for name in ("adaspec", "reference")),
    )
    named = ceiling.found(own, long, "distillspec-data")
    assert named.alpha == report.draft("distillspec-data").alpha.generated
    assert named.sequences == report.draft("distillspec-data").budget.sequences


def test_another_target_size_or_measurement_is_no_ceiling(own: Run, long: Run) -> None:
    change_table(long.examples_file, "prompt", lambda texts: [f"{text}!" for text in texts])
    with pytest.raises(AdaspecError, match="their held-out prompts differ"):
        ceiling.found(own, long)
    state = runs.read_state(long)
    assert state.facts
    larger = state.facts.model_copy(update={"draft_parameters": 9})
    runs.write_state(long, state.model_copy(update={"facts": larger}))
    with pytest.raises(AdaspecError, match="their drafts are not of one size"):
        ceiling.found(own, long)
    hash_changed(long, "target")
    with pytest.raises(AdaspecError, match="their targets differ"):
        ceiling.found(own, long)


def test_it_is_a_line_in_the_figures_and_a_sentence(own: Run, long: Run) -> None:
    plain = compare([own])
    assert (plain.ceiling, len(plain.verdicts)) == (None, 3)
    ceiling.put(own, ceiling.found(own, long))
    compared = compare([own])
    assert compared.ceiling
    assert compared.verdicts[:-1] == plain.verdicts
    best = runs.read_report(own).draft("distillspec-data").alpha.generated
    assert compared.verdicts[-1].endswith(
        f"adaspec of long, run {LONG}. distillspec-data is {100 * (0.8 - best):.2f} points below."
    )
    summary = ablation.summary(seeds.of([own]))
    series = {"all": [{"name": "a", "k": 0.4, "generated": 0.5, "generated_ci": (0.4, 0.6)}]}
    drawn = {
        "compute": figures.of_comparison(compared)["acceptance-against-compute"],
        **figures.of_ablation(summary),
        "k": over_k(series, 9, compared.ceiling),
    }
    for name in ("compute", "acceptance-against-cost", "acceptance-against-compute", "k"):
        text = json.dumps(figures.specification(drawn[name]))
        assert "ceiling for this size 0.8000" in text, name
    text = json.dumps(
        figures.specification(figures.of_comparison(plain)["acceptance-against-compute"])
    )
    assert "ceiling" not in text
    assert compared.ceiling.room("b", 0.9).endswith("b is 10.00 points above: that was no ceiling.")


def test_it_is_set_shown_and_taken_away_by_a_command(own: Run, long: Run, tmp_path: Path) -> None:
    def said(*words: str) -> str:
        done = adaspec(*words, home=tmp_path)
        assert done.returncode == 0, done.stderr
        return " ".join(done.stdout.split())

    assert said("ceiling", OWN) == "no ceiling"
    assert said("ceiling", OWN, "--of", LONG).startswith("A draft of this size reached 0.8000")
    assert CEILING.read(own.ceiling_file) == ceiling.found(own, long)
    assert "points below" in said("report", OWN)
    assert json.loads(said("compare", OWN, "--json"))["ceiling"]["draft"] == "adaspec"
    refused = adaspec("ceiling", OWN, "--of", "english", home=tmp_path)
    assert "their targets differ" in one_line_error(refused)
    assert own.ceiling_file.is_file()
    assert said("ceiling", OWN, "--of", "") == "no ceiling"
    assert not own.ceiling_file.exists()
    refused = adaspec("ceiling", "example", "--of", "example", home=tmp_path)
    assert "A bundled example takes no ceiling" in one_line_error(refused)


def test_a_damaged_one_is_named(own: Run) -> None:
    own.ceiling_file.write_text('{"version": 1}')
    with pytest.raises(AdaspecError, match=r"ceiling.json is damaged .*set it by adaspec ceiling"):
        compare([own])
    assert EXAMPLE.ceiling_file.exists() is False
