"""What pages know of a run at one moment, read so that nothing on disk can break a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from adaspec import AdaspecError, runs
from adaspec.runs import Progress, Run, RunState
from app import start

Metrics = dict[str, list[dict[str, Any]]]

LOG_LINES = 2000  # the newest; a page is not a pager


@dataclass(frozen=True)
class View:
    """A run as a page sees it.

    Attributes:
        id: what the URL says.
        word: its state: one of `theme.STATES`.
        state: None while it is starting, or where run.json cannot be read.
        error: what went wrong, in words; empty where nothing did.
    """

    id: str
    name: str
    word: str
    run: Run
    state: RunState | None = None
    error: str = ""
    metrics: Metrics = field(default_factory=dict)
    progress: Progress | None = None
    report: dict[str, Any] | None = None

    @property
    def live(self) -> bool:
        return self.word in ("starting", "running")

    @property
    def best(self) -> float | None:
        """The largest exact acceptance of its finished drafts."""
        if not self.report:
            return None
        return max((draft["alpha"]["generated"] for draft in self.report["drafts"]), default=None)


def views() -> list[View]:
    """Everything there is to show, newest first, the bundled example last."""
    everything = [*map(_starting, start.pending()), *map(_view, runs.all_runs())]
    return list({view.id: view for view in everything}.values())  # it may begin between the two


def live(all_views: list[View]) -> bool:
    return any(view.live for view in all_views)


def choose(all_views: list[View], wanted: str | None) -> tuple[View, str]:
    """The run that a link asks for and no complaint, or the newest and why it is not that one.

    Only runs that are listed can be asked for: a link is no way to read other folders.
    """
    found = next((view for view in all_views if view.id == wanted), all_views[0])
    if wanted is None or found.id == wanted:
        return found, ""
    return found, f"There is no run {wanted[:40]!r} here. This is the newest one."


def log_lines(run: Run, wanted: str) -> list[str]:
    """The newest lines of the log that contain a text, capital letters or not."""
    try:
        lines = run.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [line for line in lines if wanted.lower() in line.lower()][-LOG_LINES:]


def recipe_text(run: Run) -> str:
    try:
        return run.recipe_file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _starting(begun: start.Start) -> View:
    error = begun.error()
    word = "failed" if error else "starting"
    return View(begun.id, begun.recipe, word, Run(begun.folder), error=error)


def _view(run: Run) -> View:
    identity = "example" if run.is_example else run.path.name
    try:
        state = runs.read_state(run)
    except AdaspecError:
        error = "Its run.json cannot be read: it is damaged, or of another version."
        return View(identity, run.path.name, "unreadable", run, error=error)
    metrics = _cached(_metrics, run.metrics_file) or {}
    return View(
        identity,
        state.name,
        state.state,
        run,
        state,
        state.error,
        metrics,
        runs.progress(state, metrics),
        _cached(_report, run.report_file),
    )


def _cached(read: Any, path: Path) -> Any:
    """Read a file again only when it has changed: thirty viewers poll one run."""
    try:
        status = path.stat()
    except OSError:
        return None
    return read(path.parent, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)
def _metrics(folder: Path, changed: int, size: int) -> Metrics:
    try:
        return runs.read_metrics(Run(folder))
    except KeyError:  # whole lines, but not rows of metrics
        return {}


@lru_cache(maxsize=256)
def _report(folder: Path, changed: int, size: int) -> dict[str, Any] | None:
    try:
        return runs.read_report(Run(folder))
    except (AdaspecError, ValueError):
        return None


def sequences_a_step(state: RunState) -> dict[str, float]:
    """Stage -> sequences that it reads in one of its steps."""
    return {stage.name: stage.work / max(1, stage.steps) for stage in state.plan}


def shared_names(state: RunState) -> dict[str, str]:
    """Stage -> its name with those of the stages that are the same training."""
    return {
        stage.name: " = ".join([stage.name, *_twins(state, stage.name)]) for stage in state.plan
    }


def _twins(state: RunState, name: str) -> Iterator[str]:
    return (stage.name for stage in state.plan if stage.same_as == name)
