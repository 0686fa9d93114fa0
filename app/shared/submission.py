"""Starting a recipe: equal runs and jobs, when it would start, and queueing it."""

from __future__ import annotations

from dataclasses import dataclass

from adaspec import AdaspecError, least, runs
from adaspec.jobs import queue, supervisor
from adaspec.jobs.queue import Job
from adaspec.recipe import Recipe
from adaspec.runs import Run
from adaspec.settings import settings
from app.shared import calibration, reading
from app.shell import access, words


@dataclass(frozen=True)
class Equal:
    """Runs and jobs of an equal recipe.

    Attributes:
        live: jobs that wait or are at work, in order of arrival.
        finished: the newest run that has finished.
    """

    live: list[Job]
    finished: Run | None

    def mine(self, owner: str) -> Job | None:
        return next((job for job in self.live if job.owner == owner), None)


def equal(recipe: Recipe) -> Equal:
    """Look for jobs and runs of an equal recipe."""
    wanted = recipe.hash
    live = [job for job in queue.all_jobs() if job.live and job.recipe_hash == wanted]
    return Equal(live, runs.newest(recipe, "finished"))


def start(recipe: Recipe, owner: str, *, anyway: bool = False) -> Job:
    """Queue the recipe, unless it is queued already: a second click starts nothing new.

    Args:
        anyway: even if this machine seems too small for it.

    Raises:
        AdaspecError: the owner has too many waiting, the recipe reads what it may not, or
            this machine is too small for it.
    """
    recipe = access.admitted(recipe)
    known = calibration.known(recipe)
    if not anyway and (reason := least.refusal(recipe, known)):
        raise AdaspecError(reason)
    seconds = known.seconds if known else None
    job = equal(recipe).mine(owner) or queue.submit(recipe, owner, seconds=seconds)
    reading.look_again()
    return job


def place(recipe: Recipe, owner: str) -> str:
    """When a job of this recipe would start, in words."""
    jobs = queue.all_jobs()
    running = [job for job in jobs if job.state == "running"]
    if [job.owner for job in running].count(owner) >= settings().running_each:
        return "Starts when your running job ends."
    wish = Job(
        id="",
        name=recipe.name,
        owner=owner,
        recipe="",
        recipe_hash=recipe.hash,
        gpus=recipe.gpus,
        place=1 + max((job.place for job in jobs), default=0),
    )
    everything = [*jobs, wish]
    status = supervisor.status()
    left = {view.id: view.progress.seconds_left for view in reading.board().views if view.progress}
    starts = queue.expected_starts(everything, left, status.slots if status else 1)
    wait = starts.get(wish.id)
    if wait == 0:
        return "Starts at once."
    number = f"{words.ordinal(queue.positions(everything)[wish.id])} in the queue"
    return f"{number}, to begin {words.roughly(wait)}." if wait else f"{number}."
