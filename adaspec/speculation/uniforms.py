"""The random numbers of a decoding: three of every position in the text, by its seed alone.

Two drafts on one prompt meet the same chances, and what is replayed or shown later can be made
again from the seed. Loads no torch.
"""

from __future__ import annotations

import numpy as np

DRAFT, TEST, LAST = range(3)
"""What the three uniforms of a position are for: to draw the draft's token, to test it, and to draw
the target's."""


def uniforms(seed: int, positions: int) -> np.ndarray:
    """[positions, 3] in [0, 1); those of a position do not depend on how many there are."""
    return np.random.default_rng(seed).random((positions, 3))
