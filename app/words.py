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
    """Foreign text for a place that reads Markdown: every mark escaped, on one line."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def fixed(value: Any, digits: int = 4) -> str:
    """A measured number, or a dash where there is none."""
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


def moment(when: datetime, zone: str | None) -> str:
    """A time of day in the viewer's zone: `22 Nov, 14:05`; UTC where the zone is unknown."""
    local = when.astimezone(ZoneInfo(zone or "UTC"))
    return f"{local.day} {local:%b, %H:%M}{'' if zone else ' UTC'}"
