"""The Runs page on real run folders, whole and broken, without a browser."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from adaspec import cli, pipeline, recipe, runs
from adaspec.runs import Run
from app import charts, start, theme, words

ROOT = Path(__file__).resolve().parent.parent
OLD, NEW = "01AAAAAAAAAAAAAAAAAAAAAAAA", "01BBBBBBBBBBBBBBBBBBBBBBBB"


@pytest.fixture(autouse=True)
def no_example(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runs, "EXAMPLE", tmp_path / "example")


@pytest.fixture
def put(home: Path, finished_run: Run):
    """Puts a copy of the finished run into the home, with other values in its run.json."""

    def copy(identity: str = OLD, **changes: Any) -> Run:
        run = Run(home / "runs" / identity)
        shutil.copytree(finished_run.path, run.path)
        state = json.loads(run.state_file.read_text()) | {"id": identity} | changes
        run.state_file.write_text(json.dumps(state))
        return run

    return copy


def opened(**link: str) -> AppTest:
    page = AppTest.from_file(ROOT / "app/main.py", default_timeout=30)
    for key, value in link.items():
        page.query_params[key] = value
    return sound(page.run())


def sound(page: AppTest) -> AppTest:
    assert not page.exception
    return page


def words_on(page: AppTest) -> str:
    kinds = ("title", "subheader", "markdown", "text", "caption", "info", "warning", "error")
    shown = [element.value for kind in kinds for element in getattr(page, kind)]
    return "\n".join(shown).replace("\\", "")


def table(page: AppTest) -> Any:
    return next(one.value for one in page.dataframe if "generated" in one.value.columns)


def plot(page: AppTest, number: int) -> Any:
    return json.loads(page.get("plotly_chart")[number].proto.spec)


def test_empty_home_says_how_to_begin(home: Path):
    page = opened()
    assert "No runs yet" in page.info[0].value
    assert not home.exists()  # looking writes nothing


def test_finished_run_shows_every_draft_with_its_cost(put):
    run = put()
    page = opened()
    report = runs.read_report(run)
    shown = table(page)
    assert page.query_params["run"] == OLD
    assert "finished" in words_on(page)
    best = max(report["drafts"], key=lambda draft: draft["alpha"]["generated"])
    assert f"Highest acceptance: **{best['name']}**" in words_on(page)
    assert [name.lstrip("★ ") for name in shown["draft"]] == [
        "stock",
        "reference",
        "distillspec = reference",
        "distillspec-data",
        "adaspec",
    ]
    assert sum("★" in name for name in shown["draft"]) == 1
    for row, draft in zip(shown.to_dict("records"), report["drafts"], strict=True):
        assert row["generated"] == draft["alpha"]["generated"]
        assert row["sequences"] == draft["budget"]["sequences"]
    assert shown["needs"].tolist()[-1] == "reference"


def test_unequal_budgets_are_said(put):
    run = put()
    said = words_on(opened())
    assert "Budgets differ" in said
    assert "sequences for distillspec-data and adaspec" in said
    report = runs.read_report(run)
    for draft in report["drafts"][1:]:
        draft["budget"] = report["drafts"][1]["budget"]
    run.report_file.write_text(json.dumps(report))
    assert "Budgets differ" not in words_on(opened())


def test_overlapping_intervals_are_said_to_overlap(put):
    run = put()
    report = runs.read_report(run)
    for draft, low in zip(report["drafts"], (0.1, 0.5, 0.5, 0.51, 0.2), strict=True):
        draft["alpha"] |= {"generated": low + 0.01, "generated_ci": [low, low + 0.02]}
    run.report_file.write_text(json.dumps(report))
    said = words_on(opened())
    assert "Highest acceptance: **distillspec-data**" in said
    assert "interval overlaps that of reference and distillspec: only a paired" in said


def test_curves_by_steps_or_by_sequences(put):
    state = runs.read_state(put())
    by_steps = plot(opened(), 0)["data"]
    by_sequences = plot(opened(axis="sequences"), 0)["data"]
    assert [trace["name"] for trace in by_steps] == [
        "reference = distillspec",
        "distillspec-data",
        "adaspec",
    ]
    stage = next(stage for stage in state.plan if stage.name == "adaspec")
    assert max(by_steps[2]["x"]) == stage.steps
    assert max(by_sequences[2]["x"]) == stage.work
    assert by_steps[2]["y"] == by_sequences[2]["y"]


def test_a_click_opens_a_run_and_the_link_says_which(put):
    put(OLD)
    put(NEW, name="newer")
    page = opened()
    assert page.query_params["run"] == NEW
    assert "newer" in page.subheader[0].value
    sound(page.button(key=f"open-{OLD}").click().run())
    assert page.query_params["run"] == OLD
    assert page.subheader[0].value == "mini"
    assert opened(run=OLD).subheader[0].value == "mini"


@pytest.mark.parametrize("wrong", ["01NOTHERE", "/etc", "../../", "<b>x</b>"])
def test_wrong_link_is_said_once_and_the_newest_is_shown(put, wrong: str):
    put(OLD)
    put(NEW, name="newer")
    page = opened(run=wrong)
    assert len(page.warning) == 1
    assert "There is no run" in page.warning[0].value
    assert page.subheader[0].value == "newer"


def test_a_link_opens_no_folder_outside_the_home(put, finished_run: Run):
    put()
    assert opened(run=str(finished_run.path)).warning


def test_interrupted_run_shows_a_command_that_goes_on(put):
    run = put(state="running", stage="adaspec")
    run.report_file.unlink()
    page = opened()
    assert "interrupted" in words_on(page)
    assert page.metric[0].value == "adaspec"
    assert not page.dataframe[0].value.empty  # the plan; there is no result yet
    arguments = shlex.split(page.code[0].value)
    assert arguments[0] == "adaspec"
    cli.app(arguments[1:], standalone_mode=False)
    assert runs.read_state(run).state == "finished"
    assert "Highest acceptance" in words_on(opened())


def test_failed_run_shows_its_error_as_plain_words(put):
    run = put(state="failed", error="No *space* left :red[x] <script>alert(1)</script>")
    run.report_file.unlink()
    page = opened()
    assert "failed" in words_on(page)
    assert page.error[0].value.replace("\\", "") == runs.read_state(run).error
    for mark in ("*space*", ":red[", "<script>"):
        assert mark not in page.error[0].value


def test_hostile_name_is_only_a_name(put):
    put(name="<img src=x onerror=alert(1)> ![](http://x/y.png) **b** :red[c] $x^2$")
    page = opened()
    for text in (page.subheader[0].value, page.button(key=f"open-{OLD}").label):
        assert re.findall(r"(?<!\\)[<\[:$]", text) == []


@pytest.mark.parametrize("torn", [b'{"stage": "ada', b"\x00\xff\n", b"[1, 2]\n", b"null"])
def test_torn_metrics_are_passed_over(put, torn: bytes):
    run = put()
    whole = plot(opened(), 0)["data"]
    with run.metrics_file.open("ab") as file:
        file.write(torn)
    assert plot(opened(), 0)["data"] == whole


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"id": "x"}'])
def test_unreadable_run_is_listed_and_harms_no_other(put, damage: str):
    put(OLD)
    put(NEW).state_file.write_text(damage)
    page = opened()
    assert "unreadable" in words_on(page)
    assert "cannot be read" in page.error[0].value
    assert "Highest acceptance" in words_on(opened(run=OLD))


def test_missing_files_leave_gaps_and_no_traceback(put):
    run = put()
    for file in (run.metrics_file, run.log_file, run.recipe_file):
        file.unlink()
    run.report_file.write_text("{")
    assert "Nothing is logged yet." in words_on(opened())


def test_run_deleted_while_it_is_watched(put):
    put(OLD)
    put(NEW)
    page = opened(run=NEW)
    shutil.rmtree(runs.runs_folder() / NEW)
    sound(page.run())
    assert NEW in page.warning[0].value
    shutil.rmtree(runs.runs_folder() / OLD)
    assert "No runs yet" in sound(page.run()).info[0].value


def test_run_without_a_draft(home: Path, content: dict[str, Any]):
    kept = {key: content[key] for key in ("name", "target", "data", "evaluation")}
    only_target = recipe.parse(kept | {"stage0": {"batch": 10, "epochs": 1, "lr": 1e-3}})
    pipeline.execute(only_target)
    page = opened()
    assert "none: this recipe trains a target only" in words_on(page)
    held_out = plot(page, 0)["data"][1]
    assert held_out["name"] == "held-out"
    assert len(held_out["y"]) > 1


def test_log_search(put):
    put()
    page = opened()
    sound(page.text_input(key="log-search").input("ADASPEC begins").run())
    assert page.code[0].value.endswith("INFO adaspec begins")
    assert "\n" not in page.code[0].value
    sound(page.text_input(key="log-search").input("nothing like this").run())
    assert "No line has that." in words_on(page)


def test_example_is_marked_and_has_a_link_of_its_own(
    put, finished_run: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(runs, "EXAMPLE", finished_run.path)
    put("example", name="impostor")  # a folder of that name must not come in its way
    page = opened(run="example")
    assert page.button(key="open-example").label.endswith(":gray-badge[example]**")
    assert page.subheader[0].value == "mini"
    assert "Highest acceptance" in words_on(page)


def test_many_runs_are_shown_on_demand(put):
    for number in range(12):
        put(f"01AAAAAAAAAAAAAAAAAAAAAA{number:02d}")
    oldest = "open-01AAAAAAAAAAAAAAAAAAAAAA00"
    page = opened()
    assert oldest not in [button.key for button in page.button]
    sound(page.toggle(key="all-runs").set_value(True).run())
    assert oldest in [button.key for button in page.button]


def test_start_button_starts_tiny_and_shows_why_it_cannot(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    begin, asked = start.start, []

    def misspell(name: str) -> str:
        asked.append(name)
        return begin("tinny")

    monkeypatch.setattr(start, "start", misspell)
    page = opened()
    page = sound(page.button[0].click().run())
    identity = page.query_params["run"]
    assert asked == ["tiny"]
    deadline = time.monotonic() + 30
    while "Did you mean 'tiny'?" not in words_on(page):
        assert time.monotonic() < deadline
        assert "starting" in words_on(page)
        assert page.button[0].disabled  # one at a time
        time.sleep(0.3)
        sound(page.run())
    assert "failed" in words_on(page)
    assert not page.button[0].disabled
    sound(page.button(key=f"forget-{identity}").click().run())
    assert "No runs yet" in page.info[0].value


def test_started_run_takes_the_place_of_its_note(put, monkeypatch: pytest.MonkeyPatch):
    identity = start.start("tinny")
    assert [one.id for one in start.pending()] == [identity]
    put(identity)
    assert start.pending() == []
    shutil.rmtree(runs.runs_folder() / identity)
    assert start.pending() == []  # a run deleted later is not one that is starting


def test_pages_load_no_heavy_library(put):
    put()
    script = (
        "import sys; from streamlit.testing.v1 import AppTest\n"
        "page = AppTest.from_file('app/main.py', default_timeout=60).run()\n"
        "assert not page.exception and page.get('plotly_chart')\n"
        "print(*{'torch', 'transformers', 'accelerate', 'altair'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_a_draft_keeps_its_look_and_known_ones_differ():
    known = list(theme.LOOKS)
    assert len({theme.look(name).colour for name in known}) == len(known)
    assert len({theme.look(name)[1:] for name in known}) == len(known)
    assert theme.look("mine") == theme.look("mine")
    assert theme.look("mine").colour not in {theme.look(name).colour for name in known[2:]}
    assert all(theme.look(f"draft-{number}").marker in theme.GLYPHS for number in range(100))


def test_labels_of_close_curves_stay_apart():
    metrics = {
        name: [{"step": 0, "alpha": 0.5}, {"step": 9, "alpha": 0.9 + place / 1e4}]
        for place, name in enumerate("abcde")
    }
    figure = charts.acceptance(metrics, "steps", {}, {})
    heights = sorted(note.y for note in figure.layout.annotations)
    low, high = figure.layout.yaxis.range
    gaps = [later - earlier for earlier, later in pairwise(heights)]
    assert min(gaps) > 0.03 * (high - low)
    assert low <= heights[0]
    assert heights[-1] <= high


def test_long_losses_are_thinned_to_block_means():
    rows = [{"step": step, "loss": float(step % 2)} for step in range(1, 10_001)]
    curve = charts.loss({"adaspec": rows}, "steps", {}, {}).data[0]
    assert len(curve.y) <= charts.POINTS
    assert sum(curve.y) / len(curve.y) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.7, "1 min 00 s"), (200, "3 min 20 s"), (7500, "2 h 05 min"), (None, "–")],
)
def test_durations(seconds: float | None, text: str):
    assert words.duration(seconds) == text
    assert words.duration(float("nan")) == words.NOTHING
