"""What a recipe may contain: a target, a draft, the data and up to three stages, validated."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    field_validator,
    model_validator,
)

REFERENCE = "reference"
STOCK = "stock"
TARGET = "target"

Objective = Literal[
    "forward_kl", "reverse_kl", "jensen_shannon", "total_variation", "neg_log_overlap"
]
Selector = Literal["top_delta", "all", "random", "lowest_delta", "highest_kl", "highest_entropy"]


def _printable(text: str) -> str:
    """Without escapes and other characters that move a terminal's cursor or end a file's name."""
    if not text.isprintable():
        raise ValueError("use printable characters, on one line")
    return text


def _is_text(text: str) -> str:
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("it has characters that are not text")
    return text


# Every number and every text has a bound: far above what anybody trains, and far below what stops a
# machine. What is within the bounds and still too much for this one, `estimate` refuses.
Line = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)]
Place = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_printable)]
Template = Annotated[str, Field(max_length=10_000), AfterValidator(_is_text)]
Layer = Annotated[int, Field(ge=0, lt=1000)]
Gamma = Annotated[int, Field(ge=1, le=64)]
Seed = Annotated[int, Field(ge=0, lt=1 << 32)]


class Strict(BaseModel):
    """Immutable, and an unknown key is an error rather than a silent default."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )


class NewModel(Strict):
    """A Llama-architecture model with random weights and tied embeddings."""

    vocabulary: int = Field(
        512, ge=260, le=1_000_000, description="token ids, when a tokenizer is trained too"
    )
    hidden: int = Field(ge=8, le=65_536)
    layers: int = Field(ge=1, le=1000)
    heads: int = Field(ge=1, le=1024)
    feed_forward: int = Field(ge=8, le=1_000_000)

    @model_validator(mode="after")
    def _heads_divide(self) -> NewModel:
        if self.hidden % (2 * self.heads):
            raise ValueError(f"hidden={self.hidden} must be a multiple of 2 x heads={self.heads}")
        return self


class ModelSpec(Strict):
    """Where a model comes from: the first of `source` that exists, or a new one.

    A source is `assets:FOLDER` (bundled), `package:MODULE/FILE.gguf` (inside an installed Python
    package), a folder, a `.gguf` file, a Hugging Face Hub id, or, for a draft, `target`.
    """

    source: tuple[Place, ...] = Field((), max_length=16)
    new: NewModel | None = None
    layers: tuple[Layer, ...] | None = Field(
        None, min_length=1, max_length=1000, description="keep only these layers (pruning)"
    )
    tokenizer: Place | None = Field(
        None, description="a new model's tokenizer; trained when absent"
    )

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


def _file(value: Any) -> Any:
    """A path is a place too: pydantic checks no text that becomes a Path."""
    return TypeAdapter(Place).validate_python(value) if isinstance(value, str) else value


class Rows(Strict):
    """Where rows come from: `file`, a Hub data set (`hub`, `config`, `split`), or `stories`."""

    file: Annotated[Path, BeforeValidator(_file)] | None = None
    hub: Place | None = None
    config: Place | None = None
    split: Place = "train"
    revision: Place | None = None
    stories: int | None = Field(
        None, ge=1, le=1_000_000, description="number of built-in arithmetic stories"
    )
    seed: Seed = Field(0, description="of the stories")

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
    prompt: tuple[Template, ...] = Field(
        min_length=1, max_length=16, description="templates; the first with no empty field is used"
    )
    response: Template
    replace: dict[Template, Template] = Field(
        {}, max_length=100, description="applied to the response, in order"
    )
    max_length: int = Field(
        512, ge=4, le=131_072, description="tokens of prompt + response, EOS included"
    )
    limit: int | None = Field(
        None, ge=1, le=100_000_000, description="use only the first N training rows"
    )
    evaluation_limit: int | None = Field(None, ge=1, le=100_000_000)

    @field_validator("prompt", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class Optimisation(Strict):
    """How one stage is optimised: AdamW, gradient clipping, sequences per step."""

    batch: int = Field(
        16, ge=1, le=65_536, description="sequences per optimiser step, over all processes"
    )
    micro_batch: int | None = Field(
        None,
        ge=1,
        le=65_536,
        description="sequences per forward pass; null: the whole batch at once",
    )
    epochs: float = Field(3, gt=0, le=10_000)
    lr: float = Field(gt=0, le=100)
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warmup: float = Field(0, ge=0, lt=1, description="fraction of the steps")
    weight_decay: float = Field(0.0, ge=0, le=100)
    clip: float | None = Field(1.0, gt=0, le=1e6, description="maximum gradient norm")
    keep: Literal["last", "best"] = Field(
        "last",
        description="best: the weights with the highest exact acceptance on the validation prompts",
    )
    patience: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="stop after this many points of the curve without an improvement",
    )

    @property
    def validates(self) -> bool:
        """Whether acceptance on the validation prompts decides what is kept."""
        return self.keep == "best" or self.patience is not None


class Method(Strict):
    """How one draft is distilled: objective x selector x start x budget."""

    objective: Objective = "forward_kl"
    to: Objective | None = Field(
        None, description="what the objective turns into, linearly over the steps"
    )
    selector: Selector = "all"
    k: float | None = Field(None, ge=0.001, le=1, description="filter ratio; null: the stage's")
    pool: Literal["micro_batch", "batch"] = "batch"
    loss: Literal["published", "mean_selected"] = "published"
    start: Literal["stock", "reference"] = "stock"
    budget: Literal["steps", "data", "published"] = "steps"


METHOD_NAME = re.compile(r"[\w-][\w.-]{0,39}")
"""A folder and files are called after it: 40 letters of any script fit into their names."""


class Stage2(Optimisation):
    """The drafts to compare. `k` is the filter ratio that every method takes unless it has one."""

    k: float = Field(0.4, ge=0.001, le=1)
    methods: dict[str, Method] = Field(min_length=1, max_length=64)

    @field_validator("methods")
    @classmethod
    def _names(cls, methods: dict[str, Method]) -> dict[str, Method]:
        for name in methods:
            if not METHOD_NAME.fullmatch(name):
                raise ValueError(
                    f"method name {name[:50]!r}: use at most 40 letters, digits, - _ ."
                )
            if name in (STOCK, REFERENCE, TARGET):
                raise ValueError(f"method name {name!r} is taken: choose another")
        return methods


class Decoding(Strict):
    """How speculative decoding draws tokens, from target and draft alike."""

    gamma: int = Field(4, ge=0, le=64, description="draft length; 0: the target alone")
    temperature: float = Field(1.0, ge=0, le=100, description="0: greedy, the likeliest token")
    top_k: int = Field(0, ge=0, le=1_000_000, description="only the k likeliest tokens; 0: all")
    top_p: float = Field(
        1.0, gt=0, le=1, description="only the smallest set of likeliest tokens that reaches it"
    )
    max_new_tokens: int = Field(64, ge=1, le=32_768, description="of each decoded text")

    @property
    def greedy(self) -> bool:
        return self.temperature == 0


class Speculation(Decoding):
    """How a run's drafts are decoded for their replays and speed-up."""

    gamma: int = Field(4, ge=1, le=64, description="draft length")
    prompts: int = Field(
        20, ge=1, le=10_000, description="held-out prompts that are replayed, at most"
    )
    timed: int = Field(
        4, ge=1, le=1000, description="of those, how many are timed at every draft length"
    )
    gammas: tuple[Gamma, ...] = Field(
        (1, 2, 4, 8), min_length=1, max_length=64, description="draft lengths to time"
    )

    @field_validator("gammas")
    @classmethod
    def _in_order(cls, gammas: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(gammas)))

    @property
    def timed_gammas(self) -> list[int]:
        """Those of `gammas`, and the one that drafts are replayed at."""
        return sorted({*self.gammas, self.gamma})

    def decodings(self, prompts: int, drafts: int) -> int:
        """How many to do: one replay per prompt, and the rounds of the timed prompts."""
        replayed = min(self.prompts, prompts)
        return drafts * (replayed + min(self.timed, replayed) * (1 + len(self.timed_gammas)))

    @property
    def decoding(self) -> Decoding:
        return Decoding(**self.model_dump(include=set(Decoding.model_fields)))


class Evaluation(Strict):
    """How finished drafts are measured."""

    prompts: int = Field(100, ge=1, le=100_000, description="held-out prompts, at most")
    max_new_tokens: int = Field(
        128, ge=1, le=32_768, description="of each target-generated continuation"
    )
    batch: int = Field(32, ge=1, le=65_536, description="sequences per forward pass")
    bootstrap: int = Field(
        2000, ge=100, le=100_000, description="resamples of the prompts for the interval"
    )
    every: int = Field(10, ge=1, le=1000, description="held-out points along each training's curve")
    monitor: int = Field(
        16,
        ge=1,
        le=10_000,
        description="validation prompts read at each of those points: the held-out rows after the "
        "first `prompts`, or the first of those if there are no more",
    )
    snapshots: int = Field(
        2,
        ge=0,
        le=50,
        description="models saved during each distillation, for its token tables",
    )
    speculation: Speculation = Speculation()


class Recipe(Strict):
    """The whole experiment. `loading` reads one; `plan` says what it will train."""

    name: Line
    about: Template = ""
    seed: Seed = 0
    precision: Literal["auto", "float32", "bf16"] = Field(
        "auto", description="auto: bf16 on a GPU that supports it, else float32"
    )
    gpus: int = Field(
        1, ge=1, le=1024, description="GPUs that a job of this recipe takes, if the machine has any"
    )
    checkpoint_every: int = Field(100, ge=1, le=1_000_000, description="optimiser steps")
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
        return digest(self.model_dump(mode="json", exclude={"name", "about", "gpus"}))

    @property
    def family(self) -> str:
        """Equal for recipes that differ in nothing but the seed."""
        unlike = {"name", "about", "gpus", "seed"}
        return digest(self.model_dump(mode="json", exclude=unlike))

    def yaml(self) -> str:
        """The recipe as YAML that `load` reads back to an equal recipe."""
        return yaml.safe_dump(
            self.model_dump(mode="json", exclude_unset=True), sort_keys=False, allow_unicode=True
        )


def digest(content: Any) -> str:
    """A hash of plain content."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
