"""What a recipe may contain: a target, drafts, the data and up to three stages, validated."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Container, Iterable
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

from adaspec import ASSETS
from adaspec.selection import SELECTORS
from adaspec.weighting import WEIGHTS

HUB = "hub:"  # before a Hub id: also where a folder has that name
ASSET = "assets:"  # before a path in this installation's bundled folder
PACKAGE = "package:"  # before an installed Python package, a slash and the path of a file in it
REFERENCE = "reference"
STOCK = "stock"
TARGET = "target"

Objective = Literal[
    "forward_kl",
    "reverse_kl",
    "jensen_shannon",
    "total_variation",
    "neg_log_overlap",
    "lk_hybrid",
]
Selector = Literal[
    "top_delta", "all", "random", "lowest_delta", "highest_kl", "highest_entropy", "excess_loss"
]
Weight = Literal["soft", "confidence", "expected_length", "first_error", "verified", "rejected"]


def bundled_path(place: str) -> Path:
    """Where `assets:PATH` lies on this machine."""
    return ASSETS / place.removeprefix(ASSET)


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
    package), a folder, a `.gguf` file, a Hugging Face Hub id, or, for a draft, `target`. `hub:`
    before an id says that it is the Hub's even where a folder here has that name.
    """

    source: tuple[Place, ...] = Field((), max_length=16)
    new: NewModel | None = None
    layers: tuple[Layer, ...] | None = Field(
        None, min_length=1, max_length=1000, description="keep only these layers (pruning)"
    )
    tokenizer: Place | None = Field(
        None, description="a new model's tokenizer; trained when absent"
    )
    vocabulary: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="of a draft: how many token ids it proposes, the most frequent of the training "
        "rows; null: all",
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
    """Where rows come from: `file`, a Hub data set (`hub`, `config`, `split`), or `stories`.

    A file `assets:PATH` is a bundled one.
    """

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
        path = self.path if self.bundled else None
        if path and (".." in path.parts or not path.is_relative_to(ASSETS)):
            raise ValueError("a bundled file lies inside the folder: write no `..`, no leading `/`")
        return self

    @property
    def bundled(self) -> bool:
        """Whether the file is one of this installation's: the same recipe reads it anywhere."""
        return self.file is not None and str(self.file).startswith(ASSET)

    @property
    def path(self) -> Path | None:
        """Where the file lies on this machine."""
        return bundled_path(str(self.file)) if self.bundled else self.file


class Holdout(Strict):
    """Evaluation rows taken out of the training rows, by the recipe's seed."""

    holdout: float = Field(gt=0, lt=1, description="fraction of the training rows")


class Sampling(Strict):
    """How tokens are drawn: temperature first, then top-k, then top-p."""

    temperature: float = Field(1.0, ge=0, le=100, description="0: greedy, the likeliest token")
    top_k: int = Field(0, ge=0, le=1_000_000, description="only the k likeliest tokens; 0: all")
    top_p: float = Field(
        1.0, gt=0, le=1, description="only the smallest set of likeliest tokens that reaches it"
    )

    @property
    def greedy(self) -> bool:
        return self.temperature == 0

    def __str__(self) -> str:
        parts = [
            f"temperature {self.temperature:g}" if self.temperature else "greedy",
            f"top-k {self.top_k}" if self.top_k else "",
            f"top-p {self.top_p:g}" if self.top_p < 1 else "",
        ]
        return ", ".join(filter(None, parts))


class Turn(Strict):
    """An earlier turn of a conversation. One with an empty field is left out."""

    user: Template = Field(description="what was asked; `{field}` is a column of the row")
    assistant: Template = Field(description="what was answered")


class Chat(Strict):
    """A conversation, rendered by the chat template of the target's tokenizer.

    `data.prompt` is what the user says last, `data.response` the assistant's answer to that.
    """

    system: Template | None = Field(
        None, description="the system prompt; null: what the template says by itself"
    )
    turns: tuple[Turn, ...] = Field((), max_length=64, description="what was said before")
    messages: Line | None = Field(
        None, description="a column with what was said after that: a list of {role, content}"
    )


class Answers(Sampling):
    """How the target answers the training prompts."""

    samples: int = Field(1, ge=1, le=64, description="answers to a prompt")
    max_new_tokens: int = Field(
        256, ge=1, le=32_768, description="of an answer; data.max_length holds as well"
    )
    batch: int = Field(32, ge=1, le=65_536, description="answers that are written together")

    @property
    def sampling(self) -> Sampling:
        return Sampling(**self.model_dump(include=set(Sampling.model_fields)))


def _rows(value: Any) -> Any:
    return {"file": value} if isinstance(value, str) else value


class Data(Strict):
    """Rows -> prompt + response. `{field}` in a template is a column of the row."""

    train: Annotated[Rows | None, BeforeValidator(_rows)] = Field(
        None, description="null: nothing is trained"
    )
    evaluation: Annotated[Rows | Holdout, BeforeValidator(_rows)]
    prompt: tuple[Template, ...] = Field(
        min_length=1, max_length=16, description="templates; the first with no empty field is used"
    )
    response: Template = Field("", description="empty: the data are prompts without answers")
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
    chat: Chat | None = Field(
        None, description="rows become conversations in the format of an instruct model"
    )
    responses: Literal["data", "target", "both"] = Field(
        "data",
        description="whose answers drafts are trained on: the data's, the target's own, or both",
    )
    answers: Answers = Field(
        Answers(), description="how the target answers, where `responses` asks it to"
    )

    @field_validator("prompt", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _held_out_of_something(self) -> Data:
        if self.train is None and isinstance(self.evaluation, Holdout):
            raise ValueError("holdout takes rows out of the training rows: give `train`")
        if self.responses == "both" and not self.response:
            raise ValueError("responses: `both` takes the data's answers too: give `response`")
        return self

    def examples(self, rows: int) -> int:
        """How many training examples drafts have, of so many training rows."""
        own = rows * self.answers.samples
        return {"data": rows, "target": own, "both": rows + own}[self.responses]


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


Pool = Literal["micro_batch", "batch"]
"""Whose tokens compete and are weighed together; the loss of a step is the mean over its pools."""


class Stage1(Optimisation):
    """The reference, distilled on all response tokens."""

    pool: Pool = Field(
        "batch",
        description="micro_batch: the loss is the mean over micro-batches, however many response "
        "tokens each has, as in the published scripts; batch: over all tokens of the batch",
    )


class Method(Strict):
    """How one draft is distilled: objective x selector x weight x start x budget."""

    objective: Objective = "forward_kl"
    to: Objective | None = Field(
        None, description="what the objective turns into, linearly over the steps"
    )
    selector: Selector = "all"
    k: float | None = Field(None, ge=0.001, le=1, description="filter ratio; null: the stage's")
    weight: Weight | None = Field(
        None, description="how much each token counts; null: those selected alike, the others not"
    )
    softness: float | None = Field(
        None,
        ge=0,
        le=1000,
        description="of the weight: 0 leaves out what it does not favour; null: the weight's own",
    )
    gamma: Gamma = Field(4, description="draft length that a weight by blocks counts with")
    pool: Pool = "batch"
    loss: Literal["published", "mean_selected"] = "published"
    start: Literal["stock", "reference"] = "stock"
    budget: Literal["steps", "data", "published"] = "steps"

    @model_validator(mode="after")
    def _weight_fits(self) -> Method:
        if self.weight is None:
            if self.softness is not None:
                raise ValueError("softness is a weight's: give `weight`")
            return self
        weight = WEIGHTS[self.weight]
        if weight.selects and SELECTORS[self.selector].score is None:
            raise ValueError(f"weight {self.weight} softens a selection: give a `selector`")
        if self.softness is not None and not 0 <= self.softness <= weight.most:
            allowed = f"0 to {weight.most:g}" if weight.most else "null: it has none"
            raise ValueError(f"softness of the weight {self.weight}: {allowed}")
        return self

    @property
    def own_softness(self) -> float:
        """Its softness, or its weight's where it has none."""
        if self.softness is not None:
            return self.softness
        return WEIGHTS[self.weight].softness if self.weight else 0.0

    @property
    def unset(self) -> set[str]:
        """Fields that say nothing: hashes of methods without a weight are those from before it."""
        return set() if self.weight else {"weight", "softness", "gamma"}


DRAFT_NAME = re.compile(r"[\w-][\w.-]{0,39}")
"""A folder and files are called after it: 40 letters of any script fit into their names."""


def _require_names(kind: str, names: Iterable[str], taken: Container[str]) -> None:
    for name in names:
        if not DRAFT_NAME.fullmatch(name):
            raise ValueError(f"{kind} name {name[:50]!r}: use at most 40 letters, digits, - _ .")
        if name in taken:
            raise ValueError(f"{kind} name {name!r} is taken: choose another")


class Stage2(Optimisation):
    """The drafts to compare. `k` is the filter ratio that every method takes unless it has one."""

    k: float = Field(0.4, ge=0.001, le=1)
    methods: dict[str, Method] = Field(min_length=1, max_length=64)

    @field_validator("methods")
    @classmethod
    def _names(cls, methods: dict[str, Method]) -> dict[str, Method]:
        _require_names("method", methods, (STOCK, REFERENCE, TARGET))
        return methods


class Decoding(Sampling):
    """How speculative decoding draws tokens, from target and draft alike."""

    gamma: int = Field(4, ge=0, le=64, description="draft length; 0: the target alone")
    max_new_tokens: int = Field(64, ge=1, le=32_768, description="of each decoded text")


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
        """How many to do: one replay per prompt, and of the timed prompts every draft at every
        gamma, between two plain decodings."""
        replayed = min(self.prompts, prompts)
        timed = min(self.timed, replayed)
        return drafts * (replayed + timed * (1 + len(self.timed_gammas))) + timed

    @property
    def decoding(self) -> Decoding:
        return Decoding(**self.model_dump(include=set(Decoding.model_fields)))


SERVED = (Sampling(), Sampling(temperature=0.7, top_p=0.95), Sampling(temperature=0))
"""What servers are often asked for."""


class Evaluation(Strict):
    """How finished drafts are measured."""

    prompts: int = Field(100, ge=1, le=100_000, description="held-out prompts, at most")
    max_new_tokens: int = Field(
        128, ge=1, le=32_768, description="of each target-generated continuation"
    )
    temperature: float = Field(
        1.0, ge=0, le=100, description="of those continuations; 0: greedy, the likeliest tokens"
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
    settings: tuple[Sampling, ...] = Field(
        SERVED,
        min_length=1,
        max_length=8,
        description="under which acceptance is also given as servers have it",
    )
    speculation: Speculation = Speculation()


_LATER_IN_MODELS = ("vocabulary",)
_LATER = {
    "target": _LATER_IN_MODELS,
    "draft": _LATER_IN_MODELS,
    "data": ("chat", "responses", "answers"),
    "stage1": ("pool",),
    "evaluation": ("settings", "temperature"),
}
"""Fields that recipes of earlier versions did not have."""


def _unset(content: Strict | None, later: Iterable[str]) -> set[str]:
    """Those of these fields that have their defaults."""
    if content is None:
        return set()
    fields = type(content).model_fields
    return {name for name in later if getattr(content, name) == fields[name].default}


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
    draft: Model | None = Field(None, description="the stock draft, which stages start from")
    drafts: dict[str, Model] = Field(
        {},
        max_length=64,
        description="name -> a draft that others trained, to be measured beside the stages' own; "
        "without a stage 1, one called `reference` is the reference",
    )
    data: Data
    stage0: Optimisation | None = None
    stage1: Stage1 | None = None
    stage2: Stage2 | None = None
    evaluation: Evaluation = Evaluation()

    @field_validator("drafts")
    @classmethod
    def _names(cls, drafts: dict[str, ModelSpec]) -> dict[str, ModelSpec]:
        _require_names("draft", drafts, (STOCK, TARGET))
        return drafts

    @model_validator(mode="after")
    def _stages_fit(self) -> Recipe:
        if self.stage1 and not self.draft:
            raise ValueError("stage1 distils a draft: give `draft`")
        if self.stage2 and not self.stage1:
            raise ValueError("stage2 compares against the reference: give `stage1`")
        if not self.stage0 and not self.measures:
            raise ValueError("nothing to do: give `stage0`, `draft` and `stage1`, or `drafts`")
        answered = self.data.responses == "target" and not self.stage0
        if (self.stage0 or self.stage1) and not (
            self.data.train and (self.data.response or answered)
        ):
            raise ValueError("a stage trains on rows: give `data.train` and `data.response`")
        if self.data.responses != "data" and not self.stage1:
            raise ValueError("data.responses: the target's answers train drafts: give `stage1`")
        trained = {REFERENCE, *(self.stage2.methods if self.stage2 else ())} if self.stage1 else ()
        _require_names("draft", self.drafts, trained)
        if self.stage0 and self.stage0.validates:
            raise ValueError("stage0 trains the target: no acceptance to keep or stop by")
        if TARGET in self.target.source:
            raise ValueError("target: `target` cannot be its own source")
        if self.target.vocabulary is not None:
            raise ValueError("target.vocabulary: a target proposes nothing: trim a draft's")
        trimmed = [name for name, spec in self.specs.items() if spec.vocabulary is not None]
        if trimmed and not self.data.train:
            raise ValueError(f"{trimmed[0]}.vocabulary counts training rows: give `data.train`")
        return self

    @property
    def specs(self) -> dict[str, ModelSpec]:
        """Path of a field -> the model that it describes."""
        draft = {"draft": self.draft} if self.draft else {}
        drafts = {f"drafts.{name}": spec for name, spec in self.drafts.items()}
        return {"target": self.target, **draft, **drafts}

    def with_specs(self, change: Callable[[ModelSpec], ModelSpec]) -> Recipe:
        """The recipe with every description of a model changed."""
        changed: dict[str, Any] = {"target": change(self.target)}
        if self.draft:
            changed["draft"] = change(self.draft)
        if self.drafts:
            changed["drafts"] = {name: change(spec) for name, spec in self.drafts.items()}
        return self.model_copy(update=changed)

    @property
    def measures(self) -> bool:
        """Whether there is a draft to measure: a recipe may also train a target alone."""
        return self.draft is not None or bool(self.drafts)

    @property
    def validates(self) -> bool:
        """Whether a stage keeps or stops by acceptance on the validation prompts."""
        return any(stage.validates for stage in (self.stage1, self.stage2) if stage)

    @property
    def hash(self) -> str:
        """Equal for recipes that would do the same; display texts and GPUs do not count."""
        return self._digest("name", "about", "gpus")

    @property
    def family(self) -> str:
        """Equal for recipes that differ in nothing but the seed."""
        return self._digest("name", "about", "gpus", "seed")

    def _digest(self, *but: str) -> str:
        """Of all fields but these. Runs from before a field of `_LATER` was there keep theirs, and
        those from before there were weights: what nobody has set does not count."""
        without: dict[str, Any] = dict.fromkeys(but, True)
        if not self.drafts:
            without["drafts"] = True
        else:
            unset = {name: _unset(spec, _LATER_IN_MODELS) for name, spec in self.drafts.items()}
            without["drafts"] = unset
        for part, later in _LATER.items():
            if fields := _unset(getattr(self, part), later):
                without[part] = fields
        if self.stage2:
            methods = {name: method.unset for name, method in self.stage2.methods.items()}
            without["stage2"] = {"methods": methods}
        return digest(self.model_dump(mode="json", exclude=without))

    def yaml(self) -> str:
        """The recipe as YAML that `load` reads back to an equal recipe."""
        return yaml.safe_dump(
            self.model_dump(mode="json", exclude_unset=True), sort_keys=False, allow_unicode=True
        )


def digest(content: Any) -> str:
    """A hash of plain content."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
