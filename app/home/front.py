"""The first page, served beside Streamlit and without it: it can be read while nothing is loaded.

Streamlit's own first page needs its bundle and a socket before a word is painted.
"""

from __future__ import annotations

import gzip
import hashlib
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from adaspec import ASSETS, AdaspecError
from adaspec.views import browser_script
from adaspec.views.replay_view import STATE
from app.home import welcome
from app.shell.bundles import takes_gzip
from app.shell.link import LEFT, PAGES

_COMPONENT = "replay_player"
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
)


class Page(NamedTuple):
    """What is sent, and its tag by which a browser asks whether it is still the same."""

    text: bytes
    compressed: bytes
    tag: str


def prepare() -> None:
    """Make the page before anybody asks for it."""
    with suppress(AdaspecError):  # whoever asks is shown Runs
        prepared()


def routes() -> list[Route]:
    """Home at the studio's root, and its name leads there as other pages' names do."""
    return [Route("/", _answer), Route("/home", lambda _: RedirectResponse("./"))]


def _answer(request: Request) -> Response:
    if request.url.query:  # a link from when Runs was the first page
        return RedirectResponse(f"runs?{request.url.query}")
    try:
        page = prepared()
    except AdaspecError:  # without its example the studio still has Runs
        return RedirectResponse("runs")
    headers = {"etag": page.tag, "cache-control": "no-cache", "vary": "accept-encoding"}
    if request.headers.get("if-none-match", "").removeprefix("W/") == page.tag:
        return Response(status_code=304, headers=headers)
    if takes_gzip(request.scope):
        zipped = headers | {"content-encoding": "gzip"}
        return Response(page.compressed, headers=zipped, media_type="text/html")
    return Response(page.text, headers=headers, media_type="text/html")


@cache
def prepared() -> Page:
    """The page: of files that come with the studio, so that it is made once.

    Raises:
        AdaspecError: there is no example, or it is damaged.
    """
    run = welcome.featured()
    words = {
        "logo": Markup((ASSETS / "images/logo.svg").read_text(encoding="utf-8")),
        "pages": [page for page in PAGES if page != "home"],
        "title": welcome.TITLE,
        "sentence": welcome.SENTENCE,
        "about": welcome.about(run),
        "doors": welcome.DOORS,
        "run": run.id,
        "key": LEFT,
    }
    above, below = (
        _ENVIRONMENT.get_template(f"{part}.html.jinja").render(words) for part in ("above", "below")
    )
    data = {"view": welcome.replay(run), "state": STATE}
    text = browser_script.page(_COMPONENT, "AdaSPEC Studio", data, above=above, below=below)
    content = text.encode()
    return Page(content, gzip.compress(content), f'"{hashlib.sha256(content).hexdigest()[:16]}"')
