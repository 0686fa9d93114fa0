"""Streamlit's scripts, styles and fonts, smaller: as it serves them, they are 11 MB for a page.

Scripts and styles go compressed, each compressed once and kept, since Streamlit's reason not to is
the work of doing it again for every viewer. Fonts go without the letters that no page here writes
(`tests/fonts.py`); those of another Streamlit's go as they are.
"""

from __future__ import annotations

import gzip
import re
from functools import lru_cache
from pathlib import Path

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.file_util import get_static_dir

from adaspec import ASSETS

SCRIPT = re.compile(r"/static/(js|css)/([\w.-]+)\.(js|css)")
FONT = re.compile(r"/static/media/([\w-][\w.-]*\.woff2)")
FONTS = ASSETS / "fonts" / st.__version__
TYPES = {"js": "text/javascript", "css": "text/css"}
# A script's name holds a hash of what it says.
FOR_GOOD = "public, immutable, max-age=31536000"
FOR_AN_HOUR = "public, max-age=3600"  # a font has the name of Streamlit's, whatever is left of it


class Bundles:
    """Middleware: answers for these files, and leaves everything else alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._fonts = StaticFiles(directory=FONTS) if FONTS.is_dir() else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._app
        if scope["type"] == "http" and scope["method"] == "GET":
            answer = await self._bundle(scope) or await self._font(scope) or answer
        await answer(scope, receive, send)

    async def _bundle(self, scope: Scope) -> Response | None:
        bundle = SCRIPT.fullmatch(scope["path"])
        if not (bundle and takes_gzip(scope)):
            return None
        content = await run_in_threadpool(compressed, bundle[0])
        if content is None:
            return None
        headers = {
            "content-encoding": "gzip",
            "vary": "accept-encoding",
            "cache-control": FOR_GOOD,
        }
        return Response(content, headers=headers, media_type=TYPES[bundle[3]])

    async def _font(self, scope: Scope) -> Response | None:
        font = FONT.fullmatch(scope["path"])
        if not (font and self._fonts and (FONTS / font[1]).is_file()):
            return None
        response = await self._fonts.get_response(font[1], scope)
        response.headers["cache-control"] = FOR_AN_HOUR
        return response


def takes_gzip(scope: Scope) -> bool:
    """Whether the browser that asks understands gzip."""
    headers = Headers(scope=scope)
    return "gzip" in headers.get("accept-encoding", "") and "range" not in headers


@lru_cache(maxsize=256)  # a page loads fewer than a hundred of them
def compressed(path: str) -> bytes | None:
    """A bundle as gzip; None where there is no such file."""
    file = Path(get_static_dir(), path.lstrip("/"))
    return gzip.compress(file.read_bytes(), mtime=0) if file.is_file() else None
