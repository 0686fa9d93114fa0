"""The queue: submit, watch and reorder jobs, and the supervisor that runs them."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import suppress
from datetime import timedelta
from typing import Annotated, Any

import typer

from adaspec import AdaspecError, estimate, recipe, runs, terminal
from adaspec.cli.arguments import Anyway, Json, Overrides, RecipeName, names, require_room
from adaspec.jobs import queue, supervisor
from adaspec.jobs.queue import Where
from adaspec.recipe import Recipe

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
    recipes = [recipe.load(cell, overrides) for cell in recipe.cells(name) or [name]]
    done = [None if new else runs.newest(chosen, "finished") for chosen in recipes]
    for chosen, earlier in zip(recipes, done, strict=True):
        if not earlier:
            require_room(chosen, anyway=anyway)
    for chosen, earlier in zip(recipes, done, strict=True):
        if earlier:
            identity = earlier.path.name
            terminal.say(
                f"Run {identity} has trained this recipe already: adaspec report {identity}. "
                "To train it again: --new."
            )
        else:
            _confirm(queue.submit(chosen, owner or queue.me()))


def sweep(
    name: RecipeName,
    overrides: Overrides = None,
    k: Annotated[str | None, typer.Option(help="Filter ratios: 0.2,0.4,0.6.")] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds: 0,1,2; by default its own.")] = None,
    owner: Owner = None,
    anyway: Anyway = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Queue a recipe once for every seed, with a method for every k, after saying what it takes."""
    ratios = [_number(text, float, "--k") for text in names(k) or []]
    numbers = [_number(text, int, "--seeds") for text in names(seeds) or []]
    if not (ratios or numbers):
        raise AdaspecError("Nothing to sweep over: give --k 0.2,0.4 or --seeds 0,1,2.")
    recipes = recipe.sweep(recipe.load(name, overrides), ratios, numbers)
    new = [chosen for chosen in recipes if runs.newest(chosen, "finished") is None]
    for chosen in new:
        require_room(chosen, anyway=anyway)
    seconds = {chosen.name: _seconds(chosen) for chosen in new}
    for chosen in recipes:
        said = "trained already" if chosen not in new else _duration(seconds[chosen.name])
        terminal.say(f"{chosen.name}: {said}")
    known = [each for each in seconds.values() if each is not None]
    total = _duration(sum(known) if len(known) == len(new) else None)
    terminal.say(f"{len(new)} jobs, one after the other: {total}")
    if not new:
        return
    if not yes:
        if not sys.stdin.isatty():
            terminal.fail("There is no terminal to confirm this: give --yes.")
        if not typer.confirm("Queue them?"):
            return
    for chosen in new:
        _confirm(queue.submit(chosen, owner or queue.me(), seconds=seconds[chosen.name]))


def _number(text: str, kind: type[float] | type[int], option: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise AdaspecError(f"{option}: {text!r} is not a number.") from None


def _seconds(chosen: Recipe) -> float | None:
    expected = estimate.known(chosen)
    return expected.seconds if expected else None


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "of unknown length (adaspec estimate RECIPE --calibrate measures it)"
    return str(timedelta(seconds=round(seconds)))


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
