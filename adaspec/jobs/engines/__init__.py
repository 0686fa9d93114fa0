"""Engines: what runs an attempt at a job. Each is a module with one class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from adaspec.jobs import queue
from adaspec.settings import settings

WORKER = "adaspec.jobs.worker"


@dataclass(frozen=True)
class Attempt:
    """One start of a job.

    Attributes:
        job: the job's id.
        token: this attempt's alone, in its command line.
        gpus: how many its recipe asks for.
    """

    job: str
    token: str
    gpus: int

    @classmethod
    def of(cls, job: queue.Job) -> Attempt:
        return cls(job.id, job.token, job.gpus)

    @property
    def arguments(self) -> list[str]:
        """What follows `python` in the command that runs it."""
        return ["-m", WORKER, self.job, self.token]


class Engine(Protocol):
    """Where attempts run. It keeps no record: a new one finds what an old one has started."""

    def slots(self) -> int:
        """How many jobs of one GPU (or of the CPU) can run at once."""

    def capacity(self, attempt: Attempt, running: list[Attempt]) -> str:
        """Empty if the attempt can be launched now, beside those that run; otherwise why not.

        Raises:
            AdaspecError: the engine will never have room for it.
        """

    def launch(self, attempt: Attempt) -> None:
        """Start it, detached: it outlives this process.

        Raises:
            AdaspecError: it cannot be started, now or ever.
        """

    def poll(self, attempt: Attempt) -> bool:
        """Whether anything of the attempt is running, or will.

        Raises:
            AdaspecError: the engine cannot tell at the moment.
        """

    def stop(self, attempt: Attempt, *, kill: bool) -> None:
        """Ask every process of the attempt to end, or end it."""


def make() -> Engine:
    """The engine of `ADASPEC_ENGINE`.

    Raises:
        AdaspecError: it is not set up.
    """
    if settings().engine == "local":
        from adaspec.jobs.engines.local import Local

        return Local()
    from adaspec.jobs.engines.ray import Ray

    return Ray()
