"""What the libraries that train are to find in the environment when they are loaded."""

from __future__ import annotations

import os

LIBRARIES = {
    # Threads that sleep while they wait: spinning ones starve each other beside the studio.
    "OMP_WAIT_POLICY": "PASSIVE",
    "HF_HUB_VERBOSITY": "error",  # instead of its retries; the failure we report
}


def for_libraries() -> dict[str, str]:
    """This process's environment with it; what somebody has set stays as it is."""
    return LIBRARIES | os.environ
