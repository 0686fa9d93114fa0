"""What a component hands to the browser: its scripts, joined in the order named, and its style.

The scripts in `browser/` share one scope and import nothing, so that the same text serves a
component and a page that is opened from disk.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from string import Template
from typing import Any

_FOLDER = Path(__file__).parent.parent / "components/browser"


def script(*names: str) -> str:
    """The scripts of these names as one; the last one of a component has its default export."""
    return "\n".join(_read(f"{name}.js") for name in names)


def style(name: str) -> str:
    return _read(f"{name}.css")


def page(component: str, title: str, css: str, js: str, data: dict[str, Any]) -> str:
    """A page that shows a component from disk and asks nobody for anything.

    Args:
        component: the name of the script's default export.
        data: what it is called with, as Streamlit would.
    """
    return Template(_read("page.html")).substitute(
        title=escape(title),
        style=css,
        shown=json.dumps(data, allow_nan=False).replace("<", "\\u003c"),  # ends no script
        script=js,
        component=component,
    )


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
