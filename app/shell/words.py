"""Numbers and foreign text as words on the screen: short, rounded, with their unit."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

NOTHING = "–"

_MARKUP = re.compile(r"([!-/:-@\[-`{-~])")


def plain(text: str) -> str:
    """Untrusted text for use in Markdown: every mark escaped, on one line."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def listed(names: list[str]) -> str:
    """Foreign names in a sentence: `a`, `a and b`, `a, b and c`."""
    *first, last = map(plain, names)
    return f"{', '.join(first)} and {last}" if first else last


def fixed(value: Any, digits: int = 4) -> str:
    """A measured number, or a dash if there is none."""
    known = isinstance(value, int | float) and math.isfinite(value)
    return f"{value:.{digits}f}" if known else NOTHING


def rounded(value: Any) -> str:
    """A number of any size, to four digits."""
    known = isinstance(value, int | float) and math.isfinite(value)
    return f"{value:.4g}" if known else NOTHING


def count(value: Any) -> str:
    """A whole number: `12,345`."""
    return f"{value:,.0f}" if isinstance(value, int | float) and math.isfinite(value) else NOTHING


def counted(value: Any, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{count(value)} {noun}{'' if value == 1 else 's'}"


def parameters(value: Any) -> str:
    """A model's size: `26 k`, `1.4 B`."""
    if not isinstance(value, int | float):
        return NOTHING
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return str(value)


def duration(seconds: Any) -> str:
    """Seconds as `42 s`, `3 min 20 s`, `2 h 05 min`."""
    if not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return NOTHING
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def roughly(seconds: float) -> str:
    """An estimate that does not pretend to know the second: `in about 12 min`."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "in under a minute"
    return f"in about {duration(60 * minutes).removesuffix(' 00 s')}"


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`."""
    teens = 10 < number % 100 < 20
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def size(in_bytes: Any) -> str:
    """Memory or disk: `34 MB`, `1.20 GB`."""
    if not isinstance(in_bytes, int | float) or not math.isfinite(in_bytes):
        return NOTHING
    for unit, factor, digits in (("GB", 1e9, 2), ("MB", 1e6, 0), ("kB", 1e3, 0)):
        if in_bytes >= factor:
            return f"{in_bytes / factor:.{digits}f} {unit}"
    return f"{in_bytes:.0f} B"


def moment(when: datetime, zone: str | None) -> str:
    """A time of day in the viewer's zone: `22 Nov, 14:05`; UTC where the zone is unknown."""
    local = when.astimezone(ZoneInfo(zone or "UTC"))
    return f"{local.day} {local:%b, %H:%M}{'' if zone else ' UTC'}"
