"""The queue: submit, watch and reorder jobs, and the supervisor that runs them."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from typing import Annotated, Any

import typer

from adaspec import recipe, runs, terminal
from adaspec.cli.arguments import Anyway, Json, Overrides, RecipeName, require_room
from adaspec.jobs import queue, supervisor
from adaspec.jobs.queue import Where

JobName = Annotated[str, typer.Argument(metavar="ID", help="A job's id, or the start of one.")]
Owner = Annotated[
    str | None, typer.Option(help="Who submits it, by default you; owners take turns.")
]


def submit(
    name: RecipeName,
    overrides: Overrides = None,
    owner: Owner = None,
    new: Annotated[
        bool, typer.Option("--new", help="Train it even if it was trained before.")
    ] = False,
    anyway: Anyway = False,
) -> None:
    """Queue a recipe, for a supervisor or the studio to train."""
    for cell in recipe.cells(name) or [name]:
        chosen = recipe.load(cell, overrides)
        require_room(chosen, anyway=anyway)
        earlier = None if new else runs.newest(chosen, "finished")
        if earlier:
            identity = earlier.path.name
            terminal.say(
                f"Run {identity} has trained this recipe already: adaspec report {identity}. "
                "To train it again: --new."
            )
        else:
            _confirm(queue.submit(chosen, owner or queue.me()))


def resume(name: JobName, owner: Owner = None) -> None:
    """Queue a run that was stopped or failed; it resumes from its last checkpoint."""
    _confirm(queue.resume(name, owner or queue.me()))


def _confirm(job: queue.Job) -> None:
    position = queue.positions(queue.all_jobs()).get(job.id)
    terminal.say(f"{job.id} is queued{f', position {position}' if position else ''}.")
    if not supervisor.alive():
        terminal.note("No supervisor is running: start adaspec supervisor, or the studio.")


def list_jobs(as_json: Json = False) -> None:
    """List the jobs: those that run, those that wait, in order, and those that have ended."""
    jobs = queue.all_jobs()
    positions = queue.positions(jobs)
    order = {"running": 0, "queued": 1}
    jobs.sort(key=lambda job: (order.get(job.state, 2), positions.get(job.id, -job.place)))
    if as_json:
        print(json.dumps([_content(job, positions.get(job.id)) for job in jobs], indent=1))
        return
    rows = [_row(job, positions.get(job.id)) for job in jobs]
    headings = ("id", "name", "owner", "state", "remark")
    terminal.console.print(terminal.listing(headings, rows, whole="id"))


def _content(job: queue.Job, position: int | None) -> dict[str, Any]:
    content = job.model_dump(exclude={"recipe", "token", "place", "turn"})
    return {"id": job.id, "run": job.id, "position": position} | content


def _row(job: queue.Job, position: int | None) -> tuple[str, ...]:
    state = f"queued, {position}" if position else job.state
    remark = job.error or (f"attempt {job.attempt}" if job.attempt > 1 else "")
    return job.id, job.name, job.owner, state, remark


def cancel(name: JobName) -> None:
    """Cancel a job that waits, or stop one that runs. It can be resumed."""
    job = queue.cancel(name)
    outcome = "is cancelled" if job.state == "cancelled" else "will stop"
    terminal.say(f"{job.id} {outcome}. To resume it: adaspec resume {job.id}")


def move(
    name: JobName,
    where: Annotated[
        Where, typer.Argument(metavar="first|last", help="To the front, or to the back.")
    ],
) -> None:
    """Move a waiting job to the front of the queue, or to the back."""
    job = queue.move(name, where)
    terminal.say(f"{job.id} is position {queue.positions(queue.all_jobs())[job.id]}.")


def supervise() -> None:
    """Run the jobs of the queue, in the foreground, until stopped.

    Jobs that are running at that moment carry on by themselves.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    with suppress(KeyboardInterrupt):
        supervisor.serve()
