"""What a classroom's browsers load: the pages of seats and presenter, and the replays they show.

None of it needs Streamlit: a seat weighs less than a photograph, and a hall's Wi-Fi has thirty.
"""

from __future__ import annotations

import gzip
import io
import ipaddress
import json
import socket
from functools import cache
from typing import Any

import segno
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from adaspec import AdaspecError, one_line, replays, runs, tokens
from adaspec.analysis.methods import default_draft
from adaspec.tokens import GENERATED
from adaspec.turns import once
from adaspec.views import browser_script, replay_view
from app.classroom import hall, lessons
from app.classroom.room import Lesson, Room, Shown
from app.learn.steps import Length

LONGEST = 60
"""Letters of a prompt in a list."""


def routes() -> list[BaseRoute]:
    return [
        Route("/join", _join),
        Route("/room/{code}/board", _board),
        Route("/room/{code}/notes", _notes),
        Route("/room/{code}/exhibit", _exhibit),
        Route("/room/{code}/replays", _replays),
        Route("/room/{code}/replay", _replay),
        WebSocketRoute("/room/{code}/socket", hall.attend),
    ]


def first(run: runs.Run) -> Shown:
    """The replay that a new room begins with.

    Raises:
        AdaspecError: the run has none.
    """
    drafts = replays.drafts(run)
    draft = default_draft(runs.read_recipe(run), drafts)
    return Shown(draft=draft, number=replays.numbers(run, draft)[0])


@once(16)
def _offered(identity: str) -> list[dict[str, Any]]:
    """A run's replays: draft, number of the prompt, its beginning."""
    run = runs.find(identity)
    prompts = tokens.examples(run, GENERATED)["prompt"]
    return [
        {"draft": draft, "number": number, "text": one_line(str(prompts[number]), LONGEST)}
        for draft in replays.drafts(run)
        for number in replays.numbers(run, draft)
    ]


@once(32)
def _view(identity: str, draft: str, number: int) -> bytes:
    """A replay as the player takes it, as compressed JSON."""
    view = replay_view.stored(runs.find(identity), draft, number) | {"brief": True}
    return gzip.compress(json.dumps(view, allow_nan=False).encode())


async def _replays(request: Request) -> Response:
    live = await hall.visit(request.path_params["code"])
    if live is None:
        return _refusal("There is no such room.")
    try:
        return JSONResponse(await run_in_threadpool(_offered, live.room.run))
    except AdaspecError as error:
        return _refusal(str(error))


async def _replay(request: Request) -> Response:
    live = await hall.visit(request.path_params["code"])
    if live is None:
        return _refusal("There is no such room.")
    draft, number = request.query_params.get("draft", ""), request.query_params.get("number", "")
    try:
        if not number.isascii() or not number.isdigit() or len(number) > 6:
            raise AdaspecError("There is no such replay.")
        content = await run_in_threadpool(_view, live.room.run, draft, int(number))
    except AdaspecError as error:
        return _refusal(str(error))
    headers = {"content-encoding": "gzip", "cache-control": "private, max-age=3600"}
    return Response(content, headers=headers, media_type="application/json")


async def _exhibit(request: Request) -> Response:
    """What the lesson's step shows besides; the query keeps those of other steps apart."""
    live = await hall.visit(request.path_params["code"])
    lesson = live.room.lesson if live is not None else None
    if lesson is None or lesson.phase == "idea":
        return _refusal("There is nothing to show.")
    try:
        content = await run_in_threadpool(_exhibited, lesson.minutes, lesson.at)
    except AdaspecError as error:
        return _refusal(str(error))
    headers = {"content-encoding": "gzip", "cache-control": "private, max-age=3600"}
    return Response(content, headers=headers, media_type="application/json")


@once(16)
def _exhibited(minutes: Length, at: int) -> bytes:
    """Compressed JSON; null where the step has no more than its words."""
    there = lessons.exhibit(Lesson(minutes=minutes, at=at))
    return gzip.compress(json.dumps(there and there._asdict(), allow_nan=False).encode())


def _refusal(reason: str) -> Response:
    return JSONResponse({"error": reason}, status_code=404)


async def _join(_: Request) -> Response:
    return _html(_seat_page())


@cache
def _seat_page() -> bytes:
    page = browser_script.page("classroom_seat", "Join · AdaSPEC Studio", {}, connects="'self'")
    return gzip.compress(page.encode())


async def _board(request: Request) -> Response:
    live = await hall.visit(request.path_params["code"])
    if live is None:
        return _no_room()
    address = join_address(request, live.room)
    data = {
        "code": live.room.code,
        "join": address,
        "qr": _picture(address),
    }
    title = f"Room {live.room.code} · AdaSPEC Studio"
    page = browser_script.page("classroom_board", title, data, connects="'self'")
    return _html(gzip.compress(page.encode()))


async def _notes(request: Request) -> Response:
    live = await hall.visit(request.path_params["code"])
    if live is None:
        return _no_room()
    title = f"Notes of room {live.room.code} · AdaSPEC Studio"
    page = browser_script.page("classroom_notes", title, {}, connects="'self'")
    return _html(gzip.compress(page.encode()))


def _no_room() -> Response:
    return _html(gzip.compress(b"There is no such room."), status=404)


def _picture(address: str) -> str:
    """A QR code as SVG."""
    file = io.BytesIO()
    code = segno.make(address, micro=False)
    code.save(file, kind="svg", border=2, xmldecl=False, nl=False, omitsize=True)
    return file.getvalue().decode()


def _html(compressed: bytes, status: int = 200) -> Response:
    # Every browser of the last twenty years takes gzip.
    headers = {"content-encoding": "gzip", "cache-control": "no-cache"}
    return Response(compressed, status, headers=headers, media_type="text/html; charset=utf-8")


def join_address(request: Request, room: Room) -> str:
    """Where seats join, as other machines reach it."""
    base = request.base_url
    if base.hostname in ("localhost", "127.0.0.1", "::1"):
        base = base.replace(hostname=_own_address())
    return str(base.replace(path="/join", query=f"code={room.code}"))


def _own_address() -> str:
    """This machine's address in its network; localhost where it is in none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(ipaddress.IPv4Address("192.0.2.1")), 9))  # sends nothing
        except OSError:
            return "localhost"
        return str(probe.getsockname()[0])
