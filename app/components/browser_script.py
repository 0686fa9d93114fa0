"""What a component hands to the browser: its scripts, joined in the order named, and its style.

The scripts in `browser/` share one scope and import nothing, so that the same text serves a
component and a page that is opened from disk.
"""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent / "browser"


def script(*names: str) -> str:
    """The scripts of these names as one; the last one of a component has its default export."""
    return "\n".join(_read(f"{name}.js") for name in names)


def style(name: str) -> str:
    return _read(f"{name}.css")


def page(name: str) -> str:
    return _read(f"{name}.html")


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
