"""What a recipe will take, before it runs: seconds, bytes of disk, bytes of memory.

The recipe's plan times the pace of this machine: of an earlier run, or of a few real steps that are
taken for it (`calibration`, in a separate process, since this one loads no torch).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import psutil
from pydantic import BaseModel, ValidationError

from adaspec import AdaspecError, rows, runs
from adaspec.environment import for_libraries
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
from adaspec.recipe.plan import distinct, held_out_rows, snapshots_together, width

CHECKPOINTS = 3  # of a training on disk while the newest is being written
STATES = 3 * 4  # bytes a parameter in a checkpoint: the weights and AdamW's two moments
CONTEXT, TOKEN = 26, 33  # bytes a response token in the target's table, and in each draft's
REPLAY = 420  # bytes a token that a replay may have
ROW = 200  # bytes a step in metrics.jsonl
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
    """

    seconds: float
    disk: int
    memory: int | None
    cache_bytes: int = 0
    device: str
    source: str


def known(recipe: Recipe) -> Estimate | None:
    """From an earlier run, or else from an earlier calibration; None where there is neither."""
    return from_past(recipe) or from_calibration(recipe)


def from_past(recipe: Recipe) -> Estimate | None:
    """From the newest run with the same models, kind of data and device; None without one."""
    for run in runs.all_runs():
        try:
            state, earlier = runs.read_state(run), runs.read_recipe(run)
            pace = of_run(run, state, earlier) if alike(recipe, earlier, state) else None
        except AdaspecError:  # it is damaged
            continue
        if pace and (estimate := extrapolate(recipe, pace)):
            return estimate
    return None


def from_calibration(recipe: Recipe) -> Estimate | None:
    """From a calibration of these models on this device, whenever it was."""
    pace = read_calibration(recipe)
    return extrapolate(recipe, pace) if pace else None


def calibrate(recipe: Recipe) -> Estimate:
    """Take a few steps of every kind, in a separate process; takes seconds to minutes.

    Raises:
        AdaspecError: what would stop the run as well: an error in the data or the models.
    """
    done = subprocess.run(
        [sys.executable, "-m", "adaspec.calibration"],
        input=recipe.yaml(),
        env=for_libraries(),
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return Estimate.model_validate_json(done.stdout)
    except ValidationError:
        lines = done.stderr.strip().splitlines() or ["its process ended without output."]
        raise AdaspecError(f"No calibration: {lines[-1]}") from None


def calibration_file(recipe: Recipe) -> Path:
    """Where the pace of such recipes on this device is kept."""
    what = recipe.model_dump(mode="json", include={"target", "draft", "precision", "gpus"})
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
        total = min((gpu.total for gpu in gpus() if gpu.total), default=total)
    if estimate.memory is not None and estimate.memory > total:
        messages.append(
            f"It needs {about}{size(estimate.memory)} of memory and there are {size(total)}: set a "
            "smaller micro_batch, or smaller models."
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
    plan = distinct(trainings(recipe, counts[0]))
    if any(kind(training) not in pace.train for training in plan):
        return None
    seconds, disk, tables = pace.start, 0.0, 0.0
    for training in plan:
        points = min(training.steps, recipe.evaluation.every) + 1
        seconds += training.sequences * pace.train[kind(training)]
        seconds += points * pace.point[kind(training)] + pace.gap
        disk += pace.folders[_family(training)] + ROW * training.steps
    if recipe.draft:
        prompts, validation = held_out_rows(recipe, counts[1])
        seconds += (prompts + validation) * pace.speak * recipe.evaluation.max_new_tokens
        seconds += counts[0] * pace.cache
        decoded = decoded_tokens(recipe, plan, prompts)
        seconds += decoded * pace.decode
        seconds += prompts * pace.measure * passes(plan) + 4 * pace.gap
        kept = sum(len(training.snapshots) for training in plan)
        snapshots = sum(map(len, snapshots_together(plan)))
        disk += pace.folders[STOCK] * (1 + kept)
        speculation = recipe.evaluation.speculation
        replays = min(speculation.prompts, prompts) * (snapshots - kept)
        tables = prompts * pace.tokens * (CONTEXT + snapshots * TOKEN)
        tables += REPLAY * replays * speculation.max_new_tokens
    disk += max(tables, *(_checkpoints(recipe, pace, training) for training in plan))
    return Estimate(
        seconds=seconds,
        disk=round(disk),
        cache_bytes=round(counts[0] * pace.cache_bytes) if recipe.draft else 0,
        memory=pace.memory if width(recipe) <= pace.width else None,
        device=pace.device,
        source=pace.source,
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
        train, evaluation = rows.read_splits(recipe.data, recipe.seed)
    except AdaspecError:
        return None
    return len(train), len(evaluation)
