"""Which runs there are, and the one that is meant."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from adaspec import AdaspecError, files
from adaspec.recipe import Recipe, load
from adaspec.runs import folder
from adaspec.runs.contract import Unreadable, stamp
from adaspec.runs.folder import Run, runs_folder
from adaspec.runs.state import State, read_state


def all_runs() -> list[Run]:
    """Every run, newest first, and the bundled examples last."""
    ids = [path for path in runs_folder().glob("[!.]*") if (path / "run.json").is_file()]
    newest_first = sorted(ids, key=lambda path: path.name, reverse=True)
    return [Run(path) for path in newest_first] + examples()


def examples() -> list[Run]:
    """The bundled runs that this installation has."""
    return [Run(path) for path in folder.EXAMPLES.values() if (path / "run.json").is_file()]


def find(name: str) -> Run:
    """The run with this id, unique start of an id, or folder; `english` and `example` are bundled.

    Raises:
        AdaspecError: none, or more than one.
    """
    if bundled := [run for run in examples() if run.id == name]:
        return bundled[0]
    matches = [run for run in all_runs() if run.path.name.startswith(name.upper())] if name else []
    if len(matches) == 1:
        return matches[0]
    if len(matches) > 1:
        raise AdaspecError(f"{name!r} could be {len(matches)} runs: give more of the id.")
    if files.is_file(Path(name, "run.json")):
        return Run(Path(name).resolve())
    if files.exists(Path(name)):
        raise AdaspecError(f"{name} is not a run folder: it has no run.json.")
    raise AdaspecError(f"No run {name!r}. Runs live in {runs_folder()}.")


def newest(recipe: Recipe, *states: State) -> Run | None:
    """The newest run of an equal recipe that is in one of these states; not an example."""
    wanted = recipe.hash
    for run in all_runs():
        try:
            if run.is_example or _recipe_hash(run, *stamp(run.state_file)) != wanted:
                continue
            if read_state(run).state in states:
                return run
        except Unreadable:  # it harms no other
            continue
    return None


@lru_cache(maxsize=16_384)
def _recipe_hash(run: Run, *_stamp: int) -> str:
    return read_state(run).recipe_hash


def read_recipe(run: Run) -> Recipe:
    return load(str(run.recipe_file))
