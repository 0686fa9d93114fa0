"""Run folders: rename one, delete one."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Annotated

import typer

from adaspec import AdaspecError, runs, terminal
from adaspec.cli.arguments import RunName
from adaspec.jobs import queue


def rename(name: RunName, new_name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Give a run another display name; it may be training."""
    run = runs.find(name)
    runs.rename(run, new_name)
    terminal.say(f"{run.path.name} is called {runs.read_state(run).name}.")


def delete(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="A run's or a job's id, or the start of one.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete a run with its models, and the job that trained it."""
    run = _run_or_job(name)
    identity = run.path.name
    if not yes:
        if not sys.stdin.isatty():
            terminal.fail(f"There is no terminal to confirm deleting {identity}: give --yes.")
        if not typer.confirm(f"Delete {identity} with all its models?"):
            return
    if run.path.parent == runs.runs_folder():
        queue.delete(identity)
    else:
        runs.delete(run)
    terminal.say(f"{identity} is deleted.")


def _run_or_job(name: str) -> runs.Run:
    """A run, or the run that a job which never started would have become."""
    with suppress(AdaspecError):
        return runs.Run(runs.runs_folder() / queue.find(name).id)
    return runs.find(name)
