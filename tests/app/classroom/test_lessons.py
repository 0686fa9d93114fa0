"""The teacher's plan in a room: what is bet on, who sees what when, and the notes."""

import pytest

from adaspec import AdaspecError
from app.classroom import lessons
from app.classroom import room as rooms
from app.classroom.room import Lesson, Open, Room, Shown, Teach, Turn
from app.learn import plan
from app.learn.steps import Length


def taught(at: int = 0, minutes: Length = 45) -> Room:
    room = rooms.new("english", Shown(draft="adaspec", number=0), closes=1e10)
    lesson = Lesson(minutes=minutes, at=at, since=100.0)
    rooms.lead(room, Teach(do="teach", lesson=lesson))
    return room


@pytest.mark.parametrize("minutes", [45, 90])
def test_every_step_is_bet_on_and_asked_in_its_own_words(minutes: Length) -> None:
    for at, (number, step, place) in enumerate(plan.planned(minutes)):
        room = taught(at, minutes)
        view = lessons.path().steps[number - 1]
        assert room.lesson
        bet = lessons.question(room.lesson)
        assert bet.text == view.ask  # not cut short
        assert bet.options == [option.text for option in view.options]
        assert bet.answer is not None
        assert view.options[bet.answer].id == view.right
        asked = lessons.question(room.lesson.model_copy(update={"phase": "shown"}))
        assert (asked.text, asked.why) == (view.question, step.question.right.says)
        assert asked.answer is not None
        assert asked.options[asked.answer] == step.question.right.text
        notes = lessons.notes(room)
        assert notes
        assert (notes.ask, notes.until) == (place.ask, 100.0 + 60 * place.minutes)


def test_what_happened_is_shown_when_the_bet_is_revealed() -> None:
    room = taught()
    assert room.lesson
    rooms.lead(room, Open(do="open", question=lessons.question(room.lesson)))
    before = lessons.shown(room)
    assert before
    assert (before.shown, before.outcome, before.exhibit) == ([], [], False)
    rooms.lead(room, Turn(do="reveal"))
    after = lessons.shown(room)
    assert after
    assert after.shown
    assert after.outcome
    assert after.exhibit
    rooms.lead(room, Turn(do="end"))
    assert room.lesson
    rooms.lead(room, Open(do="open", question=lessons.question(room.lesson)))
    assert room.lesson.phase == "shown"
    rooms.lead(room, Turn(do="reveal"))
    assert room.lesson.phase == "asked"


def test_a_step_explains_the_words_that_it_shows() -> None:
    for at, _ in enumerate(plan.planned(90)):
        room = taught(at, 90)
        for phase in ("idea", "shown"):
            assert room.lesson
            room.lesson = room.lesson.model_copy(update={"phase": phase})
            view = lessons.shown(room)
            assert view
            dotted = {part.term for part in [*view.idea, *view.shown] if part.term}
            assert dotted == set(view.terms)


def test_there_is_no_step_after_the_last() -> None:
    with pytest.raises(AdaspecError, match="has 8 steps"):
        lessons.step(Lesson(minutes=45, at=8))
    last = lessons.shown(taught(at=7))
    assert last
    assert last.upcoming == ""
