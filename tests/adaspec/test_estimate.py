"""What a recipe will take: from earlier runs, from a few steps, and what runs really took."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from adaspec import (
    AdaspecError,
    apart,
    calibration,
    checkpoints,
    estimate,
    pace,
    pipeline,
    recipe,
    runs,
)
from adaspec.estimate import Estimate
from adaspec.recipe import Recipe, trainings
from adaspec.runs import Run
from tests.adaspec.test_cli import adaspec, in_a_process, one_line_error
from tests.nvml import GB, Card, install


@pytest.fixture
def past(home: Path, finished_run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A finished run in the home, and no example."""
    monkeypatch.setattr(runs.folder, "EXAMPLES", {"example": home / "none"})
    run = Run(home / "runs" / finished_run.path.name)
    shutil.copytree(finished_run.path, run.path)
    return run


def changed(content: dict[str, Any], *overrides: str) -> Recipe:
    changed = json.loads(json.dumps(content))
    for override in overrides:
        recipe.loading.override(changed, override)
    return recipe.parse(changed)


def edit_state(run: Run, **changes: Any) -> None:
    state = runs.read_state(run)
    runs.write_state(run, state.model_copy(update=changes))


def test_tiny_is_known_from_the_example(home: Path) -> None:
    """It foretells what the example itself took, all stages and loading."""
    estimated = estimate.known(recipe.load("tiny"))
    example = Run(runs.EXAMPLES["example"])
    ended = runs.read_events(example)[-1]
    assert isinstance(ended, runs.Finished)
    took = ended.time - runs.read_state(example).created.timestamp()
    assert estimated.seconds == pytest.approx(took + pace.LIBRARIES, rel=0.08)
    assert estimated.disk == pytest.approx(pace.folder_size(runs.EXAMPLES["example"]), rel=0.05)
    assert estimated.source == "Measured on the bundled example tiny, CPU with 2 threads."
    assert not home.exists()


def test_longer_and_wider_trainings_take_longer(home: Path) -> None:
    def seconds(*overrides: str) -> float:
        return estimate.from_past(recipe.load("tiny", list(overrides))).seconds

    base = seconds()
    report = runs.read_report(Run(runs.EXAMPLES["example"]))
    of = {draft.name: draft.budget.seconds for draft in report.drafts}
    stage2 = of["distillspec-data"] + of["adaspec"]
    trained = of["reference"] + stage2
    assert seconds("stage1.epochs=6", "stage2.epochs=6") == pytest.approx(base + trained, rel=0.05)
    assert seconds("stage2.k=0.2") == pytest.approx(base + stage2, rel=0.05)
    assert seconds("data.limit=600") == pytest.approx(base - trained / 2, rel=0.05)
    assert seconds("stage2.methods.again={}") == pytest.approx(base)  # the reference's training
    one_more = seconds("stage2.methods.again={objective: reverse_kl}")  # which is decoded with, too
    assert base + of["reference"] < one_more < base + 3 * of["reference"]


def test_a_run_speaks_for_its_like_alone(past: Run, content: dict[str, Any]) -> None:
    estimated = estimate.from_past(changed(content, "stage2.epochs=2", "stage1.lr=1.0e-4"))
    assert estimated.source.startswith(f"Measured on run mini ({past.path.name}), CPU with ")
    for override in (
        "draft={source: target, layers: [0]}",
        "target=assets:tiny/target",
        "data.max_length=100",
        "data.response={answer}.",
        "data.train=rows.jsonl",
        "stage0={lr: 1.0e-3}",  # a kind of training that it did not have
        "stage2.methods.x={selector: random}",
        "stage2.micro_batch=2",
        "data.train={hub: openai/gsm8k}",
    ):
        assert estimate.from_past(changed(content, override)) is None, override


def test_the_newest_runs_are_asked_and_always_the_examples(
    past: Run, mini: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert estimate.from_past(mini) is not None
    monkeypatch.setattr(estimate, "PAST", 0)
    assert estimate.from_past(mini) is None
    monkeypatch.setattr(runs.folder, "EXAMPLES", {"example": past.path})
    assert estimate.from_past(mini) is not None


def test_a_run_is_read_once_however_often_it_is_asked(
    past: Run, mini: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = Counter[str]()
    for name in ("read_state", "read_recipe", "read_metrics"):
        read = getattr(runs, name)
        monkeypatch.setattr(runs, name, lambda run, n=name, r=read: reads.update([n]) or r(run))
    first = estimate.from_past(mini)
    assert first is not None
    assert estimate.from_past(mini) == first
    assert reads == {"read_state": 1, "read_recipe": 1, "read_metrics": 1}
    edit_state(past, name="renamed")
    reads.clear()
    assert estimate.from_past(mini) is not None
    assert reads["read_state"] == 1  # it has changed


def test_a_run_of_another_device_does_not_speak(past: Run, mini: Recipe) -> None:
    facts = runs.read_state(past).facts
    edit_state(past, facts=facts.model_copy(update={"device": "NVIDIA H100"}))
    assert estimate.from_past(mini) is None
    edit_state(past, facts=facts.model_copy(update={"processes": 2}))
    assert estimate.from_past(mini) is None
    edit_state(past, facts=facts.model_copy(update={"precision": "bf16"}))
    assert estimate.from_past(mini) is not None  # both said auto
    edit_state(past, facts=facts)
    past.state_file.write_text("{")
    assert estimate.from_past(mini) is None


def test_an_interrupted_run_speaks_as_far_as_it_came(past: Run, mini: Recipe) -> None:
    whole = estimate.from_past(mini)
    edit_state(past, state="interrupted")
    for name in ("report.json", "tokens/contexts.parquet"):
        (past.path / name).unlink()
    lines = past.metrics_file.read_text().splitlines(keepends=True)
    kept = [line for line in lines if '"measurement"' not in line]
    past.metrics_file.write_text("".join(kept))
    part = estimate.from_past(mini)
    assert part.seconds == pytest.approx(whole.seconds, rel=0.5)
    past.metrics_file.write_text("".join(line for line in kept if '"adaspec"' not in line))
    assert estimate.from_past(mini) is None
    past.metrics_file.write_text("")
    assert estimate.from_past(mini) is None


def test_the_pause_before_a_resumption_is_no_work() -> None:
    rows = [runs.Step("x", 2.0 * step + (step > 5) * 86_400, step) for step in range(11)]
    assert pace._steps(rows) == (2.0, 0.0)
    rows = [runs.Step("x", 0.0, 0, alpha=0.1)]
    assert pace._steps(rows) is None
    assert pace._steps([]) is None
    for step in range(1, 13):  # 5 seconds to warm up, 3 more for every third step's point
        time = rows[-1].time + 1 + 5 * (step == 1) + 3 * (step % 3 == 0)
        rows.append(runs.Step("x", time, step, alpha=0.2 if step % 3 == 0 else None))
    assert pace._steps(rows) == (1.0, 3.0)


def test_memory_is_that_of_the_run_if_it_was_as_wide(past: Run, content: dict[str, Any]) -> None:
    measured = [step.memory for steps in runs.read_metrics(past).values() for step in steps]
    assert min(measured) > 100e6  # torch alone
    assert estimate.from_past(changed(content)).memory == max(measured)
    assert estimate.from_past(changed(content, "stage2.batch=60")).memory is None


def test_the_target_goes_on_from_validation_prompts_too(past: Run, content: Any) -> None:
    def seconds(monitor: int) -> float:
        overrides = ("evaluation.prompts=2", f"evaluation.monitor={monitor}")
        return estimate.from_past(changed(content, *overrides)).seconds

    speak = pace.of_run(past, runs.read_state(past), runs.read_recipe(past)).speak
    texts = 3 * content["evaluation"]["max_new_tokens"]
    assert seconds(4) - seconds(1) == pytest.approx(speak * texts)


def test_checkpoints_and_tables_are_counted_at_their_most(past: Run, content: Any) -> None:
    weights = runs.read_state(past).facts.draft_parameters * 4

    def disk(every: int) -> int:
        return estimate.from_past(
            changed(content, f"checkpoint_every={every}", "evaluation.prompts=1", "stage1.epochs=9")
        ).disk

    assert disk(1) - disk(1000) > 2 * 3 * weights
    assert checkpoints.KEEP + 1 == estimate.CHECKPOINTS
    fewer = estimate.from_past(changed(content, "checkpoint_every=1000", "evaluation.prompts=1"))
    assert estimate.from_past(changed(content, "checkpoint_every=1000")).disk > fewer.disk


def test_the_largest_folder_was_foreseen(
    content: dict[str, Any], past: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real run, looked at whenever something is about to be removed: it is largest then."""
    chosen = changed(content, "checkpoint_every=1")
    foreseen = estimate.from_past(chosen).disk
    sizes, remove = [], shutil.rmtree

    def look_and_remove(path: Path, **more: Any) -> None:
        sizes.append(pace.folder_size(home / "x"))
        remove(path, **more)

    monkeypatch.setattr(shutil, "rmtree", look_and_remove)
    pipeline.execute(chosen, home / "x")
    assert foreseen == pytest.approx(max(sizes), rel=0.15)


def write(chosen: Recipe, folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "recipe.yaml").write_text(chosen.yaml())
    return str(folder / "recipe.yaml")


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    huge = Estimate(seconds=1, disk=10**18, memory=10**15, device="CPU with 2 threads", source="")
    [disk, memory] = estimate.lacks(huge)
    assert disk.startswith("It needs 1000000.0 TB of disk and ")
    assert memory.startswith("It needs 1000.0 TB of memory and there are ")
    assert "micro_batch" in memory
    assert estimate.lacks(huge.model_copy(update={"disk": 1, "memory": None})) == []
    install(monkeypatch, Card("GPU-a", total=80 << 30))
    on_gpu = huge.model_copy(update={"disk": 1, "memory": 81 << 30, "device": "NVIDIA H100"})
    assert "there are 85.9 GB" in estimate.lacks(on_gpu)[0]
    install(monkeypatch, Card("GPU-a", total=80 << 30), Card("GPU-b", total=140 << 30))
    assert estimate.lacks(on_gpu) == []  # the larger one has room
    assert not home.exists()


def test_sizes_are_read_aloud() -> None:
    assert list(map(estimate.size, (0, 999, 1000, 3_397_692, 999_999, 81 << 30))) == [
        "0 bytes", "999 bytes", "1.0 kB", "3.4 MB", "1000.0 kB", "87.0 GB"
    ]  # fmt: skip


def test_a_calibration_runs_few_steps_of_every_kind() -> None:
    whole = recipe.load("smollm2-gsm8k", ["data.train={stories: 5000}"])
    small = calibration.shortened(whole, 5000)
    plan = trainings(small, small.data.limit)
    assert small.data.limit == 80  # two of the widest batches
    assert {pace.kind(training) for training in plan} == {
        pace.kind(training) for training in trainings(whole, 5000)
    }
    assert {training.steps for training in plan} == {calibration.STEPS}
    assert max(training.batch for training in plan) == 40  # 16 / k
    assert pace.width(small) == pace.width(whole) == 8
    assert set(small.stage2.methods) == {"adaspec", "distillspec-data"}
    assert small.evaluation.prompts == 40


@pytest.fixture(scope="module")
def calibrated(content: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with nothing but a calibration."""
    home = tmp_path_factory.mktemp("calibrated")
    (home / "recipe.yaml").write_text(yaml.safe_dump(content))
    done = in_a_process("estimate", str(home / "recipe.yaml"), home=home / "home")
    assert done.returncode == 0, done.stderr
    assert "Taking a few steps" in done.stderr
    assert "Calibrated just now by a few steps of each kind, CPU with " in done.stdout
    for word in ("time    0:0", "disk  ", "memory", "MB"):
        assert word in done.stdout
    return home / "home"


def test_a_calibration_leaves_its_pace_and_nothing_else(calibrated: Path) -> None:
    [file] = [path for path in calibrated.rglob("*") if path.is_file()]
    assert file.parent == calibrated / "calibrations"


def test_a_calibration_is_remembered_for_other_lengths(
    calibrated: Path, content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADASPEC_HOME", str(calibrated))
    first = estimate.known(changed(content))
    assert first.source.startswith("Calibrated earlier")
    assert first.memory > 100e6
    longer = estimate.known(changed(content, "stage1.epochs=40", "stage2.k=0.2"))
    assert longer.seconds > first.seconds
    assert longer.memory is None  # 1/k times as wide
    assert estimate.known(changed(content, "data.max_length=100")) is None
    assert estimate.known(changed(content, "draft={source: target, layers: [0]}")) is None


def test_a_calibration_foresees_a_run(
    calibrated: Path, content: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Loosely: both are short, and two cores are shared with who knows whom."""
    monkeypatch.setenv("ADASPEC_HOME", str(calibrated))
    longer = changed(content, "stage1.epochs=8", "stage2.epochs=2")
    foreseen = estimate.known(longer).seconds
    began = time.monotonic()
    done = in_a_process(
        "run", write(longer, tmp_path), "--run-dir", str(tmp_path / "run"), home=calibrated
    )
    assert done.returncode == 0, done.stderr
    took = time.monotonic() - began
    assert took / 4 < foreseen < took * 4


def test_a_calibration_fails_as_the_run_would(content: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(content))
    wrong = ["--set", "target=./nowhere", "--calibrate"]
    done = in_a_process("estimate", str(tmp_path / "recipe.yaml"), *wrong, home=tmp_path / "home")
    lines = done.stderr.splitlines()
    assert lines[-1].startswith("error: No calibration: target: no model folder")
    assert done.returncode == 2
    assert [path for path in (tmp_path / "home").rglob("*") if path.is_file()] == []


def test_for_programs(home: Path) -> None:
    done = adaspec("estimate", "tiny", "--json", home=home)
    printed = json.loads(done.stdout)
    named = {"seconds", "disk", "memory", "cache_bytes", "device", "source", "stages"}
    assert set(printed) == named
    assert "No recipe" in one_line_error(adaspec("estimate", "tinny", home=home))


def test_knowing_needs_no_torch(home: Path) -> None:
    code = """
import sys
from adaspec import estimate, recipe
assert estimate.known(recipe.load("tiny"))
print("torch" in sys.modules, "transformers" in sys.modules, "datasets" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False False"


def test_the_pace_is_of_the_gpu_that_a_run_would_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those that are visible, and with no memory of its own it can have all the machine's."""
    install(monkeypatch, Card("GPU-a"), Card("GPU-b", total=None, name="NVIDIA GB10"))
    assert pace.device() == "NVIDIA H100 80GB HBM3"
    estimated = {"seconds": 1, "disk": 1, "source": "", "device": "NVIDIA GB10"}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-b")
    assert pace.device() == "NVIDIA GB10"
    assert not estimate.lacks(estimate.Estimate(memory=GB // 10, **estimated))
    assert estimate.lacks(estimate.Estimate(memory=10**6 * GB, **estimated))


def test_an_error_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch, mini: Recipe) -> None:
    broken = subprocess.CompletedProcess([], 1, stdout="", stderr="Traceback\nKeyError: 'x'\n")
    monkeypatch.setattr(apart.subprocess, "run", lambda *_, **__: broken)
    with pytest.raises(AdaspecError, match=r"^No calibration: KeyError: 'x'$"):
        estimate.calibrate(mini)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_the_bar_and_the_time_left_are_what_happens(home: Path, share: float) -> None:
    """Of the example as it was recorded: replays and measurement have their share of the bar."""
    example = Run(runs.EXAMPLES["example"])
    state, metrics = runs.read_state(example), runs.read_metrics(example)
    expected = estimate.known(recipe.load("tiny"))
    assert expected
    old_names = {"knowledge": "cache"}
    plan = [
        stage.model_copy(
            update={"seconds": expected.stages.get(old_names.get(stage.name, stage.name))}
        )
        for stage in state.plan
    ]
    events = runs.read_events(example)
    begun = [event for event in events if isinstance(event, runs.StageBegan)]
    first, last = begun[0].time, events[-1].time
    now = first + share * (last - first)
    seen = {
        stage: logged
        for stage, steps in metrics.items()
        if (logged := [step for step in steps if step.time <= now])
    }
    at_work = [event.stage for event in begun if event.time <= now][-1]
    running = state.model_copy(update={"state": "running", "plan": plan, "stage": at_work})
    progress = runs.progress(running, seen)
    assert progress.fraction == pytest.approx(share, abs=0.08)
    assert progress.seconds_left == pytest.approx(last - now, abs=0.12 * (last - first))


def test_the_stages_of_an_estimate_are_its_seconds(past: Run, content: dict[str, Any]) -> None:
    chosen = changed(content)
    expected = estimate.from_past(chosen)
    assert expected
    state = runs.read_state(past)
    own = {stage.name for stage in state.plan if not stage.same_as}
    assert expected.stages.keys() == own
    assert sum(expected.stages.values()) < expected.seconds < 3 * sum(expected.stages.values()) + 60


def test_a_run_knows_how_long_its_stages_should_take(past: Run, mini: Recipe) -> None:
    again = pipeline.execute(mini, fresh=True)
    plan = runs.read_state(again).plan
    expected = estimate.from_past(mini)
    assert expected
    assert all((stage.seconds is None) == (stage.same_as is not None) for stage in plan)
