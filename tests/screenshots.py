"""Photographs every page in both themes, with runs that were really made, into screenshots/.

`make screenshots`, or `python -m tests.screenshots [FOLDER]`.
"""

import sys
import tempfile
from pathlib import Path

from adaspec import runs
from tests.studio import browser, enough, finish, launch, mini, settle, studio

SHOTS = {  # file name -> address below the studio's, width
    "runs-example": ("?run=example", 1440),
    "runs-running": ("?run={running}", 1440),
    "runs-narrow": ("?run=example", 1024),
}


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        finished = Path(home) / "runs" / "01AAAAAAAAAAAAAAAAAAAAAAAA"
        running = Path(home) / "runs" / "01BBBBBBBBBBBBBBBBBBBBBBBB"
        finish(launch(mini(Path(home) / "mini.yaml", 10, 10), finished))
        training = launch(mini(Path(home) / "slow.yaml", 30, 400), running)
        try:
            enough(
                lambda: len(runs.read_metrics(runs.Run(running)).get("distillspec-data", [])) > 9
            )
            with studio(Path(home)) as address, browser() as chromium:
                for theme in ("light", "dark"):
                    for name, (path, width) in SHOTS.items():
                        page = chromium.new_page(
                            viewport={"width": width, "height": 900}, color_scheme=theme
                        )
                        path = path.format(running=running.name)
                        page.goto(f"{address}/{path}")
                        settle(page)
                        photograph(page, folder / f"{name}-{theme}.png", width)
                        page.close()
        finally:
            training.kill()
            training.wait()
    print(f"{len(SHOTS) * 2} pictures in {folder}")


def photograph(page, file: Path, width: int) -> None:
    """The whole page: Streamlit scrolls inside the window, so the window grows first."""
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": width, "height": max(900, height + 20)})
    page.wait_for_timeout(1500)
    page.screenshot(path=file)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots"))
