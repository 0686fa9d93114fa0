"""Streamlit's own scripts and styles, compressed: it serves them as they are, 11 MB for a page.

Each file is compressed once and kept, since Streamlit's reason not to is the work of doing it again
for every viewer.
"""

from __future__ import annotations

import gzip
import re
from functools import lru_cache
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.file_util import get_static_dir

BUNDLE = re.compile(r"/static/(js|css)/([\w.-]+)\.(js|css)")
TYPES = {"js": "text/javascript", "css": "text/css"}
# A bundle's name holds a hash of what it says.
FOR_GOOD = "public, immutable, max-age=31536000"


class Compression:
    """Middleware: answers for Streamlit's bundles, and leaves everything else alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._app
        if scope["type"] == "http" and scope["method"] == "GET" and takes_gzip(scope):
            bundle = BUNDLE.fullmatch(scope["path"])
            if bundle and (content := await run_in_threadpool(compressed, bundle[0])):
                headers = {
                    "content-encoding": "gzip",
                    "vary": "accept-encoding",
                    "cache-control": FOR_GOOD,
                }
                answer = Response(content, headers=headers, media_type=TYPES[bundle[3]])
        await answer(scope, receive, send)


def takes_gzip(scope: Scope) -> bool:
    """Whether the browser that asks understands gzip."""
    headers = Headers(scope=scope)
    return "gzip" in headers.get("accept-encoding", "") and "range" not in headers


@lru_cache(maxsize=256)  # a page loads fewer than a hundred of them
def compressed(path: str) -> bytes | None:
    """A bundle as gzip; None where there is no such file."""
    file = Path(get_static_dir(), path.lstrip("/"))
    return gzip.compress(file.read_bytes(), mtime=0) if file.is_file() else None
