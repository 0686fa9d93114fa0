"""Environment variables that the training libraries read when they are loaded."""

from __future__ import annotations

import os

LIBRARIES = {
    # Waiting threads sleep: if they spin, they take the cores from each other and the studio.
    "OMP_WAIT_POLICY": "PASSIVE",
    "HF_HUB_VERBOSITY": "error",  # hides its retries; the final failure is reported by us
}


def for_libraries() -> dict[str, str]:
    """This process's environment with these added; what is set already stays."""
    return LIBRARIES | os.environ
