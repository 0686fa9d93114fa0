"""What a recipe will take, before it runs: seconds, bytes of disk, bytes of memory.

The recipe's plan times the pace of this machine: of an earlier run, or of a few real steps that are
taken for it (`calibration`, in a separate process, since this one loads no torch).
"""

from __future__ import annotations

import shutil
from functools import lru_cache
from pathlib import Path

import psutil
from pydantic import BaseModel, ValidationError

from adaspec import AdaspecError, apart, rows, runs
from adaspec.gpus import gpus
from adaspec.pace import (
    CPU,
    Pace,
    alike,
    data_key,
    decoded_tokens,
    device,
    kind,
    of_run,
    passes,
    shape,
)
from adaspec.recipe import STOCK, TARGET, Recipe, Rows, Training, digest, trainings
from adaspec.recipe.plan import (
    ANSWER,
    CACHE,
    CONTINUE,
    MEASURE,
    REPLAY,
    answers,
    distinct,
    held_out_rows,
    snapshots_together,
    width,
)
from adaspec.runs import Run, RunState
from adaspec.runs.contract import stamp

CHECKPOINTS = 3  # of a training on disk while the newest is being written
STATES = 3 * 4  # bytes a parameter in a checkpoint: the weights and AdamW's two moments
CONTEXT, TOKEN = 26, 33  # bytes a response token in the target's table, and in each draft's
TRACE = 420  # bytes a token that a replay may have
ID = 4  # bytes a token of the target's answers
ROW = 200  # bytes a step in metrics.jsonl
PAST = 300  # the newest runs, whose pace is asked for
METRICS = 20_000_000  # bytes of metrics that are read for an estimate: some 200,000 steps
LONGEST = 365 * 86_400  # seconds: nobody waits longer for a run


class Estimate(BaseModel):
    """What a recipe will take.

    Attributes:
        seconds: from its start to its end, if it has the device to itself.
        disk: bytes of the run folder when it is largest, checkpoints included.
        memory: bytes at the peak, of the GPU if it runs on one; None where nobody measured it.
        cache_bytes: beside the run folder, of the target's hidden states on the training data; runs
            with the same target and data share them.
        device: what it runs on.
        source: where this comes from, one sentence.
        stages: stage -> seconds; what two names share, under the first.
    """

    seconds: float
    disk: int
    memory: int | None
    cache_bytes: int = 0
    device: str
    source: str
    stages: dict[str, float] = {}


def known(recipe: Recipe) -> Estimate | None:
    """From an earlier run, or else from an earlier calibration; None where there is neither."""
    return from_past(recipe) or from_calibration(recipe)


def from_past(recipe: Recipe) -> Estimate | None:
    """From the newest run with the same models, kind of data and device; None without one.

    Runs of very many steps are passed over: to read them takes seconds, and a page asks for this.
    """
    own = [run for run in runs.all_runs() if not run.is_example]
    for run in own[:PAST] + runs.examples():
        try:
            stamps = stamp(run.state_file), stamp(run.recipe_file)
            state, earlier = _earlier(run, *stamps)
            if not alike(recipe, earlier, state) or stamp(run.metrics_file)[1] > METRICS:
                continue
            pace = _pace(run, stamp(run.metrics_file), *stamps)
        except AdaspecError:  # it is damaged
            continue
        if pace and (estimate := extrapolate(recipe, pace)):
            return estimate
    return None


@lru_cache(maxsize=2 * PAST)
def _earlier(run: Run, *_stamps: object) -> tuple[RunState, Recipe]:
    return runs.read_state(run), runs.read_recipe(run)


@lru_cache(maxsize=64)
def _pace(run: Run, _metrics: object, *stamps: object) -> Pace | None:
    return of_run(run, *_earlier(run, *stamps))


def from_calibration(recipe: Recipe) -> Estimate | None:
    """From a calibration of these models on this device, whenever it was."""
    pace = read_calibration(recipe)
    return extrapolate(recipe, pace) if pace else None


def calibrate(recipe: Recipe) -> Estimate:
    """Take a few steps of every kind, in a separate process; takes seconds to minutes.

    Raises:
        AdaspecError: what would stop the run as well: an error in the data or the models.
    """
    try:
        return apart.ask("adaspec.calibration", recipe, Estimate)
    except AdaspecError as error:
        raise AdaspecError(f"No calibration: {error}") from None


def calibration_file(recipe: Recipe) -> Path:
    """Where the pace of such recipes on this device is kept."""
    what = recipe.model_dump(
        mode="json", include={"target", "draft", "drafts", "precision", "gpus"}
    )
    what |= {"data": shape(recipe.data), "device": device()}
    return runs.home() / "calibrations" / f"{digest(what)}.json"


def read_calibration(recipe: Recipe) -> Pace | None:
    try:
        return Pace.model_validate_json(calibration_file(recipe).read_bytes())
    except (OSError, ValidationError):
        return None


def lacks(estimate: Estimate, about: str = "") -> list[str]:
    """What this machine has too little of, and what to do about it.

    Args:
        about: before each figure, such as `at least `.
    """
    messages = []
    home = runs.home()
    while not home.exists():
        home = home.parent
    free = shutil.disk_usage(home).free
    needed = estimate.disk + estimate.cache_bytes
    if needed > free:
        messages.append(
            f"It needs {about}{size(needed)} of disk and {size(free)} are free: free some space, "
            "or train fewer methods at once."
        )
    total = psutil.virtual_memory().total
    if not estimate.device.startswith(CPU):
        total = max((gpu.total for gpu in gpus() if gpu.total), default=total)
    if estimate.memory is not None and estimate.memory > total:
        messages.append(
            f"It needs {about}{size(estimate.memory)} of memory and there are {size(total)}: set "
            "smaller models, a smaller micro_batch, or fewer rows."
        )
    if estimate.seconds > LONGEST:
        messages.append(
            f"It needs {about}{estimate.seconds / LONGEST:,.1f} years on this machine: set fewer "
            "epochs, rows, methods or prompts."
        )
    return messages


def size(count: int) -> str:
    """Bytes as `3.4 MB`."""
    power = min(4, (len(str(count)) - 1) // 3)
    return f"{count / 1000**power:.{min(1, power)}f} {('bytes', 'kB', 'MB', 'GB', 'TB')[power]}"


def extrapolate(recipe: Recipe, pace: Pace) -> Estimate | None:
    """The plan times the pace; None if that has to be measured, or rows cannot be counted."""
    counts = pace.rows.get(data_key(recipe)) or count_rows(recipe)
    if not counts:
        return None
    plan, examples = distinct(trainings(recipe, counts[0])), recipe.data.examples(counts[0])
    if any(kind(training) not in pace.train for training in plan):
        return None
    disk, tables = 0.0, 0.0
    stages: dict[str, float] = {}
    for training in plan:
        points = min(training.steps, recipe.evaluation.every) + 1
        trained = training.sequences * pace.train[kind(training)]
        stages[training.name] = trained + points * pace.point[kind(training)]
        disk += pace.folders[_family(training)] + ROW * training.steps
    if recipe.measures:
        prompts, validation = held_out_rows(recipe, counts[1])
        spoken = (prompts + validation) * recipe.evaluation.max_new_tokens
        written = answers(recipe, counts[0]) * recipe.data.answers.max_new_tokens
        if written:
            stages[ANSWER] = written * pace.answer
            disk += ID * written
        stages[CONTINUE] = spoken * pace.speak
        stages[CACHE] = examples * pace.cache if recipe.stage1 else 0.0
        stages[REPLAY] = decoded_tokens(recipe, plan, prompts) * pace.decode
        stages[MEASURE] = prompts * pace.measure * passes(recipe, plan)
        kept = sum(len(training.snapshots) for training in plan)
        snapshots = sum(map(len, snapshots_together(recipe, plan)))
        disk += pace.folders[STOCK] * (bool(recipe.draft) + kept)
        disk += sum(pace.folders[name] for name in recipe.drafts)
        speculation = recipe.evaluation.speculation
        replays = min(speculation.prompts, prompts) * (snapshots - kept)
        tables = prompts * pace.tokens * (CONTEXT + snapshots * TOKEN)
        tables += TRACE * replays * speculation.max_new_tokens
    disk += max([tables, *(_checkpoints(recipe, pace, training) for training in plan)])
    return Estimate(
        seconds=pace.start + sum(stages.values()) + len(stages) * pace.gap,
        disk=round(disk),
        cache_bytes=round(examples * pace.cache_bytes) if recipe.stage1 else 0,
        memory=pace.memory if width(recipe) <= pace.width else None,
        device=pace.device,
        source=pace.source,
        stages=stages,
    )


def _checkpoints(recipe: Recipe, pace: Pace, training: Training) -> int:
    """Bytes of a training's checkpoints at their largest."""
    count = min(CHECKPOINTS, (training.steps - 1) // recipe.checkpoint_every)
    return count * STATES * pace.parameters[_family(training)]


def _family(training: Training) -> str:
    return TARGET if training.name == TARGET else STOCK


def count_rows(recipe: Recipe) -> tuple[int, int] | None:
    """Rows of stories and local files; None for the Hub's, and where they cannot be read."""
    sources = (recipe.data.train, recipe.data.evaluation)
    if any(isinstance(source, Rows) and source.hub for source in sources):
        return None
    try:
        return rows.count_splits(recipe.data)
    except AdaspecError:
        return None
