"""Jobs and runs as pages see them at one moment, read so that nothing on disk can break a page.

A job and its run share an id and are shown as one. All viewers share a snapshot for a second, so
that reading does not grow with their number.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

from adaspec import AdaspecError, runs
from adaspec.jobs import mailbox, queue, supervisor
from adaspec.jobs.queue import Job
from adaspec.jobs.supervisor import Status
from adaspec.recipe import Recipe, base_name
from adaspec.runs import (
    STATE,
    Metrics,
    MetricsReader,
    Notes,
    Progress,
    Report,
    Run,
    RunState,
    Step,
    Unreadable,
)

SHARED = 1.0  # seconds that one look serves everybody
TRIED = 5.0  # seconds between two tries whether a supervisor is there: trying takes its lock
LOG_LINES, LOG_BYTES = 2000, 4_000_000  # the newest; a page is not a pager
LISTED = 200  # runs that are offered to choose from, the newest
AT_WORK = ("starting", "running", "stopping")


@dataclass(frozen=True, eq=False)
class View:
    """A run, or a job that is not a run yet, as a page sees it.

    Attributes:
        id: as in the URL.
        word: its state: one of `theme.STATES`.
        recipe: the name of its recipe, whatever the run is called; seeds of one have the same.
        job: None for a run that was not started by the queue.
        state: None before its run.json is there, or where it cannot be read.
        error: what went wrong; empty if nothing did.
        place: in the queue, from 1.
        starts_in: seconds until it is expected to start.
    """

    id: str
    name: str
    word: str
    recipe: str
    run: Run
    job: Job | None = None
    state: RunState | None = None
    error: str = ""
    progress: Progress | None = None
    place: int | None = None
    starts_in: float | None = None

    @property
    def live(self) -> bool:
        return self.word == "queued" or self.word in AT_WORK

    @property
    def resumable(self) -> bool:
        return self.word in ("cancelled", "failed", "interrupted")

    @property
    def owner(self) -> str:
        return self.job.owner if self.job else ""

    @property
    def created(self) -> datetime | None:
        if self.state:
            return self.state.created
        return datetime.fromtimestamp(self.job.submitted, UTC) if self.job else None

    @cached_property
    def report(self) -> Report | None:
        """None before it is there, or where it cannot be read."""
        report: Report | None = _cached(_report, self.run.report_file)
        return report

    @cached_property
    def notes(self) -> Notes:
        """What people wrote about it; nothing where that cannot be read."""
        notes: Notes | None = _cached(_notes, self.run.notes_file)
        return notes or Notes()

    @cached_property
    def best(self) -> float | None:
        """The largest exact acceptance of its finished drafts."""
        if not self.report:
            return None
        return max(draft.alpha.generated for draft in self.report.drafts)

    @cached_property
    def metrics(self) -> Metrics:
        try:
            return _reader(self.run).read()
        except Unreadable:  # the rest of the run can be looked at
            return {}

    @cached_property
    def monitored(self) -> Metrics:
        """Stage -> those of its steps at which held-out acceptance was measured."""
        monitored = {
            stage: [step for step in steps if step.alpha is not None]
            for stage, steps in self.metrics.items()
        }
        return {stage: some for stage, some in monitored.items() if some}

    @property
    def latest(self) -> Step | None:
        """The latest step of the stage that it is in."""
        steps = self.metrics.get(self.progress.stage, []) if self.progress else []
        return steps[-1] if steps else None


@dataclass(frozen=True)
class Board:
    """Everything there is to show at one moment.

    Attributes:
        views: those at work, those waiting in their order, the others from the newest to the
            oldest, the bundled examples last.
        alarm: what prevents any job from running.
        waits_for: why the next job waits, if that is normal.
    """

    views: list[View]
    alarm: str = ""
    waits_for: str = ""

    @property
    def live(self) -> bool:
        return any(view.live for view in self.views)

    def find(self, identity: str) -> View | None:
        return next((view for view in self.views if view.id == identity), None)


def board(*wanted: str | None) -> Board:
    """The board; at most a second old, and refreshed if it lacks a wanted run."""
    seen: Board = _board(str(runs.home()))
    if not all(map(seen.find, filter(None, wanted))):
        look_again()
        seen = _board(str(runs.home()))
    return seen


def look_again() -> None:
    """Drop the shared snapshot: something was changed here."""
    _board.clear()


def choose(views: list[View], wanted: str | None, kept: str | None = None) -> tuple[View, str]:
    """The run that a link asks for and no complaint, or another run and a complaint.

    Only listed runs can be asked for: a link must not read other folders.

    Args:
        kept: the run to show where the link asks for none that is here; else the first.
    """
    of_id = {view.id: view for view in views}
    view = of_id.get(wanted or "") or of_id.get(kept or "") or views[0]
    if wanted is None or view.id == wanted:
        return view, ""
    return view, f"There is no run {wanted[:40]!r} here. This is another run."


def offered(
    views: list[View], fits: Callable[[View], bool], also: Iterable[str] = ()
) -> dict[str, View]:
    """Runs to choose from, by id: the newest `LISTED` that fit, and these others if they do."""
    chosen: dict[str, View] = {}
    asked = set(also)
    for view in views:
        begun = view.state or view.word != "queued"  # before that, there is nothing to look for
        if begun and (len(chosen) < LISTED or view.id in asked) and fits(view):
            chosen[view.id] = view
    return chosen


def log_lines(view: View, wanted: str) -> list[str]:
    """The newest lines of the log that contain a text, ignoring case; of a long log, its end."""
    return _containing(wanted, _cached(_lines, view.run.log_file))


def output_lines(view: View, wanted: str) -> list[str]:
    """Its processes' output, if that says more than the log: they died, or never started."""
    job = view.job
    if job is None or (view.run.log_file.is_file() and not job.deaths):
        return []
    return _containing(wanted, _cached(_lines, mailbox.output_file(view.id)))


def recipe_text(view: View) -> str:
    try:
        return view.run.recipe_file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return view.job.recipe if view.job else ""


def recipe(view: View) -> Recipe | None:
    """Its recipe; None if that cannot be read."""
    recipe: Recipe | None = _cached(_recipe, view.run.recipe_file)
    return recipe


def size_on_disk(view: View) -> int:
    """Bytes that deleting it would free."""
    files = [*view.run.path.rglob("*"), *mailbox.folder(view.id).rglob("*")]
    return sum(file.stat().st_size for file in files if file.is_file())


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


# One look


@st.cache_resource(ttl=SHARED, max_entries=1, show_spinner=False)
def _board(home: str) -> Board:
    try:
        jobs, alarm = queue.all_jobs(), ""
    except AdaspecError as error:
        jobs, alarm = [], str(error)
    waiting = [job for job in jobs if job.state == "queued"]
    alive, status = _supervisor(home) if any(job.live for job in jobs) else (True, None)
    if not alive:
        alarm = "No supervisor is running, so no job can start. Start one: adaspec supervisor"
    views = _placed(_views(jobs), jobs, status.slots if status else 1)
    return Board(views, alarm, status.waiting_for if status and alive and waiting else "")


@st.cache_resource(ttl=TRIED, max_entries=1, show_spinner=False)
def _supervisor(home: str) -> tuple[bool, Status | None]:
    return supervisor.alive(), supervisor.status()


def _views(jobs: list[Job]) -> list[View]:
    """Jobs and run folders, newest first, the bundled examples last."""
    folder = runs.runs_folder()
    listed = [Run(folder / job.id) for job in jobs if job.state != "succeeded"]
    job_of = {job.id: job for job in jobs}
    bundled = runs.examples()
    taken = {run.id for run in bundled}  # whatever folder has such a name at home
    others = {run.id: run for run in [*runs.all_runs(), *listed] if run.id not in taken}
    newest_first = [others[identity] for identity in sorted(others, reverse=True)]
    return [_view(run, job_of.get(run.id)) for run in newest_first + bundled]


def _view(run: Run, job: Job | None) -> View:
    state = _state(run)
    word = _word(run, job, state)
    name = state.name if state else (job.name if job else run.id)
    view = View(
        run.id,
        name,
        word,
        _recipe_name(run, job, state),
        run,
        job,
        state,
        _error(run, word, job, state),
    )
    if state is None:
        return view
    metrics = {} if word == "finished" else view.metrics
    return replace(view, progress=runs.progress(state, metrics))


def _state(run: Run) -> RunState | None:
    state: RunState | None = _cached(_unchanged_state, run.state_file, run.name_file)
    return _read_state(run) if state and state.state == "running" else state  # it may have died


def _recipe_name(run: Run, job: Job | None, state: RunState | None) -> str:
    """`tiny` also of `tiny/seed2`, the name of a cell of a matrix."""
    name = state.name if state else (job.name if job else "")
    if state and stamp(run.name_file):  # it was renamed
        name = _cached(_first_name, run.state_file)
    return base_name(name)


def _word(run: Run, job: Job | None, state: RunState | None) -> str:
    """A live job's state takes precedence, except over a finished run."""
    if state and state.state == "finished":
        return "finished"
    if job and job.live:
        if job.state == "queued":
            return "queued"
        if job.cancel:
            return "stopping"
        return "running" if state and _works(run, state) else "starting"
    if run.state_file.is_file() and state is None:
        return "damaged"
    if job and job.state != "succeeded" and not (state and state.state == "running"):
        return job.state
    return state.state if state else "damaged"


def _works(run: Run, state: RunState) -> bool:
    """Whether the latest attempt has reached its first step, as far as can be seen."""
    elsewhere = state.process is not None and state.process.host != socket.gethostname()
    return (state.state == "running" or elsewhere) and run.metrics_file.is_file()


def _error(run: Run, word: str, job: Job | None, state: RunState | None) -> str:
    if word == "damaged":
        reason = why_not(lambda: runs.read_state(run))
        return f"This run is damaged: {reason} adaspec doctor {run.path.name} looks at all of it."
    if word != "failed":
        return ""
    error = job.error if job and job.state == "failed" else ""
    return error or (state.error if state else "")


def why_not(read: Callable[[], object]) -> str:
    """Why something of a run cannot be read: the file and the reason."""
    try:
        read()
    except Unreadable as error:
        return f"{error.path.name} {error.reason}"
    except AdaspecError as error:
        return str(error)
    return ""


def _placed(views: list[View], jobs: list[Job], slots: int) -> list[View]:
    """In the order of the list, with the positions of those that wait."""
    positions = queue.positions(jobs)
    starts = queue.expected_starts(jobs, {view.id: _left(view) for view in views}, slots)
    placed = [
        replace(view, place=positions.get(view.id), starts_in=starts.get(view.id))
        if view.id in positions
        else view
        for view in views
    ]
    return sorted(placed, key=lambda view: (view.word not in AT_WORK, view.place or len(views)))


def _left(view: View) -> float | None:
    if view.progress and view.progress.seconds_left is not None:
        return view.progress.seconds_left
    return view.job.seconds if view.job else None


# Files, read again only when they have changed


def _cached(read: Any, *files: Path) -> Any:
    """The result of `read` on the first file's folder; None if that file is missing."""
    stamps = [stamp(file) for file in files]
    return read(files[0], *stamps) if stamps[0] else None


def stamp(file: Path) -> tuple[int, int] | None:
    """When a file was written, and how long it is; None where it is missing."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=16_384)
def _unchanged_state(file: Path, *_stamps: object) -> RunState | None:
    return _read_state(Run(file.parent))


def _read_state(run: Run) -> RunState | None:
    try:
        return runs.read_state(run)
    except AdaspecError:
        return None


@lru_cache(maxsize=16_384)
def _first_name(file: Path, *_stamps: object) -> str:
    try:
        return STATE.read(file).name
    except Unreadable:  # damaged since
        return ""


@lru_cache(maxsize=16_384)
def _notes(file: Path, *_stamps: object) -> Notes | None:
    try:
        return runs.read_notes(Run(file.parent))
    except AdaspecError:
        return None


@lru_cache(maxsize=512)
def _report(file: Path, *_stamps: object) -> Report | None:
    try:
        return runs.read_report(Run(file.parent))
    except AdaspecError:
        return None


@lru_cache(maxsize=64)
def _recipe(file: Path, *_stamps: object) -> Recipe | None:
    try:
        return runs.read_recipe(Run(file.parent))
    except (AdaspecError, OSError):
        return None


@lru_cache(maxsize=32)
def _lines(file: Path, *_stamps: object) -> list[str]:
    try:
        with file.open("rb") as lines:
            size = lines.seek(0, os.SEEK_END)
            lines.seek(max(0, size - LOG_BYTES))
            text = lines.read(LOG_BYTES).decode(errors="replace")
    except OSError:  # deleted since
        return []
    return text.splitlines()[size > LOG_BYTES :]  # the first one is a part


def _containing(wanted: str, lines: list[str] | None) -> list[str]:
    return [line for line in lines or [] if wanted.lower() in line.lower()][-LOG_LINES:]


@lru_cache(maxsize=64)
def _reader(run: Run) -> MetricsReader:
    return MetricsReader(run)
