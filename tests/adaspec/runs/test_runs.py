"""The run folder: atomic writes, torn lines, dead processes, progress."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaspec import AdaspecError, runs
from adaspec.runs import Process, Run, Stage, Step


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_run_can_be_found_by_id_start_and_folder(home, mini) -> None:
    run = runs.create(mini)
    assert runs.find(run.path.name) == run
    assert runs.find(run.path.name[:20].lower()) == run
    assert runs.find(str(run.path)) == run
    assert run in runs.all_runs()
    with pytest.raises(AdaspecError, match="No run '7NOPE'"):
        runs.find("7NOPE")
    second = runs.create(mini)
    with pytest.raises(AdaspecError, match="could be 2 runs"):
        runs.find(run.path.name[:2])
    assert [r for r in runs.all_runs() if not r.is_example] == [second, run]


def test_recipe_survives_the_folder(home, mini) -> None:
    assert runs.read_recipe(runs.create(mini)).hash == mini.hash


def test_a_folder_with_something_else_in_it_is_left_alone(home, mini, tmp_path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("x")
    with pytest.raises(AdaspecError, match="is not a run folder and not empty"):
        runs.create(mini, tmp_path / "full")
    assert names(tmp_path / "full") == ["thesis.txt"]
    (tmp_path / "file").write_text("")
    with pytest.raises(AdaspecError, match="not empty"):
        runs.create(mini, tmp_path / "file")
    with pytest.raises(AdaspecError, match="is not a run folder"):
        runs.find(str(tmp_path / "full"))


def test_running_means_a_living_process(home, mini) -> None:
    run = runs.create(mini)
    assert runs.read_state(run).state == "running"
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    state = runs.read_state(run)
    state.process = Process(
        pid=child.pid,
        created=psutil.Process(child.pid).create_time() - psutil.boot_time(),
        host=state.process.host,
    )
    runs.write_state(run, state)
    assert runs.read_state(run).state == "running"
    child.kill()  # a zombie until it is waited for: dead all the same
    time.sleep(0.2)
    assert runs.read_state(run).state == "interrupted"
    child.wait()
    # The same pid, another process: also dead.
    state.process = Process.this().model_copy(update={"created": 1.0})
    runs.write_state(run, state)
    assert runs.read_state(run).state == "interrupted"


def test_one_writer_a_run(home, mini) -> None:
    run = runs.create(mini)
    with (
        runs.only_writer(run),
        pytest.raises(AdaspecError, match="trained by another process"),
        runs.only_writer(run),
    ):
        pass


@given(cut=st.integers(0, 60))
def test_torn_lines_cost_one_line_and_no_more(tmp_path_factory, cut: int) -> None:
    path = tmp_path_factory.mktemp("lines") / "x.jsonl"
    rows = [runs.Finished(time=float(i)) for i in range(4)]
    for row in rows[:3]:
        runs.append_line(path, runs.EVENTS.line(row))
    whole = path.read_bytes()
    path.write_bytes(whole[: max(0, len(whole) - cut)])
    survivors = list(runs.EVENTS.rows(path.read_bytes().splitlines(), path))
    runs.append_line(path, runs.EVENTS.line(rows[3]))
    assert list(runs.EVENTS.rows(path.read_bytes().splitlines(), path)) == [*survivors, rows[3]]
    assert len(survivors) >= 3 - 1 - cut // (len(whole) // 3)


def test_a_repeated_step_counts_once_and_later_ones_are_gone(home, mini) -> None:
    run = runs.create(mini)
    for step, loss in ((1, 1.0), (2, 2.0), (3, 3.0), (2, 2.5)):
        runs.log_step(run, "reference", {"step": step, "loss": loss})
    steps = runs.read_metrics(run)["reference"]
    assert [(step.step, step.loss) for step in steps] == [(1, 1.0), (2, 2.5)]


def test_an_atomic_write_is_seen_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x"
    runs.write_atomic(path, "old")
    with suppress(RuntimeError), runs.atomic_file(path) as new:
        new.write_text("ne")
        raise RuntimeError
    assert path.read_text() == "old"
    with suppress(RuntimeError), runs.atomic_folder(tmp_path / "f") as new:
        (new / "half").write_text("x")
        raise RuntimeError
    assert names(tmp_path) == ["x"]
    with runs.atomic_folder(tmp_path / "f") as new:
        (new / "whole").write_text("x")
    assert names(tmp_path / "f") == ["whole"]


def test_progress_and_time_left_come_from_the_plan(home, mini) -> None:
    run = runs.create(mini)
    state = runs.read_state(run)
    state.plan = [
        Stage(name="reference", kind="train", steps=10, work=100),
        Stage(name="copy", kind="train", steps=10, work=100, same_as="reference"),
        Stage(name="adaspec", kind="train", steps=10, work=300),
    ]
    state.stage = "adaspec"
    metrics = {
        "reference": [Step("reference", float(s), s) for s in range(11)],
        "adaspec": [Step("adaspec", 10.0 + 3 * s, s, tokens_per_s=5.0) for s in range(6)],
    }
    seen = runs.progress(state, metrics)
    assert seen.fraction == pytest.approx(250 / 400)
    assert (seen.stage, seen.step, seen.steps, seen.tokens_per_s) == ("adaspec", 5, 10, 5.0)
    assert seen.seconds_left == pytest.approx(15)
    assert runs.progress(state, {}).seconds_left is None


def test_a_broken_state_file_is_named(home, mini) -> None:
    run = runs.create(mini)
    run.state_file.write_text("{")
    with pytest.raises(AdaspecError, match=r"run\.json is damaged \(.*\)\. What is left"):
        runs.read_state(run)


def test_a_report_that_is_not_there_yet_says_how_to_go_on(home, mini) -> None:
    run = runs.create(mini)
    with pytest.raises(AdaspecError, match=r"has no report yet: it is running"):
        runs.read_report(run)
    assert json.loads(run.state_file.read_text())["name"] == "mini"


def test_reading_needs_no_torch() -> None:
    code = "import sys, adaspec.runs, adaspec.recipe, adaspec.report; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_copied_folder_opens_elsewhere(finished_run: Run, tmp_path) -> None:
    import shutil

    shutil.copytree(finished_run.path, tmp_path / "elsewhere")
    copy = runs.find(str(tmp_path / "elsewhere"))
    assert runs.read_report(copy) == runs.read_report(finished_run)
    assert runs.read_state(copy).state == "finished"
