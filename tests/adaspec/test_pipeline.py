"""The whole run: kills and resumption with real processes, equal trainings, changed inputs."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from safetensors.torch import load_file

from adaspec import AdaspecError, measurement, models, pipeline, recipe, runs, stages, tokens
from adaspec.recipe import plan, trainings
from adaspec.runs import Run

KILLS = int(os.environ.get("ADASPEC_KILLS", "1"))
"""Rounds of the kill test; `make kills` does 20."""


def weights(run: Run) -> dict[str, bytes]:
    return {
        str(path.relative_to(run.path)): path.read_bytes()
        for path in run.path.rglob("model.safetensors")
    }


def start(file: Path, folder: Path, home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "adaspec", "run", str(file), "--run-dir", str(folder)],
        env=os.environ | {"ADASPEC_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def test_killed_at_random_moments_the_weights_are_the_same_to_the_bit(content, tmp_path) -> None:
    """`kill -9` at a random moment of a run with all stages, then the same command, KILLS times."""
    longer = dict(content, stage0={"batch": 6, "epochs": 2, "lr": 1e-3}, checkpoint_every=2)
    longer["stage2"] = dict(longer["stage2"], epochs=3)
    file = tmp_path / "mini.yaml"
    file.write_text(recipe.parse(longer).yaml())
    whole = Run(tmp_path / "whole")
    process = start(file, whole.path, tmp_path)
    assert process.wait() == 0, process.stderr and process.stderr.read()
    events = runs.read_events(whole)
    began, ended = events[0].time, events[-1].time

    rng = random.Random(0)
    killed = Run(tmp_path / "killed")
    kills = 0
    while kills < KILLS:
        shutil.rmtree(killed.path, ignore_errors=True)
        process = start(file, killed.path, tmp_path)
        while not killed.events_file.exists():
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(rng.uniform(0, ended - began))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
        process = start(file, killed.path, tmp_path)
        assert process.wait() == 0, process.stderr and process.stderr.read()
        assert weights(killed) == weights(whole)
        assert runs.read_state(killed).state == "finished"
        ours, theirs = runs.read_report(killed), runs.read_report(whole)
        for a, b in zip(ours.drafts, theirs.drafts, strict=True):
            assert a.alpha == b.alpha
            assert replace(a.budget, seconds=0) == replace(b.budget, seconds=0)


def test_equal_trainings_are_done_once_and_shown_twice(finished_run) -> None:
    assert not finished_run.model("distillspec").exists()
    state = runs.read_state(finished_run)
    assert state.models["distillspec"] == state.models["reference"] == "models/reference"
    assert "distillspec" not in runs.read_metrics(finished_run)


def test_a_run_does_what_its_plan_says(finished_run) -> None:
    """What the estimate multiplies is what was done: models measured, texts decoded and spoken."""
    recipe, state = runs.read_recipe(finished_run), runs.read_state(finished_run)
    trained = trainings(recipe, state.facts.training_rows)
    measured = [name for group in plan.snapshots_together(recipe, trained) for name in group]
    assert sorted(measured) == sorted(snapshot.name for snapshot in tokens.snapshots(finished_run))
    test, validation = plan.held_out_rows(recipe, state.facts.evaluation_rows)
    sequences = measurement.read_sequences(finished_run.sequences_file)
    assert len(sequences["generated"]) == test
    assert len(sequences.get("validation", [])) == validation
    done = {name: steps[-1].step for name, steps in runs.read_metrics(finished_run).items()}
    assert done == {stage.name: stage.steps for stage in state.plan if not stage.same_as}
    assert done["replays"] == plan.decodings(recipe, trained, test)
    assert {stage.name: stage.needs for stage in state.plan if stage.needs} == {
        training.name: training.stands_on for training in trained if training.stands_on
    }


def test_finished_stages_are_not_repeated(mini, finished_run, tmp_path) -> None:
    run = Run(tmp_path / "run")
    shutil.copytree(finished_run.path, run.path)
    shutil.rmtree(run.model("adaspec"))
    run.report_file.unlink()
    state = runs.read_state(run)
    state.state = "interrupted"
    runs.write_state(run, state)
    before = run.metrics_file.read_text()
    stages = set()
    pipeline.execute(mini, run.path, on_progress=lambda stage, row: stages.add(stage.name))
    assert stages == {"adaspec", "cache", "measurement"}  # its cache is in another home
    assert run.metrics_file.read_text().startswith(before)
    assert weights(run) == weights(finished_run)


def test_the_same_command_finds_the_finished_run(home, mini, finished_run) -> None:
    copy = Run(home / "runs" / finished_run.path.name)
    shutil.copytree(finished_run.path, copy.path)
    assert pipeline.execute(mini) == copy
    assert [run for run in runs.all_runs() if not run.is_example] == [copy]


def test_an_unfinished_run_is_gone_on_with(home, mini) -> None:
    def stop(stage: runs.Stage, row: dict[str, float | int]) -> None:
        if stage.name == "distillspec-data" and row["step"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pipeline.execute(mini, on_progress=stop)
    (run,) = (run for run in runs.all_runs() if not run.is_example)
    assert runs.read_state(run).state == "interrupted"
    assert pipeline.execute(mini) == run
    assert runs.read_state(run).state == "finished"


def test_a_run_of_another_recipe_is_refused(content, finished_run) -> None:
    other = recipe.parse(content | {"seed": 9})
    with pytest.raises(AdaspecError, match=r"is a run of another recipe"):
        pipeline.execute(other, finished_run.path)


def test_changed_data_is_refused(content, tmp_path, finished_run) -> None:
    """A run that reads a file must not go on with another file's rows under the same name."""
    rows = tmp_path / "rows.csv"
    rows.write_text("question,answer\n" + "Ada has 2.,2\n" * 20)
    changed = dict(content, data=dict(content["data"], train=str(rows)), stage2=None)
    chosen = recipe.parse(changed)
    run = Run(tmp_path / "run")

    def stop(stage: runs.Stage, row: dict[str, float | int]) -> None:
        if stage.name == "reference":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pipeline.execute(chosen, run.path, on_progress=stop)
    rows.write_text("question,answer\n" + "Ada has 3.,3\n" * 20)
    with pytest.raises(AdaspecError, match=r"The data of run .* changed since it began"):
        pipeline.execute(chosen, run.path)


def test_a_failure_is_kept_in_words_and_can_be_gone_on_from(home, mini, monkeypatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise AdaspecError("The dog ate it. Feed the dog.")

    with monkeypatch.context() as patched:
        patched.setattr(measurement, "measure", broken)
        with pytest.raises(AdaspecError):
            pipeline.execute(mini)
    (run,) = (run for run in runs.all_runs() if not run.is_example)
    state = runs.read_state(run)
    assert (state.state, state.error) == ("failed", "The dog ate it. Feed the dog.")
    assert "The dog ate it" in run.log_file.read_text()
    assert pipeline.execute(mini) == run


def test_prompts_that_do_not_fit_the_target_are_refused_before_anything_is_written(
    home, content
) -> None:
    long = dict(content, evaluation=dict(content["evaluation"], max_new_tokens=2000))
    with pytest.raises(AdaspecError, match=r"takes 1024 tokens, but .* have 20\d\d"):
        pipeline.execute(recipe.parse(long))
    assert not runs.runs_folder().exists()


def test_stage_0_alone_trains_a_target(home, content) -> None:
    alone = {key: content[key] for key in ("name", "data", "target", "evaluation")}
    alone["stage0"] = {"batch": 6, "epochs": 2, "lr": 3e-3}
    run = pipeline.execute(recipe.parse(alone))
    state = runs.read_state(run)
    assert (state.state, list(state.models)) == ("finished", ["target"])
    losses = [step.held_out_loss for step in runs.read_metrics(run)["target"] if step.held_out_loss]
    assert losses[-1] < losses[0]
    assert not run.report_file.exists()


def test_the_target_drafts_for_itself_before_drafts_are_measured(finished_run) -> None:
    checks = runs.read_report(finished_run).checks
    assert checks is not None
    assert checks.null_test.passed
    assert checks.null_test.proposals > 0
    assert checks.null_test.message in str(finished_run.log_file.read_text())


def test_a_failed_null_test_is_a_warning_in_report_and_log(home, content, monkeypatch) -> None:
    failed = runs.NullTest(
        passed=False, precision="float32", proposals=1, beta=0.5, least=0.5, tolerance=1e-4,
        greedy=0.5, greedy_tolerance=0.0, message="Nothing measured after this should be believed.",
    )  # fmt: skip
    monkeypatch.setattr(stages, "null_test", lambda *_, **__: failed)
    run = pipeline.execute(recipe.parse(dict(content, stage2=None)))
    checks = runs.read_report(run).checks
    assert checks is not None
    assert not checks.null_test.passed
    assert "WARNING Nothing measured after this" in run.log_file.read_text()


def test_what_is_saved_is_what_was_trained(home, content, monkeypatch) -> None:
    """Weights that change on their way to the disk fail their stage, and are not kept."""
    original = models.load_weights

    def damaged(folder: Path, *how: object) -> object:
        model = original(folder, *how)
        if folder.parent.name.startswith("."):  # being saved
            with torch.no_grad():
                model.get_input_embeddings().weight.mul_(1.5)
        return model

    monkeypatch.setattr(models, "load_weights", damaged)
    with pytest.raises(
        AdaspecError, match=r"reference: the saved model is not the one that was trained"
    ):
        pipeline.execute(recipe.parse(content))
    (run,) = (run for run in runs.all_runs() if not run.is_example)
    assert runs.read_state(run).state == "failed"
    assert not run.model("reference").exists()


@pytest.fixture
def bf16() -> Iterator[Accelerator]:
    AcceleratorState._reset_state()  # it is one a process, and others here are float32
    yield Accelerator(cpu=True, mixed_precision="bf16")
    AcceleratorState._reset_state()


def test_bf16_gives_about_the_same_drafts(home, content, finished_run, bf16) -> None:
    """The GPU's precision, on a CPU: forwards in bf16, weights and divergences in float32."""
    run = pipeline.execute(recipe.parse(content), accelerator=bf16)
    ours, theirs = runs.read_report(run), runs.read_report(finished_run)
    for a, b in zip(ours.drafts, theirs.drafts, strict=True):
        assert a.alpha.dataset == pytest.approx(b.alpha.dataset, abs=0.01)
        assert a.kl != b.kl
    saved = load_file(run.model("adaspec") / "model.safetensors")
    assert {tensor.dtype for tensor in saved.values()} == {torch.float32}
    assert runs.read_state(run).facts.precision == "bf16"


REFERENCE_OF_TINY = [
    "data.train.stories=200", "data.evaluation.stories=30", "evaluation.prompts=20",
    "evaluation.monitor=10", "evaluation.max_new_tokens=40", "evaluation.snapshots=0",
    "stage1.epochs=2", "stage2=null", "evaluation.speculation.prompts=2",
    "evaluation.speculation.max_new_tokens=8", "evaluation.speculation.timed=1",
    "evaluation.speculation.gammas=[2]",
]  # fmt: skip


def test_tiny_learns_in_bf16_what_it_learns_in_float32(home, bf16) -> None:
    """The reference's exact acceptance, on the target's text, to 0.005."""
    chosen = recipe.load("tiny", REFERENCE_OF_TINY)
    half = pipeline.execute(chosen, home / "half", accelerator=bf16)
    AcceleratorState._reset_state()
    whole = pipeline.execute(chosen, home / "whole", accelerator=Accelerator(cpu=True))
    ours, theirs = (runs.read_report(run).draft("reference").alpha for run in (half, whole))
    assert ours.generated == pytest.approx(theirs.generated, abs=0.005)
    assert ours.generated != theirs.generated
    assert ours.generated > runs.read_report(half).draft("stock").alpha.generated + 0.01


def test_one_autocast_around_several_steps_fails_the_stage(home, bf16) -> None:
    """The fault that made every draft trained on a GPU worthless: torch keeps the bf16 weights of
    the first step until the outermost autocast ends, and the curve is of weights nobody keeps.
    """
    with (
        torch.autocast("cpu", torch.bfloat16),
        pytest.raises(AdaspecError, match="the saved model is not the one that was trained"),
    ):
        pipeline.execute(recipe.load("tiny", REFERENCE_OF_TINY), home / "run", accelerator=bf16)


def test_a_new_draft_takes_the_targets_tokenizer(home, content) -> None:
    small = {"hidden": 16, "layers": 1, "heads": 2, "feed_forward": 24}
    chosen = recipe.parse(dict(content, draft={"new": small}, stage2=None))
    run = pipeline.execute(chosen)
    tokenizer = "tokenizer.json"
    target = Path(content["target"]) / tokenizer
    assert (run.model("stock") / tokenizer).read_text() == target.read_text()
    drafts = runs.read_report(run).drafts
    assert [draft.name for draft in drafts] == ["stock", "reference"]
