"""`run.json`: what a run is and how far it is."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from adaspec.recipe import REFERENCE, STOCK, TARGET
from adaspec.runs.contract import AtLeastOne, Content, Contract, Count, Name, Part
from adaspec.runs.folder import Run
from adaspec.runs.journal import Metrics
from adaspec.runs.process import Process

State = Literal["running", "finished", "failed", "interrupted"]
Folder = Annotated[str, Field(pattern=r"^(models|drafts)/[^./\\\x00][^/\\\x00]*$")]
Created = Annotated[
    AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(3000, 1, 1, tzinfo=UTC))
]


class Stage(Part):
    """One line of a run's plan.

    Attributes:
        steps: what its progress counts: optimiser steps, or batches, or answers.
        same_as: the stage whose result this one shares; it then takes no time of its own.
        needs: stages it stands on beside the stock draft and the target.
        work: sequences it sends through the target.
        seconds: how long it is expected to take; None where nobody knew.
    """

    name: Name
    kind: Literal["train", "answer", "continue", "cache", "replay", "measure"]
    steps: AtLeastOne
    work: AtLeastOne
    same_as: Name | None = None
    needs: list[Name] = Field([])
    seconds: Annotated[float, Field(ge=0)] | None = None


class Facts(Part):
    """What a run found when it opened its data and models, and what it ran on.

    Attributes:
        training_rows, evaluation_rows: rows of data.
        validation_rows: held-out rows that are looked at in training and that no report reads.
        dropped_rows: those with no response left within the length.
        truncated_rows: those whose response was cut to the length.
        response_tokens: of the training rows; None in runs that did not count them, and where the
            target writes the answers.
        prompt_tokens: of the training rows; None in runs that did not count them.
        cache: where the target's hidden states on the training rows are kept.
        cache_bytes: what they take, or would take; None in runs that did not count it.
        shared_vocabulary: token ids that target and drafts have in common.
        draft_parameters: of the stock draft.
        draft_vocabulary: how many token ids it proposes, where its vocabulary is trimmed.
        draft_looked_up: those of its parameters that no product reads: the embedding of a trimmed
            draft, which is not its head too.
        given_parameters: of the drafts that others trained, by name.
        formats: model -> what its file is, where that is not the weights in full.
        device: a GPU's name, or `CPU`.
    """

    training_rows: Count
    evaluation_rows: Count
    validation_rows: Count = 0
    dropped_rows: Count
    truncated_rows: Count
    response_tokens: Count | None = None
    prompt_tokens: Count | None = None
    cache: Literal["disk", "memory", "nowhere"] = "nowhere"
    cache_bytes: Count | None = None
    shared_vocabulary: AtLeastOne
    target_parameters: Count
    draft_parameters: Count | None = None
    draft_vocabulary: AtLeastOne | None = None
    draft_looked_up: Count = 0
    given_parameters: dict[Name, Count] = Field({})
    formats: dict[Name, str] = Field({})
    device: str
    cpu_threads: Count | None = None
    processes: AtLeastOne
    precision: Literal["float32", "bf16"]
    adaspec: str | None = None
    torch: str
    transformers: str


class RunState(BaseModel):
    """The content of `run.json`.

    Attributes:
        sources: which source each model came from.
        hashes: of the data and, under their `hash_name`, the starting models.
        models: name -> folder inside the run.
        facts: None until data and models are open.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    version: Literal[6] = 6
    id: str
    name: str
    recipe_hash: str
    created: Created
    state: State = "running"
    stage: str = ""
    error: str = ""
    process: Process | None = None
    plan: list[Stage] = []
    sources: dict[str, str] = {}
    hashes: dict[str, str] = {}
    models: dict[Name, Folder] = {}
    facts: Facts | None = None

    @property
    def drafts(self) -> list[str]:
        """The drafts that there are: stock, reference, those that were trained, those given."""
        trained = [stage.name for stage in self.plan if stage.kind == "train"]
        order = dict.fromkeys([STOCK, REFERENCE, *trained, *self.models])
        return [name for name in order if name in self.models and name != TARGET]

    def training(self, draft: str) -> Stage | None:
        """The stage that trained a draft; None of one that was there before."""
        return next((stage for stage in self.plan if stage.name == draft), None)


_FACTS_1 = {
    "training rows": "training_rows",
    "evaluation rows": "evaluation_rows",
    "validation rows": "validation_rows",
    "rows dropped (no response left)": "dropped_rows",
    "rows truncated": "truncated_rows",
    "response tokens": "response_tokens",
    "target's knowledge": "cache",
    "its bytes": "cache_bytes",
    "shared vocabulary": "shared_vocabulary",
    "target parameters": "target_parameters",
    "draft parameters": "draft_parameters",
    "device": "device",
    "CPU threads": "cpu_threads",
    "processes": "processes",
    "precision": "precision",
    "adaspec": "adaspec",
    "torch": "torch",
    "transformers": "transformers",
}


def _upgrade(content: Content, version: int) -> Content:
    """From version 1, whose facts were named as pages show them and whose caching was `teach`;
    version 2 had neither expected seconds nor drafts that others trained, version 3 no target that
    answers, version 4 did not count the tokens of prompts,
    version 5 had no trimmed drafts."""
    if version > 1:
        return content
    facts = {_FACTS_1[name]: fact for name, fact in content.get("facts", {}).items()}
    plan = [
        stage | {"kind": "cache"} if stage.get("kind") == "teach" else stage
        for stage in content.get("plan", [])
    ]
    return content | {"facts": facts or None, "plan": plan}


STATE: Contract[RunState] = Contract(
    RunState, 6, _upgrade, "What is left of the run can be looked at; adaspec delete removes it."
)


def read_state(run: Run) -> RunState:
    """`run.json`, with `running` turned into `interrupted` where the process is gone.

    A run that was renamed has its new name.

    Raises:
        Unreadable: there is none, or it is damaged.
    """
    state = STATE.read(run.state_file)
    if state.state == "running" and not (state.process and state.process.alive()):
        state.state = "interrupted"
    with suppress(OSError):
        state.name = run.name_file.read_text(encoding="utf-8", errors="replace").strip()
    return state


def hash_name(model: str) -> str:
    """What `hashes` calls the weights of a starting model."""
    return {TARGET: "target", STOCK: "stock draft"}.get(model, f"draft {model}")


def write_state(run: Run, state: RunState) -> None:
    STATE.write(run.state_file, state)


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        fraction: of all its work, 0 to 1.
        stage, step, steps: the stage it is in.
        tokens_per_s: response tokens trained a second, latest step; None outside training.
        seconds_left: an estimate from this run's own pace; None before there is one.
    """

    fraction: float
    stage: str
    step: int
    steps: int
    tokens_per_s: float | None
    seconds_left: float | None


def progress(state: RunState, metrics: Metrics) -> Progress:
    """Progress from the plan and what has been logged.

    Stages count by the seconds they are expected to take, or else by their sequences. The rest of
    the current stage is foretold by its latest steps; the stages to come by what was expected, and
    how that turned out so far.
    """
    if state.state == "finished":
        return Progress(1.0, "", 0, 0, None, 0.0)
    plan = [stage for stage in state.plan if not stage.same_as]
    is_timed = bool(plan) and all(stage.seconds is not None for stage in plan)
    shares = {stage.name: float(stage.seconds or 0 if is_timed else stage.work) for stage in plan}
    done = pace = spent = expected = 0.0
    current = Progress(0.0, state.stage, 0, 0, None, None)
    here = 0.0  # what is left of the current stage
    for stage in plan:
        logged = metrics.get(stage.name, [])
        if not logged:
            continue
        last, share = logged[-1], shares[stage.name]
        done += share * last.step / stage.steps
        recent = logged[-20:]
        if (steps := last.step - recent[0].step) > 0 and share:
            pace = (last.time - recent[0].time) / (steps * share / stage.steps)
        if (steps := last.step - logged[0].step) > 0:
            spent += last.time - logged[0].time
            expected += share * steps / stage.steps
        here = share * (1 - last.step / stage.steps)
        if stage.name == state.stage:
            current = Progress(0.0, stage.name, last.step, stage.steps, last.tokens_per_s, None)
    total = sum(shares.values())
    later = spent / expected if is_timed and expected else pace
    left = here * pace + max(0.0, total - done - here) * later if pace else None
    return Progress(
        min(1.0, done / total) if total else 0.0,
        current.stage,
        current.step,
        current.steps,
        current.tokens_per_s,
        left,
    )
