"""What a newcomer needs to three answers: clicks and seconds from the link to the studio.

`python -m benchmarks.newcomer [--width 1440]`

A real studio with nothing but its bundled runs, in Chromium. Each way begins at Home, in a browser
that was never here; a click is a click or a choice, and the seconds are the studio's: from the
address until the answer stands there, without those of reading. What was read is printed beside
them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page
from rich.console import Console
from rich.table import Table

from tests.studio import browser, studio

LONGEST = 140  # letters of an answer that are printed


class Visitor:
    """Somebody at a page, whose clicks are counted."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0

    def click(self, where: Locator) -> None:
        where.click()
        self.clicks += 1

    def read(self, where: Locator) -> str:
        where.wait_for()
        return " ".join(where.inner_text().split())


def why_rejected(visitor: Visitor) -> str:
    """Home plays; the first rejected guess is clicked, and the card says why."""
    visitor.click(visitor.page.locator(".ladder .chip.rejected").first)
    return visitor.read(visitor.page.locator(".why.rejected p").first)


def hardest_token(visitor: Visitor) -> str:
    """By the door "Explore tokens" to the table of every token, which opens on the hardest."""
    page = visitor.page
    visitor.click(page.get_by_role("link", name="Explore tokens"))
    visitor.click(page.get_by_role("combobox", name="Text").last)
    visitor.click(page.get_by_role("option", name="Every token"))
    visitor.click(page.locator("#current-token"))  # its card
    return visitor.read(page.locator(".card").first)


def better_draft(visitor: Visitor) -> str:
    """By the menu to Compare, whose verdict stands first."""
    page = visitor.page
    visitor.click(page.get_by_role("link", name="Compare", exact=True))
    return visitor.read(page.get_by_role("list", name="Verdict").locator("li").first)


WAYS: dict[str, Callable[[Visitor], str]] = {
    "why a token was rejected": why_rejected,
    "the hardest token of the corpus": hardest_token,
    "which draft is better, and by how much": better_draft,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=1440, help="of the window, in pixels")
    width = parser.parse_args().width
    table = Table("from the link to", "clicks", "seconds", "what is read there")
    with (
        tempfile.TemporaryDirectory() as home,
        studio(Path(home)) as address,
        browser() as chromium,
    ):
        for name, way in WAYS.items():
            page = chromium.new_page(viewport={"width": width, "height": 900})
            page.set_default_timeout(60_000)
            visitor = Visitor(page)
            begun = time.monotonic()
            page.goto(address)
            answer = way(visitor)
            seconds = time.monotonic() - begun
            table.add_row(name, str(visitor.clicks), f"{seconds:.1f}", answer[:LONGEST])
            page.close()
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
