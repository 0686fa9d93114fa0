"""Wrong passphrases: whoever guesses waits, twice as long each time; nobody else does."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from ipaddress import IPv4Address, ip_address, ip_network

FIRST, LONGEST = 0.5, 60.0  # seconds to wait after the first wrong guess, and at most
FORGOTTEN = 3600.0  # seconds after which an address begins anew
MOST = 10_000  # networks that are remembered

_lock = threading.Lock()
_wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()  # network -> guesses, time of the last


def take(address: str, *, right: bool) -> float:
    """Take a guess at the passphrase.

    In one step, so that of many guesses at the same moment one is looked at.

    Returns:
        Seconds until a guess from this address is looked at; 0 if this one was.
    """
    place = network(address)
    with _lock:
        now = time.monotonic()
        count, last = _wrong.get(place, (0, 0.0))
        if (wait := last + _pause(count) - now) > 0:
            return wait
        _wrong.pop(place, None)
        if not right:
            _wrong[place] = (1 if now - last > FORGOTTEN else count + 1, now)
            while len(_wrong) > MOST:
                _wrong.popitem(last=False)
        return 0.0


def network(address: str) -> str:
    """Whom an address stands for: one subscriber has 2^64 addresses of IPv6."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, 64), strict=False))


def _pause(count: int) -> float:
    return min(LONGEST, FIRST * 2.0 ** (count - 1)) if count else 0.0
