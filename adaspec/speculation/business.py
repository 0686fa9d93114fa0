"""How busy the machine is with other things while something is timed on it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import psutil

from adaspec.runs.speed import Business


def watch() -> Callable[[], Business]:
    """Begin to watch; the result ends it, and says what was seen since.

    Of CPU time: what all processes of the machine took, less what this one did.
    """
    began, machine, own, load = time.perf_counter(), _machine(), _own(), _load()

    def seen() -> Business:
        cpus = psutil.cpu_count() or 1
        spent = (_machine() - machine) - (_own() - own)
        elapsed = cpus * max(time.perf_counter() - began, 1e-9)
        return Business(
            load=max(load, _load()), cpus=cpus, others=min(1.0, max(0.0, spent / elapsed))
        )

    return seen


def _machine() -> float:
    """Seconds that all CPUs have been at work since the machine's start."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    counted_twice = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return float(sum(times) - idle - counted_twice)


def _own() -> float:
    times = psutil.Process().cpu_times()
    return float(times.user + times.system)


def _load() -> float:
    return os.getloadavg()[0]
