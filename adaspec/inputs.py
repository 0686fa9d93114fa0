"""What a recipe reads: its data and models, opened and checked before anything is written."""

from __future__ import annotations

from dataclasses import dataclass

from accelerate import Accelerator

from adaspec import AdaspecError, data, models, rows, teacher_cache
from adaspec.precision import frozen_dtype
from adaspec.recipe import TARGET, ModelSpec, Recipe, Training, trainings
from adaspec.recipe.plan import held_out_rows


@dataclass(frozen=True)
class Inputs:
    """What a recipe reads, opened and checked, before anything is written.

    Attributes:
        storage: where the target's hidden states are kept.
    """

    dataset: data.Dataset
    target: models.Opened
    stock: models.Opened | None
    vocabulary: int
    plan: list[Training]
    storage: teacher_cache.Storage


def open_inputs(recipe: Recipe, accelerator: Accelerator) -> Inputs:
    """Read the data, open the models and derive the trainings.

    Raises:
        AdaspecError: a fault in the recipe, the data or the models.
    """
    target = models.open_model(recipe.target, _texts(recipe), recipe.seed, "target")
    stock = None
    vocabulary = target.model.get_output_embeddings().weight.shape[0]
    if recipe.draft:
        stock = _open_draft(recipe.draft, target, recipe.seed)
        vocabulary = models.shared_vocabulary(target, stock)
    dataset = data.prepare(recipe.data, target.tokenizer, recipe.seed)
    if recipe.validates and not held_out(recipe, dataset)[1]:
        raise AdaspecError(
            "Keeping the best weights, or stopping by acceptance, needs validation prompts that "
            f"the report does not use: there are {len(dataset.evaluation)} held-out rows, and "
            f"evaluation.prompts={recipe.evaluation.prompts} takes them all. Lower it."
        )
    opened = [target, stock] if stock else [target]
    _require_fit(recipe, dataset, opened)
    for each in opened:
        each.model.to(accelerator.device).requires_grad_(False)
    plan = trainings(recipe, len(dataset.train))
    storage = _storage(plan, target, dataset, accelerator) if stock else "nowhere"
    return Inputs(dataset, target, stock, vocabulary, plan, storage)


def _storage(
    plan: list[Training], target: models.Opened, dataset: data.Dataset, accelerator: Accelerator
) -> teacher_cache.Storage:
    distilled = {training.key: training.sequences for training in plan if training.name != TARGET}
    needed = teacher_cache.size(target.model, dataset.train, frozen_dtype(accelerator))
    storage = teacher_cache.choose(needed, sum(distilled.values()), len(dataset.train))
    # In memory, every process would compute and hold all of it.
    return "nowhere" if storage == "memory" and accelerator.num_processes > 1 else storage


def _open_draft(spec: ModelSpec, target: models.Opened, seed: int) -> models.Opened:
    if spec.new and not spec.tokenizer:
        tokenizer = target.tokenizer
        model = models.new_llama(spec.new, tokenizer, seed)
        return models.Opened(model, tokenizer, models.NEW)
    if spec.source != (TARGET,):
        return models.open_model(spec, [], seed, "draft")
    if spec.layers is None:
        raise AdaspecError("draft: a draft cut from the target needs `layers`: those to keep.")
    pruned = models.prune(target.model, spec.layers)
    layers = ", ".join(map(str, spec.layers))
    return models.Opened(pruned, target.tokenizer, f"layers {layers} of the target")


def _texts(recipe: Recipe) -> list[str]:
    """What a new target's tokenizer is trained on."""
    if recipe.target.new is None or recipe.target.tokenizer:
        return []
    train, _ = rows.read_splits(recipe.data, recipe.seed)
    return ["".join(rows.render(row, recipe.data)) for row in train]


def _require_fit(recipe: Recipe, dataset: data.Dataset, opened: list[models.Opened]) -> None:
    """Every sequence, continuations included, must fit every model's context."""
    evaluation = [*held_out(recipe, dataset)[0], *held_out(recipe, dataset)[1]]
    longest = max(len(example.ids) for example in dataset.train + dataset.evaluation)
    if recipe.draft:
        prompt = max(example.prompt_length for example in evaluation)
        longest = max(longest, prompt + recipe.evaluation.max_new_tokens)
    for each in opened:
        context = models.context_length(each.model)
        if context and longest > context:
            raise AdaspecError(
                f"{each.source} takes {context} tokens, but the longest prompt and response have "
                f"{longest}: lower data.max_length or evaluation.max_new_tokens."
            )
    if recipe.draft and any(example.prompt_length == 0 for example in evaluation):
        raise AdaspecError("Data: an evaluation row has an empty prompt: check data.prompt.")


def held_out(
    recipe: Recipe, dataset: data.Dataset
) -> tuple[list[data.Example], list[data.Example]]:
    """The held-out rows measured at the end, and those used for validation during training."""
    rows = dataset.evaluation
    test, validation = held_out_rows(recipe, len(rows))
    return rows[:test], rows[test : test + validation]
