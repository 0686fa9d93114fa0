"""Whether this machine has room for a recipe, and the least that a recipe can take.

The least follows from the recipe's words alone. Nothing is opened and nothing was run: a model
that is fetched counts as nothing, a file of rows as one row, a vocabulary as the bytes that it must
have, an answer as one token, and the rates are better than any machine's.
"""

from __future__ import annotations

import psutil

from adaspec.estimate import Estimate, lacks
from adaspec.pace import CPU, device
from adaspec.recipe import TARGET, ModelSpec, NewModel, Recipe, Rows, Training, trainings
from adaspec.recipe.plan import answers, distinct, held_out_rows
from adaspec.rows import held_out

FLOAT = 4  # bytes
TRAINED = 4  # numbers a trained parameter takes: itself, its gradient, AdamW's two moments
OPERATIONS = 6  # a parameter and trained token: forward and backward
CORE, GPU = 1e11, 2e15  # operations a second of a processor's core; of a GPU
STEP = 5e-4  # seconds of an optimiser step, whatever its size
BYTES = 257  # ids of a tokenizer that is trained: every byte, and the end of a text
ROW, LINE = 100, 60  # bytes of a row in memory, and of a step in metrics.jsonl
TOKENS = 20  # of a built-in story


def refusal(recipe: Recipe, known: Estimate | None = None) -> str:
    """Why this machine cannot do it, with the figure; empty where it might.

    Args:
        known: what such recipes took, if anybody has measured it.
    """
    return " ".join(lacks(least(recipe), "at least ") or (lacks(known, "about ") if known else []))


def least(recipe: Recipe) -> Estimate:
    """Seconds, bytes of disk and bytes of memory that no machine of this kind goes below."""
    where, rows = device(), _rows(recipe)
    plan = distinct(trainings(recipe, rows))
    target, draft = _certain(recipe.target), _draft(recipe, recipe.draft)
    given = [_draft(recipe, spec) for spec in recipe.drafts.values()]
    sizes = {training.name: target if training.name == TARGET else draft for training in plan}
    largest = max(sizes.values(), default=0)
    held_out = sum(held_out_rows(recipe, _evaluation_rows(recipe, rows)))
    work = sum(_operations(training, sizes[training.name]) for training in plan)
    work += 2 * target * (held_out + answers(recipe, rows))
    steps = sum(training.steps for training in plan)
    kept = sum(given) + sum(
        sizes[training.name] * (1 + len(training.snapshots)) for training in plan
    )
    rate = CORE * (psutil.cpu_count() or 1) if where == CPU else GPU * recipe.gpus
    return Estimate(
        seconds=work / rate + steps * STEP,
        disk=FLOAT * (kept + 3 * largest) + LINE * steps,
        memory=FLOAT * (target + draft + sum(given) + (TRAINED - 1) * largest) + ROW * rows,
        device=where,
        source="the recipe's own numbers",
    )


def parameters(model: NewModel) -> int:
    """Of a new model, with tied embeddings."""
    layer = 4 * model.hidden**2 + 3 * model.hidden * model.feed_forward + 2 * model.hidden
    return model.vocabulary * model.hidden + model.layers * layer + model.hidden


def _draft(recipe: Recipe, spec: ModelSpec | None) -> int:
    if spec is None:
        return 0
    if TARGET in spec.source and recipe.target.new:
        return _certain(recipe.target, len(spec.layers or ()))
    return _certain(spec)


def _certain(spec: ModelSpec, layers: int = 0) -> int:
    """Parameters that a new model will have however small its tokenizer turns out."""
    if spec.new is None:
        return 0
    ids = 1 if spec.tokenizer else min(BYTES, spec.new.vocabulary)
    changes = {"vocabulary": ids, "layers": layers or spec.new.layers}
    return parameters(spec.new.model_copy(update=changes))


def _operations(training: Training, size: int) -> float:
    return float(OPERATIONS * size * TOKENS * training.sequences)


def _rows(recipe: Recipe) -> int:
    rows = (recipe.data.train and recipe.data.train.stories) or 1
    return min(rows, recipe.data.limit or rows)


def _evaluation_rows(recipe: Recipe, rows: int) -> int:
    evaluation = recipe.data.evaluation
    if not isinstance(evaluation, Rows):
        return held_out(rows, evaluation)
    held = evaluation.stories or 1
    return min(held, recipe.data.evaluation_limit or held)
