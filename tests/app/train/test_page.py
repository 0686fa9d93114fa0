"""The Train page: its form as data, and the page on a real queue, without a browser."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from streamlit.testing.v1 import AppTest

from adaspec import AdaspecError, recipe, runs
from adaspec.estimate import Estimate
from adaspec.jobs import queue
from adaspec.preview import Preview, SeenRow, SeenToken
from adaspec.recipe import Recipe
from app.shared import calibration, submission
from app.shared.line import Line
from app.shell import access
from app.shell.access import Person
from app.train import budgets, data, recipe_form, recipe_link, samples, seen
from app.train.editor import Editor
from app.train.form import (
    FINER_STAGE_FIELDS,
    MEASUREMENT_FIELDS,
    POOL,
    RUN_FIELDS,
    SPECULATION_FIELDS,
    STAGE_FIELDS,
)
from app.train.methods import ADDED
from app.train.recipe_form import ABSENT, Field
from tests.studio import ROOT

HOSTILE = (
    '"**b** <img src=x>",answer,"a b"\n"<script>alert(1)</script> $x^2$","{question} :red[x]",3\n'
)


@pytest.fixture
def editor(home: Path) -> Editor:
    editor = Editor()
    editor.begin("tiny")
    return editor


def tiny(**values: Any) -> Recipe:
    return recipe_link.changed(
        recipe.load("tiny"), [(path, json.dumps(value)) for path, value in values.items()]
    )


def errors(editor: Editor) -> dict[str, str]:
    return recipe_form.check(editor.content).errors


# The form as data


@pytest.mark.parametrize("name", recipe.names())
def test_every_bundled_recipe_comes_out_of_the_form_as_it_went_in(name: str):
    loaded = recipe.load(name)
    content = recipe_form.open_recipe(loaded)
    for path, value in leaves(content):  # as if every field had been typed
        kind = (
            "lines"
            if isinstance(value, str)
            else "json"
            if isinstance(value, dict)
            else kind_of(value)
        )
        recipe_form.put(content, path, recipe_form.typed(recipe_form.shown(value, kind), kind))
    checked = recipe_form.check(content)
    assert checked.errors == {}
    assert checked.recipe == loaded
    assert checked.recipe.yaml() == loaded.yaml() == recipe_form.write_yaml(content)


def kind_of(value: Any) -> str:
    return "numbers" if isinstance(value, list) else "number"


def leaves(content: Any, path: str = ""):
    for key, value in content.items():
        inner = f"{path}.{key}".lstrip(".")
        if isinstance(value, dict) and key != "replace":
            yield from leaves(value, inner)
        elif not isinstance(value, bool) and key not in ("source", "prompt", "settings"):
            yield inner, value


@pytest.mark.parametrize(
    ("path", "text", "kind", "message"),
    [
        ("name", "", "text", "This is needed."),
        ("stage2.k", "7", "number", "Must be less than or equal to 1."),
        ("stage2.methods.2.k", "0", "number", "Must be greater than or equal to 0.001."),
        (
            "stage2.methods.2.name",
            "a b",
            "text",
            "Method name 'a b': use at most 40 letters, digits, - _ .",
        ),
        ("stage2.methods.2.name", "stock", "text", "Method name 'stock' is taken: choose another."),
        ("stage2.methods.2.name", "distillspec", "text", "Another method has this name."),
        ("stage1.lr", "fast", "number", "Must be a valid number."),
        ("stage1.lr", "", "number", "This is needed."),
        (
            "stage2.batch",
            "1.5",
            "number",
            "Must be a valid integer, got a number with a fractional part.",
        ),
        ("data.train.stories", "", "number", "This is needed."),
        ("data.train.stories", "0", "number", "Must be greater than or equal to 1."),
        ("data.evaluation.stories", "0", "number", "Must be greater than or equal to 1."),
        ("data.evaluation.seed", "-1", "number", "Must be greater than or equal to 0."),
        ("data.replace", "{", "json", "Must be a valid dictionary."),
        ("draft.layers", "0, x", "numbers", "Must be a valid integer."),
        ("evaluation.bootstrap", "1", "number", "Must be greater than or equal to 100."),
        ("checkpoint_every", "0", "number", "Must be greater than or equal to 1."),
    ],
)
def test_a_fault_is_told_at_its_field(editor: Editor, path, text, kind, message):
    editor.set(path, recipe_form.typed(text, kind))
    messages = recipe_form.errors_at(errors(editor), path)
    assert messages == [message]
    assert len(errors(editor)) == 1


def test_a_fault_of_the_held_out_rows_is_that_of_their_own_kind(editor: Editor):
    editor.switch_origin("data.evaluation", "holdout")
    editor.set("data.evaluation.holdout", 2)
    assert errors(editor) == {"data.evaluation.holdout": "Must be less than 1."}
    editor.switch_origin("data.evaluation", "file")
    assert errors(editor) == {"data.evaluation.file": "This is needed."}


def test_models_that_say_too_little(editor: Editor):
    editor.switch_model("draft", "layers")
    editor.set("draft.layers", ABSENT)
    assert list(errors(editor)) == ["draft.layers"]
    editor.switch_model("draft", "source")
    assert errors(editor) == {}  # what it was before
    editor.set("draft.source", [])
    assert "draft.source" in errors(editor)
    editor.switch_model("draft", "new")
    editor.set("draft.new.heads", 5)
    assert "hidden=64 must be a multiple of 2 x heads=5" in errors(editor)["draft.new"].lower()


def test_stages_that_do_not_fit_are_a_fault_of_the_whole(editor: Editor):
    editor.switch_stage("stage1", False)
    assert errors(editor) == {"": "Stage2 compares against the reference: give `stage1`."}
    editor.switch_stage("stage1", True)
    assert recipe_form.check(editor.content).recipe == recipe.load("tiny")


def test_no_method_left_is_told_and_a_method_left_out_can_come_back(editor: Editor):
    for number in "012":
        editor.set(f"stage2.methods.{number}.train", False)
    assert "stage2.methods" in errors(editor)
    editor.set("stage2.methods.2.train", True)
    assert list(recipe_form.check(editor.content).recipe.stage2.methods) == ["adaspec"]
    editor.set("stage2.methods.0.train", True)
    assert list(recipe_form.check(editor.content).recipe.stage2.methods) == [
        "distillspec",
        "adaspec",
    ]


def test_added_methods_are_valid_and_get_free_names(editor: Editor):
    for name, method in [*ADDED.values(), *ADDED.values()]:
        editor.add_method(name, method)
    assert errors(editor) == {}
    names = [row["name"] for row in recipe_form.method_rows(editor.content).values()]
    assert {"adaspec", "adaspec-2", "adaspec-3", "random", "random-2"} <= set(names)


JUNK = [
    "",
    " ",
    "none",
    "abc",
    "-1",
    "1e999",
    "inf",
    "nan",
    "9" * 400,
    "9" * 5000,
    "[[",
    "{}",
    "\0",
]


TYPED = [
    *((field.path, field.kind) for field in RUN_FIELDS + MEASUREMENT_FIELDS + SPECULATION_FIELDS),
    *((f"stage2.{field.path}", field.kind) for field in STAGE_FIELDS + FINER_STAGE_FIELDS),
    (f"stage1.{POOL.path}", POOL.kind),
    *((path, "number") for path in ("stage2.k", "stage2.methods.2.k", "data.train.stories")),
    *(("stage2.methods.2.name", "text"), ("name", "text"), ("data.response", "lines")),
    *((field.path, field.kind) for field in [data.RESPONSES, *data.ANSWER_FIELDS]),
    *((field.path, field.kind) for field in data.CHAT_FIELDS),
    *(("data.replace", "json"), ("draft.layers", "numbers"), ("data.prompt.0", "lines")),
]


@pytest.mark.parametrize("text", JUNK)
def test_nothing_typed_into_any_field_breaks_anything(editor: Editor, text: str):
    for path, kind in TYPED:
        before = recipe_form.at(editor.content, path)
        editor.set(path, recipe_form.typed(text, kind))
        checked = recipe_form.check(editor.content)
        count = None
        if path.startswith("data"):
            data = recipe_form.plain(editor.content)["data"]
            count = samples.look(data, may_read=True, with_draft=True).count
        assert recipe_form.write_yaml(editor.content)
        if checked.recipe:
            with suppress(AdaspecError):
                assert budgets.table(budgets.plan(checked.recipe, count or 1000))
        editor.set(path, before)


GARBAGE = [
    "",
    "a: [1,\n- b",
    "just words",
    "[" * 2000,
    "a: " + "9" * 5000,
    "d: 2020-99-99",
    "\0",
    "target: {sauce: x}",
    "&a [*a]",
    "name: x\nstage2: 5",
    "? [1, 2]\n: 3",
]


@pytest.mark.parametrize("text", GARBAGE)
def test_yaml_garbage_is_refused_in_words_and_kept(editor: Editor, text: str):
    before = json.dumps(editor.content)
    editor.write(text)
    assert editor.fault
    assert "\n" not in editor.fault
    assert editor.yaml == text
    assert json.dumps(editor.content) == before


def test_yaml_that_is_a_recipe_becomes_the_form(editor: Editor):
    editor.set("stage2.methods.0.train", False)
    text = yaml.safe_dump({**yaml.safe_load(recipe.load("tiny").yaml()), "seed": 7})
    editor.write(text.replace("distillspec:", "mine:"))
    assert not editor.fault
    assert editor.content["seed"] == 7
    trained = {
        row["name"]: row["train"] for row in recipe_form.method_rows(editor.content).values()
    }
    assert trained == {
        "mine": True,
        "distillspec-data": True,
        "adaspec": True,
        "distillspec": False,
    }


def test_help_is_the_recipes_own():
    field = Field("stage2.methods.3.pool", "", "choice")
    assert field.choices == ["micro_batch", "batch"]
    assert field.default == "batch"
    assert "`stage2.methods.NAME.pool`" in field.help
    assert Field("stage1.warmup", "").help.startswith("Fraction of the steps.")
    assert Field("data.evaluation.holdout", "").help.startswith("Fraction of the training rows.")
    assert Field("stage1.clip", "").default == "1"


# Links


def test_a_link_holds_what_was_changed_and_brings_it_back(editor: Editor):
    editor.set("stage2.k", 0.3)
    editor.set("name", 'ünï & "q" = x')
    editor.set("data.response", "{answer}\n#")
    editor.set("stage1.epochs", ABSENT)  # back to the default, which is tiny's 3 as well
    editor.set("stage2.warmup", ABSENT)
    editor.switch_stage("stage0", True)
    editor.switch_origin("data.evaluation", "holdout")
    editor.add_method("tv", {"objective": "total_variation"})
    now = recipe_form.check(editor.content).recipe
    link = editor.link(now)
    assert link["recipe"] == ["tiny"]
    assert link["k"] == ["0.3"]
    other = Editor()
    other.follow(link)
    assert not other.complaint
    again = recipe_form.check(other.content).recipe
    assert again.model_dump() == now.model_dump()
    assert other.link(again) == link


@pytest.mark.parametrize(
    ("link", "complaint"),
    [
        ({"recipe": ["tinny"]}, "There is no recipe 'tinny' here. Did you mean 'tiny'?"),
        ({"recipe": ["/etc/passwd.yaml"]}, "There is no recipe"),
        ({"from": ["../../etc"]}, "There is no run"),
        ({"from": [""]}, "There is no run"),
        ({"recipe": ["tiny"], "k": ["7"]}, "stage2.k: Input should be less than or equal to 1"),
        ({"recipe": ["tiny"], "set": ["name.x=1"]}, "name"),
        ({"recipe": ["tiny"], "set": ["", "="]}, "Only the start of the link could be followed"),
        ({"recipe": ["tiny"], "set": ["a." * 5000 + "a=1"]}, "a"),
        ({"recipe": ["tiny"], "set": ["stage2=" + "[" * 5000]}, "stage2"),
    ],
)
def test_a_link_that_cannot_be_followed_is_said(editor: Editor, link, complaint: str):
    editor.follow(link)
    assert complaint in editor.complaint
    assert recipe_form.check(editor.content).recipe == recipe.load("tiny")


def test_another_start_can_be_taken_back(editor: Editor):
    editor.set("name", "mine")
    editor.begin("paper/gsm8k-pythia-3epoch")
    assert editor.content["stage0"]
    editor.take_back()
    assert (editor.start, editor.content["name"]) == ("tiny", "mine")
    with pytest.raises(AdaspecError, match="no recipe"):
        editor.begin("nothing")
    assert editor.content["name"] == "mine"


def test_a_chat_format_is_there_or_not_and_comes_back_as_it_was(editor: Editor):
    editor.set("data.chat.system", "lost: there is no chat format")
    editor.switch_chat(True)
    assert recipe_form.check(editor.content).recipe.data.chat == recipe.Chat()
    editor.set("data.chat.system", "Be brief.")
    for on in (False, False, True):
        editor.switch_chat(on)
        assert ("chat" in editor.content["data"]) == on
    assert editor.content["data"]["chat"] == {"system": "Be brief."}


def test_clicks_that_come_twice_do_no_harm(editor: Editor):
    for _ in range(2):
        editor.switch_stage("stage0", True)
    for _ in range(2):
        editor.switch_stage("stage0", False)
        editor.switch_model("draft", "layers")
        editor.switch_origin("data.train", "hub")
        editor.set("stage2.methods.1", ABSENT)
    editor.add_prompt()
    for _ in range(3):
        editor.drop_prompt()
    editor.switch_model("draft", "source")
    editor.switch_origin("data.train", "stories")
    built = recipe_form.check(editor.content).recipe
    assert list(built.stage2.methods) == ["distillspec", "adaspec"]
    assert built.data == recipe.load("tiny").data
    assert (built.draft, built.stage0) == (recipe.load("tiny").draft, None)


def test_a_job_that_is_no_run_yet_can_be_a_start(editor: Editor):
    job = queue.submit(tiny(**{"stage2.k": 0.2}), "ada")
    editor.follow({"from": [job.id]})
    assert editor.content["stage2"]["k"] == 0.2


# Budgets


def test_fair_and_unfair_comparisons_are_told_apart():
    sentences = "\n".join(budgets.sentences(budgets.plan(recipe.load("tiny"), 1200))).replace(
        "\\", ""
    )
    assert "reference and distillspec are the same training: it is done once." in sentences
    assert "**Fair:** distillspec-data and adaspec take equal steps" in sentences
    assert (
        "**Not fair:** distillspec-data and adaspec take as many steps, but 2.5 times the "
        "sequences of distillspec." in sentences
    )
    assert "adaspec needs the reference's training first." in sentences
    table = budgets.table(budgets.plan(recipe.load("tiny"), 1200))
    assert [row["needs"] for row in table] == ["", "= reference", "", "reference"]
    assert table[-1] == {
        "draft": "adaspec",
        "sequences": 9000,
        "steps": 225,
        "batch": 40,
        "k": "0.4",
        "needs": "reference",
    }


@pytest.mark.parametrize(
    "method",
    [
        {"selector": "top_delta", "budget": "published"},
        {"selector": "top_delta", "budget": "published", "k": 0.2},
        {"selector": "random", "budget": "data"},
        {"selector": "highest_kl", "budget": "steps"},
    ],
)
def test_the_missing_baseline_makes_the_comparison_fair(editor: Editor, method: dict[str, Any]):
    editor.set("stage2.methods", {})
    editor.set("stage2.epochs", 2)  # so that the reference is no baseline
    editor.add_method("mine", method)
    built = recipe_form.check(editor.content).recipe
    (baseline,) = budgets.missing(built, budgets.plan(built, 1200))
    assert baseline.of == "mine"
    editor.add_method(baseline.name, baseline.method)
    built = recipe_form.check(editor.content).recipe
    plan = budgets.plan(built, 1200)
    assert budgets.missing(built, plan) == []
    assert any("**Fair:** mine and" in sentence for sentence in budgets.sentences(plan))


def test_what_would_never_end_is_said():
    endless = tiny(**{"stage2.epochs": 10_000, "stage2.k": 0.001})
    assert budgets.plan(endless, 1200)
    with pytest.raises(AdaspecError, match="never end"):
        budgets.plan(endless, 1_000_000)


# Rows


def look(tmp_path: Path, content: str, **values: Any) -> samples.Look:
    file = tmp_path / "rows.jsonl"
    file.write_text(content)
    data = {"train": {"file": str(file)}, "evaluation": {"holdout": 0.25}}
    data |= {"prompt": ["{question}\n"], "response": "{answer}"} | values
    return samples.look(data, may_read=True, with_draft=True)


ROWS = "\n".join(json.dumps({"question": f"q{i}", "answer": f"a{i}"}) for i in range(8))


def test_rows_are_counted_and_shown_as_the_models_read_them(tmp_path: Path):
    seen = look(tmp_path, ROWS)
    assert (seen.count, seen.held_out, seen.errors) == (6, 2, {})
    assert seen.pairs[0] == ("q0\n", "a0")
    assert look(tmp_path, ROWS, limit=3).count == 3


@pytest.mark.parametrize(
    ("content", "values", "path", "message"),
    [
        (ROWS, {"response": "{anwser}"}, "data.response", "Did you mean 'answer'?"),
        (ROWS, {"prompt": ["{question}", "{q}"]}, "data.prompt.1", "no column 'q'"),
        (ROWS, {"response": ""}, "data.response", "nothing to learn"),
        (ROWS, {"prompt": [""]}, "data.prompt.0", "prompt is empty"),
        (ROWS + '\n{"question"', {}, "data.train.file", "line 9: not JSON"),
        (ROWS + '\n{"question": 1}', {}, "data.train", "no field 'answer'"),
        (ROWS, {"evaluation": {"stories": 10**6}}, "data.evaluation.stories", "At most"),
        (ROWS.split("\n")[0], {}, "data.evaluation", "No row is left to train on"),
        ("", {}, "data.train.file", "no rows"),
    ],
)
def test_a_fault_in_rows_or_templates_is_told_at_its_field(
    tmp_path, content, values, path, message
):
    seen = look(tmp_path, content, **values)
    assert message in seen.errors[path]


def test_files_are_read_only_for_those_who_may_start(tmp_path: Path):
    (tmp_path / "secret.txt").write_text("secret")
    data = {"train": str(tmp_path / "secret.txt"), "evaluation": {"holdout": 0.5}}
    data |= {"prompt": ["Text: "], "response": "{text}"}
    seen = samples.look(data, may_read=False, with_draft=True)
    assert seen.first == []
    assert list(seen.errors) == ["data.train.file"]


@pytest.mark.parametrize(
    ("columns", "templates"),
    [
        (["q", "a", "x"], ("{q}\n", "{a}")),
        (["text"], ("Text: ", "{text}")),
        (["a b", "c"], ("Text: ", "{c}")),
        (["a b"], None),
    ],
)
def test_templates_that_fit_are_suggested(columns: list[str], templates):
    assert samples.suggestion(columns) == templates


# Starting


def test_a_second_click_is_no_second_wish(home: Path, monkeypatch: pytest.MonkeyPatch):
    took = Estimate(seconds=60.0, disk=10, memory=None, device="CPU", source="Measured.")
    monkeypatch.setattr(calibration, "known", lambda recipe: took)
    first = submission.start(tiny(), "ada")
    assert submission.start(tiny(), "ada").id == first.id
    assert submission.start(tiny(), "ben").id != first.id
    assert [job.seconds for job in queue.all_jobs()] == [60.0, 60.0]
    assert [job.owner for job in submission.equal(tiny()).live] == ["ada", "ben"]
    assert submission.equal(tiny(**{"stage2.k": 0.2})).live == []


def test_what_this_machine_is_too_small_for_starts_if_its_owner_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    huge = Estimate(seconds=5.0, disk=10, memory=10**15, device="CPU", source="Measured.")
    monkeypatch.setattr(calibration, "known", lambda recipe: huge)
    with pytest.raises(AdaspecError, match=r"about 1000.0 TB of memory"):
        submission.start(tiny(), "ada")
    page = opened(recipe="tiny")
    assert "about 1000.0 TB of memory" in words_on(page)
    assert page.button(key="train-start-button").disabled
    sound(page.checkbox(key="train-anyway").check().run())
    sound(page.button(key="train-start-button").click().run())
    assert [job.seconds for job in queue.all_jobs()] == [5.0]


def test_only_an_owner_may_say_so(home: Path, monkeypatch: pytest.MonkeyPatch):
    huge = Estimate(seconds=5.0, disk=10, memory=10**15, device="CPU", source="Measured.")
    monkeypatch.setattr(calibration, "known", lambda recipe: huge)
    monkeypatch.setattr(access, "person", lambda: Person("ada", may_start=True, is_admin=False))
    page = opened(recipe="tiny")
    assert page.button(key="train-start-button").disabled
    assert "train-anyway" not in [checkbox.key for checkbox in page.checkbox]


def test_the_place_in_the_queue_is_the_one_it_gets(home: Path):
    assert submission.place(tiny(), "ada") == "Starts at once."
    queue.submit(tiny(seed=1), "ada", seconds=120.0)
    queue.submit(tiny(seed=2), "ada", seconds=120.0)
    estimate = submission.place(tiny(), "ben")
    job = submission.start(tiny(), "ben")
    assert queue.positions(queue.all_jobs())[job.id] == 2  # people take turns
    assert estimate == "2nd in the queue, to begin in about 2 min."


def test_who_has_a_job_running_waits_for_it(home: Path):
    queue.claim(queue.submit(tiny(seed=1), "ada"))
    assert submission.place(tiny(), "ada") == "Starts when your running job ends."


def test_calibrations_take_turns_and_tell_their_end(home: Path, monkeypatch: pytest.MonkeyPatch):
    go_on, at_once = threading.Event(), []
    estimate = Estimate(seconds=5.0, disk=10, memory=None, device="CPU", source="Measured.")

    def measure(measured: Recipe) -> Estimate:
        at_once.append(measured.seed)
        assert go_on.wait(20)
        if measured.seed == 2:
            raise AdaspecError("no such model")
        return estimate

    monkeypatch.setattr(calibration, "calibrate", measure)
    monkeypatch.setattr(calibration, "_line", Line(20, 500, ""))
    other = {"target": "assets:tiny/stock"}  # nothing on disk knows of it
    first, second = tiny(seed=1, **other), tiny(seed=2, **other)
    for submitted in (first, first, second):
        calibration.begin(submitted)
    until(lambda: at_once)
    assert calibration.of(first).live
    assert calibration.of(second).live
    assert len(at_once) == 1
    go_on.set()
    until(lambda: not calibration.of(first).live and not calibration.of(second).live)
    assert calibration.known(first) == estimate
    assert calibration.of(second).error == "no such model"


def until(condition) -> None:
    for _ in range(200):
        if condition():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it took too long")


# The page


def opened(**link: str | list[str]) -> AppTest:
    page = AppTest.from_file(ROOT / "app/main.py", default_timeout=60)
    page.switch_page(str(ROOT / "pages/train.py"))
    for key, value in link.items():
        page.query_params[key] = value
    return sound(page.run())


def sound(page: AppTest) -> AppTest:
    assert not page.exception
    return page


def words_on(page: AppTest) -> str:
    kinds = ("title", "header", "markdown", "text", "caption", "info", "warning", "error")
    shown = [element.value for kind in kinds for element in getattr(page, kind)]
    return "\n".join(shown).replace("\\", "")


def start_button(page: AppTest) -> Any:
    return page.button(key="train-start-button")


def budget(page: AppTest) -> dict[str, dict[str, Any]]:
    table = next(
        element.value for element in page.dataframe if "sequences" in element.value.columns
    )
    return {row["draft"]: row for row in table.to_dict("records")}


def test_the_page_opens_on_tiny_ready_to_start(home: Path):
    page = opened()
    assert page.selectbox(key="train-start").value == "tiny"
    assert recipe.load("tiny").about in words_on(page)
    assert not start_button(page).disabled
    assert f"As {queue.me()}. Starts at once." in words_on(page)
    assert [element.label for element in page.metric] == ["Time", "Disk", "Memory"]
    assert page.query_params["recipe"] == "tiny"
    assert not home.exists()  # looking writes nothing


def test_from_a_change_to_a_job_in_the_queue(home: Path):
    page = opened()
    assert budget(page)["adaspec"]["batch"] == 40
    sound(page.slider(key="train-k").set_value(0.3).run())
    sound(page.text_input(key="train-name").input("mine").run())
    assert budget(page)["adaspec"]["batch"] == 53
    assert page.query_params["k"] == "0.3"
    sound(start_button(page).click().run())
    (job,) = queue.all_jobs()
    assert (job.name, job.owner, job.state) == ("mine", queue.me(), "queued")
    assert recipe.read(job.recipe) == tiny(**{"stage2.k": 0.3, "name": "mine"})
    assert page.query_params["run"] == job.id
    page.switch_page(str(ROOT / "pages/train.py"))
    sound(page.run())
    assert start_button(page).disabled
    assert "You have already started it: it is queued." in words_on(page)


def test_what_has_been_trained_is_offered(home: Path):
    run = runs.create(recipe.load("tiny"))
    state = runs.read_state(run)
    state.state = "finished"
    runs.write_state(run, state)
    page = opened()
    assert start_button(page).label == "Train again"
    (link,) = page.page_link
    assert "already been trained" in link.label
    assert f"run={run.path.name}" in link.proto.query_string
    assert start_button(opened(k="0.3")).label == "Start"


def test_a_full_queue_is_said_at_the_button_and_nothing_is_lost(home: Path):
    for seed in (1, 2, 3):
        queue.submit(tiny(seed=seed), queue.me())
    page = opened(k="0.3")
    sound(start_button(page).click().run())
    assert "3 jobs waiting already" in page.error[0].value
    assert page.slider(key="train-k").value == 0.3


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("train-stage2.lr", "fast", "Must be a valid number."),
        ("train-stage2.methods.2.k", "7", "Must be less than or equal to 1."),
        ("train-data.train.stories", "-3", "Must be greater than or equal to 1."),
        ("train-data.train.stories", "", "This is needed."),
        ("train-name", "", "This is needed."),
    ],
)
def test_a_bad_value_is_said_kept_and_stops_the_start(home: Path, key, text, message):
    page = opened()
    sound(page.text_input(key=key).input(text).run())
    assert sum(message in one.value.replace("\\", "") for one in page.markdown) == 1
    assert message in page.warning[0].value.replace("\\", "")
    assert start_button(page).disabled
    assert page.text_input(key=key).value == text
    sound(page.text_input(key="train-seed").input("5").run())
    assert page.text_input(key=key).value == text


def test_what_is_typed_stays_as_it_was_typed(home: Path):
    page = opened()
    for text in ("0.", "0.00", "2e-3", " 0.0020"):
        sound(page.text_input(key="train-stage1.lr").input(text).run())
        assert page.text_input(key="train-stage1.lr").value == text


@pytest.mark.parametrize(
    ("text", "message"),
    [("inf", "Must be a finite number"), ("1e300", "Must be less than or equal to 10000")],
)
def test_endless_epochs_cannot_be_started(home: Path, text: str, message: str):
    page = opened()
    sound(page.text_input(key="train-stage2.epochs").input(text).run())
    assert message in words_on(page)
    assert start_button(page).disabled


def test_a_wrong_column_is_said_at_the_template(home: Path):
    page = opened()
    sound(page.text_area(key="train-data.response").input("{anwser}").run())
    assert "There is no column 'anwser'. Did you mean 'answer'?" in words_on(page)
    assert start_button(page).disabled
    sound(page.text_area(key="train-data.response").input("").run())
    assert "Every response is empty" in words_on(page)


def test_yaml_there_and_back(home: Path):
    page = opened()
    sound(page.segmented_control(key="train-view").set_value("YAML").run())
    area = page.text_area(key="train-yaml")
    assert area.value == recipe.load("tiny").yaml()
    sound(area.input(area.value.replace("seed: 0", "seed: 9")).run())
    assert not page.error
    assert "seed=9" in page.query_params["set"]
    sound(page.text_area(key="train-yaml").input("name: [").run())
    assert "Not a recipe" in page.error[0].value
    assert start_button(page).disabled
    sound(page.segmented_control(key="train-view").set_value("Form").run())
    assert "The YAML has a fault" in page.info[0].value
    sound(page.segmented_control(key="train-view").set_value("YAML").run())
    assert page.text_area(key="train-yaml").value == "name: ["
    sound(page.text_area(key="train-yaml").input("").run())
    assert page.text_area(key="train-yaml").value == ""
    drop = next(button for button in page.button if button.label.startswith("Discard"))
    sound(drop.click().run())
    assert "seed: 9" in page.text_area(key="train-yaml").value


def test_an_upload_from_torn_to_trained(home: Path):
    page = opened()
    sound(page.segmented_control(key="train-origin-data.train").set_value("file").run())
    assert "This is needed." in words_on(page)
    uploader = page.file_uploader(key="train-upload-data.train")
    sound(uploader.upload("rows.jsonl", b'{"question": "q", "ans').run())
    assert "line 1: not JSON" in words_on(page)
    assert start_button(page).disabled
    good = HOSTILE + "x,y,z\n" * 9
    sound(
        page.file_uploader(key="train-upload-data.train")
        .set_value(("r.csv", good.encode(), "text/csv"))
        .run()
    )
    assert "There is no column 'question'." in words_on(page)
    assert "9 training rows, 1 held out." in words_on(page)
    assert (
        re.findall(r"(?<!\\)[<$]|(?<!\\)\*\*b", "".join(element.value for element in page.caption))
        == []
    )
    fit = next(element for element in page.button if element.label.startswith("Fill in"))
    sound(fit.click().run())
    assert page.text_area(key="train-data.response").value == "{answer}"
    assert "{question} :red[x]" in [element.value for element in page.code]
    sound(start_button(page).click().run())
    (job,) = queue.all_jobs()
    submitted = recipe.read(job.recipe)
    assert submitted.data.train.file.parent == home / "uploads"
    assert submitted.data.evaluation.holdout == 0.1


def test_a_method_is_added_changed_and_removed(home: Path):
    page = opened()
    sound(page.menu_button(key="train-add").click_index(3).run())
    assert "random" in budget(page)
    sound(page.text_input(key="train-stage2.methods.3.name").input("chance").run())
    sound(page.selectbox(key="train-stage2.methods.3.budget").select("steps").run())
    assert budget(page)["chance"]["batch"] == 16
    sound(page.checkbox(key="train-tick-2").uncheck().run())
    assert "adaspec" not in budget(page)
    sound(page.button(key="train-remove-3").click().run())
    assert "chance" not in budget(page)
    sound(page.checkbox(key="train-tick-2").check().run())
    assert "adaspec" in budget(page)


def test_the_missing_baseline_is_one_click_away(home: Path):
    page = opened()
    sound(page.checkbox(key="train-tick-1").uncheck().run())
    assert "Nothing here is a fair comparison for adaspec" in words_on(page)
    add = next(button for button in page.button if button.label.startswith("Add distillspec"))
    sound(add.click().run())
    assert "Nothing here is a fair comparison" not in words_on(page)
    assert budget(page)["distillspec-data-2"]["sequences"] == 9000


def test_the_matrix_and_the_rows_of_the_hub(home: Path):
    page = opened(recipe="paper/gsm8k-pythia-3epoch")
    assert page.segmented_control(key="train-axis-0").value == "gsm8k"
    sound(page.segmented_control(key="train-axis-1").set_value("codegen").run())
    assert page.query_params["recipe"] == "paper/gsm8k-codegen-3epoch"
    assert page.text_input(key="train-stage0.lr").value == "1e-05"
    assert "counted when the run begins. For 1,000 of them" in words_on(page)
    assert "Nothing similar has run on this machine yet." in words_on(page)


def test_a_run_is_a_start_and_its_name_is_hostile(home: Path):
    run = runs.create(tiny(name="<b> :red[x] $y$ ![](http://x)", about="<i> :red[x]"))
    page = opened(**{"from": run.path.name})
    assert page.text_input(key="train-name").value == "<b> :red[x] $y$ ![](http://x)"
    assert r"\<i\> \:red\[x\]" in [element.value for element in page.caption]
    assert page.query_params["from"] == run.path.name


def test_who_may_not_start_may_look(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(access, "person", lambda: Person("", may_start=False, is_admin=False))
    page = opened()
    assert start_button(page).disabled
    assert "Sign in to start" in words_on(page)
    button = start_button(page)
    button.proto.disabled = False  # as who forges the browser's message would
    sound(button.click().run())
    assert queue.all_jobs() == []


def test_the_first_rows_are_seen_as_tokens(home: Path, monkeypatch: pytest.MonkeyPatch):
    row = SeenRow(
        tokens=[
            SeenToken(id=7, text="<b>\n", part="prompt"),
            SeenToken(id=8, text=" 42", part="answer"),
        ],
        length=2,
        answer=1,
        cut=True,
    )
    asked = []

    def answer(seen_of: recipe.Recipe) -> Preview:
        asked.append(seen_of)
        return Preview(rows=[row])

    monkeypatch.setattr(seen, "preview", answer)
    monkeypatch.setattr(seen, "_line", Line(20, 32, ""))
    page = opened(set=["data.max_length=77"])
    page.button(key="train-see").click().run()
    deadline = time.monotonic() + 20
    while not (shown := [html for html in page.get("html") if 'class="seen"' in html.proto.body]):
        assert time.monotonic() < deadline
        sound(page.run())
    assert '<span class="prompt" title="7">&lt;b&gt;⏎\n</span>' in shown[-1].proto.body
    assert '<span class="answer" title="8"> 42</span>' in shown[-1].proto.body
    assert "2 tokens, 1 of them the answer. It is cut off, and so does not end." in words_on(page)
    assert [each.data.max_length for each in asked] == [77]


def test_the_bundled_models_are_offered(home: Path):
    offered = opened().multiselect(key="train-target.source").options
    assert {"assets:english/target", "assets:tiny/stock"} <= {*offered}
    assert all((recipe.bundled_path(source) / "config.json").is_file() for source in offered)


def test_a_shared_studio_says_at_the_field_what_it_does_not_open(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(access, "is_private", lambda: False)
    monkeypatch.setattr(access, "person", lambda: Person("ada", may_start=True, is_admin=True))
    page = opened(set=['target.source=["assets:../secret"]', 'draft.source=["own/draft"]'])
    at_the_field = [mark.value for mark in page.markdown if ":material/error:" in mark.value]
    assert ["Not a model" in fault for fault in at_the_field] == [True]
    assert page.button(key="train-start-button").disabled
    page = opened(set=['target.source=["own/target"]'])
    assert not page.error
    assert page.query_params["set"] == 'target={"source": ["own/target"]}'  # as it was typed
    page.button(key="train-start-button").click().run()
    assert recipe.read(queue.all_jobs()[0].recipe).target.source == ("hub:own/target",)


def test_the_page_loads_no_heavy_library(home: Path):
    script = (
        "import sys; from streamlit.testing.v1 import AppTest\n"
        "page = AppTest.from_file('app/main.py', default_timeout=60)\n"
        f"page.switch_page({str(ROOT / 'pages/train.py')!r}); page.run()\n"
        "assert not page.exception and page.title[0].value == 'Train'\n"
        "print(*{'torch', 'transformers', 'accelerate', 'altair', 'datasets'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_drafts_that_one_has_are_named_a_line_each_and_inspected(home: Path):
    """From the door to a job that trains nothing."""
    page = opened()
    sound(page.button(key="train-inspect").click().run())
    drafts = page.text_area(key="train-drafts")
    assert "adaspec=assets:example-english/drafts/adaspec" in drafts.value
    assert "Nothing is trained." in words_on(page)
    drafts.set_value("mine=assets:english/stock\nmine=assets:english/stock").run()
    assert "Two drafts have one name." in words_on(page)
    page.text_area(key="train-drafts").set_value("stock=assets:english/stock").run()
    assert "Draft name 'stock' is taken" in words_on(page)
    page.text_area(key="train-drafts").set_value("mine=assets:english/stock").run()
    page.button(key="train-start-button").click().run()
    (job,) = queue.all_jobs()
    asked = recipe.read(job.recipe)
    assert list(asked.drafts) == ["mine"]
    assert not asked.stage1
    assert asked.data.train is None
