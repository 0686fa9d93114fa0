"""Keeping the best weights and stopping early, by acceptance on prompts that no report reads."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator

from adaspec import AdaspecError, measurement, models, pipeline, recipe, runs, training
from adaspec.divergence import OBJECTIVES, blend
from adaspec.recipe import Training
from adaspec.tokens import GENERATED, VALIDATION
from tests.adaspec.test_training import World, plan

CURVE = [0.3, 0.2, 0.5, 0.4, 0.45, 0.1, 0.2, 0.3, 0.6]  # of steps 0, 1, 2, ...


@pytest.fixture(scope="module")
def world(mini) -> World:
    torch.manual_seed(0)
    return World(mini)


def spec_of(world: World, mini: recipe.Recipe, **optimisation: Any) -> Training:
    spec = plan(mini, "adaspec", rows=len(world.examples))
    changed = spec.optimisation.model_copy(update=optimisation)
    return spec.model_copy(update={"optimisation": changed, "steps": 8})


def run(world: World, spec: Training, folder: Path, stop_at: int | None = None) -> Any:
    """(weights after every step, weights at the end, budget), with a curve that is given."""
    draft, seen = copy.deepcopy(world.draft), {}

    def monitor(model: Any) -> dict[str, float]:
        step = len(seen) + skipped
        seen[step] = models.weights_hash(model)
        return {"alpha": CURVE[step]}

    def on_step(row: dict[str, Any]) -> None:
        if row["step"] == stop_at:
            raise KeyboardInterrupt

    resumed = sorted(folder.glob("[0-9]*"))
    skipped = int(resumed[-1].name) + 1 if resumed else 0
    budget = training.train(
        spec, draft, world.teacher, world.examples,
        accelerator=Accelerator(cpu=True), checkpoints=folder,
        checkpoint_every=2, hooks=training.Hooks(monitor, 8, on_step),
    )  # fmt: skip
    return seen, models.weights_hash(draft), budget


def test_the_last_weights_are_kept_unless_asked(world, mini, tmp_path) -> None:
    seen, end, budget = run(world, spec_of(world, mini), tmp_path)
    assert end == seen[8]
    assert budget.kept is None


def test_the_best_weights_are_kept(world, mini, tmp_path) -> None:
    seen, end, budget = run(world, spec_of(world, mini, keep="best"), tmp_path)
    assert end == seen[8]
    assert budget.kept == 8
    seen, end, budget = run(world, spec_of(world, mini, keep="best", patience=2), tmp_path / "b")
    assert end == seen[2]
    assert (budget.kept, budget.steps) == (2, 4)


def test_patience_alone_keeps_the_last(world, mini, tmp_path) -> None:
    seen, end, budget = run(world, spec_of(world, mini, patience=3), tmp_path)
    assert (end, budget.steps, budget.kept) == (seen[5], 5, None)


@pytest.mark.parametrize("stop_at", [1, 3, 4])
def test_resumed_it_keeps_the_same(world, mini, tmp_path, stop_at) -> None:
    spec = spec_of(world, mini, keep="best", patience=4)
    _, end, budget = run(world, spec, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(world, spec, tmp_path / "torn", stop_at)
    _, again, other = run(world, spec, tmp_path / "torn")
    assert again == end
    assert (other.kept, other.steps) == (budget.kept, budget.steps) == (2, 6)


def test_validation_prompts_are_not_those_of_the_report(content, home) -> None:
    changed = copy.deepcopy(content)
    changed["evaluation"] |= {"prompts": 4, "monitor": 2}
    changed["stage2"] |= {"keep": "best", "methods": {"adaspec": {"selector": "top_delta"}}}
    done = pipeline.execute(recipe.parse(changed))
    said = measurement.read_sequences(done.sequences_file)
    assert [len(said[name]) for name in (GENERATED, VALIDATION)] == [4, 2]
    prompts = [
        {tuple(one.ids[: one.prompt_length]) for one in said[name]}
        for name in (GENERATED, VALIDATION)
    ]
    assert not prompts[0] & prompts[1]
    report = runs.read_report(done)
    assert report.prompts == 4
    draft = report.draft("adaspec")
    curve = [step for step in runs.read_metrics(done)["adaspec"] if step.alpha is not None]
    best = max(curve, key=lambda step: step.alpha)
    assert draft.budget.kept == best.step


def test_without_validation_prompts_it_is_refused(content, home) -> None:
    changed = copy.deepcopy(content)
    changed["stage2"]["patience"] = 3
    with pytest.raises(AdaspecError, match=r"evaluation\.prompts=6 takes them all"):
        pipeline.execute(recipe.parse(changed))
    assert not runs.runs_folder().exists()
    changed["stage2"].pop("patience")
    changed["stage0"] = {"lr": 1e-3, "keep": "best"}
    with pytest.raises(AdaspecError, match="no acceptance to keep or stop by"):
        recipe.parse(changed)


def test_an_objective_turns_into_another_evenly() -> None:
    torch.manual_seed(0)
    logp, logq = (torch.randn(5, 9).log_softmax(-1) for _ in range(2))
    first, last = OBJECTIVES["forward_kl"](logp, logq), OBJECTIVES["total_variation"](logp, logq)
    for share in (0.0, 0.25, 1.0):
        mixed = blend("forward_kl", "total_variation", share)(logp, logq)
        torch.testing.assert_close(mixed, (1 - share) * first + share * last)
    torch.testing.assert_close(blend("forward_kl", None, 0.7)(logp, logq), first)


def test_the_schedule_runs_over_the_steps(world, mini, tmp_path, monkeypatch) -> None:
    shares = []

    def watched(first: str, last: str | None, share: float) -> Any:
        shares.append((first, last, share))
        return blend(first, last, share)

    monkeypatch.setattr(training, "blend", watched)
    spec = plan(mini, "adaspec", rows=len(world.examples), to="total_variation")
    spec = spec.model_copy(update={"steps": 5})
    run(world, spec, tmp_path)
    assert shares == [("forward_kl", "total_variation", i / 4) for i in range(5)]
