"""What the supervisor and an attempt say to each other: three files in the job's folder.

The supervisor alone writes the lease, the attempt the pulse and the verdict. The queue's database
stays out of it, since SQLite's write-ahead log works on one machine only and a cluster's workers
share no more than a folder. Everything carries the attempt's token, so that what an earlier attempt
says counts for nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ValidationError

from adaspec import runs

Outcome = Literal["succeeded", "failed", "died", "stopped"]
M = TypeVar("M", bound="Message")


class Message(BaseModel):
    """Something said by, or to, the attempt that has this token."""

    token: str


class Lease(Message):
    """What an attempt may do: work while the token is its own, until `cancel`."""

    cancel: bool = False


class Pulse(Message):
    """That an attempt lives: a count that grows. No time of day: clocks differ, and are set."""

    beat: int


class Verdict(Message):
    """How an attempt ended.

    Attributes:
        outcome: failed: trying again would fail again. died: a fault nobody expected. stopped: it
            was asked to, by a cancellation or because the machine goes down.
        error: what went wrong, in words.
    """

    outcome: Outcome
    error: str = ""


def folder(job: str) -> Path:
    """Where a job's messages, its recipe and what its attempts printed lie."""
    return runs.home() / "jobs" / job


def recipe_file(job: str) -> Path:
    return folder(job) / "recipe.yaml"


def output_file(job: str) -> Path:
    return folder(job) / "output.txt"


def say(job: str, message: Message) -> None:
    runs.write_atomic(_file(job, type(message)), message.model_dump_json())


def heard(job: str, kind: type[M]) -> M | None:
    """The latest message of a kind; None where there is none, or none that can be read."""
    try:
        return kind.model_validate_json(_file(job, kind).read_bytes())
    except (OSError, ValidationError):
        return None


def _file(job: str, kind: type[Message]) -> Path:
    return folder(job) / f"{kind.__name__.lower()}.json"
