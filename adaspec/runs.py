"""The run folder: what a run leaves on disk, and the only room that knows its file names.

A run is a folder that can be copied to another machine and opened there. One process writes it;
any number read it while it grows. Whole files are replaced atomically; `.jsonl` files are appended
line by line, and a reader passes over a torn line.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import psutil
from filelock import FileLock, Timeout
from pydantic import BaseModel, Field, ValidationError
from ulid import ULID

from adaspec import ASSETS, AdaspecError
from adaspec.recipe import Recipe, load
from adaspec.settings import settings

EXAMPLE = ASSETS / "example"
State = Literal["running", "finished", "failed", "interrupted"]
Metrics = dict[str, list[dict[str, Any]]]  # stage -> rows, one a step
LONGEST_NAME = 80
DELETED = ".adaspec-deleted"
"""How the hidden name of a run that is being removed ends."""


class Process(BaseModel):
    """A process, told apart from a later one with the same pid by its creation time.

    Attributes:
        created: seconds after the machine's start. The time of day would move when the clock is
            set, and a running process would count as gone.
    """

    pid: int
    created: float
    host: str

    @classmethod
    def this(cls) -> Process:
        me = psutil.Process()
        return cls(pid=me.pid, created=_created(me), host=socket.gethostname())

    def alive(self) -> bool:
        """Whether it still runs; a process of another machine counts as gone."""
        if self.host != socket.gethostname():
            return False
        try:
            found = psutil.Process(self.pid)
            ended = found.status() == psutil.STATUS_ZOMBIE
            created = _created(found)
        except psutil.NoSuchProcess:
            return False
        return not ended and abs(created - self.created) < 0.1


def _created(process: psutil.Process) -> float:
    return process.create_time() - psutil.boot_time()  # both move with the clock


class Stage(BaseModel):
    """One line of a run's plan.

    Attributes:
        steps: what its progress counts: optimiser steps, or batches.
        same_as: the stage whose result this one shares; it then takes no time of its own.
        needs: stages it stands on beside the stock draft and the target.
        work: sequences it sends through the target, for the estimate of time left.
    """

    name: str
    kind: Literal["train", "continue", "teach", "replay", "measure"]
    steps: int
    work: int
    same_as: str | None = None
    needs: list[str] = []


@dataclass(frozen=True)
class Budget:
    """What a training has consumed, summed over processes and resumptions.

    Attributes:
        steps: optimiser steps.
        sequences: sequences read, repeats included.
        selected_tokens: response tokens that contributed a gradient.
        teacher_forwards: sequences that a frozen model, target or reference, was asked about;
            what is known of them already is not computed again.
        seconds: wall-clock time of the steps, held-out points included.
        kept: the step whose weights are the result, where those with the highest acceptance are
            kept; 0 is the model it started from.
    """

    steps: int = 0
    sequences: int = 0
    selected_tokens: int = 0
    teacher_forwards: int = 0
    seconds: float = 0.0
    kept: int | None = None


class RunState(BaseModel):
    """`run.json`: what the run is and how far it is."""

    id: str
    name: str
    recipe_hash: str
    created: datetime
    state: State = "running"
    stage: str = ""
    error: str = ""
    process: Process | None = None
    plan: list[Stage] = []
    sources: dict[str, str] = Field({}, description="which source each model came from")
    hashes: dict[str, str] = Field({}, description="of the data and the starting models")
    models: dict[str, str] = Field({}, description="name -> folder inside the run")
    facts: dict[str, Any] = Field({}, description="row counts, parameters, versions, device")


@dataclass(frozen=True)
class Run:
    """A run folder's paths."""

    path: Path

    @property
    def recipe_file(self) -> Path:
        return self.path / "recipe.yaml"

    @property
    def state_file(self) -> Path:
        return self.path / "run.json"

    @property
    def name_file(self) -> Path:
        """What people call the run, where they renamed it; apart from run.json, the training's."""
        return self.path / "name.txt"

    @property
    def events_file(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def metrics_file(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def log_file(self) -> Path:
        return self.path / "log.txt"

    @property
    def report_file(self) -> Path:
        return self.path / "report.json"

    @property
    def sequences_file(self) -> Path:
        return self.path / "tokens" / "sequences.parquet"

    @property
    def contexts_file(self) -> Path:
        return self.path / "tokens" / "contexts.parquet"

    @property
    def examples_file(self) -> Path:
        return self.path / "tokens" / "examples.parquet"

    @property
    def vocabulary_file(self) -> Path:
        return self.path / "tokens" / "vocabulary.parquet"

    def tokens_file(self, snapshot: str) -> Path:
        return self.path / "tokens" / f"{snapshot}.parquet"

    def snapshot(self, name: str, step: int) -> Path:
        """Where a training leaves the model that it was after so many steps."""
        return self.path / "snapshots" / name / f"{step:08d}"

    def snapshots(self, name: str) -> dict[str, Path]:
        """Every such model of a training: `NAME@STEP` -> its folder, in order."""
        folders = sorted((self.path / "snapshots" / name).glob("[0-9]*"))
        return {f"{name}@{int(folder.name)}": folder for folder in folders}

    def replay(self, draft: str, seq: int) -> Path:
        """The trace of a draft on the held-out prompt of this number."""
        return self.path / "replays" / draft / f"{seq}.json"

    @property
    def speed_file(self) -> Path:
        """What the clock said of every draft."""
        return self.path / "replays" / "speed.json"

    def checkpoints(self, stage: str) -> Path:
        return self.path / "checkpoints" / stage

    def model(self, name: str) -> Path:
        """Where a trained model goes: target, stock and reference apart from the drafts."""
        kind = "models" if name in ("target", "stock", "reference") else "drafts"
        return self.path / kind / name

    def budget_file(self, name: str) -> Path:
        return self.model(name) / "training.json"

    @property
    def is_example(self) -> bool:
        return self.path == EXAMPLE


# Where runs live


def home() -> Path:
    """`ADASPEC_HOME`, or the platform's folder for user data."""
    return settings().home


def runs_folder() -> Path:
    return home() / "runs"


def all_runs() -> list[Run]:
    """Every run, newest first, and the bundled example last."""
    ids = [path for path in runs_folder().glob("[!.]*") if (path / "run.json").is_file()]
    newest_first = sorted(ids, key=lambda path: path.name, reverse=True)
    example = [Run(EXAMPLE)] if (EXAMPLE / "run.json").is_file() else []
    return [Run(path) for path in newest_first] + example


def find(name: str) -> Run:
    """The run with this id, unique start of an id, or folder; `example` is the bundled one.

    Raises:
        AdaspecError: none, or more than one.
    """
    if name == "example" and (EXAMPLE / "run.json").is_file():
        return Run(EXAMPLE)
    found = [run for run in all_runs() if run.path.name.startswith(name.upper())] if name else []
    if len(found) == 1:
        return found[0]
    if len(found) > 1:
        raise AdaspecError(f"{name!r} could be {len(found)} runs: give more of the id.")
    if (Path(name) / "run.json").is_file():
        return Run(Path(name).resolve())
    if Path(name).exists():
        raise AdaspecError(f"{name} is not a run folder: it has no run.json.")
    raise AdaspecError(f"No run {name!r}. Runs live in {runs_folder()}.")


def create(recipe: Recipe, folder: Path | None = None) -> Run:
    """A new run folder: a fresh id under the runs folder, or the folder given.

    Raises:
        AdaspecError: the folder has something else in it, or cannot be written.
    """
    path = folder.resolve() if folder else runs_folder() / str(ULID())
    identity = path.name if path.parent == runs_folder() else str(ULID())
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise AdaspecError(f"{path} is not a run folder and not empty: choose another --run-dir.")
    state = RunState(
        id=identity,
        name=recipe.name,
        recipe_hash=recipe.hash,
        created=datetime.now(UTC),
        process=Process.this(),
    )
    try:
        with atomic_folder(path) as new:
            write_atomic(Run(new).recipe_file, recipe.yaml())
            write_state(Run(new), state)
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise AdaspecError(f"Cannot create the run folder {path}: {error.strerror}.") from None
    return Run(path)


def newest(recipe: Recipe, *states: State) -> Run | None:
    """The newest run of an equal recipe that is in one of these states."""
    for run in all_runs():
        state = read_state(run)
        if not run.is_example and state.recipe_hash == recipe.hash and state.state in states:
            return run
    return None


# Reading


def read_state(run: Run) -> RunState:
    """`run.json`, with `running` turned into `interrupted` where the process is gone.

    A run that was renamed has its new name.

    Raises:
        AdaspecError: not a run folder.
    """
    try:
        state = RunState.model_validate_json(run.state_file.read_bytes())
    except (OSError, ValidationError):
        raise AdaspecError(f"{run.path} is not a run folder: no readable run.json.") from None
    if state.state == "running" and not (state.process and state.process.alive()):
        state.state = "interrupted"
    with suppress(OSError):
        state.name = run.name_file.read_text(encoding="utf-8", errors="replace").strip()
    return state


def read_recipe(run: Run) -> Recipe:
    return load(str(run.recipe_file))


def read_report(run: Run) -> dict[str, Any]:
    """The finished run's report.

    Raises:
        AdaspecError: the run has none yet, or one of an older version.
    """
    try:
        report: dict[str, Any] = json.loads(run.report_file.read_bytes())
    except OSError:
        state = read_state(run)
        raise AdaspecError(
            f"Run {state.id} has no report yet: it is {state.state}"
            f"{f' at {state.stage}' if state.stage else ''}. "
            "To go on: adaspec run with the same recipe or --run-dir."
        ) from None
    if "speculation" not in report:
        raise AdaspecError(
            f"Run {run.path.name} was measured before drafts were decoded with: adaspec measure "
            f"{run.path.name} makes its report anew."
        )
    return report


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a `.jsonl` file; a line torn by a crash or still being written is passed over."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    yield from _rows(content)


def _rows(lines: bytes) -> Iterator[dict[str, Any]]:
    for line in lines.splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            yield row


class MetricsReader:
    """A run's metrics as they grow: each look parses only the lines that the last one did not."""

    def __init__(self, run: Run) -> None:
        self._file = run.metrics_file
        self._lock = threading.Lock()
        self._parsed = 0  # bytes
        self._metrics: Metrics = {}

    def read(self) -> Metrics:
        """Steps of every stage in order; a step repeated after a resumption counts once."""
        with self._lock:
            with suppress(FileNotFoundError), self._file.open("rb") as file:
                file.seek(self._parsed)
                lines = file.read()
                lines = lines[: lines.rfind(b"\n") + 1]  # the rest is still being written
                self._parsed += len(lines)
                self._add(_rows(lines))
            return {stage: rows.copy() for stage, rows in self._metrics.items()}

    def _add(self, rows: Iterable[dict[str, Any]]) -> None:
        for row in rows:
            if "stage" in row and "step" in row:
                steps = self._metrics.setdefault(row["stage"], [])
                while steps and steps[-1]["step"] >= row["step"]:
                    steps.pop()
                steps.append(row)


def read_metrics(run: Run) -> Metrics:
    """Steps of every stage in order; a step repeated after a resumption counts once."""
    return MetricsReader(run).read()


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        fraction: of all its work, 0 to 1.
        stage, step, steps: the stage it is in.
        tokens_per_s: response tokens trained a second, latest step; None outside training.
        seconds_left: an estimate from this run's own pace; None before there is one.
    """

    fraction: float
    stage: str
    step: int
    steps: int
    tokens_per_s: float | None
    seconds_left: float | None


def progress(state: RunState, metrics: Metrics) -> Progress:
    """Progress from the plan and what has been logged."""
    if state.state == "finished":
        return Progress(1.0, "", 0, 0, None, 0.0)
    done = pace = 0.0
    current = Progress(0.0, state.stage, 0, 0, None, None)
    total = sum(stage.work for stage in state.plan if not stage.same_as)
    for stage in state.plan:
        rows = metrics.get(stage.name, [])
        if stage.same_as or not rows:
            continue
        last = rows[-1]
        done += stage.work * last["step"] / stage.steps
        recent = rows[-20:]
        steps = last["step"] - recent[0]["step"]
        if steps > 0:
            pace = (last["time"] - recent[0]["time"]) / (steps * stage.work / stage.steps)
        if stage.name == state.stage:
            speed = last.get("tokens_per_s")
            current = Progress(0.0, stage.name, last["step"], stage.steps, speed, None)
    left = (total - done) * pace if pace else None
    return Progress(
        min(1.0, done / total) if total else 0.0,
        current.stage,
        current.step,
        current.steps,
        current.tokens_per_s,
        left,
    )


# Writing


@contextmanager
def only_writer(run: Run) -> Iterator[None]:
    """Hold the run for this process.

    Raises:
        AdaspecError: another process is working on it.
    """
    lock = FileLock(run.path / "run.lock", timeout=5)  # one that was just stopped may still end
    try:
        lock.acquire()
    except Timeout:
        raise AdaspecError(f"Run {run.path.name} is being trained by another process.") from None
    try:
        yield
    finally:
        lock.release()


def rename(run: Run, name: str) -> None:
    """Give the run another name to be shown by; also while it is trained.

    Raises:
        AdaspecError: not a name, or the bundled example.
    """
    name = name.strip()
    if not (1 <= len(name) <= LONGEST_NAME and name.isprintable()):
        raise AdaspecError(f"A name is one line of 1 to {LONGEST_NAME} printable characters.")
    if run.is_example:
        raise AdaspecError("The bundled example keeps its name.")
    write_atomic(run.name_file, name)


def delete(run: Run) -> None:
    """Remove the run's folder. One that a crash leaves half removed is no run any more.

    Raises:
        AdaspecError: it is being trained, is not there, or is the bundled example.
    """
    if run.is_example:
        raise AdaspecError("The bundled example cannot be deleted.")
    if not run.state_file.is_file():
        raise AdaspecError(f"No run {run.path.name}. Runs live in {runs_folder()}.")
    if _is_running(run):
        raise AdaspecError(f"Run {run.path.name} is being trained: stop it first.")
    sweep(run.path.parent)
    with only_writer(run):
        run.path.rename(run.path.with_name(f".{run.path.name}{DELETED}"))
        _sync(run.path.parent)
    sweep(run.path.parent)


def _is_running(run: Run) -> bool:
    try:
        return read_state(run).state == "running"
    except AdaspecError:  # what cannot be read can be removed
        return False


def sweep(folder: Path) -> None:
    """Remove what is left of deleted runs in this folder."""
    for path in folder.glob(f".*{DELETED}"):
        shutil.rmtree(path, ignore_errors=True)


def write_state(run: Run, state: RunState) -> None:
    write_atomic(run.state_file, state.model_dump_json(indent=1))


def append_line(path: Path, row: dict[str, Any]) -> None:
    """One row at the end of a `.jsonl` file, on a line of its own even after a torn one."""
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            torn = file.read(1) != b"\n"
        else:
            torn = False
        file.write((b"\n" if torn else b"") + json.dumps(row).encode() + b"\n")


def log_metrics(run: Run, stage: str, row: dict[str, Any]) -> None:
    append_line(run.metrics_file, {"stage": stage, "time": time.time(), **row})


def log_event(run: Run, event: str, **details: Any) -> None:
    append_line(run.events_file, {"time": time.time(), "event": event, **details})


def write_atomic(path: Path, content: str | bytes) -> None:
    """Replace a file so that a reader, or a crash, sees the old one or the new one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    with atomic_file(path) as new:
        new.write_bytes(data)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A new file to write in the same folder, which replaces `path` if all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    new = Path(name)
    try:
        yield new
        new.chmod(0o644)
        _sync(new)
        new.replace(path)
        _sync(path.parent)
    finally:
        new.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A new folder to fill, which becomes `path` if all went well; a killed one's rest is swept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.parent / f".{path.name}.new"
    if new.exists():
        shutil.rmtree(new)
    new.mkdir()
    try:
        yield new
        for file in [*new.rglob("*"), new]:
            _sync(file)
        if path.exists():
            shutil.rmtree(path)
        new.rename(path)
        _sync(path.parent)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
