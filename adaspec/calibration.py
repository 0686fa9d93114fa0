"""A very short run of a recipe, to know what the whole will take.

`python -m adaspec.calibration` reads a recipe's YAML and prints the estimate as JSON: a process of
its own, so that its peak of memory is that of the recipe.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from adaspec import apart, estimate, pipeline, rows, runs
from adaspec.estimate import Estimate
from adaspec.pace import CPU, Pace, data_key, kind, of_run
from adaspec.recipe import Optimisation, Recipe, Stage2, trainings

STEPS = 8  # of every kind of training
PARTS = 2  # micro-batches of each of those steps, where the batch has more
GROUPS = 2  # batches of prompts


def calibrate(recipe: Recipe) -> Estimate:
    """Run the recipe for a few steps, keep their pace for the next time, and apply it.

    Raises:
        AdaspecError: as the run itself does.
    """
    pace = _measured(recipe)
    if earlier := estimate.read_calibration(recipe):  # of other kinds of training, of other rows
        pace.train = earlier.train | pace.train
        pace.point = earlier.point | pace.point
        pace.rows = earlier.rows | pace.rows
    kept = pace.model_copy(update={"source": pace.source.replace("just now", "earlier")})
    runs.write_atomic(estimate.calibration_file(recipe), kept.model_dump_json())
    estimated = estimate.extrapolate(recipe, pace)
    assert estimated is not None  # every kind is measured, and the rows are counted
    return estimated


def _measured(recipe: Recipe) -> Pace:
    train, evaluation = rows.read_splits(recipe.data, recipe.seed)
    small = shortened(recipe, len(train))
    estimate.calibration_file(recipe).parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=estimate.calibration_file(recipe).parent) as folder:
        run = pipeline.execute(small, Path(folder) / "run")
        state = runs.read_state(run)
        pace = of_run(run, state, small)
    assert pace  # it finished
    assert state.facts
    pace.rows = {data_key(recipe): (len(train), len(evaluation))}
    alone = 1 if state.facts.device == CPU else recipe.gpus
    pace.train = {name: seconds / alone for name, seconds in pace.train.items()}
    pace.start = state.created.timestamp() - psutil.Process().create_time()
    pace.source = f"Calibrated just now by a few steps of each kind, {pace.device}."
    return pace


def shortened(recipe: Recipe, rows: int) -> Recipe:
    """The same recipe with a few steps of every kind of training, few prompts, and few rows.

    So few that steps come back to them: the target is asked once, as in the whole.
    """
    most = max((training.batch for training in trainings(recipe, rows)), default=1)
    few = min(rows, 2 * most)
    answers = recipe.data.answers.model_copy(update={"samples": 1})
    data = recipe.data.model_copy(update={"limit": few or None, "answers": answers})
    prompts = min(recipe.evaluation.prompts, GROUPS * recipe.evaluation.batch)
    evaluation = recipe.evaluation.model_copy(update={"prompts": prompts, "every": 1})
    stages: dict[str, Optimisation] = {
        name: _few_steps(stage, few if name == "stage0" else data.examples(few))
        for name in ("stage0", "stage1", "stage2")
        if (stage := getattr(recipe, name))
    }
    if isinstance(stage2 := stages.get("stage2"), Stage2):
        ordered = sorted(trainings(recipe, few), key=lambda training: training.batch)
        widest = {
            kind(training): training.name for training in ordered if training.name in stage2.methods
        }
        methods = {name: stage2.methods[name] for name in widest.values()}
        stages["stage2"] = stage2.model_copy(update={"methods": methods})
    return recipe.model_copy(update={**stages, "data": data, "evaluation": evaluation})


def _few_steps(stage: Optimisation, rows: int) -> Optimisation:
    batch = min(stage.batch, PARTS * (stage.micro_batch or stage.batch))
    return stage.model_copy(update={"batch": batch, "epochs": STEPS * batch / rows})


def main() -> None:
    os.environ.setdefault("ADASPEC_CACHE", "memory")  # of rows that no run will have
    apart.answer(calibrate)


if __name__ == "__main__":
    main()
