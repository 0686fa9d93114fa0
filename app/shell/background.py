"""What the server does besides serving pages, whether or not anyone is viewing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streamlit.starlette import App

from adaspec import explain
from adaspec.jobs import supervisor
from app.shell import access

PACE = 5.0  # seconds between two looks for the supervisor

log = logging.getLogger("adaspec.studio")


@asynccontextmanager
async def lifespan(_: App) -> AsyncIterator[None]:
    """For the server's lifetime: announce who may do what, and keep the supervisor running."""
    access.announce()
    keeper = asyncio.create_task(_keep_supervisor())
    yield
    keeper.cancel()


async def _keep_supervisor() -> None:
    """Start the supervisor, and restart it whenever it is gone; a reason why not is logged once."""
    reported = ""
    while True:
        hindrance = await asyncio.to_thread(_ensure)
        if hindrance and hindrance != reported:
            log.warning("No supervisor is running, so jobs wait: %s", hindrance)
        reported = hindrance
        await asyncio.sleep(PACE)


def _ensure() -> str:
    """Why it cannot start; empty if it can."""
    try:
        supervisor.ensure()
    except Exception as error:  # a full disk, say: pages go on without it
        return explain(error)
    return ""
