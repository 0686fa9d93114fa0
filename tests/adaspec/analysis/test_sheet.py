"""A verdict's numbers are those of report and comparison, and every one of them has a mark."""

from __future__ import annotations

from pathlib import Path

import pytest

from adaspec import AdaspecError, replays, runs
from adaspec.analysis import seeds
from adaspec.analysis.comparison import compare
from adaspec.analysis.sheet import MARKS, Line, Sheet, sheet
from adaspec.recipe import load
from adaspec.runs import Run
from adaspec.views import sheet_view
from tests.adaspec.test_cli import adaspec, one_line_error
from tests.comparisons import EXAMPLE, change_json, change_table, copied

ENGLISH = Run(runs.EXAMPLES["english"])


@pytest.fixture(scope="module")
def judged() -> Sheet:
    return sheet(seeds.relatives(EXAMPLE), "adaspec")


def lines(content: Sheet) -> dict[str, Line]:
    return {line.what: line for section in content.sections.values() for line in section}


def test_its_numbers_are_the_reports_and_the_comparisons(judged: Sheet) -> None:
    said, report = lines(judged), runs.read_report(EXAMPLE)
    draft = report.draft("adaspec")
    assert said["exact acceptance of adaspec"].value == f"{draft.alpha.generated:.4f}"
    assert said["speed-up of adaspec"].value == f"{draft.speedup.measured:.2f} ×"
    budget = draft.budget
    assert (
        f"{budget.steps:,} steps, {budget.sequences:,} sequences"
        in said["adaspec: its own training"].value
    )
    compared = compare([EXAMPLE])
    assert judged.title == "adaspec against distillspec-data, tiny"  # the fair pair
    exact = next(
        each
        for each in compared.differences
        if (each.draft, each.measure) == ("adaspec", "alpha.generated")
    )
    assert exact.adjusted
    points = [f"{100 * each:+.2f}".replace("-", "−") for each in (exact.value, *exact.ci)]
    assert judged.claim[0] == (
        f"adaspec is behind distillspec-data: {points[0]} points of exact acceptance (95 % "
        f"interval {points[1]} to {points[2]}) over 1 seed and 200 held-out prompts."
    )
    assert (
        "As one of 3 comparisons with this baseline, by Holm: behind, p < 0.0001" in judged.claim[1]
    )
    assert judged.claim[2].startswith("Their budgets are fair: equal steps and sequences")
    assert "which of the two drafts is better, not which method" in judged.claim[3]
    bills = {each.name: each.compute for each in compared.drafts}
    assert bills["adaspec"]
    assert said["adaspec: in all"].value.startswith(f"{bills['adaspec'].flops / 1e9:.3g} GFLOP")


def test_every_number_has_a_mark_and_words(judged: Sheet) -> None:
    for line in lines(judged).values():
        assert line.mark in MARKS
        assert line.value
        assert line.how
    marks = {line.mark for line in lines(judged).values()}
    assert marks == set(MARKS)
    assert lines(judged)["adaspec: assumed"].mark == "assumed"


def test_what_runs_looked_like_is_checked_again(judged: Sheet) -> None:
    """The end of the curve is the mean over the texts that it was measured on."""
    said = lines(judged)
    curve = [step.alpha for step in runs.read_metrics(EXAMPLE)["adaspec"] if step.alpha]
    assert said["kept = trained, adaspec"].value == f"{curve[-1]:.4f} against {curve[-1]:.4f}"
    decided = sum(
        proposal.accepted is not None
        for number in replays.numbers(EXAMPLE, "adaspec")
        for played in replays.read(EXAMPLE, "adaspec", number).rounds
        for proposal in played.proposals
    )
    decisions = said["decisions of adaspec by the lossless rule"]
    assert decisions.value == f"{decided:,} of {decided:,}"
    assert said["null test"].value == "not done"  # the example is older
    english = lines(sheet(seeds.relatives(ENGLISH)))
    assert english["null test"].value == "passed"
    assert english["kept = trained, kl-from-reference"].mark == "assumed"  # validation rows


def test_a_check_that_fails_says_so(tmp_path: Path) -> None:
    run = copied(tmp_path / "01HAAAAAAAAAAAAAAAAAAAAAAS")
    change_table(run.tokens_file("adaspec"), "overlap", lambda values: [0.5 * v for v in values])
    path = run.replay("adaspec", 0)

    def other_u(trace: dict) -> dict:
        proposal = trace["rounds"][0]["proposals"][0]
        proposal["u"] = 0.0 if proposal["accepted"] is False else 1.0
        proposal["p"] = 0.1 if proposal["accepted"] else proposal["p"]
        proposal["q"] = 0.9 if proposal["accepted"] else proposal["q"]
        return trace

    change_json(path, other_u)
    said = lines(sheet(seeds.of([run]), "adaspec"))
    assert said["kept = trained, adaspec"].value.endswith(": FAILED")
    assert said["decisions of adaspec by the lossless rule"].value == "991 of 992: FAILED"
    assert said["tokens of adaspec below the floor"].value.endswith(": FAILED")


def test_the_page_holds_all_of_it_and_the_recipe_that_makes_it_again(
    judged: Sheet, tmp_path: Path
) -> None:
    command = ("verdict", "example", "--draft", "adaspec", "--to", str(tmp_path / "v.html"))
    done = adaspec(*command, home=tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "v.html").read_text("utf-8")
    assert page == sheet_view.standalone(judged)
    for line in lines(judged).values():
        assert f'<dd class="mark {line.mark}">{line.mark}</dd>' in page
    assert "https://" not in page.replace("https://arxiv", "")
    assert judged.commands["The runs again, from the recipe below"] == (
        "adaspec run recipe.yaml --set seed=0"
    )
    (tmp_path / "recipe.yaml").write_text(judged.recipe, encoding="utf-8")
    assert load(str(tmp_path / "recipe.yaml")).hash == runs.read_recipe(EXAMPLE).hash


def test_what_cannot_be_judged_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AdaspecError, match="adaspec is the baseline: name another --baseline"):
        sheet(seeds.relatives(EXAMPLE), "adaspec", "adaspec")
    with pytest.raises(AdaspecError, match="No draft 'nobody'"):
        sheet(seeds.relatives(EXAMPLE), "nobody")
    refused = adaspec("verdict", "example", "--to", "verdict.pdf", home=tmp_path)
    assert "--to takes a page's name, ending in .html" in one_line_error(refused)
