"""The losslessness lab as a page of its own: `/lossless`. It needs no Streamlit."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from adaspec import AdaspecError
from adaspec.turns import once
from adaspec.views import browser_script
from app.learn import evidence


def routes() -> list[BaseRoute]:
    return [Route("/lossless", _lossless)]


@once(1)
def page() -> str:
    """It begins with a place of the bundled run, the path's own.

    Raises:
        AdaspecError: the run is not there, or damaged.
    """
    exhibit = evidence.of_step("lossless").exhibit()
    assert exhibit is not None
    return browser_script.page(
        "learn_lossless", "Why nothing is lost · AdaSPEC Studio", exhibit.data
    )


async def _lossless(_: Request) -> Response:
    try:
        return HTMLResponse(await run_in_threadpool(page))
    except AdaspecError as error:
        return PlainTextResponse(str(error), status_code=404)
