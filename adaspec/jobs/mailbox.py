"""Messages between the supervisor and an attempt: three files in the job's folder.

The supervisor alone writes the lease, the attempt the pulse and the verdict. The queue's database
is not involved, since SQLite's write-ahead log works on one machine only, and a cluster's workers
share no more than a folder. Every message carries the attempt's token, so that those of an earlier
attempt are ignored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ValidationError

from adaspec import runs

Outcome = Literal["succeeded", "failed", "died", "stopped"]
M = TypeVar("M", bound="Message")


class Message(BaseModel):
    """A message from, or to, the attempt with this token."""

    token: str


class Lease(Message):
    """Permission to work, for the attempt whose token it has, until `cancel`."""

    cancel: bool = False


class Pulse(Message):
    """Sign that an attempt is alive: a growing count, since clocks differ and may be set."""

    beat: int


class Verdict(Message):
    """How an attempt ended.

    Attributes:
        outcome: failed: a retry would fail as well. died: an unexpected error. stopped: by a
            cancellation, or because the machine shuts down.
        error: what went wrong, in words.
    """

    outcome: Outcome
    error: str = ""


def folder(job: str) -> Path:
    """The folder of a job's messages, its recipe and its attempts' output."""
    return runs.home() / "jobs" / job


def recipe_file(job: str) -> Path:
    return folder(job) / "recipe.yaml"


def output_file(job: str) -> Path:
    return folder(job) / "output.txt"


def send(job: str, message: Message) -> None:
    runs.write_atomic(_file(job, type(message)), message.model_dump_json())


def latest(job: str, kind: type[M]) -> M | None:
    """The latest message of a kind; None if there is none, or it cannot be read."""
    try:
        return kind.model_validate_json(_file(job, kind).read_bytes())
    except (OSError, ValidationError):
        return None


def _file(job: str, kind: type[Message]) -> Path:
    return folder(job) / f"{kind.__name__.lower()}.json"
