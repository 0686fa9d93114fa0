"""The rooms that are open: who is connected to them, and their files.

A room lives in the server's event loop and in `ADASPEC_HOME/rooms/CODE.json`, which is written
shortly after every change, so that it survives a server that is killed. Everybody hears of a change
through a task of their own: who is slow keeps nobody waiting, and hears only of the latest. What
takes longer (the queue, the bundled runs) is done in threads.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect
from typing_extensions import Unpack

from adaspec import AdaspecError
from adaspec.runs import home
from adaspec.runs.writing import write_atomic
from app.classroom import lessons, training
from app.classroom import room as rooms
from app.classroom.room import ROOM, Press, Room, Shown, Ticket, Told

ROOMS = 20
"""The most that are open at once."""
LEAST = timedelta(hours=3)
"""For which a room is open, also when it is opened shortly before midnight."""
SETTLED = 0.3  # seconds after a change until it is written
GATHERED = 0.05  # seconds in which the presenter's news are gathered: votes come in crowds
STRANGER = 0.02  # seconds that a wrong code takes, one after the other: 50 guesses a second
STRANGERS = 100  # wrong codes that wait at most
LONGEST = 4000  # letters of a message
BURST, PACE = 100, 50.0  # messages of a seat that are heard at once, and each second: no flood
PATIENCE = 10.0  # seconds for the first message of a connection
SWEEP = 60.0  # seconds between two looks for rooms whose day is over
TIDYING = 1.0  # seconds between two tries to delete what such a room trained
LOOKED = 2.0  # seconds between two looks at the runs of rooms

UNKNOWN, REFUSED, CLOSED, ELSEWHERE = 4404, 4403, 4410, 4409
"""Why a socket is closed: no such room; not yours; the room is gone; the seat is used elsewhere."""

CLOSE = '{"do":"close"}'
"""What the presenter sends to end the room."""

log = logging.getLogger("adaspec.studio")


@dataclass(eq=False)
class Guest:
    """A connection.

    Attributes:
        seat: whose it is; None: the presenter's.
        news: set when there may be something to tell.
        letters: what is told once.
        told: the views that were told last.
        dismissed: why they have to go.
        busy: whether something that they asked for is being done.
        breath: messages that are heard of them at once.
        spoke: when they last said something, by the monotonic clock.
    """

    socket: WebSocket
    seat: str | None
    news: asyncio.Event = field(default_factory=asyncio.Event)
    letters: deque[str] = field(default_factory=deque)
    told: dict[str, str] = field(default_factory=dict)
    dismissed: int | None = None
    busy: bool = False
    breath: float = BURST
    spoke: float = field(default_factory=time.monotonic)

    def has_breath(self) -> bool:
        """Whether they are heard, or say more than anybody does."""
        now = time.monotonic()
        self.breath = min(BURST, self.breath + PACE * (now - self.spoke))
        self.spoke = now
        heard = self.breath >= 1
        self.breath -= heard
        return heard

    def tell(self, **letter: Unpack[Told]) -> None:
        self.letters.append(_text(**letter))
        self.news.set()

    def dismiss(self, why: int) -> None:
        self.dismissed = why
        self.news.set()


@dataclass(eq=False)
class Live:
    """A room with the people in it.

    Attributes:
        views: what everybody is shown, as messages.
        notes: what those who present are shown.
    """

    room: Room
    guests: set[Guest] = field(default_factory=set)
    views: dict[str, str] = field(default_factory=dict)
    notes: str = ""
    trains: asyncio.Lock = field(default_factory=asyncio.Lock)
    saving: asyncio.Task[None] | None = None
    closed: bool = False

    def here(self) -> set[str]:
        """The seats that are connected."""
        return {guest.seat for guest in self.guests if guest.seat is not None}


_live: dict[str, Live] = {}
_loop: asyncio.AbstractEventLoop | None = None
_strangers = 0
_door: asyncio.Lock | None = None
_untidy: asyncio.Event | None = None
_errands: set[asyncio.Task[None]] = set()


@asynccontextmanager
async def lifespan() -> AsyncIterator[None]:
    """For the server's lifetime: rooms close when their day is over."""
    global _loop, _door, _untidy
    _loop, _door, _untidy = asyncio.get_running_loop(), asyncio.Lock(), asyncio.Event()
    tasks = [asyncio.create_task(_sweep()), asyncio.create_task(_look())]
    yield
    for task in tasks:
        task.cancel()
    _live.clear()


async def _sweep() -> None:
    """Close rooms whose day is over, and delete the runs of those that are gone."""
    assert _untidy is not None
    while True:
        _untidy.clear()
        for path in _files():
            with suppress(AdaspecError, OSError):
                if ROOM.read(path).closes < time.time():
                    _end(path.stem)
        left = False
        with suppress(AdaspecError):
            left = await asyncio.to_thread(training.clear, [path.stem for path in _files()])
        with suppress(TimeoutError):
            await asyncio.wait_for(_untidy.wait(), TIDYING if left else SWEEP)


async def _look() -> None:
    """Tell rooms how their runs stand."""
    while True:
        await asyncio.sleep(LOOKED)
        for live in list(_live.values()):
            if live.guests:
                await _list_runs(live)


async def _list_runs(live: Live) -> None:
    with suppress(AdaspecError):  # it is looked at again
        listed = await asyncio.to_thread(training.listed, live.room.code)
        text = _text(runs=listed)
        if live.views.get("runs") != text:
            live.views["runs"] = text
            for guest in live.guests:
                guest.news.set()


# From a page


def start(run: str, shown: Shown) -> Room:
    """Open a room until midnight.

    Raises:
        AdaspecError: there are too many.
    """
    if len(_files()) >= ROOMS:
        raise AdaspecError(f"{ROOMS} rooms are open: close one first.")
    now = datetime.now().astimezone()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    made = rooms.new(run, shown, max(midnight, now + LEAST).timestamp())
    ROOM.write(_file(made.code), made)
    return made


def opened() -> list[Room]:
    """The rooms that are open, the newest first."""
    found = []
    for path in _files():
        with suppress(AdaspecError, OSError):  # damaged, or just closed: the others stand
            room = ROOM.read(path)
            if room.closes > time.time():
                found.append((path.stat().st_mtime, room))
    return [room for _, room in sorted(found, key=lambda entry: -entry[0])]


def close(code: str) -> None:
    """Close a room, from any thread."""
    _file(code).unlink(missing_ok=True)
    if _loop is not None:
        _loop.call_soon_threadsafe(_end, code)


# Connections


async def visit(code: str) -> Live | None:
    """The room with this code; None if there is none, after a while."""
    global _strangers
    if re.fullmatch(f"[{rooms.LETTERS}]{{{rooms.CODE}}}", code):
        if code in _live:
            return _live[code]
        with suppress(AdaspecError):
            room = ROOM.read(_file(code))
            if room.closes > time.time():
                if room.lesson is not None:
                    await asyncio.to_thread(lessons.path)
                live = _live.setdefault(code, Live(room))
                _show(live)
                return live
    assert _door is not None
    if _strangers < STRANGERS:
        _strangers += 1
        async with _door:
            await asyncio.sleep(STRANGER)
        _strangers -= 1
    return None


async def attend(socket: WebSocket) -> None:
    """A connection to a room, from beginning to end."""
    await socket.accept()
    if not _from_here(socket):
        return await socket.close(REFUSED, "Another site may not enter a room.")
    live = await visit(str(socket.path_params["code"]))
    if live is None:
        return await socket.close(UNKNOWN, "There is no such room.")
    try:
        first = await asyncio.wait_for(_received(socket), PATIENCE)
        guest = _welcome(live, socket, first)
    except AdaspecError as error:
        return await socket.close(REFUSED, str(error)[:120])
    except (TimeoutError, WebSocketDisconnect):
        with suppress(RuntimeError):
            await socket.close(REFUSED)
        return None
    for other in [other for other in live.guests if guest.seat and other.seat == guest.seat]:
        live.guests.discard(other)
        other.dismiss(ELSEWHERE)
    live.guests.add(guest)
    teller = asyncio.create_task(_tell(live, guest))
    _changed(live, everybody=False)
    try:
        while True:
            text = await _received(socket)
            if guest.seat is None or guest.has_breath():
                _hear(live, guest, text)
            else:
                await asyncio.sleep(0)  # others are heard meanwhile
    except AdaspecError as error:
        await socket.close(REFUSED, str(error))
    except WebSocketDisconnect:
        pass
    finally:
        teller.cancel()
        live.guests.discard(guest)
        _changed(live, everybody=False)


def _from_here(socket: WebSocket) -> bool:
    """Whether a page of this studio connects; what is no browser says nothing."""
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == socket.headers.get("host")


async def _received(socket: WebSocket) -> str:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect
    text = message.get("text")
    if text is None or len(text) > LONGEST:
        raise AdaspecError(f"A message is a text of at most {LONGEST:,} letters.")
    return str(text)


def _welcome(live: Live, socket: WebSocket, first: str) -> Guest:
    """Whoever comes in, by their first message.

    Raises:
        AdaspecError: they may not.
    """
    try:
        hello = rooms.HELLO.validate_json(first)
    except ValidationError:
        raise AdaspecError("The first message says who comes.") from None
    if isinstance(hello, rooms.Lead):
        if not rooms.presents(live.room, hello.secret):
            raise AdaspecError("This is not the presenter's link.")
        return Guest(socket, None)
    seat = hello.seat
    if not rooms.owns(live.room, seat, hello.secret):
        seat = rooms.enter(live.room, hello.name, live.here())
    guest = Guest(socket, seat)
    guest.tell(seat=Ticket(id=seat, secret=live.room.seats[seat].secret))
    return guest


def _hear(live: Live, guest: Guest, text: str) -> None:
    """What somebody sends; what cannot be done is said to them alone."""
    room = live.room
    try:
        if guest.seat is None:
            if text == CLOSE:
                return _end(room.code)
            presented = rooms.parse(rooms.PRESENTED, text)
            if isinstance(presented, Press):
                return _press(live, guest, presented)
            if isinstance(presented, rooms.Teach | rooms.AskNext | rooms.Stop):
                return _send(live, guest, presented)
            rooms.lead(room, presented)
            _changed(live)
        else:
            seated = rooms.parse(rooms.SEATED, text)
            if isinstance(seated, rooms.Train | rooms.Stop):
                return _send(live, guest, seated)
            rooms.sit(room, guest.seat, seated)
            guest.news.set()
            _changed(live, everybody=guest.seat == room.board)
    except AdaspecError as error:
        guest.tell(refused=str(error))


def _press(live: Live, guest: Guest, press: Press) -> None:
    """Pass a key of the notes on to the board, which knows what it means there.

    Raises:
        AdaspecError: there is no board.
    """
    boards = [other for other in live.guests if other.seat is None and other is not guest]
    if not boards:
        raise AdaspecError("Open the board first: keys act there.")
    for board in boards:
        board.tell(press=press.key)


Errand = rooms.Teach | rooms.AskNext | rooms.Train | rooms.Stop


def _send(live: Live, guest: Guest, errand: Errand) -> None:
    """Begin what takes longer: of each guest one at a time.

    Raises:
        AdaspecError: they have not waited for the last.
    """
    if guest.busy:
        raise AdaspecError("One moment: what you asked for before is being done.")
    guest.busy = True
    task = asyncio.create_task(_run(live, guest, errand))
    _errands.add(task)  # or it may be collected before it is done
    task.add_done_callback(_errands.discard)


async def _run(live: Live, guest: Guest, errand: Errand) -> None:
    room = live.room
    try:
        match errand:
            case rooms.Teach(lesson=lesson):
                if lesson is not None:
                    await asyncio.to_thread(lessons.step, lesson)
                    errand = rooms.Teach(do="teach", lesson=_timed(room, lesson))
                rooms.lead(room, errand)
                _changed(live)
            case rooms.AskNext():
                if errand.do == "choose k":
                    question = await asyncio.to_thread(training.choose_k, room)
                elif room.lesson is not None:
                    question = await asyncio.to_thread(lessons.question, room.lesson)
                else:
                    raise AdaspecError("There is no lesson: begin one first.")
                rooms.lead(room, rooms.Open(do="open", question=question))
                _changed(live)
            case rooms.Train() | rooms.Stop():
                async with live.trains:
                    await asyncio.to_thread(_train, room, guest.seat, errand)
                await _list_runs(live)
    except AdaspecError as error:
        guest.tell(refused=str(error))
    finally:
        guest.busy = False


def _timed(room: Room, lesson: rooms.Lesson) -> rooms.Lesson:
    """When its step began: now, if it is another one."""
    before = room.lesson
    same = before is not None and (before.minutes, before.at) == (lesson.minutes, lesson.at)
    since = before.since if before is not None and same else time.time()
    return lesson.model_copy(update={"since": since})


def _train(room: Room, seat: str | None, errand: rooms.Train | rooms.Stop) -> None:
    name = None if seat is None else room.seats[seat].name
    if isinstance(errand, rooms.Stop):
        return training.stop(room.code, errand.run, name)
    if not room.training or name is None or not _file(room.code).exists():
        raise AdaspecError("Nobody may start runs in this room now.")
    return training.start(room.code, name, errand)


def _show(live: Live) -> None:
    """What is shown of the room as it is now."""
    live.views["shared"] = _text(shared=rooms.shared(live.room))
    live.views["lesson"] = _text(lesson=lessons.shown(live.room))
    live.notes = _text(notes=lessons.notes(live.room))


def _changed(live: Live, *, everybody: bool = True) -> None:
    """Have people hear of a change, and the room written."""
    if everybody:
        _show(live)
    for guest in live.guests:
        if everybody or guest.seat is None:
            guest.news.set()
    if live.saving is None and not live.closed:
        live.saving = asyncio.create_task(_save(live))


async def _tell(live: Live, guest: Guest) -> None:
    """Tell somebody what is new, for as long as they are there."""
    with suppress(WebSocketDisconnect, RuntimeError):  # they have gone: whoever reads notices
        while True:
            await guest.news.wait()
            guest.news.clear()
            if guest.dismissed is not None:
                return await guest.socket.close(guest.dismissed)
            for kind, text in _views(live, guest).items():
                if guest.told.get(kind) != text:
                    guest.told[kind] = text
                    await guest.socket.send_text(text)
            while guest.letters:  # a key means what it does to whoever has seen the views
                await guest.socket.send_text(guest.letters.popleft())
            if guest.seat is None:
                await asyncio.sleep(GATHERED)


def _views(live: Live, guest: Guest) -> dict[str, str]:
    if guest.seat is None:
        overview = _text(overview=rooms.overview(live.room, live.here()))
        return live.views | {"overview": overview, "notes": live.notes}
    return live.views | {"personal": _text(personal=rooms.personal(live.room, guest.seat))}


_TOLD: TypeAdapter[Told] = TypeAdapter(Told)


def _text(**told: Unpack[Told]) -> str:
    return _TOLD.dump_json(told).decode()


async def _save(live: Live) -> None:
    await asyncio.sleep(SETTLED)
    live.saving = None
    if not live.closed:
        try:
            await asyncio.to_thread(write_atomic, _file(live.room.code), ROOM.dump(live.room))
        except OSError as error:
            log.warning("Room %s could not be written: %s", live.room.code, error)


def _end(code: str) -> None:
    """A room is gone, with all that it stored; its runs as soon as they have stopped."""
    _file(code).unlink(missing_ok=True)
    if _untidy is not None:
        _untidy.set()
    if live := _live.pop(code, None):
        live.closed = True
        for guest in live.guests:
            guest.dismiss(CLOSED)


def _file(code: str) -> Path:
    return home() / "rooms" / f"{code}.json"


def _files() -> list[Path]:
    return list((home() / "rooms").glob("*.json"))
