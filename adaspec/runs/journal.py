"""What a run writes down while it grows: its events, and a row of numbers a step."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from adaspec import AdaspecError
from adaspec.runs.contract import AtLeastOne, Count, Part, Rows, read_bytes
from adaspec.runs.folder import Run
from adaspec.runs.writing import append_line


class _Event(Part):
    version: Literal[1] = 1
    time: float


class Started(_Event):
    """An attempt begins, in so many processes."""

    event: Literal["start"] = "start"
    processes: AtLeastOne


class StageBegan(_Event):
    event: Literal["stage"] = "stage"
    stage: str


class Finished(_Event):
    event: Literal["finished"] = "finished"


Event = Started | StageBegan | Finished
"""A line of `events.jsonl`; `time` is in seconds since 1970."""


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class Step:
    """A line of `metrics.jsonl`: what is known after a step of a stage.

    A dataclass with slots, for there may be a million of them.

    Attributes:
        time: in seconds since 1970.
        loss: of training, in the kind of the stage's objective.
        lr: learning rate.
        tokens_per_s: response tokens trained a second.
        alpha, held_out_kl: exact acceptance, and mean KL(p || q), on the monitored continuations.
        held_out_loss: mean cross-entropy on held-out answers, in nats a token.
        memory: most bytes that the process has had so far: of the GPU, or else resident.
    """

    stage: str
    time: float
    step: Count
    loss: float | None = None
    lr: float | None = None
    tokens_per_s: float | None = None
    alpha: float | None = None
    held_out_kl: float | None = None
    held_out_loss: float | None = None
    memory: Count | None = None
    version: Literal[1] = 1


Metrics = dict[str, list[Step]]  # stage -> its steps

EVENTS: Rows[Event] = Rows(Annotated[Event, Field(discriminator="event")])
METRICS: Rows[Step] = Rows(Step)


def log_event(run: Run, event: Event) -> None:
    append_line(run.events_file, EVENTS.line(event))


def log_step(run: Run, stage: str, row: Mapping[str, float]) -> None:
    """Add a row, timed now, to the run's metrics.

    Args:
        row: fields of `Step` by name.

    Raises:
        AdaspecError: one of them is not finite.
    """
    for name, number in row.items():
        if not math.isfinite(number):
            raise AdaspecError(
                f"{name} is {number} at step {row['step']} of {stage}. Lower the learning rate."
            )
    fields: dict[str, Any] = {"stage": stage, "time": time.time(), **row}
    append_line(run.metrics_file, METRICS.line(Step(**fields)))


def read_events(run: Run) -> list[Event]:
    """The run's events in order; none where nothing has happened yet.

    Raises:
        Unreadable: a line is damaged.
    """
    path = run.events_file
    return list(EVENTS.rows(read_bytes(path).splitlines(), path)) if path.exists() else []


class MetricsReader:
    """A run's metrics as they grow: each look parses only the lines that the last one did not."""

    def __init__(self, run: Run) -> None:
        self._file = run.metrics_file
        self._lock = threading.Lock()
        self._parsed = 0  # bytes
        self._lines = 0
        self._metrics: Metrics = {}

    def read(self) -> Metrics:
        """Steps of every stage in order; a step repeated after a resumption counts once.

        Raises:
            Unreadable: a line is damaged; so is every later look.
        """
        with self._lock:
            if self._file.is_file():
                self._read_on()
            return {stage: steps.copy() for stage, steps in self._metrics.items()}

    def _read_on(self) -> None:
        with suppress(FileNotFoundError), self._file.open("rb") as file:
            file.seek(self._parsed)
            data = file.read()
            data = data[: data.rfind(b"\n") + 1]  # the rest is still being written
            lines = data.splitlines()
            new = list(METRICS.rows(lines, self._file, self._lines + 1))
            self._parsed += len(data)
            self._lines += len(lines)
            for step in new:
                self._add(step)

    def _add(self, step: Step) -> None:
        steps = self._metrics.setdefault(step.stage, [])
        while steps and steps[-1].step >= step.step:
            steps.pop()
        steps.append(step)


def read_metrics(run: Run) -> Metrics:
    """Steps of every stage in order; a step repeated after a resumption counts once.

    Raises:
        Unreadable: a line is damaged.
    """
    return MetricsReader(run).read()
