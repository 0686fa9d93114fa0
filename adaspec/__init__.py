"""AdaSPEC Studio's library: train draft models for speculative decoding and measure them.

Importing this package, and `recipe`, `rows`, `runs`, `estimate` and `report`, loads no torch, so
that pages and the command line start at once; `models`, `training` and their neighbours do.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adaspec.notebook import compare
    from adaspec.notebook import open_run as open

__all__ = ["ASSETS", "ROOT", "AdaspecError", "compare", "explain", "is_users", "one_line", "open"]

__version__ = "0.1.0"

_PACKAGE = Path(__file__).resolve().parent
_BUNDLED = _PACKAGE / "bundled"  # where pyproject.toml puts those folders in a wheel
ROOT = _BUNDLED if _BUNDLED.is_dir() else _PACKAGE.parent
"""The folder with `app/`, `assets/` and `pages/`: the checkout's own, or the wheel's copy."""
ASSETS = ROOT / "assets"


def __getattr__(name: str) -> Any:
    """`open` and `compare`, which need pandas, as they are asked for."""
    if name not in ("compare", "open"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from adaspec import notebook

    return notebook.compare if name == "compare" else notebook.open_run


class AdaspecError(Exception):
    """Something the user can put right. The message is one line and says what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def one_line(text: str, longest: int = 500) -> str:
    """Text from outside as a terminal, a log or a page may show it: no escapes, no second line."""
    shown = "".join(character if character.isprintable() else "�" for character in text)
    if len(shown) <= longest:
        return shown
    half = (longest - 3) // 2  # a reason stands at the end, what it is about at the beginning
    return f"{shown[:half]} … {shown[-half:]}"


def explain(error: BaseException) -> str:
    """What went wrong, and what to do about it where that is known."""
    text = str(error) or type(error).__name__
    if _disk_is_full(error):
        return "The disk is full. Free some space and start again: it resumes where it stopped."
    if _out_of_memory(error):
        return (
            "Out of memory. Set a smaller stage1.micro_batch and stage2.micro_batch (sequences per "
            "forward pass; with pool=batch the result stays the same) or evaluation.batch, a "
            "shorter data.max_length, or choose smaller models."
        )
    return text


def is_users(error: BaseException) -> bool:
    """Whether the user can put this right, rather than it being a bug."""
    return isinstance(error, AdaspecError) or _disk_is_full(error) or _out_of_memory(error)


def _disk_is_full(error: BaseException) -> bool:
    # safetensors and SQLite report it in their own words.
    text = str(error)
    known = "No space left" in text or "disk is full" in text
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or known


def _out_of_memory(error: BaseException) -> bool:
    # torch raises a RuntimeError on the CPU, another class on a GPU.
    text = str(error)
    return isinstance(error, MemoryError) or "out of memory" in text or "t allocate memory" in text
