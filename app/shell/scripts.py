"""Scripts of ours that a page fetches when it needs them: those of `browser/dist` in `NAMES`.

An address holds a hash of what it says, so that a browser asks once.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from adaspec.views.browser_script import script
from app.shell.bundles import FOR_GOOD, takes_gzip

NAMES = ("engine", "plotly")
HEADERS = {
    "cache-control": FOR_GOOD,
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}


def address(name: str) -> str:
    """Where a script is, below the studio's own address."""
    return f"scripts/{mark(_content(name))}/{name}.js"


def routes() -> list[Route]:
    return [Route("/scripts/{mark}/{name}.js", _serve)]


def mark(content: bytes) -> str:
    """A hash for an address."""
    return hashlib.sha256(content).hexdigest()[:32]


def missing() -> Response:
    return PlainTextResponse("Not here, or not the same any more: load the page again.", 404)


def _serve(request: Request) -> Response:
    name, wanted = request.path_params["name"], request.path_params["mark"]
    if name not in NAMES or mark(_content(name)) != wanted:
        return missing()
    headers = HEADERS | {"vary": "accept-encoding"}
    content = _content(name)
    if takes_gzip(request.scope):
        headers |= {"content-encoding": "gzip"}
        content = _compressed(name)
    return Response(content, headers=headers, media_type="text/javascript")


@cache
def _content(name: str) -> bytes:
    return script(name).encode()


@cache
def _compressed(name: str) -> bytes:
    return gzip.compress(_content(name), mtime=0)
