"""Photographs every page in both themes, with runs that were really made, into screenshots/.

`make screenshots`, or `python -m tests.screenshots [FOLDER [NAME ...]]`: several people's jobs, one
of each state. It takes a few minutes. NAMEs choose pictures by how they begin: `home tokens`.
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

WIDE, NARROW, PHONE = 1440, 1024, 390
SHOTS = {  # file name -> address below the studio's, width
    "home": ("", WIDE),
    "home-narrow": ("", NARROW),
    "home-phone": ("", PHONE),
    "learn": ("learn?step=1", WIDE),
    "learn-lossless": ("learn?step=3", WIDE),
    "learn-phone": ("learn?step=5", PHONE),
    "runs-phone": ("?run=example", PHONE),
    "train-phone": ("train?recipe=tiny", PHONE),
    "tokens-phone": ("tokens?run=example", PHONE),
    "filter-phone": ("filter?run=example", PHONE),
    "replay-phone": ("replay?run=example", PHONE),
    "compare-phone": ("compare?run=example", PHONE),
    "ablation-phone": ("ablation?run=example", PHONE),
    "runs-example": ("?run=example", WIDE),
    "runs-example-narrow": ("?run=example", NARROW),
    "runs-against": ("runs?run=example&against=english&group=true&order=name", WIDE),
    "runs-against-phone": ("runs?run=example&against=english&group=true", PHONE),
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
    "tokens-every": ("tokens?run=example&of=Every+token", WIDE),
    "tokens-every-phone": ("tokens?run=english&of=Every+token&rank=disputed", PHONE),
    "tokens-own": ("tokens?run=example&of=Your+own+text", WIDE),
    "filter": ("filter?run=example&k=0.4", WIDE),
    "filter-narrow": ("filter?run=example&k=0.1&snapshot=adaspec@25&pool=batch", NARROW),
    "replay": ("replay?run=example&step=66", WIDE),
    "replay-narrow": ("replay?run=example&example=3&step=38&token=3.1", NARROW),
    "replay-first": ("replay?run=example", WIDE),
    "replay-try": ("replay?run=english&of=try", WIDE),
    "replay-race": ("replay?run=english&against=stock&clock=150", NARROW),
    "replay-own": ("replay?run=example&of=own&temperature=0&step=60", WIDE),
    "compare": ("compare?run=example", WIDE),
    "compare-narrow": ("compare?run=example&drafts=adaspec,distillspec-data&lanes=forced", NARROW),
    "compare-no-baseline": ("compare?run=example&drafts=adaspec,distillspec&baseline=stock", WIDE),
    "compare-atlas": ("compare?run=english&atlas=kl-from-reference+−+distillspec-data", NARROW),
    "compare-verdict": ("compare?run=example&of=verdict+sheet", WIDE),
    "compare-verdict-english": ("compare?run=english&of=verdict+sheet&baseline=stock", NARROW),
    "compare-verdict-phone": ("compare?run=english&of=verdict+sheet", PHONE),
    "ablation": ("ablation?run=example", WIDE),
    "classroom": ("classroom", WIDE),
    "planner": ("planner?run=example&costs=1:20:2:24@4,+32:30:4:50@2:70@4,+128:60:30:300@8", WIDE),
    "planner-narrow": ("planner?run=example&acceptance=your+own+α&alpha=0.4&engine=SGLang", NARROW),
    "ablation-narrow": ("ablation?run=example&baseline=adaspec&cost=steps", NARROW),
}
ALL_DRAWN = """() => [...document.querySelectorAll('.stPlotlyChart')].every(
    one => one.querySelector('.xtick'))"""


def main(folder: Path, *wanted: str) -> None:
    shots = {name: shot for name, shot in SHOTS.items() if name.startswith(wanted or ("",))}
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        os.environ |= {"ADASPEC_HOME": name, "ADASPEC_QUEUED_EACH": "9"}
        with supervisor(home):
            of_jobs = any("{" in path for path, _ in shots.values())
            identities = everybodys_jobs(home) if of_jobs else {}
            with studio(home) as address, browser() as chromium:
                for theme in ("light", "dark"):
                    for shot, (path, width) in shots.items():
                        file = folder / f"{shot}-{theme}.png"
                        link = f"{address}/{path.format(**identities)}"
                        take(chromium, link, theme, width, file)
    print(f"{len(shots) * 2} pictures in {folder}")


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
    if not page.locator(".stApp, #root").count():  # Home, which is no page of Streamlit's
        page.wait_for_timeout(3000)
        page.screenshot(path=file, full_page=True)
        page.close()
        return
    settle(page)
    for _ in range(2):  # what a component adds when it is drawn
        height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        page.set_viewport_size({"width": width, "height": max(900, height + 20)})
        page.wait_for_timeout(1000)
    page.wait_for_function(ALL_DRAWN)
    page.screenshot(path=file)
    page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots"), *sys.argv[2:])
