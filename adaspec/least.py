"""The least that a recipe can take, from its words alone: enough to refuse what cannot end here.

Nothing is opened and nothing was run. A model that is fetched counts as nothing, a file of rows as
one row, and the rates are better than any machine's.
"""

from __future__ import annotations

import psutil

from adaspec.estimate import Estimate, lacks
from adaspec.pace import CPU, device
from adaspec.recipe import TARGET, NewModel, Recipe, Rows, Training, trainings
from adaspec.recipe.plan import distinct, held_out_rows

FLOAT = 4  # bytes
TRAINED = 4  # numbers a trained parameter takes: itself, its gradient, AdamW's two moments
OPERATIONS = 6  # a parameter and trained token: forward and backward
CORE, GPU = 1e11, 2e15  # operations a second of a processor's core; of a GPU
STEP = 1e-4  # seconds of an optimiser step, whatever its size
ROW, LINE = 100, 60  # bytes of a row in memory, and of a step in metrics.jsonl
TOKENS = 20  # of a built-in story


def refusal(recipe: Recipe) -> str:
    """Why this machine cannot do it, with the figure; empty where it might."""
    return " ".join(lacks(least(recipe), "at least "))


def least(recipe: Recipe) -> Estimate:
    """Seconds, bytes of disk and bytes of memory that no machine of this kind goes below."""
    where, rows = device(), _rows(recipe)
    plan = distinct(trainings(recipe, rows))
    target, draft = parameters(recipe.target.new), _draft(recipe)
    sizes = {training.name: target if training.name == TARGET else draft for training in plan}
    largest = max(sizes.values(), default=0)
    held_out = sum(held_out_rows(recipe, _evaluation_rows(recipe, rows)))
    work = sum(_operations(training, sizes[training.name]) for training in plan)
    work += 2 * target * held_out * recipe.evaluation.max_new_tokens / OPERATIONS
    steps = sum(training.steps for training in plan)
    kept = sum(sizes[training.name] * (1 + len(training.snapshots)) for training in plan)
    rate = CORE * (psutil.cpu_count() or 1) if where == CPU else GPU * recipe.gpus
    return Estimate(
        seconds=work / rate + steps * STEP,
        disk=FLOAT * (kept + 3 * largest) + LINE * steps,
        memory=FLOAT * (target + draft + (TRAINED - 1) * largest) + ROW * rows,
        device=where,
        source="the recipe's own numbers",
    )


def parameters(model: NewModel | None) -> int:
    """Of a new model, with tied embeddings; none of one that is fetched."""
    if model is None:
        return 0
    layer = 4 * model.hidden**2 + 3 * model.hidden * model.feed_forward + 2 * model.hidden
    return model.vocabulary * model.hidden + model.layers * layer + model.hidden


def _draft(recipe: Recipe) -> int:
    if recipe.draft is None:
        return 0
    if recipe.draft.new:
        return parameters(recipe.draft.new)
    if TARGET in recipe.draft.source and recipe.target.new:
        layers = len(recipe.draft.layers or ()) or recipe.target.new.layers
        return parameters(recipe.target.new.model_copy(update={"layers": layers}))
    return 0


def _operations(training: Training, size: int) -> float:
    return float(OPERATIONS * size * TOKENS * training.sequences)


def _rows(recipe: Recipe) -> int:
    rows = recipe.data.train.stories or 1
    return min(rows, recipe.data.limit or rows)


def _evaluation_rows(recipe: Recipe, rows: int) -> int:
    evaluation = recipe.data.evaluation
    if not isinstance(evaluation, Rows):
        return max(1, round(rows * evaluation.holdout))
    held = evaluation.stories or 1
    return min(held, recipe.data.evaluation_limit or held)
