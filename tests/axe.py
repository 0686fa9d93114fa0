"""What is in anybody's way on a page, as axe finds it."""

import time

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

PATIENCE = 10  # seconds


def obstacles(page: Page, within: str | None = None, **rules: bool) -> list[str]:
    """What axe finds and still finds ten seconds later, a line each. Streamlit fades what it is
    about to draw anew, and text that is fading has too little contrast for a moment.

    `within` is a selector, `rules` switches axe's rules on or off (`target_size=True`).
    """
    switches = {name.replace("_", "-"): {"enabled": on} for name, on in rules.items()}
    end = time.monotonic() + PATIENCE
    while True:
        found = Axe().run(page, within, {"rules": switches}).response
        assert len(found["passes"]) > 10, "axe saw next to nothing"
        lines = [
            " ".join([rule["id"], node["html"][:120], *(check["message"] for check in node["any"])])
            for rule in found["violations"]
            for node in rule["nodes"]
        ]
        if not lines or time.monotonic() > end:
            return lines
        page.wait_for_timeout(500)
