"""Photographs every page in both themes, with runs that were really made, into screenshots/.

`make screenshots`, or `python -m tests.screenshots [FOLDER]`: several people's jobs, one of each
state. It takes a few minutes.
"""

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page

from adaspec import recipe, runs
from adaspec.jobs import queue
from adaspec.jobs.queue import Job
from adaspec.runs import Run
from tests.studio import browser, enough, finish, launch, mini, settle, studio, supervisor, workers

WIDE, NARROW = 1440, 1024
SHOTS = {  # file name -> address below the studio's, width
    "runs-example": ("?run=example", WIDE),
    "runs-example-narrow": ("?run=example", NARROW),
    "runs-running": ("?run={running}", WIDE),
    "runs-running-narrow": ("?run={running}", NARROW),
    "runs-queued": ("?run={queued}", WIDE),
    "runs-failed": ("?run={failed}", WIDE),
    "runs-died": ("?run={died}", WIDE),
    "runs-cancelled": ("?run={cancelled}", WIDE),
    "runs-overlay": ("?run={finished}&with={cancelled}", WIDE),
    "runs-overlay-narrow": ("?run={finished}&with={cancelled}&with=example&drafts=adaspec", NARROW),
    "train": ("train?recipe=tiny&k=0.3", WIDE),
    "train-narrow": ("train?recipe=tiny", NARROW),
    "train-matrix": ("train?recipe=paper/gsm8k-pythia-3epoch", WIDE),
    "tokens": ("tokens?run=example", WIDE),
    "tokens-narrow": ("tokens?run=example&metric=overlap", NARROW),
    "tokens-triple": ("tokens?run=example&example=3&underline=triple&pins=37,40&token=40", WIDE),
    "tokens-learnable": ("tokens?run=example&example=12&metric=delta&step=stock&k=0.2", WIDE),
    "tokens-own": ("tokens?run=example&of=Your+own+text", WIDE),
    "filter": ("filter?run=example&k=0.4", WIDE),
    "filter-narrow": ("filter?run=example&k=0.1&snapshot=adaspec@25&pool=batch", NARROW),
    "replay": ("replay?run=example&step=66", WIDE),
    "replay-narrow": ("replay?run=example&example=3&step=38&token=3.1", NARROW),
    "replay-first": ("replay?run=example", WIDE),
    "replay-own": ("replay?run=example&of=own&temperature=0&step=60", WIDE),
    "compare": ("compare?run=example", WIDE),
    "compare-narrow": ("compare?run=example&drafts=adaspec,distillspec-data&lanes=forced", NARROW),
    "compare-no-baseline": ("compare?run=example&drafts=adaspec,distillspec&baseline=stock", WIDE),
    "ablation": ("ablation?run=example", WIDE),
    "ablation-narrow": ("ablation?run=example&baseline=adaspec&cost=steps", NARROW),
}
ALL_DRAWN = """() => [...document.querySelectorAll('.stPlotlyChart')].every(
    one => one.querySelector('.xtick'))"""


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        os.environ |= {"ADASPEC_HOME": name, "ADASPEC_QUEUED_EACH": "9"}
        with supervisor(home):
            identities = everybodys_jobs(home)
            with studio(home) as address, browser() as chromium:
                for theme in ("light", "dark"):
                    for shot, (path, width) in SHOTS.items():
                        file = folder / f"{shot}-{theme}.png"
                        link = f"{address}/{path.format(**identities)}"
                        take(chromium, link, theme, width, file)
    print(f"{len(SHOTS) * 2} pictures in {folder}")


def everybodys_jobs(home: Path) -> dict[str, str]:
    """A job or run of every state; the ids."""
    finished = home / "runs" / "01M80AAAAAAAAAAAAAAAAAA8K2"
    finish(launch(mini(home / "mini.yaml", 10, 10), finished))
    cancelled = submit(home, "k-0.3", "emil", 10, 20, ["stage2.k=0.3"])
    enough(lambda: len(metrics(cancelled).get("adaspec", [])) > 25)
    queue.cancel(cancelled.id)
    failed = submit(home, "my-own-data", "dora", 1, 1, ["data.train={file: /data/chats.jsonl}"])
    enough(lambda: not queue.find(failed.id).live)
    died = submit(home, "too-large", "fred", 1, 1, [])
    enough(lambda: kill_workers(home) or not queue.find(died.id).live)
    running = submit(home, "a-long-one", "anna", 30, 400, [])
    enough(lambda: len(metrics(running).get("distillspec-data", [])) > 9, 120)
    queued = [
        submit(home, name, owner, 30, 30, [], seconds)
        for name, owner, seconds in (
            ("reverse-kl", "bert", 300),
            ("k-0.2", "chloe", 700),
            ("bert's second try, with a rather long name", "bert", None),
        )
    ]
    return {
        "finished": finished.name,
        "cancelled": cancelled.id,
        "failed": failed.id,
        "died": died.id,
        "running": running.id,
        "queued": queued[1].id,
    }


def submit(
    home: Path,
    name: str,
    owner: str,
    stage1_epochs: int,
    stage2_epochs: int,
    changes: list[str],
    seconds: float | None = None,
) -> Job:
    file = mini(home / "recipe.yaml", stage1_epochs, stage2_epochs)
    chosen = recipe.load(str(file), changes).model_copy(update={"name": name})
    return queue.submit(chosen, owner, seconds=seconds)


def metrics(job: Job) -> runs.Metrics:
    return runs.read_metrics(Run(runs.runs_folder() / job.id))


def kill_workers(home: Path) -> None:
    for worker in workers(home):
        with suppress(psutil.NoSuchProcess):
            worker.kill()


def take(chromium: Browser, link: str, theme: str, width: int, file: Path) -> None:
    """The whole page: Streamlit scrolls inside the window, so the window grows first."""
    page: Page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
    page.goto(link)
    settle(page)
    for _ in range(2):  # what a component adds when it is drawn
        height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        page.set_viewport_size({"width": width, "height": max(900, height + 20)})
        page.wait_for_timeout(1000)
    page.wait_for_function(ALL_DRAWN)
    page.screenshot(path=file)
    page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots"))
