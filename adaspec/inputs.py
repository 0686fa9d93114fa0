"""What a recipe reads: its data and models, opened and checked before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, replace

from accelerate import Accelerator

from adaspec import AdaspecError, data, models, own_text, rows, teacher_cache
from adaspec.precision import frozen_dtype
from adaspec.recipe import STOCK, TARGET, ModelSpec, Recipe, Training, trainings
from adaspec.recipe.plan import held_out_rows
from adaspec.trimming import most_frequent, trim


@dataclass(frozen=True)
class Inputs:
    """What a recipe reads, opened and checked, before anything is written.

    Attributes:
        stock: what stages start from; None where nothing is distilled.
        drafts: name -> a draft that others trained.
        vocabulary: how many token ids, from 0, mean the same to all of them.
        storage: where the target's hidden states are kept.
    """

    dataset: data.Dataset
    target: models.Opened
    stock: models.Opened | None
    drafts: dict[str, models.Opened]
    vocabulary: int
    plan: list[Training]
    storage: teacher_cache.Storage

    @property
    def models(self) -> dict[str, models.Opened]:
        """Every model that was opened, under its name in the run."""
        stock = {STOCK: self.stock} if self.stock else {}
        return {TARGET: self.target, **stock, **self.drafts}


def open_inputs(recipe: Recipe, accelerator: Accelerator) -> Inputs:
    """Read the data, open the models and derive the trainings.

    Raises:
        AdaspecError: a fault in the recipe, the data or the models.
    """
    target = models.open_model(recipe.target, _texts(recipe), recipe.seed, "target")
    if proposed := models.draft_vocabulary(target.model):
        raise AdaspecError(
            f"target: {target.source} is a draft with a trimmed vocabulary, {proposed}: "
            "choose the model that it was made of."
        )
    seed = recipe.seed
    stock = _open_draft(recipe.draft, target, seed, "draft") if recipe.draft else None
    drafts = {
        name: _open_draft(spec, target, seed, f"drafts.{name}")
        for name, spec in recipe.drafts.items()
    }
    opened = [target, *([stock] if stock else []), *drafts.values()]
    vocabulary = min(models.shared_vocabulary(target, each) for each in opened)
    dataset = data.prepare(recipe.data, target.tokenizer, recipe.seed)
    if recipe.draft and stock:
        stock = _trimmed(recipe.draft, stock, target, dataset, vocabulary, "draft")
    drafts = {
        name: _trimmed(recipe.drafts[name], draft, target, dataset, vocabulary, f"drafts.{name}")
        for name, draft in drafts.items()
    }
    opened = [target, *([stock] if stock else []), *drafts.values()]
    if recipe.validates and not held_out(recipe, dataset)[1]:
        raise AdaspecError(
            "Keeping the best weights, or stopping by acceptance, needs validation prompts that "
            f"the report does not use: there are {len(dataset.evaluation)} held-out rows, and "
            f"evaluation.prompts={recipe.evaluation.prompts} takes them all. Lower it."
        )
    _require_fit(recipe, dataset, opened)
    for each in opened:
        each.model.to(accelerator.device).requires_grad_(False)
    plan = trainings(recipe, len(dataset.train))
    storage = _storage(recipe, plan, target, dataset, accelerator) if recipe.stage1 else "nowhere"
    return Inputs(dataset, target, stock, drafts, vocabulary, plan, storage)


def cache_size(
    recipe: Recipe, dataset: data.Dataset, target: models.Opened, accelerator: Accelerator
) -> int:
    """Bytes of the target's hidden states that drafts are trained on; the most that there can be,
    where the target has not written its answers yet.
    """
    tokens, own = 0, recipe.data.responses
    if own != "target":
        tokens += sum(example.predicted for example in dataset.train)
    if own != "data":
        tokens += own_text.most_tokens(dataset.train, recipe.data.answers, recipe.data.max_length)
    return tokens * teacher_cache.width(target.model) * frozen_dtype(accelerator).itemsize


def _storage(
    recipe: Recipe,
    plan: list[Training],
    target: models.Opened,
    dataset: data.Dataset,
    accelerator: Accelerator,
) -> teacher_cache.Storage:
    distilled = {training.key: training.sequences for training in plan if training.name != TARGET}
    needed = cache_size(recipe, dataset, target, accelerator)
    examples = recipe.data.examples(len(dataset.train))
    storage = teacher_cache.choose(needed, sum(distilled.values()), examples)
    # In memory, every process would compute and hold all of it.
    return "nowhere" if storage == "memory" and accelerator.num_processes > 1 else storage


def _open_draft(spec: ModelSpec, target: models.Opened, seed: int, where: str) -> models.Opened:
    if spec.new and not spec.tokenizer:
        tokenizer = target.tokenizer
        model = models.new_llama(spec.new, tokenizer, seed)
        return models.Opened(model, tokenizer, models.NEW)
    if spec.source != (TARGET,):
        return models.open_model(spec, [], seed, where)
    if spec.layers is None:
        raise AdaspecError(f"{where}: a draft cut from the target needs `layers`: those to keep.")
    pruned = models.prune(target.model, spec.layers)
    layers = ", ".join(map(str, spec.layers))
    return models.Opened(pruned, target.tokenizer, f"layers {layers} of the target")


def _trimmed(
    spec: ModelSpec,
    draft: models.Opened,
    target: models.Opened,
    dataset: data.Dataset,
    vocabulary: int,
    where: str,
) -> models.Opened:
    """A draft with the head that its recipe asks for, or that it came with."""
    model = draft.model
    if spec.vocabulary is not None:
        kept = most_frequent(
            dataset.train,
            spec.vocabulary,
            vocabulary=vocabulary,
            eos=target.tokenizer.eos_token_id,
            where=where,
        )
        model = trim(model, kept)
    if proposed := models.draft_vocabulary(model):
        return replace(draft, model=model, format=f"a head for {proposed}")
    return draft


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
    if recipe.measures:
        prompt = max(example.prompt_length for example in evaluation)
        longest = max(longest, prompt + recipe.evaluation.max_new_tokens)
    if recipe.data.responses != "data":
        prompts = [example.prompt_length for example in dataset.train]
        own = max(prompts) + recipe.data.answers.max_new_tokens
        longest = max(longest, min(own, recipe.data.max_length))
        if min(prompts) == 0:
            raise AdaspecError("Data: a training row has an empty prompt: check data.prompt.")
    for each in opened:
        context = models.context_length(each.model)
        if context and longest > context:
            raise AdaspecError(
                f"{each.source} takes {context} tokens, but the longest prompt and response have "
                f"{longest}: lower data.max_length or evaluation.max_new_tokens."
            )
    if recipe.measures and any(example.prompt_length == 0 for example in evaluation):
        raise AdaspecError("Data: an evaluation row has an empty prompt: check data.prompt.")


def held_out(
    recipe: Recipe, dataset: data.Dataset
) -> tuple[list[data.Example], list[data.Example]]:
    """The held-out rows measured at the end, and those used for validation during training."""
    rows = dataset.evaluation
    test, validation = held_out_rows(recipe, len(rows))
    return rows[:test], rows[test : test + validation]
