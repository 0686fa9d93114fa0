"""AdaSPEC Studio's library: train draft models for speculative decoding and measure them.

Importing this package, and `recipe`, `runs` and `report`, loads no torch, so that pages and the
command line start at once; `models`, `training` and their neighbours do.
"""

from pathlib import Path

ASSETS = Path(__file__).resolve().parent.parent / "assets"


class AdaspecError(Exception):
    """Something the user can put right. The message is one line and says what to do."""
