"""Pages on a run that trained nothing: no stock draft, no answers of a data set, no reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from streamlit.testing.v1 import AppTest

from adaspec import inspection, pipeline, recipe, runs
from adaspec.runs import Run
from tests.studio import ROOT, settle, studio

SETTINGS = [
    "evaluation.prompts=3",
    "evaluation.max_new_tokens=6",
    "evaluation.bootstrap=100",
    "evaluation.speculation={prompts: 2, timed: 1, gammas: [1], gamma: 2, max_new_tokens: 6}",
]


def inspected(small_models: Path, folder: Path, **more: Any) -> Run:
    (folder / "prompts.txt").write_text("Ada has 12 apples.\nBen eats 3\nHow many?\n")
    given = [f"one={small_models / 'stock'}", f"two={small_models / 'stock'}"]
    target = str(small_models / "target")
    content = inspection.content(target, given, prompts=folder / "prompts.txt", **more)
    for setting in SETTINGS:
        recipe.override(content, setting)
    return pipeline.execute(recipe.anchored(recipe.parse(content)))


@pytest.fixture(scope="module")
def home(small_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADASPEC_HOME", str(home))
        yield home


@pytest.fixture(scope="module")
def run(home: Path, small_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return inspected(small_models, tmp_path_factory.mktemp("prompts"))


def opened(page: str, run: Run, **link: str) -> AppTest:
    test = AppTest.from_file(ROOT / "app/main.py", default_timeout=60)
    test.switch_page(str(ROOT / f"pages/{page}.py"))
    for key, value in ({"run": run.id} | link).items():
        test.query_params[key] = value
    test.run()
    assert not test.exception
    return test


@pytest.fixture(scope="module")
def address(home: Path) -> Any:
    with studio(home) as address:
        yield address


@pytest.mark.parametrize("name", ["tokens", "replay", "compare"])
def test_the_browser_draws_it(name: str, run: Run, page: Page, address: str) -> None:
    """Whatever the view has no model for, nothing may stumble over."""
    page.goto(f"{address}/{name}?run={run.id}")
    settle(page)
    words = {"tokens": "KL, draft, nats", "replay": "target alone", "compare": "told apart"}
    expect(page.get_by_text(words[name]).first).to_be_visible()
    expect(page.get_by_test_id("stAlert")).to_have_count(0)


def said(page: AppTest) -> str:
    kinds = ("markdown", "text", "caption", "info", "warning", "error")
    return "\n".join(element.value for kind in kinds for element in getattr(page, kind)).replace(
        "\\", ""
    )


@pytest.mark.parametrize("page", ["tokens", "replay", "compare", "runs"])
def test_a_page_opens_and_complains_of_nothing(page: str, run: Run) -> None:
    shown = opened(page, run)
    assert not shown.error
    busy = "busy machine"  # where the run was measured, which is here
    assert not [warning for warning in shown.warning if busy not in warning.value]


def test_tokens_offer_what_there_is(run: Run) -> None:
    page = opened("tokens", run)
    offered = [(box.label, list(box.options)) for box in page.selectbox]
    assert ("Text", ["the target's own text"]) in offered
    assert ("Draft q", ["one", "two"]) in offered
    assert ("Order", ["hardest", "most disputed", "in their order"]) in offered


def test_the_run_names_the_drafts_it_was_given(run: Run) -> None:
    words = said(opened("runs", run))
    assert "none: nothing is distilled" in words
    assert "one, given: " in words


def test_acceptance_as_a_server_drafts_is_a_table_a_draft(run: Run) -> None:
    page = opened("runs", run)
    (table,) = (frame.value for frame in page.dataframe if "one" in frame.value.columns)
    assert table["one"].tolist() == ["temperature 1", "temperature 0.7, top-p 0.95", "greedy"]
    assert list(table.columns) == ["one", "exact sampling", "greedy drafting", "exact match"]


def test_filter_says_that_it_needs_a_reference(run: Run) -> None:
    (info,) = opened("filter", run).info
    assert info.value.startswith("This run has no reference, which ΔL is taken against")


def test_with_a_reference_filter_opens(home: Path, small_models: Path, tmp_path: Path) -> None:
    with_reference = inspected(small_models, tmp_path, reference=str(small_models / "stock"))
    page = opened("filter", with_reference)
    assert not page.info
    assert not page.error
    assert runs.read_state(with_reference).drafts == ["reference", "one", "two"]
