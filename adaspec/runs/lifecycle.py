"""A run from its creation to its removal: who may write it, and what it is called."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout
from ulid import ULID

from adaspec import AdaspecError, is_users
from adaspec.recipe import Recipe
from adaspec.runs.filling import atomic_folder
from adaspec.runs.folder import Run, runs_folder
from adaspec.runs.process import Process
from adaspec.runs.state import RunState, read_state, write_state
from adaspec.runs.writing import sync, write_atomic

LONGEST_NAME = 80
DELETED = ".adaspec-deleted"
"""How the hidden name of a run that is being removed ends."""


def create(recipe: Recipe, folder: Path | None = None) -> Run:
    """A new run folder: a fresh id under the runs folder, or the folder given.

    Raises:
        AdaspecError: the folder has something else in it, or cannot be written.
    """
    path = folder.absolute() if folder else runs_folder() / str(ULID())
    try:
        path = path.resolve()
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise AdaspecError(
                f"{path} is not a run folder and not empty: choose another --run-dir."
            )
        identity = path.name if path.parent == runs_folder() else str(ULID())
        state = RunState(
            id=identity,
            name=recipe.name,
            recipe_hash=recipe.hash,
            created=datetime.now(UTC),
            process=Process.this(),
        )
        with atomic_folder(path) as new:
            write_atomic(Run(new).recipe_file, recipe.yaml())
            write_state(Run(new), state)
    except OSError as error:
        if is_users(error):  # the disk is full
            raise
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise AdaspecError(
                f"Another process has just created {path}: choose another."
            ) from None
        raise AdaspecError(f"Cannot create the run folder {path}: {error.strerror}.") from None
    return Run(path)


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
        AdaspecError: not a name, or a bundled example.
    """
    name = name.strip()
    if not (1 <= len(name) <= LONGEST_NAME and name.isprintable()):
        raise AdaspecError(f"A name is one line of 1 to {LONGEST_NAME} printable characters.")
    if run.is_example:
        raise AdaspecError("A bundled example keeps its name.")
    write_atomic(run.name_file, name)


def delete(run: Run) -> None:
    """Remove the run's folder. One that a crash leaves half removed is no run any more.

    Raises:
        AdaspecError: it is being trained, is not there, or is a bundled example.
    """
    if run.is_example:
        raise AdaspecError("A bundled example cannot be deleted.")
    if not run.state_file.is_file():
        raise AdaspecError(f"No run {run.path.name}. Runs live in {runs_folder()}.")
    if _is_running(run):
        raise AdaspecError(f"Run {run.path.name} is being trained: stop it first.")
    sweep(run.path.parent)
    with only_writer(run):
        run.path.rename(run.path.with_name(f".{run.path.name}{DELETED}"))
        sync(run.path.parent)
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
