"""What a component sends to the browser: the script and the style that `make browser` has built.

A page from disk has the same two inline.
"""

from __future__ import annotations

import json
from html import escape
from string import Template
from typing import Any

from adaspec import ROOT

_FOLDER = ROOT / "browser"


def script(component: str) -> str:
    """An ES module with the component as its default export; also a global, `component.default`."""
    return _read(f"dist/{component}.js")


def style(component: str) -> str:
    return _read(f"dist/{component}.css")


def page(
    component: str,
    title: str,
    data: dict[str, Any],
    library: str = "",
    above: str = "",
    below: str = "",
    connects: str = "",
) -> str:
    """A page that shows a component without Streamlit, and from disk without a server.

    Args:
        data: what it is called with, as Streamlit would.
        library: a script that it finds there already.
        above: HTML before the component.
        below: HTML after it.
        connects: where it may fetch from: `'self'` is the server that it comes from, `blob:` what
            it holds itself, workers and WebAssembly included.
    """
    return Template(_read("page.html")).substitute(
        title=escape(title),
        connects=f"connect-src {connects}; worker-src {connects}; " if connects else "",
        compiles=" 'wasm-unsafe-eval'" if connects == "blob:" else "",
        style=style(component),
        above=above,
        below=below,
        shown=json.dumps(data, allow_nan=False).replace("<", "\\u003c"),  # ends no script
        library=library,
        script=script(component),
    )


def heading(title: str) -> str:
    """HTML above a component whose title is a part of it: for readers of headings."""
    return f'<header class="unseen"><h1>{escape(title)}</h1></header>'


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
