"""Who asked for what: a line for every submit, resume, cancel, move and delete that was done."""

import time
from contextlib import suppress
from pathlib import Path

from adaspec import AdaspecError, recipe
from adaspec.jobs import audit, queue


def test_everything_that_is_asked_for_is_written_down(home: Path) -> None:
    before = time.time()
    job = queue.submit(recipe.load("tiny"), "ada")
    queue.move(job.id, "first", "admin")
    queue.cancel(job.id[:20], "bob")
    queue.resume(job.id, "ada")
    queue.cancel(job.id)
    queue.delete(job.id, "ada")
    deeds = audit.deeds()
    assert [(deed.by, deed.action, deed.id) for deed in deeds] == [
        ("ada", "submit", job.id),
        ("admin", "move", job.id),
        ("bob", "cancel", job.id),
        ("ada", "resume", job.id),
        (queue.me(), "cancel", job.id),
        ("ada", "delete", job.id),
    ]
    assert all(before <= deed.time <= time.time() for deed in deeds)


def test_what_was_refused_is_not(home: Path) -> None:
    for act in (queue.cancel, queue.delete):
        with suppress(AdaspecError):
            act("01NOSUCHJOB", "eve")
    with suppress(AdaspecError):
        queue.submit(recipe.load("tiny"), "a\nb")
    assert audit.deeds() == []
