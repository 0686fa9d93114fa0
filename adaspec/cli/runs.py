"""Run folders: rename one, write a note on one, delete one, find out what is wrong with one."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Annotated

import typer

from adaspec import AdaspecError, runs, terminal
from adaspec.cli.arguments import RunName, names
from adaspec.cli.training import measure
from adaspec.jobs import audit, queue


def rename(name: RunName, new_name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Give a run another display name; it may be training."""
    run = runs.find(name)
    queue.rename(run, new_name)
    terminal.say(f"{run.path.name} is called {runs.read_state(run).name}.")


def note(
    name: RunName,
    tags: Annotated[
        str | None, typer.Option(help="Tags instead of those it has: A,B; '' for none.")
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="A note instead of the one it has; '' for none.")
    ] = None,
) -> None:
    """Print a run's tags and note, or write other ones; it may be training."""
    run = runs.find(name)
    if tags is not None or text is not None:
        before = runs.read_notes(run) if tags is None or text is None else runs.Notes()
        chosen = before.tags if tags is None else names(tags) or []
        queue.annotate(run, chosen, before.note if text is None else text)
    notes = runs.read_notes(run)
    terminal.say(f"tags: {', '.join(notes.tags) or 'none'}")
    terminal.say(notes.note or "no note")


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
        audit.record(queue.me(), "delete", identity)
    terminal.say(f"{identity} is deleted.")


def _run_or_job(name: str) -> runs.Run:
    """A run, or the run that a job which never started would have become."""
    with suppress(AdaspecError):
        return runs.Run(runs.runs_folder() / queue.find(name).id)
    return runs.find(name)


def doctor(
    name: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A run; by default all of them.")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make again what the run's models can tell.")
    ] = False,
) -> None:
    """Check every file of a run, and say what is wrong and what can be made again."""
    from adaspec import doctor

    damaged = False
    for run in [runs.find(name)] if name else runs.all_runs():
        findings = doctor.examine(run)
        damaged |= bool(findings)
        for finding in findings:
            terminal.say(f"{run.path.name}: {finding.path} {finding.reason}")
        if not findings:
            terminal.say(f"{run.path.name}: every file can be read.")
        elif not doctor.can_measure(findings):
            terminal.say(f"{run.path.name}: not all of it can be made again from its models.")
        elif repair:
            measure(run.path.name if run.path.parent == runs.runs_folder() else str(run.path))
            damaged = bool(doctor.examine(run))
        else:
            terminal.say(
                f"{run.path.name}: adaspec doctor {run.path.name} --repair makes it again."
            )
    if damaged:
        sys.exit(1)
