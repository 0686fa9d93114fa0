"""What to train: a validated description, written in YAML, complete before anything runs.

A recipe names a target, a draft, the data and up to three stages. This room also derives what each
method will cost (`Training`), because a comparison of methods is only fair when their budgets are
known; it opens no model and reads no data.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from adaspec import ASSETS, AdaspecError
from adaspec.selection import SELECTORS, Need

RECIPES = ASSETS / "recipes"
REFERENCE = "reference"
STOCK = "stock"
TARGET = "target"

Objective = Literal[
    "forward_kl", "reverse_kl", "jensen_shannon", "total_variation", "neg_log_overlap"
]
Selector = Literal["top_delta", "all", "random", "lowest_delta", "highest_kl"]


class Strict(BaseModel):
    """Immutable, and an unknown key is an error rather than a silent default."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )


class NewModel(Strict):
    """A Llama-architecture model with random weights and tied embeddings."""

    vocabulary: int = Field(512, ge=260, description="token ids, when a tokenizer is trained too")
    hidden: int = Field(ge=8)
    layers: int = Field(ge=1)
    heads: int = Field(ge=1)
    feed_forward: int = Field(ge=8)

    @model_validator(mode="after")
    def _heads_divide(self) -> NewModel:
        if self.hidden % (2 * self.heads):
            raise ValueError(f"hidden={self.hidden} must be a multiple of 2 x heads={self.heads}")
        return self


class ModelSpec(Strict):
    """Where a model comes from: the first of `source` that is there, or a new one.

    A source is `assets:FOLDER` (bundled), `package:MODULE/FILE.gguf` (inside an installed Python
    package), a folder, a `.gguf` file, a Hugging Face Hub id, or, for a draft, `target`.
    """

    source: tuple[str, ...] = ()
    new: NewModel | None = None
    layers: tuple[int, ...] | None = Field(
        None, min_length=1, description="keep only these layers (pruning)"
    )
    tokenizer: str | None = Field(None, description="a new model's tokenizer; trained when absent")

    @field_validator("source", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_origin(self) -> ModelSpec:
        if bool(self.source) == bool(self.new):
            raise ValueError("give either `source` or `new`")
        return self


def _model(value: Any) -> Any:
    return {"source": value} if isinstance(value, str | list) else value


Model = Annotated[ModelSpec, BeforeValidator(_model)]


class Rows(Strict):
    """Where rows come from: `file`, a Hub data set (`hub`, `config`, `split`), or `stories`."""

    file: Path | None = None
    hub: str | None = None
    config: str | None = None
    split: str = "train"
    revision: str | None = None
    stories: int | None = Field(None, ge=1, description="how many built-in arithmetic stories")
    seed: int = Field(0, ge=0, description="of the stories")

    @model_validator(mode="after")
    def _one_origin(self) -> Rows:
        if sum(x is not None for x in (self.file, self.hub, self.stories)) != 1:
            raise ValueError("give exactly one of `file`, `hub`, `stories`")
        return self


class Holdout(Strict):
    """Evaluation rows taken out of the training rows, by the recipe's seed."""

    holdout: float = Field(gt=0, lt=1, description="fraction of the training rows")


def _rows(value: Any) -> Any:
    return {"file": value} if isinstance(value, str) else value


class Data(Strict):
    """Rows -> prompt + response. `{field}` in a template is a column of the row."""

    train: Annotated[Rows, BeforeValidator(_rows)]
    evaluation: Annotated[Rows | Holdout, BeforeValidator(_rows)]
    prompt: tuple[str, ...] = Field(
        min_length=1, description="templates; the first with no empty field is used"
    )
    response: str
    replace: dict[str, str] = Field({}, description="applied to the response, in order")
    max_length: int = Field(512, ge=4, description="tokens of prompt + response, EOS included")
    limit: int | None = Field(None, ge=1, description="use only the first N training rows")
    evaluation_limit: int | None = Field(None, ge=1)

    @field_validator("prompt", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class Optimisation(Strict):
    """How one stage is optimised: AdamW, gradient clipping, sequences per step."""

    batch: int = Field(16, ge=1, description="sequences per optimiser step, over all processes")
    micro_batch: int | None = Field(
        None, ge=1, description="sequences per forward pass; null: the whole batch at once"
    )
    epochs: float = Field(3, gt=0)
    lr: float = Field(gt=0)
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warmup: float = Field(0, ge=0, lt=1, description="fraction of the steps")
    weight_decay: float = Field(0.0, ge=0)
    clip: float | None = Field(1.0, gt=0, description="largest gradient norm")
    keep: Literal["last", "best"] = Field(
        "last",
        description="best: the weights with the highest exact acceptance on the validation prompts",
    )
    patience: int | None = Field(
        None, ge=1, description="stop after so many points of the curve without a better one"
    )

    @property
    def validates(self) -> bool:
        """Whether acceptance on the validation prompts decides what is kept."""
        return self.keep == "best" or self.patience is not None


class Method(Strict):
    """How one draft is distilled: objective x selector x start x budget."""

    objective: Objective = "forward_kl"
    to: Objective | None = Field(
        None, description="what the objective turns into, evenly along the steps"
    )
    selector: Selector = "all"
    k: float | None = Field(None, gt=0, le=1, description="filter ratio; null: the stage's")
    pool: Literal["micro_batch", "batch"] = "batch"
    loss: Literal["published", "mean_selected"] = "published"
    start: Literal["stock", "reference"] = "stock"
    budget: Literal["steps", "data", "published"] = "steps"


class Stage2(Optimisation):
    """The drafts to compare. `k` is the filter ratio that every method takes unless it has one."""

    k: float = Field(0.4, gt=0, le=1)
    methods: dict[str, Method] = Field(min_length=1)

    @field_validator("methods")
    @classmethod
    def _names(cls, methods: dict[str, Method]) -> dict[str, Method]:
        for name in methods:
            if not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
                raise ValueError(f"method name {name!r}: use letters, digits, - _ .")
            if name in (STOCK, REFERENCE, TARGET) or name.startswith("."):
                raise ValueError(f"method name {name!r} is taken: choose another")
        return methods


class Decoding(Strict):
    """How speculative decoding draws tokens: target and draft alike."""

    gamma: int = Field(4, ge=0, le=64, description="draft length; 0: the target alone")
    temperature: float = Field(1.0, ge=0, le=100, description="0: greedy, the likeliest token")
    top_k: int = Field(0, ge=0, description="only the k likeliest tokens; 0: all")
    top_p: float = Field(1.0, gt=0, le=1, description="only the likeliest that reach it together")
    max_new_tokens: int = Field(64, ge=1, description="of each decoded text")

    @property
    def greedy(self) -> bool:
        return self.temperature == 0


class Speculation(Decoding):
    """How a run's drafts are decoded with, for their replays and their speed-up."""

    gamma: int = Field(4, ge=1, le=64, description="draft length")
    prompts: int = Field(20, ge=1, description="held-out prompts that are replayed, at most")
    timed: int = Field(4, ge=1, description="of those, how many are timed at every draft length")
    gammas: tuple[int, ...] = Field(
        (1, 2, 4, 8), min_length=1, description="draft lengths that are timed"
    )

    @field_validator("gammas")
    @classmethod
    def _in_order(cls, gammas: tuple[int, ...]) -> tuple[int, ...]:
        if any(not 1 <= gamma <= 64 for gamma in gammas):
            raise ValueError("every gamma is 1 to 64")
        return tuple(sorted(set(gammas)))

    @property
    def timed_gammas(self) -> list[int]:
        """Those of `gammas`, and the one that drafts are replayed at."""
        return sorted({*self.gammas, self.gamma})

    def decodings(self, prompts: int, drafts: int) -> int:
        """How many there are to do: a replay each, and the turns of the timed prompts."""
        replayed = min(self.prompts, prompts)
        return drafts * (replayed + min(self.timed, replayed) * (1 + len(self.timed_gammas)))

    @property
    def decoding(self) -> Decoding:
        return Decoding(**self.model_dump(include=set(Decoding.model_fields)))


class Evaluation(Strict):
    """How finished drafts are measured."""

    prompts: int = Field(100, ge=1, description="held-out prompts, at most")
    max_new_tokens: int = Field(128, ge=1, description="of each target-generated continuation")
    batch: int = Field(32, ge=1, description="sequences per forward pass")
    bootstrap: int = Field(2000, ge=100, description="resamples of the prompts for the interval")
    every: int = Field(10, ge=1, description="held-out points along each training's curve")
    monitor: int = Field(
        16,
        ge=1,
        description="validation prompts that each of those points reads: the held-out rows after "
        "the first `prompts`, or, where there are none, the first of those",
    )
    snapshots: int = Field(
        2, ge=0, description="models kept on the way of each distillation, for its token tables"
    )
    speculation: Speculation = Speculation()


class Recipe(Strict):
    """The whole experiment. `load` reads one; `trainings` says what it will train."""

    name: str
    about: str = ""
    seed: int = Field(0, ge=0)
    precision: Literal["auto", "float32", "bf16"] = Field(
        "auto", description="auto: bf16 on a GPU that has it, else float32"
    )
    gpus: int = Field(1, ge=1, description="GPUs that a job of it takes; none where there is none")
    checkpoint_every: int = Field(100, ge=1, description="optimiser steps")
    target: Model
    draft: Model | None = None
    data: Data
    stage0: Optimisation | None = None
    stage1: Optimisation | None = None
    stage2: Stage2 | None = None
    evaluation: Evaluation = Evaluation()

    @model_validator(mode="after")
    def _stages_fit(self) -> Recipe:
        if self.stage1 and not self.draft:
            raise ValueError("stage1 distils a draft: give `draft`")
        if self.stage2 and not self.stage1:
            raise ValueError("stage2 compares against the reference: give `stage1`")
        if not self.stage0 and not self.stage1:
            raise ValueError("nothing to train: give `stage0`, or `stage1` and `draft`")
        if self.stage0 and self.stage0.validates:
            raise ValueError("stage0 trains the target: no acceptance to keep or stop by")
        if TARGET in self.target.source:
            raise ValueError("target: `target` cannot be its own source")
        return self

    @property
    def validates(self) -> bool:
        """Whether a stage keeps or stops by acceptance on the validation prompts."""
        return any(stage.validates for stage in (self.stage1, self.stage2) if stage)

    @property
    def hash(self) -> str:
        """Equal for recipes that would do the same; display texts and GPUs do not count."""
        return _digest(self.model_dump(mode="json", exclude={"name", "about", "gpus"}))

    @property
    def family(self) -> str:
        """Equal for recipes that differ in nothing but the seed."""
        unlike = {"name", "about", "gpus", "seed"}
        return _digest(self.model_dump(mode="json", exclude=unlike))

    def yaml(self) -> str:
        """The recipe as YAML that `load` reads back to an equal recipe."""
        return yaml.safe_dump(
            self.model_dump(mode="json", exclude_unset=True), sort_keys=False, allow_unicode=True
        )


class Training(Strict):
    """One training, fully derived. Two trainings with equal `key` are the same training.

    Attributes:
        name: the draft's name, or `target` or `reference`. Not part of the key.
        method: None for stage 0, which is cross-entropy on the data.
        k: the filter ratio; None where nothing is filtered.
        batch: sequences per optimiser step, after the budget.
        steps: optimiser steps.
        snapshots: those after which the model is kept as it is. Not part of the key.
    """

    name: str
    method: Method | None
    optimisation: Optimisation
    k: float | None
    batch: int
    steps: int
    seed: int
    snapshots: tuple[int, ...] = ()

    @property
    def key(self) -> str:
        """What makes the training what it is, given the run's data and starting models."""
        method = self.method.model_dump(exclude={"budget", "k"}) if self.method else None
        if method and self.k is None:  # with all tokens, neither pool nor normalisation selects
            method |= {"selector": "all", "loss": "mean_selected"}
            if not self.splits_batch:
                method["pool"] = "batch"
        recipe = self.optimisation.model_dump(exclude={"batch", "epochs"})
        return _digest([method, recipe, self.k, self.batch, self.steps, self.seed])

    @property
    def splits_batch(self) -> bool:
        return (self.optimisation.micro_batch or self.batch) < self.batch

    @property
    def pools_batch(self) -> bool:
        """Whether the loss is one of the whole batch, whatever its micro-batches."""
        return self.method is None or self.method.pool == "batch"

    def needs(self, what: Need) -> bool:
        """Whether its selector looks at that."""
        if self.k is None or self.method is None:
            return False
        return what in SELECTORS[self.method.selector].needs

    @property
    def needs_reference(self) -> bool:
        """Whether L_r = KL(p || r) enters the selection."""
        return self.needs("loss_r")

    @property
    def sequences(self) -> int:
        return self.batch * self.steps


def trainings(recipe: Recipe, rows: int) -> list[Training]:
    """Every training of a recipe on `rows` training sequences, in the order they run.

    Budgets (the stage's batch B and epochs E, the method's filter ratio k):
        steps: batch B for E epochs.
        data: batch B/k for E/k epochs: as many steps, 1/k times the sequences.
        published: `data` for a method that selects, `steps` for one that does not. This is what
            the scripts behind AdaSPEC's published "3-epoch" tables run.
    """
    plan = []
    if recipe.stage0:
        plan.append(_training(TARGET, None, recipe.stage0, None, 1.0, rows, recipe.seed))
    if recipe.stage1:
        plain = Method()
        plan.append(_training(REFERENCE, plain, recipe.stage1, None, 1.0, rows, recipe.seed))
    if recipe.stage2:
        stage = recipe.stage2
        shared = Optimisation(**stage.model_dump(include=set(Optimisation.model_fields)))
        for name, method in stage.methods.items():
            ratio = method.k if method.k is not None else stage.k
            k = ratio if SELECTORS[method.selector].score and ratio < 1 else None
            wide = method.budget == "data" or (method.budget == "published" and k is not None)
            plan.append(
                _training(name, method, shared, k, ratio if wide else 1.0, rows, recipe.seed)
            )
    return [
        one.model_copy(update={"snapshots": _snapshots(one.steps, recipe.evaluation.snapshots)})
        if one.method
        else one
        for one in plan
    ]


def _snapshots(steps: int, count: int) -> tuple[int, ...]:
    """Each three times as late as the one before: most is learnt at first."""
    found = (steps // 3**i for i in range(count, 0, -1))
    return tuple(dict.fromkeys(step for step in found if step))


def _training(
    name: str,
    method: Method | None,
    optimisation: Optimisation,
    k: float | None,
    width: float,
    rows: int,
    seed: int,
) -> Training:
    steps = max(1, round(optimisation.epochs * rows / optimisation.batch))
    batch = max(1, round(Fraction(optimisation.batch) / Fraction(str(width))))
    return Training(
        name=name,
        method=method,
        optimisation=optimisation,
        k=k,
        batch=batch,
        steps=steps,
        seed=seed,
    )


def names() -> list[str]:
    """Every bundled recipe; a matrix counts once a cell, as `paper/gsm8k-pythia-3epoch`."""
    stems = [path.stem for path in sorted(RECIPES.glob("*.yaml"))]
    return [name for stem in stems for name in cells(stem) or [stem]]


def cells(name: str) -> list[str]:
    """The recipes of a bundled matrix, or of a part of it, in order; none where it is neither.

    A part names some of its values: `conditions-tiny/long` is that length with every seed.
    """
    stem, _, part = name.partition("/")
    path = RECIPES / f"{stem}.yaml"
    matrix = _read(path).get("matrix") if path.is_file() else None
    every = _cells(matrix) if matrix else []
    if part in every:
        return []
    values = set(part.split("-")) if part else set()
    return [f"{stem}/{cell}" for cell in every if values <= set(cell.split("-"))]


def load(name: str, overrides: list[str] | None = None) -> Recipe:
    """The recipe of this name, or in this YAML file, with `a.b=c` overrides applied.

    Raises:
        AdaspecError: no such recipe, not YAML, or not a valid recipe.
    """
    if name.endswith((".yaml", ".yml")):
        content = _read(Path(name))
    else:
        stem, _, cell = name.partition("/")
        if name not in names():
            raise AdaspecError(f"No recipe {name!r}.{nearest(name, names())} See: adaspec recipes")
        content = _read(RECIPES / f"{stem}.yaml")
        if cell:
            content = _cell(content, cell)
    content.setdefault("name", name)
    for override in overrides or []:
        _override(content, override)
    return anchored(parse(content))


def read(text: str) -> Recipe:
    """The recipe that `Recipe.yaml` wrote."""
    return parse(yaml.safe_load(text))


def anchored(recipe: Recipe) -> Recipe:
    """Local paths made absolute: a job reads the same files as the shell it was submitted from."""
    data, train, evaluation = recipe.data, recipe.data.train, recipe.data.evaluation
    if train.file:
        train = train.model_copy(update={"file": train.file.absolute()})
    if isinstance(evaluation, Rows) and evaluation.file:
        evaluation = evaluation.model_copy(update={"file": evaluation.file.absolute()})
    models = {
        name: spec.model_copy(update={"source": tuple(map(_absolute, spec.source))})
        for name in ("target", "draft")
        if (spec := getattr(recipe, name)) and spec.source
    }
    rows = {"train": train, "evaluation": evaluation}
    return recipe.model_copy(update=models | {"data": data.model_copy(update=rows)})


def _absolute(source: str) -> str:
    return str(Path(source).absolute()) if Path(source).exists() else source


def parse(content: dict[str, Any]) -> Recipe:
    """A recipe from its plain form; every fault in one line.

    Raises:
        AdaspecError: names the field, what is wrong with it, and the nearest valid key.
    """
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "recipe"
        reason = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            reason = "no such key." + nearest(str(first["loc"][-1]), _keys(first["loc"]))
        more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise AdaspecError(f"Recipe: {where}: {reason}{more}") from None


def nearest(word: str, known: list[str]) -> str:
    """` Did you mean 'x'?` or nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


def _keys(location: tuple[str | int, ...]) -> list[str]:
    """Valid keys beside the one at this location."""
    schema: dict[str, Any] = Recipe.model_json_schema()
    node: dict[str, Any] = schema
    for part in location[:-1]:
        node = node.get("properties", {}).get(str(part)) or node.get("additionalProperties", node)
        options = [node, *node.get("anyOf", [])]
        reference = next((option["$ref"] for option in options if "$ref" in option), None)
        node = schema["$defs"][reference.rsplit("/", 1)[1]] if reference else node
    return list(node.get("properties", {}))


def _override(content: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    if not equals or not path:
        raise AdaspecError(f"--set {override!r}: write FIELD=VALUE, for instance stage2.k=0.3")
    *parents, last = path.split(".")
    node = content
    for parent in parents:
        if not isinstance(node.get(parent), dict):
            node[parent] = {}
        node = node[parent]
    node[last] = _value(text)


def _value(text: str) -> Any:
    """A YAML value; `{question}`, which YAML takes for a mapping, is a template and stays text."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    template = isinstance(value, dict) and value and not any(value.values())
    return text if template else value


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AdaspecError(f"No recipe file {path}. Bundled ones: adaspec recipes") from None
    except (OSError, UnicodeDecodeError) as error:
        raise AdaspecError(f"Cannot read {path}: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise AdaspecError(f"{path}{line}: not valid YAML") from None
    if not isinstance(content, dict):
        raise AdaspecError(f"{path}: a recipe is a YAML mapping (target: ..., draft: ...)")
    return content


# A matrix is written once: `matrix.axes` is a list of {value: fragment}, `matrix.cells` holds
# fragments for combinations of values ("gsm8k-pythia"). A cell's recipe is the file's own fields,
# then its axis values' fragments, then every combination it contains, merged key by key.


def _cells(matrix: dict[str, Any]) -> list[str]:
    cells = [""]
    for axis in matrix["axes"]:
        cells = [f"{cell}-{value}".lstrip("-") for cell in cells for value in axis]
    return cells


def _cell(content: dict[str, Any], cell: str) -> dict[str, Any]:
    matrix = content.pop("matrix")
    chosen = cell.split("-")
    for axis, value in zip(matrix["axes"], chosen, strict=True):
        content = _merge(content, axis[value])
    for combination, fragment in matrix["cells"].items():
        if set(combination.split("-")) <= set(chosen):
            content = _merge(content, fragment)
    return content


def _merge(base: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in extra.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
