"""Wrong passphrases: whoever guesses waits, twice as long each time; nobody else does."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

FIRST, LONGEST = 0.5, 60.0  # seconds to wait after the first wrong guess, and at most
FORGOTTEN = 3600.0  # seconds after which an address begins anew
MOST = 10_000  # addresses that are remembered

_lock = threading.Lock()
_wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()  # address -> guesses, time of the last


def wait(address: str) -> float:
    """Seconds until another guess from this address is looked at."""
    with _lock:
        count, last = _wrong.get(address, (0, 0.0))
        return max(0.0, last + _pause(count) - time.monotonic())


def was_wrong(address: str) -> None:
    """Count a wrong guess."""
    with _lock:
        count, last = _wrong.pop(address, (0, 0.0))
        now = time.monotonic()
        _wrong[address] = (1 if now - last > FORGOTTEN else count + 1, now)
        while len(_wrong) > MOST:
            _wrong.popitem(last=False)


def was_right(address: str) -> None:
    with _lock:
        _wrong.pop(address, None)


def _pause(count: int) -> float:
    return min(LONGEST, FIRST * 2.0 ** (count - 1)) if count else 0.0
