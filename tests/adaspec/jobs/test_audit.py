"""Who asked for what: a line for each submit, resume, cancel, move, rename, note, delete."""

import time
from contextlib import suppress
from pathlib import Path

from adaspec import AdaspecError, recipe, runs
from adaspec.jobs import audit, queue


def test_everything_that_is_asked_for_is_written_down(home: Path) -> None:
    before = time.time()
    job = queue.submit(recipe.load("tiny"), "ada")
    queue.move(job.id, "first", "admin")
    queue.cancel(job.id[:20], "bob")
    queue.resume(job.id, "ada")
    queue.cancel(job.id)
    run = runs.create(recipe.load("tiny"), runs.runs_folder() / job.id)
    queue.rename(run, " second try ", "ada")
    queue.annotate(run, ["good", "paper"], "Figure 3.", "ada")
    runs.write_state(run, runs.read_state(run).model_copy(update={"state": "interrupted"}))
    queue.delete(job.id, "ada")
    deeds = audit.deeds()
    assert [(deed.by, deed.action, deed.id) for deed in deeds] == [
        ("ada", "submit", job.id),
        ("admin", "move", job.id),
        ("bob", "cancel", job.id),
        ("ada", "resume", job.id),
        (queue.me(), "cancel", job.id),
        ("ada", "rename", job.id),
        ("ada", "note", job.id),
        ("ada", "delete", job.id),
    ]
    assert [deed.about for deed in deeds if deed.action == "rename"] == ["second try"]
    assert all(before <= deed.time <= time.time() for deed in deeds)


def test_what_was_refused_is_not(home: Path) -> None:
    for act in (queue.cancel, queue.delete):
        with suppress(AdaspecError):
            act("01NOSUCHJOB", "eve")
    with suppress(AdaspecError):
        queue.submit(recipe.load("tiny"), "a\nb")
    assert audit.deeds() == []
