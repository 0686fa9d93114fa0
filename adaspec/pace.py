"""How fast a machine is: seconds per unit of each kind of work, read off an earlier run.

The pace holds for the same models, the same kind of data and the same device. `calibration`
measures one if there was no run; `estimate` multiplies it by a recipe's plan. Loads no torch.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

from pydantic import BaseModel

from adaspec import runs
from adaspec.gpus import gpus
from adaspec.recipe import STOCK, TARGET, Data, Recipe, Rows, Training, digest, trainings
from adaspec.recipe.plan import answers, decodings, held_out_rows, snapshots_together, width
from adaspec.runs import Event, Metrics, Run, RunState, Stage, StageBegan, Started, Step

CPU = "CPU"
LIBRARIES = 6.0  # seconds to load torch and transformers, if not measured


class Pace(BaseModel):
    """What these models need on this device for one unit of each kind of work.

    Attributes:
        device: in words.
        source: where this comes from, one sentence.
        start: seconds until the models are open.
        gap: seconds between two stages: saving, loading.
        train: kind of training -> seconds per sequence.
        point: kind of training -> seconds for one held-out point of its curve.
        speak: seconds per prompt and token of continuation.
        answer: seconds per token that a training answer of the target may have.
        cache: seconds to compute and cache the target's hidden states of a training sequence.
        cache_bytes: bytes of those per training sequence.
        decode: seconds per token of a decoding at batch 1, speculative or plain.
        measure: seconds per prompt and model, the target being one of them.
        tokens: response tokens of a prompt: the continuation's, the data set's, and of a training
            answer of the target's.
        folders, parameters: of `target`, `stock` and drafts trained elsewhere: bytes on disk,
            numbers in the model.
        rows: data -> training and evaluation rows, where they have been counted.
        memory: bytes at the peak; None if it was never measured.
        width: the most sequences of one forward pass in training behind that peak.
    """

    device: str
    source: str
    start: float = LIBRARIES
    gap: float
    train: dict[str, float]
    point: dict[str, float]
    speak: float = 0.0
    answer: float = 0.0
    cache: float = 0.0
    cache_bytes: float = 0.0
    decode: float = 0.0
    measure: float = 0.0
    tokens: float = 0.0
    folders: dict[str, int]
    parameters: dict[str, int]
    rows: dict[str, tuple[int, int]]
    memory: int | None = None
    width: int


def kind(training: Training) -> str:
    """Trainings of one kind take equally long per sequence."""
    if training.method is None:
        return "data"
    if not training.scores:
        return "all"
    selector = "all"
    if training.k is not None:
        selector = "delta" if training.needs_reference else training.method.selector
    weighed = f"{selector} x {training.weight}" if training.weight else selector
    twice = training.splits_batch and training.method.pool == "batch"
    return f"{weighed}, scored first" if twice else weighed


def passes(recipe: Recipe, plan: list[Training]) -> int:
    """Models that a measured prompt goes through; the target once per group of snapshots."""
    return sum(1 + len(group) for group in snapshots_together(recipe, plan))


def decoded_tokens(recipe: Recipe, plan: list[Training], prompts: int) -> int:
    """At most: of all replays and timed decodings of a plan's drafts."""
    return decodings(recipe, plan, prompts) * recipe.evaluation.speculation.max_new_tokens


def shape(data: Data) -> dict[str, Any]:
    """What determines the length of texts: where rows come from and the templates, not how many."""
    named = {"prompt", "response", "replace", "max_length", "chat", "responses"}
    plain = data.model_dump(mode="json", include=named)
    if data.responses != "data":
        plain["answer"] = data.answers.max_new_tokens
    return plain | {"train": _origin(data.train), "evaluation": _origin(data.evaluation)}


def data_key(recipe: Recipe) -> str:
    """Equal for recipes that read the same rows."""
    return digest([recipe.data.model_dump(mode="json"), recipe.seed])


def _origin(source: Any) -> dict[str, Any]:
    if not isinstance(source, Rows):
        return {}
    return source.model_dump(mode="json", include={"file", "hub", "config", "revision"})


def device() -> str:
    """What kind of device a run would be on now: a GPU's name, or `CPU`."""
    return next((gpu.name for gpu in gpus()), CPU)


def in_words(device: str, threads: int) -> str:
    plural = "" if threads == 1 else "s"
    return f"CPU with {threads} thread{plural}" if device == CPU else device


def alike(recipe: Recipe, earlier: Recipe, state: RunState) -> bool:
    """Whether a run did the same kind of work on the kind of device there is now."""
    return (
        (recipe.target, recipe.draft, recipe.drafts)
        == (earlier.target, earlier.draft, earlier.drafts)
        and shape(recipe.data) == shape(earlier.data)
        and state.facts is not None
        and recipe.precision in (earlier.precision, state.facts.precision)
        and state.facts.device == device()
        and state.facts.processes == (1 if device() == CPU else recipe.gpus)
    )


def of_run(run: Run, state: RunState, earlier: Recipe) -> Pace | None:
    """The pace of a run as far as it got; None if it did not get to any work."""
    metrics = runs.read_metrics(run)
    events, facts = runs.read_events(run), state.facts
    if facts is None:
        return None
    train: dict[str, float] = {}
    point: dict[str, float] = {}
    rows = facts.training_rows
    examples = earlier.data.examples(rows)
    plan = trainings(earlier, rows)
    for training in plan:
        if steps := _steps(metrics.get(training.name, [])):
            train[kind(training)] = steps[0] / training.batch
            point[kind(training)] = steps[1]
    prompts, validation = held_out_rows(earlier, facts.evaluation_rows)
    spans = {stage.kind: span(stage, metrics.get(stage.name, []), events) for stage in state.plan}
    if not (train if plan else spans.get("measure")):
        return None
    models = passes(earlier, plan)
    memory = [step.memory for steps in metrics.values() for step in steps if step.memory]
    words = in_words(facts.device, facts.cpu_threads or 1)
    own = f"run {state.name} ({run.id})"
    name = f"the bundled example {state.name}" if run.is_example else own
    # A run that was stopped before the measurement: a training's sequence takes about as long.
    measure = spans.get("measure", 0.0) / (prompts * models) or min(train.values())
    return Pace(
        device=words,
        source=f"Measured on {name}, {words}.",
        gap=_gap(metrics, events),
        train=train,
        point=point,
        speak=spans.get("continue", 0.0)
        / ((prompts + validation) * earlier.evaluation.max_new_tokens),
        answer=_answer(run, earlier, rows),
        cache=spans.get("cache", 0.0) / max(examples, 1),
        cache_bytes=(facts.cache_bytes or 0) / examples if spans.get("cache") else 0.0,
        decode=spans.get("replay", 0.0) / decoded_tokens(earlier, plan, prompts),
        measure=measure,
        tokens=_tokens(run, earlier, prompts),
        folders={name: folder_size(run.model(name)) for name in (TARGET, STOCK, *earlier.drafts)},
        parameters={
            TARGET: facts.target_parameters,
            STOCK: facts.draft_parameters or 0,
        },
        rows={data_key(earlier): (rows, facts.evaluation_rows)},
        memory=max(memory, default=None),
        width=width(earlier),
    )


def _steps(steps: list[Step]) -> tuple[float, float] | None:
    """Seconds of a step, and of a held-out point beside it; None before the second step."""
    spans = [(after.time - before.time, after) for before, after in pairwise(steps)]
    if len(spans) > 2:
        del spans[0]  # the first step also warms up
    # Neither the pause before a resumption is a step, nor one during which the clock was set.
    usual = median(span for span, _ in spans) if spans else 0.0
    spans = [(span, step) for span, step in spans if 0 < span < 10 * usual]
    plain = [span for span, step in spans if not _has_point(step)]
    with_point = [span for span, step in spans if _has_point(step)]
    if not spans:
        return None
    if not plain or not with_point:
        return mean(plain or with_point), 0.0
    return mean(plain), max(0.0, mean(with_point) - mean(plain))


def _has_point(step: Step) -> bool:
    return step.alpha is not None or step.held_out_loss is not None


def span(stage: Stage, steps: list[Step], events: list[Event]) -> float:
    """Seconds of a stage since its latest start; 0 if it never started."""
    began = [event.time for event in events if _stage(event) == stage.name]
    if not began or not steps or steps[-1].time < began[-1] or not steps[-1].step:
        return 0.0
    return (steps[-1].time - began[-1]) * stage.steps / steps[-1].step


def _gap(metrics: Metrics, events: list[Event]) -> float:
    """Mean seconds from the last step of a stage to the next event."""
    gaps = []
    for event, following in pairwise(events):
        steps = metrics.get(_stage(event), [])
        if steps and not isinstance(following, Started):
            gaps.append(max(0.0, following.time - steps[-1].time))
    return mean(gaps) if gaps else 0.0


def _stage(event: Event) -> str:
    return event.stage if isinstance(event, StageBegan) else ""


def _answer(run: Run, earlier: Recipe, rows: int) -> float:
    """Seconds per token that an answer may have: of writing it, whenever that was."""
    if not (count := answers(earlier, rows)) or not run.answers_file.is_file():
        return 0.0
    from adaspec.runs import tables

    seconds = tables.read_table(run.answers_file, tables.ANSWERS, ["seconds"])["seconds"]
    return float(sum(seconds.to_pylist())) / (count * earlier.data.answers.max_new_tokens)


def _tokens(run: Run, earlier: Recipe, prompts: int) -> float:
    """Response tokens per prompt; the most there can be, if none have been measured."""
    if run.contexts_file.is_file():
        from adaspec.runs import tables  # half a second, which other commands need not wait for

        return tables.count_rows(run.contexts_file, tables.CONTEXTS) / prompts
    own = earlier.data.answers.max_new_tokens if earlier.data.responses != "data" else 0
    return float(earlier.evaluation.max_new_tokens + earlier.data.max_length + own)


def folder_size(folder: Path) -> int:
    """Bytes of the files in a folder; 0 if there is none."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
