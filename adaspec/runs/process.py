"""Which process works on a run, and whether it still does."""

from __future__ import annotations

import socket

import psutil
from pydantic import Field

from adaspec.runs.contract import Part


class Process(Part):
    """A process, told apart from a later one with the same pid by its creation time.

    Attributes:
        created: seconds after the machine's start. The time of day would move when the clock is
            set, and a running process would count as gone.
    """

    pid: int = Field(ge=1, lt=1 << 31)
    created: float
    host: str

    @classmethod
    def this(cls) -> Process:
        me = psutil.Process()
        return cls(pid=me.pid, created=_created(me), host=socket.gethostname())

    def alive(self) -> bool:
        """Whether it still runs; a process of another machine counts as gone."""
        if self.host != socket.gethostname():
            return False
        try:
            process = psutil.Process(self.pid)
            ended = process.status() == psutil.STATUS_ZOMBIE
            created = _created(process)
        except psutil.NoSuchProcess:
            return False
        return not ended and abs(created - self.created) < 0.1


def _created(process: psutil.Process) -> float:
    return process.create_time() - psutil.boot_time()  # both move with the clock
