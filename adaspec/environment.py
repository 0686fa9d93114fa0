"""What a process takes over from its surroundings, and what it leaves to others."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

NICE = 10  # of what may wait: pages go first

# Environment variables that the training libraries read when they are loaded.
LIBRARIES = {
    # Waiting threads sleep: if they spin, they take the cores from each other and the studio.
    "OMP_WAIT_POLICY": "PASSIVE",
    "HF_HUB_VERBOSITY": "error",  # hides its retries; the final failure is reported by us
}


def for_libraries() -> dict[str, str]:
    """This process's environment with these added; what is set already stays."""
    return LIBRARIES | os.environ


def behind_pages() -> None:
    """Let the studio's pages go before whatever this process computes.

    Linux shares processors between sessions first, where it groups by them: what leads one makes
    all of it nice.
    """
    os.nice(NICE)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):  # a system without such groups
            Path("/proc/self/autogroup").write_text(str(NICE))
