"""A room's runs: what its seats may train, how they stand, what was measured of k, and their end.

They wait in the studio's queue under the names of their seats. A room is a team there: its seats
take turns with each other, and the room with everybody else as one person. Nothing is stored of
them beside the queue and the run folders: a run is the room's by its owner.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from statistics import fmean

from adaspec import AdaspecError, runs
from adaspec.jobs import queue
from adaspec.recipe import Recipe, load, read, trainings
from adaspec.selection import ADASPEC
from app.classroom.room import CODE, LETTERS, Question, Room, RunView, Train
from app.shared import reading, submission
from app.shared.reading import View

EACH, ALL = 3, 40
"""The most runs of a seat, and of a room, in its day."""
OFFERED = (0.1, 0.2, 0.4, 0.6, 0.8)
"""The k that a room can vote for, beside those that were measured."""
MOST = 6
"""Options of a bet."""
_TEAM = re.compile(f"Room ([{LETTERS}]{{{CODE}}})")


def team(code: str) -> str:
    """What the queue calls a room."""
    return f"Room {code}"


def owner(code: str, name: str) -> str:
    """What the queue calls a seat."""
    return f"{team(code)}{queue.TEAM}{name}"


def listed(code: str) -> list[RunView]:
    """A room's runs: those at work, those waiting in their order, then the newest first."""
    return [_listed(view) for view in _views(code)]


def start(code: str, name: str, wish: Train) -> None:
    """Queue a run of a seat's.

    Raises:
        AdaspecError: the seat or the room has had its share, the room has it already, or this
            machine is too small for it.
    """
    recipe = load(wish.recipe, [f"stage2.k={round(wish.k, 2):g}"])
    there = _views(code)
    mine = [view for view in there if view.owner == owner(code, name)]
    if len(mine) >= EACH:
        raise AdaspecError(f"You have had your {EACH} runs.")
    if len(there) >= ALL:
        raise AdaspecError(f"The room has had its {ALL} runs.")
    for view in there:
        if view.job and view.job.recipe_hash == recipe.hash and view.word not in _ENDED_BADLY:
            who = view.owner.removeprefix(owner(code, ""))
            raise AdaspecError(f"{who} trains with this k already: choose another one.")
    named = wish.name or f"{wish.recipe} k={round(wish.k, 2):g}"
    submission.start(recipe.model_copy(update={"name": named}), owner(code, name))


def stop(code: str, run: str, name: str | None) -> None:
    """Stop a run of the room's.

    Args:
        name: of the seat that wants it; None: the presenter does.

    Raises:
        AdaspecError: there is none, it is somebody else's, or it has ended.
    """
    by = team(code) if name is None else owner(code, name)
    allowed = [view.id for view in _views(code) if name is None or view.owner == by]
    if run not in allowed:
        raise AdaspecError("That is none of your runs.")
    queue.cancel(run, by)
    reading.look_again()


def clear(open_rooms: Iterable[str]) -> bool:
    """Stop and delete the runs of rooms that are gone; whether some have still to stop."""
    kept = {team(code) for code in open_rooms}
    left = False
    for job in queue.all_jobs():
        room = queue.team(job.owner)
        if room == job.owner or room in kept or not _TEAM.fullmatch(room):
            continue
        with suppress(AdaspecError):  # it has ended, or was deleted, meanwhile
            if job.live and not job.cancel:
                job = queue.cancel(job.id, room)
            if not job.live:
                queue.delete(job.id, room)
        left = left or job.live
    return left


def choose_k(room: Room) -> Question:
    """Which k? With what was measured: by the room's run, and by runs that differ in k alone."""
    measured = _measured(runs.find(room.run))
    best = sorted(measured, key=lambda k: -measured[k])
    others = [k for k in OFFERED if k not in measured]
    ks = sorted([*best[:MOST], *others][: max(MOST - 1, min(MOST, len(best)))])
    known = [k for k in ks if k in measured]
    return Question(
        text="A draft is trained on a share k of the tokens. With which k does it guess best?",
        options=[f"k = {100 * k:g} %" for k in ks],
        answer=ks.index(best[0]) if len(known) > 1 else None,
        figures=[f"α = {100 * measured[k]:.1f} %" if k in measured else "not measured" for k in ks]
        if known
        else [],
        why=(
            "α is the share of guesses that are kept. Each figure is of one run or of a few: "
            "differences of less than a point may be chance."
        )
        if known
        else "None of these was measured yet: let the seats train them.",
    )


_ENDED_BADLY = ("failed", "cancelled", "interrupted", "damaged")


def _views(code: str) -> list[View]:
    begins = owner(code, "")
    return [view for view in reading.board().views if view.owner.startswith(begins)]


def _listed(view: View) -> RunView:
    assert view.job is not None  # it has an owner
    recipe = _read(view.job.recipe)
    measured = _alphas(view, recipe) if view.word == "finished" else {}
    return RunView(
        id=view.id,
        seat=view.owner.partition(queue.TEAM)[2],
        name=view.name,
        recipe=_bundled(recipe),
        k=recipe.stage2.k if recipe.stage2 else 1.0,
        word=view.word,
        place=view.place,
        percent=round(100 * view.progress.fraction) if view.progress else None,
        alpha=next(iter(measured.values()), None),
    )


@lru_cache(maxsize=256)
def _read(text: str) -> Recipe:
    return read(text)


def _bundled(recipe: Recipe) -> str:
    """Which of the bundled recipes it is but for k."""
    names = ("tiny", "english")
    return next((name for name in names if _alike(load(name)) == _alike(recipe)), recipe.name)


def _alike(recipe: Recipe) -> str:
    """Equal for recipes that differ in nothing but k."""
    stage2 = recipe.stage2
    return recipe.model_copy(
        update={"stage2": stage2 and stage2.model_copy(update={"k": 0.5})}
    ).hash


def _measured(run: runs.Run) -> dict[float, float]:
    """k -> acceptance rate of a draft that AdaSPEC trained with it; means where several have it."""
    base = _alike(runs.read_recipe(run))
    found: defaultdict[float, list[float]] = defaultdict(list)
    for view in reading.board().views:
        recipe = reading.recipe(view) if view.word == "finished" else None
        if recipe is None or (view.run != run and _alike(recipe) != base):
            continue
        for k, alpha in _alphas(view, recipe).items():
            found[k].append(alpha)
    return {k: fmean(alphas) for k, alphas in found.items()}


def _alphas(view: View, recipe: Recipe) -> dict[float, float]:
    """k -> what the drafts that AdaSPEC trained reached; of a run that is damaged, nothing."""
    facts = view.state.facts if view.state else None
    if view.report is None or facts is None:
        return {}
    reached = {draft.name: draft.alpha.generated for draft in view.report.drafts}
    return {
        training.k: reached[training.name]
        for training in trainings(recipe, facts.training_rows)
        if training.k is not None
        and training.method
        and training.method.selector == ADASPEC
        and training.name in reached
    }
