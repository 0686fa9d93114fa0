"""What own prompts cost the server: decoded in the viewers' browsers, and by the server.

`python -m benchmarks.own_prompts [--browsers 30] [--prompts 3] [--by-server 4]`

Real browsers (contexts of one Chromium, each with a session and a worker of its own) open Replay on
the bundled English pair, and each then asks for prompts of its own, one after another: a form is
sent and the script of the fields runs, which the server cannot be spared. Its CPU seconds, those of
its models' process included, are read before and after. The same is done by browsers without
workers, whose prompts the server decodes, and by browsers that ask for nothing.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

import psutil
from playwright.sync_api import Browser, Page, expect
from rich.console import Console
from rich.table import Table

from benchmarks.sessions import server
from tests.studio import browser, settle, studio

WITHOUT_WORKERS = "delete window.Worker"
TOKENS = 64
PATIENCE = 120_000  # milliseconds: all browsers share this machine's cores


def main(browsers: int, prompts: int, by_server: int) -> None:
    title = f"{prompts} prompts each, {TOKENS} tokens a prompt"
    table = Table("decoded by", "browsers", "prompts", "server's CPU s", "ms a prompt", title=title)
    with tempfile.TemporaryDirectory() as home, browser() as chromium:
        for name, count in (("the browsers", browsers), ("the server", by_server)):
            if not count:
                continue
            with studio(Path(home)) as address:
                pages = [opened(chromium, address, by=name) for _ in range(count)]
                before, began = cpu_seconds(), time.monotonic()
                for number in range(prompts):
                    for seat, page in enumerate(pages):
                        page.get_by_label("Prompt", exact=True).fill(f"Lily{seat}and{number}")
                        page.get_by_role("button", name="Decode").click()
                    for seat, page in enumerate(pages):
                        text = page.locator(".replay .text")
                        expect(text).to_contain_text(f"Lily{seat}and{number}", timeout=PATIENCE)
                spent, took = cpu_seconds() - before, time.monotonic() - began
                each = 1000 * spent / (prompts * count)
                table.add_row(name, str(count), str(prompts * count), f"{spent:.2f}", f"{each:.0f}")
                idle = cpu_seconds()
                time.sleep(took)
                table.add_row("nobody, as long", str(count), "0", f"{cpu_seconds() - idle:.2f}", "")
                for page in pages:
                    page.context.close()
    Console().print(table)


def opened(chromium: Browser, address: str, by: str) -> Page:
    """A viewer whose first prompt has been decoded."""
    page = chromium.new_context().new_page()
    if by == "the server":
        page.add_init_script(WITHOUT_WORKERS)
    asked = {"run": "english", "of": "own", "max_new_tokens": TOKENS, "step": 0, "prompt": "Tom"}
    page.goto(f"{address}/replay?{urlencode(asked)}")
    settle(page)
    expect(page.locator(".replay .text")).to_contain_text("Tom", timeout=PATIENCE)
    return page


def cpu_seconds() -> float:
    """What the studio and all its processes have used."""
    studio_itself = server()
    seconds = 0.0
    for process in (studio_itself, *studio_itself.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds += times.user + times.system
    return seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--browsers", type=int, default=30)
    parser.add_argument("--prompts", type=int, default=3)
    parser.add_argument("--by-server", type=int, default=4, dest="by_server", help="browsers")
    arguments = parser.parse_args()
    main(arguments.browsers, arguments.prompts, arguments.by_server)
