"""What a notebook is given: the same numbers and pages as the studio's, without Streamlit."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from playwright.sync_api import Browser, expect

import adaspec
from adaspec import AdaspecError, replays, runs, tokens
from adaspec.speculation.statistics import count
from tests import api_docs
from tests.studio import ROOT

RUN = adaspec.open("example")
FOLDER = runs.find("example")


def test_numbers_are_those_of_the_run():
    report = runs.read_report(FOLDER)
    assert RUN.drafts == list(RUN.report["draft"]) == [draft.name for draft in report.drafts]
    assert list(RUN.report["alpha"]) == [draft.alpha.generated for draft in report.drafts]
    assert list(RUN.report["steps"]) == [draft.budget.steps for draft in report.drafts]
    assert f"{report.draft('adaspec').alpha.generated:.4f}" in repr(RUN)
    assert len(RUN.examples()) == report.prompts


def test_a_text_is_the_token_tables_rows():
    text = RUN.tokens(133, draft="adaspec", metric="delta", k=0.25)
    rows = tokens.rows(FOLDER, "generated", 133, ["adaspec", "reference"])
    assert list(text.frame["kl@adaspec"]) == list(rows["kl@adaspec"])
    delta = rows["kl@adaspec"] - rows["kl@reference"]
    assert list(text.frame["delta@adaspec"]) == list(delta)
    example = RUN.examples().iloc[133]
    assert example["response"] in repr(text)
    assert f"{rows['kl@adaspec'].mean():.4f}" in repr(text)
    assert '"metric": "delta"' in text.html()
    assert '"k": 250' in text.html()


def test_a_replay_is_the_one_that_was_kept():
    replay = RUN.replay(3, draft="distillspec-data")
    trace = replays.read(FOLDER, "distillspec-data", 3)
    assert replay.trace == trace
    counted, kinds = count([trace]), replay.frame["kind"].value_counts()
    assert kinds["accepted"] == counted.accepted[0]
    assert kinds["rejected"] == counted.rejected[0] == kinds["residual"]
    assert kinds["accepted"] + kinds["rejected"] + kinds["untested"] == counted.drafted[0]
    came_out = replay.frame[replay.frame["kind"].isin(["accepted", "residual", "bonus"])]
    assert list(came_out["token"]) == trace.text
    assert list(replay.frame["round"].unique()) == list(range(1, len(trace.rounds) + 1))
    assert "passes of the target" in repr(replay)


def test_a_prompt_is_decoded_as_it_is_asked_for():
    settings = {"gamma": 2, "temperature": 0, "seed": 7, "max_new_tokens": 9}
    replay = RUN.decode("Tom has 3 apples.\n", draft="stock", **settings)
    assert replay.trace.draft == "stock"
    assert replay.trace.seed == 7
    assert replay.trace.decoding.gamma == 2
    assert replay.trace.decoding.greedy
    assert "your prompt" in replay.html()


def test_what_cannot_be_is_said_in_a_line():
    for ask, says in (
        (lambda: adaspec.open("nowhere"), "No run 'nowhere'"),
        (lambda: adaspec.compare(), "name at least one run"),
        (lambda: adaspec.compare("example", drafts=["x"]), "x"),
        (lambda: RUN.tokens(100_000), "0 to 199"),
        (lambda: RUN.tokens(0, metric="beta"), "choose one of kl, delta"),
        (lambda: RUN.tokens(0, k=40), "from 0 to 1"),
        (lambda: RUN.tokens(0, rival="x"), "No snapshot 'x'"),
        (lambda: RUN.replay(100), "there are 0 to"),
        (lambda: RUN.replay(0, draft="x"), "No replays of 'x'"),
    ):
        with pytest.raises(AdaspecError, match=says):
            ask()


def test_an_unfinished_run_is_shown_as_such(tmp_path: Path):
    (tmp_path / "run.json").write_bytes(FOLDER.state_file.read_bytes())
    run = adaspec.open(tmp_path)
    assert repr(run) == f"Run {tmp_path.name}, tiny: finished"
    assert f"Run {tmp_path.name}, tiny: finished" in run.html()


def test_pages_show_in_frames_that_ask_nobody(chromium: Browser, tmp_path: Path):
    text, replay = RUN.tokens(133), RUN.replay(0)
    compared = adaspec.compare(RUN, drafts=["adaspec"])
    shown = "".join(each._repr_html_() for each in (RUN, text, replay, compared))
    (tmp_path / "notebook.html").write_text(f'<meta charset="utf-8">{shown}', encoding="utf-8")
    tall = {"width": 1100, "height": 3300}  # out of sight, a frame is not drawn
    context = chromium.new_context(offline=True, viewport=tall)
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((tmp_path / "notebook.html").as_uri())
    rows, text_shown, played, charts = (
        page.frame_locator(f"iframe >> nth={number}").locator(selector)
        for number, selector in enumerate(
            ["tbody >> nth=0 >> tr", ".text", "[aria-label='Text so far']", ".figures svg.marks"]
        )
    )
    expect(rows).to_have_count(len(RUN.drafts))
    expect(text_shown).to_contain_text("Rosa", timeout=20_000)
    expect(played).to_contain_text("Leo", timeout=20_000)
    expect(charts).to_have_count(5, timeout=20_000)
    assert complaints == []
    context.close()
    text.save(tmp_path / "text.html")
    assert (tmp_path / "text.html").read_text(encoding="utf-8") == text.html()


def test_the_example_notebook_runs():
    notebook = nbformat.read(ROOT / "docs/notebook.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)  # they are megabytes
    loaded = "import sys; assert not {'torch', 'streamlit'} & set(sys.modules)"
    notebook.cells.append(nbformat.v4.new_code_cell(loaded))
    folder = {"metadata": {"path": str(ROOT / "docs")}}
    NotebookClient(notebook, timeout=120, resources=folder).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = {kind for cell in code for each in cell.outputs for kind in each.get("data", {})}
    assert shown == {"text/plain", "text/html"}


def test_the_page_of_the_api_is_fresh():
    assert api_docs.render() == api_docs.PAGE.read_text(encoding="utf-8"), "run make api"
