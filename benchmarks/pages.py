"""What opening a page takes over a slow network: bytes, requests and seconds, cold and warm.

`python -m benchmarks.pages [--megabits 5] [PAGE ...]`

A real studio on the bundled example, behind a relay that passes so many bits a second to the
browser and counts them, web sockets included. Cold is a browser that was never here, warm the same
browser again. A page is "read" when its heading stands, and "drawn" when what it is for does: every
table, figure and component, and nothing is being computed any more.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

from playwright.sync_api import BrowserContext
from rich.console import Console
from rich.table import Table

from tests.studio import browser, free_port, studio

DRAWN = {  # page -> what it is for
    "runs": ".js-plotly-plot .xtick",
    "tokens": "[role=option], .text .word, .heatmap",
    "filter": ".filter",
    "replay": ".replay .text",
    "compare": ".lanes",
}
CHUNK = 16_384  # bytes that the relay passes at a time
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"


@dataclass
class Relay:
    """Where the browser connects to, and what has passed to it."""

    address: str
    received: int = 0  # bytes


@dataclass
class Opening:
    """Seconds from the address to a page that can be read, and to all of it; what passed."""

    read: float
    drawn: float
    received: int
    requests: int


@contextmanager
def relay(upstream: str, megabits: float) -> Iterator[Relay]:
    """A way to a server that is so fast."""
    port, there = free_port(), urlparse(upstream)
    state = Relay(f"http://127.0.0.1:{port}")
    pace = megabits * 1e6 / 8  # bytes a second, of all connections together
    free_at = 0.0

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, slow: bool) -> None:
        nonlocal free_at
        while data := await reader.read(CHUNK):
            if slow:
                state.received += len(data)
                free_at = max(free_at, time.monotonic()) + len(data) / pace
                await asyncio.sleep(free_at - time.monotonic())
            writer.write(data)
            await writer.drain()
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(there.hostname, there.port)
        ways = pump(reader, up_writer, slow=False), pump(up_reader, writer, slow=True)
        await asyncio.gather(*ways, return_exceptions=True)

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    listening = asyncio.start_server(connect, "127.0.0.1", port)
    asyncio.run_coroutine_threadsafe(listening, loop).result()
    yield state
    loop.call_soon_threadsafe(loop.stop)


def opening(context: BrowserContext, way: Relay, name: str) -> Opening:
    """One visit of a page."""
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    received, begun = way.received, time.monotonic()
    page.goto(f"{way.address}/{name}?run=example", wait_until="commit", timeout=120_000)
    page.wait_for_selector("[data-testid=stHeading]", timeout=120_000)
    read = time.monotonic() - begun
    page.locator(DRAWN[name]).first.wait_for(state="attached", timeout=120_000)
    page.wait_for_selector(IDLE, timeout=120_000)
    page.wait_for_load_state("networkidle", timeout=120_000)
    drawn = time.monotonic() - begun - 0.5  # what "networkidle" waits for
    page.close()
    return Opening(read, drawn, way.received - received, len(asked))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*", default=["runs", "tokens", "replay", "compare"])
    parser.add_argument("--megabits", type=float, default=5.0)
    chosen = parser.parse_args()
    table = Table()
    for heading in ("page", "visit", "MB", "requests", "read, s", "drawn, s"):
        table.add_column(heading, justify="left" if heading in ("page", "visit") else "right")
    with (
        tempfile.TemporaryDirectory() as home,
        studio(Path(home)) as address,
        relay(address, chosen.megabits) as way,
        browser() as chromium,
    ):
        with chromium.new_context() as context:  # the server's own first time is nobody's
            opening(context, way, chosen.pages[0])
        for name in chosen.pages:
            with chromium.new_context(viewport={"width": 1440, "height": 900}) as context:
                for visit in ("cold", "warm"):
                    seen = opening(context, way, name)
                    row = f"{seen.received / 1e6:.2f}", str(seen.requests)
                    table.add_row(name, visit, *row, f"{seen.read:.1f}", f"{seen.drawn:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
