"""The Runs page on real run folders, whole and broken, without a browser."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from streamlit.testing.v1 import AppTest

from adaspec import cli, drawing, estimate, pipeline, recipe, runs
from adaspec.jobs import audit, mailbox, queue, supervisor
from adaspec.jobs.queue import Job
from adaspec.recipe import Recipe
from adaspec.runs import MetricsReader, Run
from app.runs import again as again_module
from app.shared import calibration, charts, reading
from app.shared.charts import Curve
from app.shell import access, words
from app.shell.access import Person
from tests.studio import ROOT, enough

OLD, NEW = "01AAAAAAAAAAAAAAAAAAAAAAAA", "01BBBBBBBBBBBBBBBBBBBBBBBB"


@pytest.fixture(autouse=True)
def no_example(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runs.folder, "EXAMPLES", {"example": tmp_path / "example"})


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


def opened(**link: str | list[str]) -> AppTest:
    reading.look_again()
    page = AppTest.from_file(ROOT / "app/main.py", default_timeout=30)
    page.switch_page(str(ROOT / "pages/runs.py"))
    for key, value in link.items():
        page.query_params[key] = value
    return sound(page.run())


def sound(page: AppTest) -> AppTest:
    assert not page.exception
    return page


def again(page: AppTest) -> AppTest:
    """The page after something changed on disk."""
    reading.look_again()
    return sound(page.run())


def words_on(page: AppTest) -> str:
    kinds = ("title", "header", "markdown", "text", "caption", "info", "warning", "error")
    shown = [element.value for kind in kinds for element in getattr(page, kind)]
    shown += re.split("<style.*?</style>|<[^>]*>", listed(page), flags=re.DOTALL)
    return "\n".join(shown).replace("\\", "")


def listed(page: AppTest) -> str:
    """The HTML of the list."""
    return "".join(element.proto.body for element in page.get("html"))


def table(page: AppTest) -> Any:
    return next(element.value for element in page.dataframe if "generated" in element.value.columns)


def logged(page: AppTest) -> list[str]:
    return [text.value for tab in page.tabs for text in tab.text]


def plot(page: AppTest, number: int) -> Any:
    drawn = (each.proto for each in page.get("bidi_component"))
    figures = [each for each in drawn if each.component_name == "run_figure"]
    return json.loads(figures[number].json)["figure"]


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
    best = max(report.drafts, key=lambda draft: draft.alpha.generated)
    assert f"Highest acceptance: **{best.name}**" in words_on(page)
    assert [name.lstrip("★ ") for name in shown["draft"]] == [
        "stock",
        "reference",
        "distillspec = reference",
        "distillspec-data",
        "adaspec",
    ]
    assert sum("★" in name for name in shown["draft"]) == 1
    for row, draft in zip(shown.to_dict("records"), report.drafts, strict=True):
        assert row["generated"] == draft.alpha.generated
        assert row["sequences"] == draft.budget.sequences
    assert shown["needs"].tolist()[-1] == "reference"


def test_unequal_budgets_are_said(put):
    run = put()
    text = words_on(opened())
    assert "Budgets differ" in text
    assert "sequences for distillspec-data and adaspec" in text
    report = runs.read_report(run)
    equal = {"budget": report.drafts[1].budget}
    drafts = [draft.model_copy(update=equal) for draft in report.drafts]
    runs.REPORT.write(run.report_file, report.model_copy(update={"drafts": drafts}))
    assert "Budgets differ" not in words_on(opened())


def test_overlapping_intervals_are_said_to_overlap(put):
    run = put()
    report = runs.read_report(run)
    drafts = []
    for draft, low in zip(report.drafts, (0.1, 0.5, 0.5, 0.51, 0.2), strict=True):
        interval = {"generated": low + 0.01, "generated_ci": (low, low + 0.02)}
        alpha = draft.alpha.model_copy(update=interval)
        drafts.append(draft.model_copy(update={"alpha": alpha}))
    runs.REPORT.write(run.report_file, report.model_copy(update={"drafts": drafts}))
    text = words_on(opened())
    assert "Highest acceptance: **distillspec-data**" in text
    assert "interval overlaps that of reference and distillspec: only a paired" in text


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
    assert "newer" in page.header[0].value
    sound(page.button(key=f"open-{OLD}").click().run())
    assert page.query_params["run"] == OLD
    assert page.header[0].value == "mini"
    assert opened(run=OLD).header[0].value == "mini"


@pytest.mark.parametrize("wrong", ["01NOTHERE", "/etc", "../../", "<b>x</b>"])
def test_wrong_link_is_said_once_and_the_newest_is_shown(put, wrong: str):
    put(OLD)
    put(NEW, name="newer")
    page = opened(run=wrong)
    assert len(page.warning) == 1
    assert "There is no run" in page.warning[0].value
    assert page.header[0].value == "newer"


def test_a_link_opens_no_folder_outside_the_home(put, finished_run: Run):
    put()
    assert opened(run=str(finished_run.path)).warning


def test_interrupted_run_shows_a_command_that_goes_on(put):
    run = put(state="running", stage="adaspec")
    run.report_file.unlink()
    page = opened()
    assert "interrupted" in words_on(page)
    assert page.metric[0].value == "adaspec"
    assert not page.dataframe  # there is no result yet
    assert "adaspec" in opened(papers="Plan").dataframe[0].value["stage"].tolist()
    command = re.search("`adaspec (.*)`", words_on(page))
    assert command
    cli.app(shlex.split(command[1]), standalone_mode=False)
    assert queue.find(OLD).state == "queued"


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
    for text in (page.header[0].value, page.button(key=f"open-{OLD}").label):
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
    assert "damaged" in words_on(page)
    assert "This run is damaged" in page.error[0].value
    assert "run\\.json is damaged" in page.error[0].value
    assert "Highest acceptance" in words_on(opened(run=OLD))


def test_missing_files_leave_gaps_and_no_traceback(put):
    run = put()
    for file in (run.metrics_file, run.log_file, run.recipe_file):
        file.unlink()
    run.report_file.write_text("{")
    assert "Nothing has been logged yet." in words_on(opened())


def test_run_deleted_while_it_is_watched(put):
    put(OLD)
    put(NEW)
    page = opened(run=NEW)
    shutil.rmtree(runs.runs_folder() / NEW)
    assert NEW in again(page).warning[0].value
    shutil.rmtree(runs.runs_folder() / OLD)
    assert "No runs yet" in again(page).info[0].value


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
    assert logged(page)[0].endswith("INFO adaspec begins")
    assert "\n" not in logged(page)[0]
    sound(page.text_input(key="log-search").input("nothing like this").run())
    assert "No matching lines." in words_on(page)


def test_example_is_marked_and_has_a_link_of_its_own(
    put, finished_run: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(runs.folder, "EXAMPLES", {"example": finished_run.path})
    put("example", name="impostor")  # a folder of that name must not come in its way
    page = opened(run="example")
    assert page.button(key="open-example").label.endswith(":gray-badge[example]**")
    assert page.header[0].value == "mini"
    assert "Highest acceptance" in words_on(page)


def test_many_runs_are_shown_on_demand(put):
    for number in range(12):
        put(f"01AAAAAAAAAAAAAAAAAAAAAA{number:02d}")
    oldest = "open-01AAAAAAAAAAAAAAAAAAAAAA00"
    page = opened()
    assert oldest not in [button.key for button in page.button]
    sound(page.toggle(key="all").set_value(True).run())
    assert oldest in [button.key for button in page.button]


# Jobs: rows of a real queue, whatever becomes of them


@pytest.fixture
def many_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADASPEC_QUEUED_EACH", "9")


@pytest.fixture
def supervised(home: Path) -> Iterator[None]:
    """As if a supervisor were at work that has nothing to say."""
    home.mkdir(parents=True)
    with FileLock(home / "supervisor.lock"):
        yield


def tell(home: Path, **fields: Any) -> None:
    process = runs.Process.this()
    status = supervisor.Status(process=process, engine="local", slots=1).model_copy(update=fields)
    (home / "supervisor.json").write_text(status.model_dump_json())


def claimed(job: Job) -> Job:
    at_work = queue.claim(job)
    assert at_work
    return at_work


def state_of(page: AppTest) -> str:
    """The badge beside the heading."""
    badges = re.findall(
        r"badge\[:\S+: (\w+)\]", "".join(element.value for element in page.markdown)
    )
    return badges[-1]


def labels(page: AppTest) -> list[str]:
    """The buttons of the run that is open."""
    named = {"Cancel", "Stopping", "Resume", "First", "Last", "Delete", "Rename"}
    return [button.label for button in page.button if button.label in named]


def openers(page: AppTest) -> list[str]:
    """The ids of the runs that are listed, from top to bottom."""
    return [button.key[5:] for button in page.button if button.key.startswith("open-")]


def test_queued_jobs_show_their_place_and_when_they_start(
    home: Path, mini: Recipe, supervised, many_jobs
):
    tell(home, waiting_for="The CPU is busy with another job.")
    running = claimed(queue.submit(mini, "anna", seconds=600))
    first = queue.submit(mini, "bert", seconds=300)
    second = queue.submit(mini, "chloe")
    queue.submit(mini, "dora")
    page = opened(run=second.id)
    text = words_on(page)
    assert "1st, in about 10 min" in text
    assert "2nd, in about 15 min" in text
    assert "3rd in the queue" in text  # nobody knows how long the second takes
    assert page.info[0].value == "2nd in the queue. It is expected to start in about 15 min."
    assert "The next job waits: The CPU is busy with another job." in text
    assert openers(page)[:3] == [running.id, first.id, second.id]
    assert not page.warning


def test_owners_are_told_where_there_are_several(home: Path, mini: Recipe, many_jobs):
    queue.submit(mini, "anna")
    assert "Owner" not in words_on(opened())
    queue.submit(mini, "bert <b>")
    page = opened()
    assert "Owner" in words_on(page)
    assert "<span>anna</span>" in listed(page)
    assert "<span>bert &lt;b&gt;</span>" in listed(page)


def test_a_job_from_its_start_to_its_end(put, mini: Recipe, supervised):
    job = queue.submit(mini, "anna")
    page = opened(run=job.id)
    assert state_of(page) == "queued"
    assert page.code[0].value == mini.yaml().strip()
    job = claimed(job)
    assert state_of(again(page)) == "starting"
    state = {"state": "running", "process": runs.Process.this().model_dump()}
    run = put(job.id, **state, stage="reference")
    run.report_file.unlink()
    metrics = run.metrics_file.read_bytes()
    run.metrics_file.unlink()
    assert state_of(again(page)) == "starting"  # its plan is there, no step yet
    run.metrics_file.write_bytes(metrics)
    assert state_of(again(page)) == "running"
    assert page.metric[0].label == "Stage"
    queue.cancel(job.id)
    assert state_of(again(page)) == "stopping"
    queue.end(queue.find(job.id), "cancelled")
    run.state_file.write_text(run.state_file.read_text().replace('"running"', '"interrupted"'))
    assert state_of(again(page)) == "cancelled"
    assert page.metric[0].label == "Stopped in stage"
    run.state_file.write_text(run.state_file.read_text().replace('"interrupted"', '"finished"'))
    assert state_of(again(page)) == "finished"  # whatever the queue says


def test_a_resumed_job_is_starting_until_its_new_attempt_works(put, mini: Recipe):
    run = put(state="failed", error="old")
    claimed(queue.resume(OLD, "anna"))
    page = opened()
    assert state_of(page) == "starting"
    assert not page.error  # of the attempt before
    put(NEW, state="running", process={"pid": 1, "created": 1.0, "host": "elsewhere"})
    claimed(queue.submit(mini, "anna", identity=NEW))
    assert state_of(opened(run=NEW)) == "running"  # its process cannot be seen from here
    assert run.state_file.is_file()


def test_a_failed_job_says_why_and_what_to_do(home: Path, mini: Recipe):
    job = claimed(queue.submit(mini, "anna"))
    mailbox.output_file(job.id).parent.mkdir(parents=True)
    mailbox.output_file(job.id).write_text("first line\nlast words of a process\n")
    queue.end(job, "failed", "Out of memory. Set a *smaller* stage1.micro_batch.")
    page = opened()
    assert state_of(page) == "failed"
    assert page.error[0].value.replace("\\", "") == queue.find(job.id).error
    assert "*smaller*" not in page.error[0].value
    assert "Duplicate with changes" in words_on(page)
    assert f"`adaspec resume {job.id}`" in words_on(page)
    assert "last words of a process" in logged(page)[0]
    sound(page.text_input(key="log-search").input("FIRST").run())
    assert logged(page) == ["first line"]


def test_a_job_that_died_tells_of_its_attempts(put, mini: Recipe):
    run = put(state="interrupted")
    job = claimed(queue.submit(mini, "anna", identity=OLD))
    queue.requeue(job, "its process was gone", died=True)
    claimed(queue.find(OLD))
    badge = next(element for element in opened().markdown if "attempt 2" in element.value)
    assert "1 attempt died before this one. The latest: its process was gone" in badge.help
    queue.end(queue.find(OLD), "failed", "It died 3 times.")
    mailbox.output_file(OLD).parent.mkdir(parents=True)
    mailbox.output_file(OLD).write_text("Killed\n")
    page = opened()
    assert "for lack of memory" in words_on(page)
    assert logged(page)[1] == "Killed"  # after the log, which says less
    assert run.log_file.is_file()


def test_it_is_said_when_nothing_works_the_queue_off(home: Path, mini: Recipe):
    queue.submit(mini, "anna")
    assert "No supervisor is running" in opened().warning[0].value


def test_a_broken_queue_breaks_no_page(put, home: Path):
    put()
    (home / "jobs.sqlite").write_text("this is no database, and long enough not to be one" * 99)
    page = opened()
    assert "cannot be used" in page.warning[0].value
    assert "Highest acceptance" in words_on(page)


def test_cancel_and_resume(home: Path, mini: Recipe, supervised):
    job = queue.submit(mini, queue.me())
    page = opened()
    sound(page.button(key="cancel").click().run())
    assert queue.find(job.id).state == "cancelled"
    assert state_of(page) == "cancelled"
    sound(page.button(key="resume").click().run())
    assert queue.find(job.id).state == "queued"
    claimed(queue.find(job.id))
    sound(again(page).button(key="cancel").click().run())
    assert queue.find(job.id).cancel
    assert page.button(key="stopping").disabled


def test_what_speaks_against_an_action_stands_at_its_button(
    home: Path, mini: Recipe, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ADASPEC_QUEUED_EACH", "1")
    job = queue.submit(mini, queue.me())
    page = opened()
    sound(page.button(key="cancel").click().run())
    other = queue.submit(mini, queue.me())
    sound(page.button(key="resume").click().run())
    assert "1 jobs waiting already" in page.error[0].value
    assert queue.find(job.id).state == "cancelled"
    sound(page.button(key=f"open-{other.id}").click().run())
    assert not page.error  # it is another's


def test_administrators_order_the_queue(home: Path, mini: Recipe, many_jobs):
    jobs = [queue.submit(mini, name) for name in ("anna", "bert", "chloe")]
    page = opened(run=jobs[2].id)
    sound(page.button(key="first").click().run())
    assert queue.positions(queue.all_jobs())[jobs[2].id] == 1
    assert openers(page) == [jobs[2].id, jobs[0].id, jobs[1].id]
    sound(page.button(key="last").click().run())
    assert queue.positions(queue.all_jobs())[jobs[2].id] == 3
    assert openers(page) == [job.id for job in jobs]


@pytest.mark.parametrize(
    ("viewer", "queued", "ended"),
    [
        (Person("anna", may_start=True, is_admin=False), ["Cancel"], ["Resume", "Delete"]),
        (Person("bert", may_start=True, is_admin=False), [], []),
        (Person("anna", may_start=False, is_admin=False), [], []),
        (
            Person("root", may_start=True, is_admin=True),
            ["Cancel", "First", "Last"],
            ["Resume", "Delete"],
        ),
    ],
)
def test_people_act_on_their_own_jobs_and_administrators_on_all(
    put,
    mini: Recipe,
    monkeypatch: pytest.MonkeyPatch,
    viewer: Person,
    queued: list[str],
    ended: list[str],
):
    monkeypatch.setattr(access, "person", lambda: viewer)
    job = queue.submit(mini, "anna")
    page = opened(run=job.id)
    assert labels(page) == queued
    assert page.button(key="train-tiny").disabled != viewer.may_start
    queue.cancel(job.id)
    put(job.id, state="interrupted")
    # A form's button: it gives the name.
    assert [label for label in labels(again(page)) if label != "Rename"] == ended
    assert ("Rename" in labels(page)) == bool(ended)


def test_a_run_that_no_job_made_is_everybodys_to_resume_and_an_administrators_to_delete(
    put, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(access, "person", lambda: Person("bert", True, False))
    put(state="interrupted")
    assert labels(opened()) == ["Resume"]


def test_the_example_stays_as_it_is(put, finished_run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runs.folder, "EXAMPLES", {"example": finished_run.path})
    assert labels(opened(run="example")) == []


def test_rename(put):
    run = put()
    page = opened()

    def rename(name: str) -> None:
        page.text_input(key=f"new-name-{OLD}").input(name)
        sound(next(button for button in page.button if button.label == "Rename").click().run())

    rename("<b>mine</b>")
    assert runs.read_state(run).name == "<b>mine</b>"
    assert page.header[0].value.replace("\\", "") == "<b>mine</b>"
    assert "<b>" not in page.header[0].value
    rename("   ")
    assert "A name is one line" in page.error[0].value
    assert runs.read_state(run).name == "<b>mine</b>"


def test_tiny_is_queued_by_one_click_and_not_twice_by_mistake(home: Path, mini: Recipe):
    page = opened()
    sound(page.button(key="train-tiny").click().run())
    (job,) = queue.all_jobs()
    assert (job.name, job.owner) == ("tiny", queue.me())
    assert page.query_params["run"] == job.id
    sound(page.button(key="train-tiny").click().run())
    assert len(queue.all_jobs()) == 1
    assert "is already in the queue" in words_on(page)
    sound(page.button(key="open-equal").click().run())
    assert "is already in the queue" not in words_on(page)


def test_the_tooltip_says_what_the_estimate_says(home: Path, monkeypatch: pytest.MonkeyPatch):
    expected = estimate.Estimate(seconds=754, disk=1, memory=None, device="CPU", source="")
    monkeypatch.setattr(calibration, "known", lambda _: expected)
    assert "three drafts, in about 13 min. It" in opened().button(key="train-tiny").help
    monkeypatch.setattr(calibration, "known", lambda _: None)
    assert "three drafts. It" in opened().button(key="train-tiny").help


def test_tiny_that_was_trained_is_offered_instead(put, monkeypatch: pytest.MonkeyPatch):
    put(recipe_hash=recipe.load("tiny").hash)
    put(NEW)
    page = opened()
    assert page.query_params["run"] == NEW
    sound(page.button(key="train-tiny").click().run())
    assert queue.all_jobs() == []
    assert "has already been trained" in words_on(page)
    sound(page.button(key="open-equal").click().run())
    assert page.query_params["run"] == OLD
    sound(page.button(key="train-tiny").click().run())
    sound(page.button(key="train-again").click().run())
    (job,) = queue.all_jobs()
    assert page.query_params["run"] == job.id
    monkeypatch.setenv("ADASPEC_QUEUED_EACH", "1")
    queue.cancel(job.id)
    queue.submit(recipe.load("tiny", ["seed=7"]), queue.me())
    sound(page.button(key="train-tiny").click().run())
    sound(page.button(key="train-again").click().run())
    assert "jobs waiting already" in page.error[0].value


def test_hostile_jobs_are_only_text(home: Path, mini: Recipe):
    hostile = "<img src=x onerror=alert(1)> ![](http://x/y.png) **b** :red[c] $x^2$ `d`"
    job = claimed(queue.submit(mini.model_copy(update={"name": hostile}), hostile))
    queue.end(job, "failed", hostile)
    page = opened()
    shown = [page.header[0].value, page.error[0].value, page.button(key=f"open-{job.id}").label]
    shown += [element.value for element in page.caption if "onerror" in element.value]
    assert len(shown) == 4
    assert "<img" not in listed(page)
    for text in shown:
        assert re.findall(r"(?<!\\)[<\[:$*]", text.replace("**", "", 2)) == []


# Several runs on one chart


def alpha_curves(page: AppTest) -> list[dict[str, Any]]:
    return list(plot(page, 0)["data"])


def test_runs_are_laid_over_each_other(put):
    put(OLD, name="<b>other</b>")
    put(NEW)
    alone = {curve["name"]: curve["line"]["color"] for curve in alpha_curves(opened(run=NEW))}
    page = opened(run=NEW, **{"with": OLD})
    curves = alpha_curves(page)
    assert [curve["name"] for curve in curves] == [
        f"{draft} · {letter}"
        for letter in "AB"
        for draft in ("reference", "distillspec-data", "adaspec")
    ]
    assert {curve["name"][-1]: curve["line"]["dash"] for curve in curves} == {
        "A": "solid",
        "B": "dash",
    }
    for curve in curves:  # colours do not move when another run appears
        draft = curve["name"].split(" · ")[0]
        assert curve["line"]["color"] == drawing.look(draft).colour
        assert curve["line"]["color"] in alone.values()
        assert curve["marker"]["symbol"] == drawing.look(draft).marker
    key = next(element.value for element in page.markdown if "**B**" in element.value)
    assert f"…{OLD[-4:]}" in key
    assert "<b>" not in key
    assert not page.warning
    sound(page.multiselect(key="drafts").set_value(["adaspec"]).run())
    assert [curve["name"] for curve in alpha_curves(page)] == ["adaspec · A", "adaspec · B"]


def test_a_comparison_is_in_the_link(put):
    identities = [f"01AAAAAAAAAAAAAAAAAAAAAA0{number}" for number in range(5)]
    for identity in identities:
        put(identity)
    page = opened(run=identities[4])
    sound(page.multiselect(key=f"with-{identities[4]}").set_value(identities[:2]).run())
    assert page.query_params["with"] == identities[:2]
    page = opened(run=identities[4], **{"with": ["01NOTHERE", identities[4], *identities[:4]]})
    assert page.query_params["with"] == identities[:3]  # four runs at most, each of them there
    sound(page.button(key=f"open-{identities[0]}").click().run())
    assert "with" not in page.query_params


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": "x"}, "B has a different target from A"),
        ({"data": "x"}, "B has different data from A"),
        ({}, ""),
    ],
)
def test_what_cannot_be_compared_is_said(put, change: dict[str, str], message: str):
    hashes = runs.read_state(put(NEW)).hashes
    put(OLD, hashes=hashes | change)
    warnings = opened(run=NEW, **{"with": OLD}).warning
    assert [message in warning.value for warning in warnings] == ([True] if message else [])


def test_another_tuning_makes_another_target(put, content: dict[str, Any]):
    for identity, epochs in ((OLD, 1), (NEW, 2)):
        tuned = content | {"stage0": {"batch": 10, "epochs": epochs, "lr": 1e-3}}
        put(identity).recipe_file.write_text(recipe.parse(tuned).yaml())
    warnings = opened(run=NEW, **{"with": OLD}).warning
    assert "a different target" in warnings[0].value


# Sorting, filtering, tags and notes


@pytest.fixture
def three(put, home: Path, mini: Recipe) -> list[str]:
    """Runs of two recipes in two states, one of them renamed, one tagged; the ids, newest first."""
    identities = [f"01AAAAAAAAAAAAAAAAAAAAAA0{number}" for number in (3, 2, 1)]
    put(identities[2], name="tiny/seed2", state="failed", created="2026-01-01T00:00:00Z")
    put(identities[1], name="mini", created="2026-01-02T00:00:00Z")
    put(identities[0], name="tiny/seed1", created="2026-01-03T00:00:00Z")
    Run(home / "runs" / identities[2]).report_file.unlink()
    queue.rename(Run(home / "runs" / identities[0]), "An own name")
    queue.annotate(Run(home / "runs" / identities[1]), ["paper"], "Figure 3 <b>is</b> of this")
    return identities


@pytest.mark.parametrize(
    ("asked", "places"),
    [
        ({}, [0, 1, 2]),
        ({"find": "FIGURE 3"}, [1]),
        ({"find": "own"}, [0]),
        ({"find": "nothing is called that"}, []),
        ({"state": "failed"}, [2]),
        ({"state": ["failed", "finished"]}, [0, 1, 2]),
        ({"recipes": "tiny"}, [0, 2]),
        ({"recipes": "tiny", "state": "finished"}, [0]),
        ({"tag": "paper"}, [1]),
        ({"order": "oldest"}, [2, 1, 0]),
        ({"order": "name"}, [0, 1, 2]),
        ({"order": "alpha", "state": ["finished", "failed"]}, [0, 1, 2]),
        ({"order": "state"}, [0, 1, 2]),
    ],
    ids=str,
)
def test_a_link_says_which_runs_are_listed_in_what_order(
    three: list[str], asked: dict[str, Any], places: list[int]
):
    page = opened(run=three[0], **asked)
    assert openers(page) == [three[place] for place in places]
    assert page.query_params["run"] == three[0]  # the open run stays open


def test_what_is_chosen_can_be_cleared(three: list[str]):
    page = opened()
    sound(page.multiselect(key="state").set_value(["failed"]).run())
    assert openers(page) == [three[2]]
    assert "1 of 3 runs." in words_on(page)
    sound(page.button(key="clear-filters").click().run())
    assert openers(page) == three


def test_runs_are_grouped_by_recipe_whatever_they_are_called(three: list[str]):
    page = opened(group="true")
    assert openers(page) == [three[0], three[2], three[1]]
    headings = re.findall(r"runs-heading\"><abbr[^>]*>(mini|tiny|Run)<", listed(page))
    assert headings == ["tiny", "mini"]


def test_tags_and_notes_are_shown_as_plain_text(three: list[str], home: Path):
    queue.annotate(Run(home / "runs" / three[1]), ["<i>x</i>"], "a :red[b]\n<b>c</b>")
    page = opened(run=three[1])
    assert "&lt;i&gt;x&lt;/i&gt;" in listed(page)
    assert "a :red[b]\n<b>c</b>" in [text.value for text in page.text]
    badge = next(element.value for element in page.markdown if "sell" in element.value)
    assert "<i>" not in badge


def test_tags_and_a_note_are_written_and_refused(three: list[str], home: Path):
    page, run = opened(run=three[0]), Run(home / "runs" / three[0])

    def save(tags: list[str], note: str) -> None:
        page.multiselect(key=f"new-tags-{three[0]}").set_value(tags)
        page.text_area(key=f"new-note-{three[0]}").input(note)
        sound(next(button for button in page.button if button.label == "Save").click().run())

    save(["paper"], "Two lines\nof text")
    assert runs.read_notes(run) == runs.Notes(tags=["paper"], note="Two lines\nof text")
    assert audit.deeds()[-1].action == "note"
    save(["paper, good"], "")
    assert "no comma" in page.error[0].value
    assert runs.read_notes(run).note == "Two lines\nof text"


def test_other_peoples_runs_are_not_annotated(
    three: list[str], mini: Recipe, monkeypatch: pytest.MonkeyPatch
):
    def can_save() -> bool:
        return "Save" in [button.label for button in opened(run=three[2]).button]

    assert can_save()
    monkeypatch.setattr(access, "person", lambda: Person("bert", True, False))
    assert not can_save()  # no job made it


def test_damaged_notes_break_no_page(three: list[str], home: Path):
    Run(home / "runs" / three[1]).notes_file.write_text('{"version": 99}')
    page = opened(run=three[1])
    assert openers(page) == three
    assert "Highest acceptance" in words_on(page)


# Sweeps


def test_a_sweep_says_its_total_and_queues_its_jobs(put, monkeypatch: pytest.MonkeyPatch):
    put()
    monkeypatch.setenv("ADASPEC_QUEUED_EACH", "9")
    page = opened()
    assert "queue-sweep" not in [button.key for button in page.button]
    sound(page.multiselect(key=f"sweep-k-{OLD}").set_value([0.2, 0.6]).run())
    sound(page.multiselect(key=f"sweep-seeds-{OLD}").set_value([0, 3]).run())
    jobs = next(table.value for table in page.dataframe if "takes" in table.value.columns)
    assert jobs["job"].tolist() == ["mini over k/seed0", "mini over k/seed3"]
    assert jobs["methods"].tolist() == [5, 5]
    own = runs.read_recipe(Run(runs.runs_folder() / OLD))
    expected = [estimate.known(each) for each in recipe.sweep(own, [0.2, 0.6], [0, 3])]
    assert all(expected)
    assert jobs["takes"].tolist() == [words.duration(each.seconds) for each in expected]
    total = words.duration(sum(each.seconds for each in expected))
    assert f"2 jobs**, one after the other: **{total}** in all" in words_on(page)
    assert queue.all_jobs() == []
    sound(page.button(key="queue-sweep").click().run())
    first, second = queue.all_jobs()
    assert (recipe.read(first.recipe).seed, recipe.read(second.recipe).seed) == (0, 3)
    assert first.seconds == pytest.approx(expected[0].seconds)
    assert recipe.read(first.recipe).stage2.methods["adaspec-k0.2"].k == 0.2
    assert "2 jobs queued" in "".join(element.value for element in page.success)
    again_listed = next(table.value for table in page.dataframe if "takes" in table.value.columns)
    assert again_listed["takes"].tolist() == ["in the queue"] * 2
    assert page.button(key="queue-sweep").disabled


def test_a_seed_that_was_trained_is_not_queued_again(put):
    put(recipe_hash=runs.read_recipe(put(NEW)).hash)
    page = opened(run=OLD)
    sound(page.multiselect(key=f"sweep-seeds-{OLD}").set_value([0, 1]).run())
    jobs = next(table.value for table in page.dataframe if "takes" in table.value.columns)
    assert jobs["takes"].tolist()[0] == "trained already"
    sound(page.button(key="queue-sweep").click().run())
    (job,) = queue.all_jobs()
    assert job.name == "mini/seed1"


def test_who_may_not_start_sweeps_nothing(put, monkeypatch: pytest.MonkeyPatch):
    put()
    monkeypatch.setattr(access, "person", lambda: Person("bert", False, False))
    assert f"sweep-k-{OLD}" not in [each.key for each in opened().multiselect]


# A busy machine


def busy(run: Run, others: float) -> None:
    report = runs.read_report(run)
    business = runs.Business(load=3.0, cpus=2, others=others)
    runs.REPORT.write(run.report_file, report.model_copy(update={"business": business}))


def test_a_busy_machine_is_said_with_a_button_to_measure_again(
    put, home: Path, monkeypatch: pytest.MonkeyPatch
):
    run = put()
    busy(run, 0.02)
    assert "busy machine" not in words_on(opened())
    busy(run, 0.5)
    page = opened()
    assert "other processes took 50% of its 2 CPUs" in words_on(page)
    asked: list[list[str]] = []

    def measured(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command[1:])
        busy(run, 0.01)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(again_module.subprocess, "run", measured)
    sound(page.button(key="measure-again").click().run())
    enough(lambda: asked and run.path.name not in again_module._at_work)
    assert asked == [["-m", "adaspec", "measure", OLD]]
    assert (audit.deeds()[-1].action, audit.deeds()[-1].id) == ("measure", OLD)
    assert "busy machine" not in words_on(again(page))


def test_a_measurement_that_failed_says_why(put, home: Path, monkeypatch: pytest.MonkeyPatch):
    busy(put(), 0.5)
    page = opened()
    failed = subprocess.CompletedProcess([], 2, "", "warning: x\nerror: The data *changed*.\n")
    monkeypatch.setattr(again_module.subprocess, "run", lambda *_, **__: failed)
    sound(page.button(key="measure-again").click().run())
    enough(lambda: OLD not in again_module._at_work)
    page = again(page)
    assert "failed: The data *changed*." in words_on(page)
    assert page.button(key="measure-again")
    again_module._errors.clear()


def test_other_peoples_runs_are_not_measured_again(put, monkeypatch: pytest.MonkeyPatch):
    busy(put(), 0.5)
    monkeypatch.setattr(access, "person", lambda: Person("bert", True, False))
    page = opened()
    assert "busy machine" in words_on(page)
    assert "measure-again" not in [button.key for button in page.button]


# Two recipes


def test_two_recipes_and_what_became_of_them(three: list[str], home: Path):
    other = Run(home / "runs" / three[1])
    content = runs.read_recipe(other).model_dump(mode="json") | {"seed": 5}
    other.recipe_file.write_text(recipe.parse(content).yaml())
    page = opened(run=three[0])
    assert not [table for table in page.dataframe if "field" in table.value.columns]
    sound(page.selectbox(key="link-against").set_value(three[1]).run())
    assert page.query_params["against"] == three[1]
    name = f"mini …{three[1][-4:]}"
    settings, reached = (table.value for table in page.dataframe if name in table.value.columns)
    assert settings["field"].tolist() == ["seed"]
    assert settings[name].tolist() == ["5"]
    report = runs.read_report(other)
    assert reached["draft"].tolist() == [draft.name for draft in report.drafts]
    assert f"{report.drafts[0].alpha.generated:.4f} (" in reached.iloc[0, 1]
    assert "not told apart" in words_on(page)
    sound(page.button(key=f"open-{three[1]}").click().run())
    assert "against" not in page.query_params


def test_two_recipes_that_cannot_be_compared_say_why(three: list[str]):
    text = words_on(opened(run=three[0], against=three[2]))
    assert "The recipes are the same." in text
    assert "has no report yet" in text


# What makes thirty viewers cheap


def test_metrics_are_read_once_as_they_grow(put, monkeypatch: pytest.MonkeyPatch):
    run = put()
    run.metrics_file.unlink()
    parsed: list[bytes] = []
    rows = runs.METRICS.rows
    monkeypatch.setattr(runs.METRICS, "rows", lambda *a: parsed.extend(a[0]) or rows(*a))
    reader = MetricsReader(run)
    assert reader.read() == {}
    for step in (1, 2, 3):
        runs.log_step(run, "adaspec", {"step": step})
    before = reader.read()
    with run.metrics_file.open("ab") as file:
        file.write(b'{"stage": "adaspec", "time": 4.0, "ste')  # still being written
    assert reader.read() == before
    assert len(parsed) == 3
    with run.metrics_file.open("ab") as file:
        file.write(b'p": 4}\n')
    runs.log_step(run, "adaspec", {"step": 3})  # it was resumed from step 2
    assert [step.step for step in reader.read()["adaspec"]] == [1, 2, 3]
    assert len(parsed) == 5
    assert [step.step for step in before["adaspec"]] == [1, 2, 3]
    assert reader.read() == runs.read_metrics(run)


def test_one_look_serves_everybody_and_a_missing_run_is_looked_for(put):
    put(OLD)
    reading.look_again()
    seen = reading.board()
    put(NEW)
    assert reading.board() is seen
    assert reading.board(NEW).find(NEW)


def test_of_a_long_log_the_end_is_read(put, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "LOG_BYTES", 100)
    run = put()
    lines = [f"line {number} says é" for number in range(50)]
    run.log_file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    view = reading.board(OLD).find(OLD)
    assert view is not None
    shown = reading.log_lines(view, "")
    assert shown == lines[-len(shown) :]
    assert 2 < len(shown) < 7
    assert reading.log_lines(view, "LINE 49") == lines[-1:]
    assert reading.log_lines(view, "line 3 ") == []
    run.log_file.write_text("short\nlog\n")
    assert reading.log_lines(view, "") == ["short", "log"]


def test_of_very_many_runs_the_newest_are_offered_and_all_are_found(
    put, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("app.runs.choice.LISTED", 10)
    monkeypatch.setattr(reading, "LISTED", 3)
    for number in range(12):
        put(f"01AAAAAAAAAAAAAAAAAAAAAA{number:02}", name=f"number {number}")
    page = opened()
    views = reading.board().views
    first = views[-1].id
    some = reading.offered(views, lambda view: True, [first, "nowhere"])
    assert list(some) == [*(view.id for view in views[:3]), first]
    page.toggle("all").set_value(True)
    sound(page.run())
    assert len([button for button in page.button if str(button.key).startswith("open-")]) == 10
    assert "The first 10 of 12 runs" in words_on(page)
    page.text_input("find").set_value("NUMBER 1")
    sound(page.run())
    found = {button.key for button in page.button if str(button.key).startswith("open-")}
    assert f"open-{first[:-2]}01" in found
    assert f"open-{first[:-2]}05" not in found


def test_pages_load_no_heavy_library(put):
    put()
    script = (
        "import sys; from streamlit.testing.v1 import AppTest\n"
        "page = AppTest.from_file('app/main.py', default_timeout=60)\n"
        f"page.switch_page({str(ROOT / 'pages/runs.py')!r}).run()\n"
        "drawn = [each.proto.component_name for each in page.get('bidi_component')]\n"
        "assert not page.exception and 'run_figure' in drawn\n"
        "print(*{'torch', 'transformers', 'accelerate', 'altair'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_a_draft_keeps_its_look_and_known_ones_differ():
    known = list(drawing.LOOKS)
    assert len({drawing.look(name).colour for name in known}) == len(known)
    assert len({drawing.look(name)[1:] for name in known}) == len(known)
    assert drawing.look("mine") == drawing.look("mine")
    assert drawing.look("mine").colour not in {drawing.look(name).colour for name in known[2:]}
    assert all(drawing.look(f"draft-{number}").marker in drawing.GLYPHS for number in range(100))


@pytest.mark.parametrize("end", [0.5, 0.7, 0.9])
def test_labels_of_close_curves_stay_apart(end: float):
    curves = [
        Curve(name, name, "solid", [(0, 0.5), (5, 0.9), (9, end + i / 1e4)])
        for i, name in enumerate("abcdefghijklmnopq")
    ]
    figure = charts.acceptance(curves, "steps", Curve("stock", "stock", "dot", [(0, 0.5)]))
    heights = sorted(note.y for note in figure.layout.annotations)
    low, high = figure.layout.yaxis.range
    gaps = [later - earlier for earlier, later in pairwise(heights)]
    assert min(gaps) * (figure.layout.height - 40) / (high - low) > 14  # pixels
    assert low <= heights[0]
    assert heights[-1] <= high


def test_long_losses_are_thinned_to_block_means():
    logged = [runs.Step("adaspec", 0.0, step, float(step % 2)) for step in range(1, 10_001)]
    curve = charts.loss({"adaspec": logged}, "steps", {}, {}).data[0]
    assert len(curve.y) <= charts.POINTS
    assert sum(curve.y) / len(curve.y) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.7, "1 min 00 s"), (200, "3 min 20 s"), (7500, "2 h 05 min"), (None, "–")],
)
def test_durations(seconds: float | None, text: str):
    assert words.duration(seconds) == text
    assert words.duration(float("nan")) == words.NOTHING


def test_ordinals():
    ordinals = [words.ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 112, 122)]
    assert ordinals == "1st 2nd 3rd 4th 11th 12th 13th 21st 112th 122nd".split()


@pytest.mark.parametrize(
    ("size", "text"),
    [(12, "12 B"), (34e6, "34 MB"), (1.234e9, "1.23 GB"), (80e9, "80.00 GB"), (None, "–")],
)
def test_sizes(size: float | None, text: str):
    assert words.size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(10, "in under a minute"), (300, "in about 5 min"), (7500, "in about 2 h 05 min")],
)
def test_estimates(seconds: float, text: str):
    assert words.roughly(seconds) == text
