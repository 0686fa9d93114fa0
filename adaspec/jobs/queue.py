"""The queue: one SQLite file that every change goes through.

A job asks for a run, and has the run's id. Every change is a compare-and-set on the job's id,
state, attempt and token: whoever acts on an outdated state changes nothing, and is told. The order
is by counters, never by the clock, which may be set back.
"""

from __future__ import annotations

import getpass
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from heapq import heapify, heappop, heapreplace
from itertools import groupby
from pathlib import Path
from shutil import rmtree
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from ulid import ULID

from adaspec import AdaspecError, runs
from adaspec.jobs import audit, mailbox
from adaspec.recipe import Recipe, anchored, read
from adaspec.runs import Run
from adaspec.settings import settings

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Ending = Literal["succeeded", "failed", "cancelled"]
Where = Literal["first", "last"]
LIVE = ("queued", "running")
LONGEST_OWNER = 100  # letters; people who log in are called by their e-mail address
TEAM = ": "
"""Between the name of a team and that of its member, in an owner's."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    recipe TEXT NOT NULL,
    recipe_hash TEXT NOT NULL,
    gpus INTEGER NOT NULL,
    seconds REAL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    place INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    turn INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    deaths INTEGER NOT NULL,
    token TEXT NOT NULL,
    cancel INTEGER NOT NULL,
    error TEXT NOT NULL,
    submitted REAL NOT NULL,
    began REAL,
    ended REAL
) STRICT
"""


class Job(BaseModel):
    """A row of the queue.

    Attributes:
        id: of the job and of its run.
        owner: who submitted it: a name or a login.
        recipe: YAML, complete.
        seconds: how long the run is expected to take; None if unknown.
        place: order of arrival; a job that is resumed arrives again.
        priority: the highest starts first, whoever owns it.
        turn: when it was last started, as a counter; 0 if never. For the round robin.
        attempt: how many times it was started.
        deaths: attempts since its submission that ended without a verdict.
        token: of the attempt whose messages count; a new one for each attempt.
        cancel: it has been asked to stop.
        error: why it failed, or why the latest attempt died.
        submitted, began, ended: Unix seconds, for display.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    owner: str
    recipe: str
    recipe_hash: str
    gpus: int
    seconds: float | None = None
    state: State = "queued"
    place: int = 0
    priority: int = 0
    turn: int = 0
    attempt: int = 0
    deaths: int = 0
    token: str = ""
    cancel: bool = False
    error: str = ""
    submitted: float = 0.0
    began: float | None = None
    ended: float | None = None

    @property
    def live(self) -> bool:
        return self.state in LIVE


def me() -> str:
    """The login name of this process's user, if there is one."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "somebody"


def is_owner(name: str) -> bool:
    """Whether jobs may be filed under a name: one line that fits a table."""
    return 1 <= len(name) <= LONGEST_OWNER and name.isprintable() and not name.isspace()


def submit(
    recipe: Recipe, owner: str, *, identity: str | None = None, seconds: float | None = None
) -> Job:
    """Put a run at the end of the queue.

    Args:
        identity: a run or a job that ended, to be resumed; by default a new one.
        seconds: how long it is expected to take.

    Raises:
        AdaspecError: the owner is no name or has too many waiting, or that run is queued or
            running.
    """
    if not is_owner(owner):
        raise AdaspecError(f"An owner is one line of 1 to {LONGEST_OWNER} printable characters.")
    limit = settings().queued_each
    recipe = anchored(recipe)
    job = Job(
        id=identity or str(ULID()),
        name=recipe.name,
        owner=owner,
        recipe=recipe.yaml(),
        recipe_hash=recipe.hash,
        gpus=recipe.gpus,
        seconds=seconds,
        token=str(ULID()),
        submitted=time.time(),
    )
    with _transaction() as database:
        waiting = _rows(database, "WHERE state = 'queued' AND owner = ?", owner)
        if len(waiting) >= limit:
            raise AdaspecError(
                f"{owner} has {len(waiting)} jobs waiting already, of {limit} at most: wait until "
                "one begins, or cancel one."
            )
        earlier = _rows(database, "WHERE id = ?", job.id)
        if earlier and earlier[0].state in (*LIVE, "succeeded"):
            raise AdaspecError(f"Job {job.id} is {earlier[0].state} already.")
        (last,) = database.execute("SELECT coalesce(max(place), 0) FROM jobs").fetchone()
        job = job.model_copy(update={"place": last + 1})
        if earlier:  # the count of attempts continues, so that no new one equals an old one
            kept = {"attempt": earlier[0].attempt, "turn": earlier[0].turn, "name": earlier[0].name}
            job = job.model_copy(update=kept)
        row = job.model_dump()
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        database.execute(
            f"INSERT OR REPLACE INTO jobs ({names}) VALUES ({marks})", tuple(row.values())
        )
    audit.record(owner, "resume" if identity else "submit", job.id, job.name)
    return job


def resume(name: str, owner: str, seconds: float | None = None) -> Job:
    """Queue a stopped job, or a run made without one: it resumes from its last checkpoint.

    Raises:
        AdaspecError: no such run or job, or it cannot be resumed.
    """
    if any(job.id.startswith(name.upper()) for job in all_jobs()):
        job = find(name)
        return submit(read(job.recipe), owner, identity=job.id, seconds=seconds)
    run = runs.find(name)
    state = runs.read_state(run).state
    if state in ("finished", "running"):
        raise AdaspecError(f"Run {run.path.name} is {state} already.")
    if run.path.parent != runs.runs_folder():
        raise AdaspecError(
            f"{run.path} is outside {runs.runs_folder()}: resume it with adaspec run "
            f"{run.recipe_file} --run-dir {run.path}"
        )
    return submit(runs.read_recipe(run), owner, identity=run.path.name, seconds=seconds)


def all_jobs() -> list[Job]:
    """Every job in order of arrival."""
    if not _file().is_file():
        return []
    with _database() as database:
        return _rows(database, "ORDER BY place")


def find(name: str) -> Job:
    """The job with this id or unique start of an id.

    Raises:
        AdaspecError: none, or more than one.
    """
    matching = [job for job in all_jobs() if job.id.startswith(name.upper())] if name else []
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise AdaspecError(f"{name!r} matches {len(matching)} jobs: give more of the id.")
    raise AdaspecError(f"No job {name!r}. See: adaspec jobs")


def claim(job: Job) -> Job | None:
    """Take a queued job to start an attempt at it; None if it has changed since it was read."""
    turn = max((other.turn for other in all_jobs()), default=0) + 1
    return _change(
        job,
        "queued",
        state="running",
        attempt=job.attempt + 1,
        token=str(ULID()),
        turn=turn,
        began=time.time(),
        ended=None,
    )


def end(job: Job, state: Ending, error: str = "") -> bool:
    """Record how a job ended; False if it has been changed meanwhile."""
    return (
        job.live
        and _change(job, job.state, state=state, error=error, ended=time.time()) is not None
    )


def requeue(job: Job, error: str, *, died: bool) -> bool:
    """Let a job be started again; it keeps its place."""
    deaths = job.deaths + died
    values = {"state": "queued", "deaths": deaths, "error": error, "token": str(ULID())}
    return _change(job, "running", **values) is not None


def cancel(identity: str, by: str | None = None) -> Job:
    """End a queued job, or ask a running one to stop.

    Args:
        by: who wants it, for the audit; by default this process's user.

    Raises:
        AdaspecError: no such job, or it has ended.
    """
    while True:
        job = find(identity)
        if not job.live:
            raise AdaspecError(f"Job {job.id} is {job.state} already.")
        if job.state == "queued":
            changed = _change(job, "queued", state="cancelled", cancel=True, ended=time.time())
        else:
            changed = _change(job, "running", cancel=True)
        if changed:
            audit.record(by or me(), "cancel", job.id, job.name)
            return changed


def move(identity: str, where: Where, by: str | None = None) -> Job:
    """Move a queued job before or after all others.

    Args:
        by: as of `cancel`.

    Raises:
        AdaspecError: no such job, or it is not waiting.
    """
    while True:
        job = find(identity)
        if job.state != "queued":
            raise AdaspecError(f"Job {job.id} is not waiting: it is {job.state}.")
        others = [other.priority for other in all_jobs() if other.state == "queued"]
        priority = max(others) + 1 if where == "first" else min(others) - 1
        if changed := _change(job, "queued", priority=priority):
            audit.record(by or me(), "move", job.id, where)
            return changed


def rename(run: Run, name: str, by: str | None = None) -> None:
    """Give a run another name to be shown by.

    Args:
        by: as of `cancel`.

    Raises:
        AdaspecError: not a name, or the bundled example.
    """
    runs.rename(run, name)
    audit.record(by or me(), "rename", run.path.name, name.strip())


def annotate(run: Run, tags: list[str], note: str, by: str | None = None) -> None:
    """Replace a run's tags and note.

    Args:
        by: as of `cancel`.

    Raises:
        AdaspecError: what cannot be a tag or a note, or the bundled example.
    """
    notes = runs.write_notes(run, tags, note)
    audit.record(by or me(), "note", run.path.name, " ".join(notes.tags))


def forget(job: Job) -> None:
    """Remove an ended job from the queue."""
    with _transaction() as database:
        database.execute(
            "DELETE FROM jobs WHERE id = ? AND state = ? AND attempt = ? AND token = ?",
            (job.id, job.state, job.attempt, job.token),
        )


def delete(identity: str, by: str | None = None) -> None:
    """Remove a run, its job, and the output of its attempts.

    Args:
        by: as of `cancel`.

    Raises:
        AdaspecError: there is neither; it is waiting or training, or is the bundled example.
    """
    run = runs.Run(runs.runs_folder() / identity)
    with _transaction() as database:  # so that nobody resumes it meanwhile
        jobs = _rows(database, "WHERE id = ?", identity)
        if jobs and jobs[0].live:
            raise AdaspecError(f"Job {identity} is {jobs[0].state}: adaspec cancel {identity}")
        if run.state_file.exists() or not jobs:
            runs.delete(run)
        database.execute("DELETE FROM jobs WHERE id = ?", (identity,))
    rmtree(mailbox.folder(identity), ignore_errors=True)
    audit.record(by or me(), "delete", identity)


def team(owner: str) -> str:
    """With whom an owner takes turns as one: `Room ABCDEF: Ann` and `Room ABCDEF: Bob` are both
    `Room ABCDEF`; whoever has no colon in their name is alone.
    """
    return owner.partition(TEAM)[0]


def in_order(jobs: Iterable[Job]) -> list[Job]:
    """The queued jobs in the order they will start: by priority, then people take turns.

    Of two people, the one whose latest start is further back comes first; those who have never had
    a turn come before both, in order of arrival. A team takes turns with others as one person does,
    and its members with each other.
    """
    everything = list(jobs)
    turns: dict[str, int] = {}
    team_turns: dict[str, int] = {}
    for job in everything:
        turns[job.owner] = max(turns.get(job.owner, 0), job.turn)
        team_turns[team(job.owner)] = max(team_turns.get(team(job.owner), 0), job.turn)
    waiting = sorted(
        (job for job in everything if job.state == "queued"),
        key=lambda job: (-job.priority, job.place),
    )
    order: list[Job] = []
    for _, equals in groupby(waiting, key=lambda job: job.priority):
        members = _take_turns(equals, turns, lambda job: job.owner)
        order += _take_turns(members, team_turns, lambda job: team(job.owner))
    return order


def _take_turns(
    jobs: Iterable[Job], turns: dict[str, int], whose: Callable[[Job], str]
) -> list[Job]:
    """One job each in turn; each one's own jobs stay in their order.

    Args:
        turns: when each had their latest turn, as a counter; brought up to date.
    """
    theirs: dict[str, deque[Job]] = {}
    for job in jobs:
        theirs.setdefault(whose(job), deque()).append(job)
    heads = [(turns[name], waiting[0].place, name) for name, waiting in theirs.items()]
    heapify(heads)
    turn = max(turns.values(), default=0)
    order: list[Job] = []
    while heads:
        _, _, name = heads[0]
        order.append(theirs[name].popleft())
        turn += 1
        turns[name] = turn
        if left := theirs[name]:
            heapreplace(heads, (turn, left[0].place, name))
        else:
            heappop(heads)
    return order


def positions(jobs: Iterable[Job]) -> dict[str, int]:
    """Job id -> its position in the order of starting, from 1."""
    return {job.id: position for position, job in enumerate(in_order(jobs), start=1)}


def startable(jobs: Iterable[Job]) -> list[Job]:
    """Queued jobs whose owner or team may have one more running, in the order of starting."""
    everything = list(jobs)
    limit = settings().running_each
    running = [team(job.owner) for job in everything if job.state == "running"]
    return [job for job in in_order(everything) if running.count(team(job.owner)) < limit]


def expected_starts(
    jobs: Iterable[Job], left: dict[str, float | None], slots: int
) -> dict[str, float]:
    """Job id -> seconds until it is expected to start, where that can be told.

    Args:
        left: running job -> seconds it still needs; None if unknown.
        slots: how many jobs can run at once.
    """
    everything = list(jobs)
    free: list[float | None] = [left.get(job.id) for job in everything if job.state == "running"]
    free += [0.0] * (slots - len(free))
    starts: dict[str, float] = {}
    for job in in_order(everything):
        known = [moment for moment in free if moment is not None]
        if not known:
            break
        start = min(known)
        starts[job.id] = start
        free.remove(start)
        free.append(start + job.seconds if job.seconds is not None else None)
    return starts


def _change(job: Job, before: State, **values: Any) -> Job | None:
    """Compare-and-set; the changed job, or None if it is no longer as given, or not in `before`."""
    assignments = ", ".join(f"{name} = ?" for name in values)
    with _transaction() as database:
        rows = database.execute(
            f"UPDATE jobs SET {assignments} "
            "WHERE id = ? AND state = ? AND attempt = ? AND token = ? RETURNING *",
            (*values.values(), job.id, before, job.attempt, job.token),
        ).fetchall()
    return Job(**rows[0]) if rows else None


def _rows(database: sqlite3.Connection, where: str, *values: object) -> list[Job]:
    return [Job(**row) for row in database.execute(f"SELECT * FROM jobs {where}", values)]


def _file() -> Path:
    return runs.home() / "jobs.sqlite"


@contextmanager
def _database() -> Iterator[sqlite3.Connection]:
    """The open database; any error of it is an AdaspecError."""
    _file().parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(_file(), timeout=30, isolation_level=None)) as database:
            database.row_factory = sqlite3.Row
            database.execute("PRAGMA journal_mode = WAL")
            database.execute(SCHEMA)
            yield database
    except sqlite3.DatabaseError as error:
        # "disk I/O error" is what a full disk most often looks like to SQLite.
        raise AdaspecError(
            f"The queue {_file()} cannot be used ({error}): is the disk full?"
        ) from None


@contextmanager
def _transaction() -> Iterator[sqlite3.Connection]:
    """All or nothing, one writer at a time from the first statement on."""
    with _database() as database:
        database.execute("BEGIN IMMEDIATE")
        yield database
        database.execute(
            "COMMIT"
        )  # not reached after an error: closing the database then rolls back
