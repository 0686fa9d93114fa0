"""Which runs there are, and the one that is meant."""

from __future__ import annotations

from pathlib import Path

from adaspec import AdaspecError, files
from adaspec.recipe import Recipe, load
from adaspec.runs import folder
from adaspec.runs.contract import Unreadable
from adaspec.runs.folder import Run, runs_folder
from adaspec.runs.state import State, read_state


def all_runs() -> list[Run]:
    """Every run, newest first, and the bundled example last."""
    ids = [path for path in runs_folder().glob("[!.]*") if (path / "run.json").is_file()]
    newest_first = sorted(ids, key=lambda path: path.name, reverse=True)
    example = [Run(folder.EXAMPLE)] if (folder.EXAMPLE / "run.json").is_file() else []
    return [Run(path) for path in newest_first] + example


def find(name: str) -> Run:
    """The run with this id, unique start of an id, or folder; `example` is the bundled one.

    Raises:
        AdaspecError: none, or more than one.
    """
    if name == "example" and (folder.EXAMPLE / "run.json").is_file():
        return Run(folder.EXAMPLE)
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
    """The newest run of an equal recipe that is in one of these states; not the example."""
    for run in all_runs():
        try:
            state = read_state(run)
        except Unreadable:  # it harms no other
            continue
        if not run.is_example and state.recipe_hash == recipe.hash and state.state in states:
            return run
    return None


def read_recipe(run: Run) -> Recipe:
    return load(str(run.recipe_file))
