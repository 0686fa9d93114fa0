"""The teacher's plan in a room: what a step shows, what is bet on, and the presenter's notes.

The words are the path's (`app/learn`), the figures the bundled runs'.
"""

from __future__ import annotations

from adaspec import AdaspecError
from adaspec.turns import once
from app.classroom.room import Lesson, LessonView, NotesView, Question, Room
from app.learn import evidence, plan
from app.learn.places import Exhibit
from app.learn.view import LearnView, StepView, learn_view


@once(1)
def path() -> LearnView:
    """All steps; the first time it reads the bundled runs, which takes seconds.

    Raises:
        AdaspecError: a bundled run is not there, or damaged.
    """
    return learn_view()


def step(lesson: Lesson) -> StepView:
    """The step that a lesson is at.

    Raises:
        AdaspecError: the plan has no such step.
    """
    places = plan.planned(lesson.minutes)
    if lesson.at >= len(places):
        raise AdaspecError(f"The plan of {lesson.minutes} minutes has {len(places)} steps.")
    number, _, _ = places[lesson.at]
    return path().steps[number - 1]


def shown(room: Room) -> LessonView | None:
    """What everybody sees of the lesson."""
    lesson = room.lesson
    if lesson is None:
        return None
    here = step(lesson)
    places = plan.planned(lesson.minutes)
    is_shown = lesson.phase != "idea"
    texts = [*here.idea, *(here.shown if is_shown else [])]
    return LessonView(
        id=here.id,
        number=lesson.at + 1,
        of=len(places),
        title=here.title,
        terms={part.term: path().terms[part.term] for part in texts if part.term},
        idea=here.idea,
        given=here.given,
        material=here.material,
        shown=here.shown if is_shown else [],
        outcome=here.outcome if is_shown else [],
        exhibit=is_shown,
        upcoming=places[lesson.at + 1][1].title if lesson.at + 1 < len(places) else "",
    )


def exhibit(lesson: Lesson) -> Exhibit | None:
    """What there is to look at once the outcome is shown."""
    return evidence.of_step(step(lesson).id).exhibit()


def notes(room: Room) -> NotesView | None:
    """What the plan says to whoever presents."""
    lesson = room.lesson
    if lesson is None:
        return None
    _, _, place = plan.planned(lesson.minutes)[lesson.at]
    bet = room.bet
    asked = bet.question if bet is not None else None
    return NotesView(
        minutes=place.minutes,
        until=lesson.since + 60 * place.minutes,
        sees=place.sees,
        ask=place.ask,
        answer="" if asked is None or asked.answer is None else asked.options[asked.answer],
    )


def question(lesson: Lesson) -> Question:
    """What the seats bet on now: the step's prediction, or after it its question.

    Raises:
        AdaspecError: the plan has no such step.
    """
    here = step(lesson)
    if lesson.phase == "idea":
        return Question(
            text=here.ask,
            options=[option.text for option in here.options],
            answer=[option.id for option in here.options].index(here.right),
            phase="shown",
        )
    right = next(place for place, answer in enumerate(here.answers) if answer.right)
    return Question(
        text=here.question,
        options=[answer.text for answer in here.answers],
        answer=right,
        why=here.answers[right].says,
        phase="asked",
    )
