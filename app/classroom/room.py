"""A room as data: what its presenter shows, who sits there, and what they bet.

Nothing here knows of connections. Whatever a person sends is a message, checked when it is read; a
room changes by `enter`, `lead` and `sit` alone; `shared`, `personal` and `overview` say what the
people in it are shown.
"""

from __future__ import annotations

import hmac
import secrets
from collections import Counter
from collections.abc import Container
from itertools import chain, count
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # as in adaspec/views/__init__.py

from adaspec import AdaspecError, one_line
from adaspec.runs.contract import Contract, Part
from app.learn.blocks import Block
from app.learn.steps import Length, Stretch

LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Of a code: none looks like another."""
CODE = 6
SEATS, QUESTIONS, WAITING = 600, 200, 3
"""The most of a room: seats, questions, and questions of one seat that wait for an answer."""
DISCUSS = (0.35, 0.7)
"""Where the share of right votes lies between these, talking it over and voting again helps most
(Mazur's peer instruction)."""

Stage = Literal["open", "counted", "revealed"]
Phase = Literal["idea", "shown", "asked"]
"""Of a lesson's step: its idea and what is bet on; what really happened; the question after it."""
Key = Literal["next", "back"]
Sign = Literal["clear", "lost", "slower", "applause"]
Trainable = Literal["tiny", "english"]
"""Bundled recipes of minutes, which seats may run."""
Step = Annotated[int, Field(ge=0, lt=1 << 31)]


def _line(longest: int) -> BeforeValidator:
    return BeforeValidator(
        lambda text: one_line(text, longest).strip() if isinstance(text, str) else text
    )


Text = Annotated[str, _line(300), Field(min_length=1)]
Option = Annotated[str, _line(80), Field(min_length=1)]
Nickname = Annotated[str, _line(24)]


class Question(Part):
    """What is bet on.

    Attributes:
        answer: the option that is right; None where there is none, in a poll.
        why: what is said once it is revealed.
        figures: what was measured of every option, shown with the answer; empty: nothing was.
        step: the step of the replay that shows it; None: the replay stays where it is.
        phase: of the lesson, to which it leads; None: it is none of the lesson's.
    """

    text: Text
    options: Annotated[list[Option], Field(min_length=2, max_length=6)]
    answer: Annotated[int, Field(ge=0)] | None = None
    why: Annotated[str, _line(400)] = ""
    figures: list[Option] = Field([])
    step: Step | None = None
    phase: Phase | None = None


class _Changing(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True)


class Bet(_Changing):
    """A question and what the seats say.

    Attributes:
        votes: seat -> option.
        before: those of the first vote, where they have talked and vote again.
    """

    question: Question
    stage: Stage = "open"
    votes: dict[str, int] = {}
    before: dict[str, int] | None = None


class Seat(_Changing):
    """A person in the room.

    Attributes:
        secret: by which a lost connection comes back to its seat.
        points: right votes.
        step: where they look around; None: they follow the presenter.
    """

    name: Nickname
    secret: str
    points: int = 0
    step: Step | None = None


class Asked(_Changing):
    """A question from a seat."""

    number: int
    seat: str
    text: str


class Shown(Part):
    """A replay of the run: its draft, and the number of its prompt."""

    draft: str
    number: Annotated[int, Field(ge=0)]


class Lesson(Part):
    """Where the room is in the teacher's plan (`app/learn/steps.yaml`).

    Attributes:
        minutes: which plan.
        at: its step, from 0.
        since: seconds since 1970 at which that step began.
    """

    minutes: Length
    at: Annotated[int, Field(ge=0, lt=100)] = 0
    phase: Phase = "idea"
    since: Annotated[float, Field(ge=0, le=1e11)] = 0.0


class Room(_Changing):
    """All there is of a room but its runs (`training.py`); `ROOM` reads and writes it.

    Attributes:
        code: by which seats find it.
        secret: of whoever presents.
        run: whose replays are shown.
        lesson: shown in place of a replay.
        closes: seconds since 1970 at which it is gone.
        seats, asked: in the order in which they came; seats by their ids.
        signs: what seats have signalled since the presenter last looked.
        board: the seat whose view is shown to everybody.
        timer: seconds since 1970 at which it rings.
        scores: whether points are shown.
        training: whether seats may start runs.
    """

    version: Literal[2] = 2
    code: str
    secret: str
    run: str
    closes: float
    shown: Shown
    step: Step = 0
    bet: Bet | None = None
    seats: dict[str, Seat] = {}
    asked: list[Asked] = []
    signs: dict[Sign, int] = {}
    board: str | None = None
    timer: float | None = None
    scores: bool = False
    questions: int = 0
    lesson: Lesson | None = None
    training: bool = False


ROOM: Contract[Room] = Contract(Room, 2, remedy="Open a new room.")
"""Version 1 had neither lessons nor runs."""


def new(run: str, shown: Shown, closes: float) -> Room:
    """An empty room with a code and a secret that nobody can guess."""
    code = "".join(secrets.choice(LETTERS) for _ in range(CODE))
    return Room(code=code, secret=secrets.token_urlsafe(24), run=run, closes=closes, shown=shown)


# What people send


class Lead(Part):
    """The presenter comes in."""

    do: Literal["lead"]
    secret: str


class Join(Part):
    """A seat comes in, or comes back."""

    do: Literal["join"]
    name: str = ""
    seat: str = ""
    secret: str = ""


class Show(Part):
    """Go to a step, of this replay or another one."""

    do: Literal["show"]
    step: Step
    replay: Shown | None = None


class Open(Part):
    """Let the seats bet."""

    do: Literal["open"]
    question: Question


class Turn(Part):
    """What happens to the bet: its votes are counted, it is voted on again, revealed, put away."""

    do: Literal["count", "again", "reveal", "end"]


class Feature(Part):
    """Show everybody a seat's view, or the presenter's again."""

    do: Literal["board"]
    seat: str | None


class Timer(Part):
    """Ring at a time, in seconds since 1970; None stops it."""

    do: Literal["timer"]
    until: Annotated[float, Field(ge=0, le=1e11)] | None


class Teach(Part):
    """Show a step of the teacher's plan; None: the replay again."""

    do: Literal["teach"]
    lesson: Lesson | None


class AskNext(Part):
    """Let the seats bet on what comes next in the lesson, or on k."""

    do: Literal["predict", "choose k"]


class Training(Part):
    """Whether seats may start runs."""

    do: Literal["training"]
    open: bool


class Press(Part):
    """A key of the presenter's notes, for the board."""

    do: Literal["press"]
    key: Key


class Scores(Part):
    do: Literal["scores"]
    shown: bool


class Answered(Part):
    """A question from a seat is dealt with."""

    do: Literal["answered"]
    number: int


class Cleared(Part):
    """The signals were seen."""

    do: Literal["cleared"]


class Vote(Part):
    do: Literal["vote"]
    option: Annotated[int, Field(ge=0, lt=6)]


class Signal(Part):
    do: Literal["signal"]
    sign: Sign


class Ask(Part):
    do: Literal["ask"]
    text: Text


class Roam(Part):
    """Look around, at a step; None follows the presenter again."""

    do: Literal["roam"]
    step: Step | None


class Train(Part):
    """Start a run of a bundled recipe; nothing of it but k and its name can be chosen."""

    do: Literal["train"]
    recipe: Trainable
    k: Annotated[float, Field(ge=0.05, le=0.95)]
    name: Annotated[str, _line(40)] = ""


class Stop(Part):
    """Stop a run: one's own, or whoever presents any."""

    do: Literal["stop"]
    run: Annotated[str, Field(max_length=40)]


Presented = (
    Show
    | Open
    | Turn
    | Feature
    | Timer
    | Scores
    | Answered
    | Cleared
    | Teach
    | AskNext
    | Training
    | Press
    | Stop
)
Seated = Vote | Signal | Ask | Roam | Train | Stop
HELLO: TypeAdapter[Lead | Join] = TypeAdapter(Annotated[Lead | Join, Field(discriminator="do")])
PRESENTED: TypeAdapter[Presented] = TypeAdapter(Annotated[Presented, Field(discriminator="do")])
SEATED: TypeAdapter[Seated] = TypeAdapter(Annotated[Seated, Field(discriminator="do")])


Message = TypeVar("Message")


def parse(kind: TypeAdapter[Message], text: str) -> Message:
    """A message.

    Raises:
        AdaspecError: it is none of that kind.
    """
    try:
        return kind.validate_json(text)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(map(str, fault["loc"]))
        raise AdaspecError(f"{place}: {fault['msg']}.") from None


# What changes


def enter(room: Room, name: str, here: Container[str] | None = None) -> str:
    """A new seat; its id. In a full room, one that is away and has no points gives way.

    Args:
        here: the seats that are connected; None: all.

    Raises:
        AdaspecError: the room is full.
    """
    if len(room.seats) >= SEATS:
        here = room.seats if here is None else here
        away = [key for key, seat in room.seats.items() if key not in here and not seat.points]
        if not away:
            raise AdaspecError(f"The room is full: it has {SEATS} seats.")
        _leave(room, away[0])
    given = one_line(name, 24).strip() or f"Seat {len(room.seats) + 1}"
    taken = {seat.name for seat in room.seats.values()}
    numbered = (f"{given[:18]} ({number})" for number in count(len(room.seats) + 1))
    free = next(name for name in chain([given], numbered) if name not in taken)
    identity = secrets.token_urlsafe(6)
    room.seats[identity] = Seat(name=free, secret=secrets.token_urlsafe(18))
    return identity


def _leave(room: Room, seat: str) -> None:
    """A seat is gone, with its vote and its questions."""
    del room.seats[seat]
    room.asked = [asked for asked in room.asked if asked.seat != seat]
    room.board = None if room.board == seat else room.board
    if room.bet is not None:
        for votes in (room.bet.votes, room.bet.before or {}):
            votes.pop(seat, None)


def owns(room: Room, seat: str, secret: str) -> bool:
    """Whether somebody who comes back had this seat."""
    there = room.seats.get(seat)
    return there is not None and hmac.compare_digest(there.secret.encode(), secret.encode())


def presents(room: Room, secret: str) -> bool:
    """Whether this is the presenter's secret."""
    return hmac.compare_digest(room.secret.encode(), secret.encode())


def lead(room: Room, message: Presented) -> None:
    """What the presenter does.

    Raises:
        AdaspecError: there is no such thing to do it to.
    """
    match message:
        case Show():
            room.board = None
            room.step = message.step
            if message.replay is not None:
                room.shown = message.replay
        case Open():
            question = message.question
            if question.answer is not None and question.answer >= len(question.options):
                raise AdaspecError("The answer is none of the options.")
            if question.figures and len(question.figures) != len(question.options):
                raise AdaspecError("There is a figure for every option, or for none.")
            room.bet = Bet(question=question)
        case Teach():
            room.board = room.bet = None
            room.lesson = message.lesson
        case Turn():
            _turn(room, message.do)
        case Feature():
            if message.seat is not None and message.seat not in room.seats:
                raise AdaspecError("There is no such seat.")
            room.board = message.seat
        case Timer():
            room.timer = message.until
        case Scores():
            room.scores = message.shown
        case Answered():
            room.asked = [asked for asked in room.asked if asked.number != message.number]
        case Cleared():
            room.signs = {}
        case Training():
            room.training = message.open


def _turn(room: Room, what: Literal["count", "again", "reveal", "end"]) -> None:
    bet = room.bet
    if bet is None:
        raise AdaspecError("There is no bet: open one first.")
    if what == "count" and bet.stage == "open":
        bet.stage = "counted"
    elif what == "again" and bet.stage != "revealed":
        bet.before = bet.votes if bet.before is None else bet.before
        bet.stage, bet.votes = "open", {}
    elif what == "reveal" and bet.stage != "revealed":
        bet.stage = "revealed"
        for seat, option in bet.votes.items():
            room.seats[seat].points += option == bet.question.answer
        if bet.question.step is not None:
            room.step = bet.question.step
        if bet.question.phase is not None and room.lesson is not None:
            room.lesson = room.lesson.model_copy(update={"phase": bet.question.phase})
    elif what == "end":
        room.bet = None


def sit(room: Room, seat: str, message: Seated) -> None:
    """What a seat does.

    Raises:
        AdaspecError: it cannot be done now; a sentence for whoever sits there.
    """
    match message:
        case Vote():
            if room.bet is None or room.bet.stage != "open":
                raise AdaspecError("The bets are closed.")
            if message.option >= len(room.bet.question.options):
                raise AdaspecError("There is no such option.")
            room.bet.votes[seat] = message.option
        case Signal():
            room.signs[message.sign] = room.signs.get(message.sign, 0) + 1
        case Ask():
            if sum(asked.seat == seat for asked in room.asked) >= WAITING:
                raise AdaspecError(f"{WAITING} of your questions are waiting for an answer.")
            if len(room.asked) >= QUESTIONS:
                raise AdaspecError("There are too many questions at the moment.")
            room.questions += 1
            room.asked.append(Asked(number=room.questions, seat=seat, text=message.text))
        case Roam():
            room.seats[seat].step = message.step


# What is shown


class BetView(Part):
    """A bet as everybody sees it.

    Attributes:
        counts, before: votes of each option, once they are counted; those of the first vote.
        answer, why, figures: once it is revealed.
        again: whether this is the second vote.
        phase: of the lesson, to which it leads.
    """

    text: str
    options: list[str]
    stage: Stage
    again: bool
    counts: list[int] | None
    before: list[int] | None
    answer: int | None
    why: str
    figures: list[str]
    phase: Phase | None


class Place(Part):
    """Somebody's name, and a number of theirs."""

    name: str
    number: int


class SharedView(Part):
    """What everybody in the room sees.

    Attributes:
        board: whose view is shown, and at which step; None: the presenter's.
        leaders: the best five by points, if points are shown.
        training: whether seats may start runs.
    """

    run: str
    shown: Shown
    step: int
    bet: BetView | None
    board: Place | None
    timer: float | None
    leaders: list[Place] | None
    lesson: Lesson | None
    training: bool


class PersonalView(Part):
    """What one seat sees besides.

    Attributes:
        vote: the option that they have bet on.
        points: None while points are hidden.
    """

    name: str
    vote: int | None
    points: int | None
    waiting: int


class SeatView(Part):
    """A seat as the presenter sees it."""

    id: str
    name: str
    here: bool
    step: int | None
    voted: bool
    points: int


class Overview(Part):
    """What the presenter sees besides.

    Attributes:
        voted: how many have.
        right: the share of right votes; None without votes or without a right answer.
        discuss: whether talking it over and voting again is likely to help.
    """

    seats: list[SeatView]
    voted: int
    right: float | None
    discuss: bool
    asked: list[tuple[int, str, str]]
    signs: dict[Sign, int]
    scores: bool


class LessonView(Part):
    """A step of the lesson as everybody sees it.

    Attributes:
        id, number, of: of the step; which one of how many it is, from 1.
        terms: dotted word -> its definition, of the words in these texts.
        given, material: what the bet is about.
        shown, outcome: what really happened, once it is shown.
        exhibit: whether there is more to look at then, on the board.
        upcoming: the title of the next step; empty after the last.
    """

    id: str
    number: int
    of: int
    title: str
    terms: dict[str, str]
    idea: list[Stretch]
    given: str
    material: list[Block]
    shown: list[Stretch]
    outcome: list[Block]
    exhibit: bool
    upcoming: str


class NotesView(Part):
    """What the plan says to whoever presents.

    Attributes:
        minutes: for this step.
        until: seconds since 1970 at which they are over.
        answer: the right option of what is asked now; empty where nothing is.
    """

    minutes: int
    until: float
    sees: str
    ask: str
    answer: str


class RunView(Part):
    """A run of the room's.

    Attributes:
        word: how it is: queued, running, finished, ...
        place: in the studio's queue, from 1.
        percent: of its work that is done.
        alpha: the acceptance rate that AdaSPEC's draft reached.
    """

    id: str
    seat: str
    name: str
    recipe: str
    k: float
    word: str
    place: int | None
    percent: int | None
    alpha: float | None


class Ticket(Part):
    """A seat, and what it comes back with."""

    id: str
    secret: str


class Told(TypedDict, total=False):
    """A message to a browser, which has one of these."""

    shared: SharedView
    lesson: LessonView | None
    runs: list[RunView]
    personal: PersonalView
    overview: Overview
    notes: NotesView | None
    seat: Ticket
    refused: str
    press: Key


def shared(room: Room) -> SharedView:
    board = room.seats.get(room.board) if room.board else None
    best = sorted(room.seats.values(), key=lambda seat: -seat.points)[:5]
    return SharedView(
        run=room.run,
        shown=room.shown,
        step=room.step,
        bet=_bet(room.bet) if room.bet else None,
        board=None
        if board is None
        else Place(name=board.name, number=room.step if board.step is None else board.step),
        timer=room.timer,
        leaders=[Place(name=seat.name, number=seat.points) for seat in best if seat.points]
        if room.scores
        else None,
        lesson=room.lesson,
        training=room.training,
    )


def _bet(bet: Bet) -> BetView:
    question, counted = bet.question, bet.stage != "open"
    return BetView(
        text=question.text,
        options=question.options,
        stage=bet.stage,
        again=bet.before is not None,
        counts=_counts(bet, bet.votes) if counted else None,
        before=None if bet.before is None or not counted else _counts(bet, bet.before),
        answer=question.answer if bet.stage == "revealed" else None,
        why=question.why if bet.stage == "revealed" else "",
        figures=question.figures if bet.stage == "revealed" else [],
        phase=question.phase,
    )


def _counts(bet: Bet, votes: dict[str, int]) -> list[int]:
    counted = Counter(votes.values())
    return [counted[option] for option in range(len(bet.question.options))]


def personal(room: Room, seat: str) -> PersonalView:
    there = room.seats[seat]
    return PersonalView(
        name=there.name,
        vote=room.bet.votes.get(seat) if room.bet else None,
        points=there.points if room.scores else None,
        waiting=sum(asked.seat == seat for asked in room.asked),
    )


def overview(room: Room, here: set[str]) -> Overview:
    """What the presenter sees.

    Args:
        here: the seats that are connected.
    """
    bet = room.bet
    right = None
    if bet is not None and bet.votes and bet.question.answer is not None:
        votes = bet.votes.values()
        right = sum(option == bet.question.answer for option in votes) / len(votes)
    low, high = DISCUSS
    return Overview(
        seats=[
            SeatView(
                id=identity,
                name=seat.name,
                here=identity in here,
                step=seat.step,
                voted=bet is not None and identity in bet.votes,
                points=seat.points,
            )
            for identity, seat in room.seats.items()
        ],
        voted=len(bet.votes) if bet else 0,
        right=right,
        discuss=right is not None and low <= right <= high,
        asked=[(asked.number, room.seats[asked.seat].name, asked.text) for asked in room.asked],
        signs=room.signs,
        scores=room.scores,
    )
