"""Work that nobody waits for: in the background, one piece at a time, in a line that has an end.

Pages ask for a piece by a key, see how it stands, and find its result for as long as it is kept.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from adaspec import AdaspecError, explain, is_users

T = TypeVar("T")


@dataclass
class Work(Generic[T]):
    """A piece of it, waiting, at work or over.

    Attributes:
        began: by the monotonic clock; None while others are before it.
        error: why there is no result.
    """

    began: float | None = None
    result: T | None = None
    error: str = ""

    @property
    def live(self) -> bool:
        return not self.result and not self.error


class Line(Generic[T]):
    """Pieces of one kind of work.

    Args:
        waiting: pieces at most that are at work or wait.
        kept: pieces at most whose end is remembered.
        full: what whoever comes when the line is full is told.
    """

    def __init__(self, waiting: int, kept: int, full: str) -> None:
        self._waiting, self._kept, self._full = waiting, kept, full
        self._pieces: dict[str, Work[T]] = {}
        self._changing, self._one_at_a_time = threading.Lock(), threading.Lock()

    def of(self, key: str) -> Work[T] | None:
        """How a piece stands; None where nobody asked for it, or it is forgotten."""
        return self._pieces.get(key)

    def begin(self, key: str, compute: Callable[[], T]) -> None:
        """Have a piece done, unless it is being done.

        Raises:
            AdaspecError: the line is full.
        """
        with self._changing:
            live = {key for key, piece in self._pieces.items() if piece.live}
            if key in live:
                return
            if len(live) >= self._waiting:
                raise AdaspecError(self._full)
            piece = self._pieces[key] = Work()
            for ended in [key for key in self._pieces if key not in live][: -self._kept]:
                del self._pieces[ended]
        threading.Thread(target=self._do, args=(piece, compute), daemon=True).start()

    def _do(self, piece: Work[T], compute: Callable[[], T]) -> None:
        with self._one_at_a_time:
            piece.began = time.monotonic()
            try:
                piece.result = compute()
            except Exception as error:  # told on the page: a thread has nobody else to tell
                piece.error = explain(error)
                if not is_users(error):
                    raise
