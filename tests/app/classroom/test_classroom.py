"""A class in real browsers, and people who would disturb it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as connect_socket

from adaspec import runs
from adaspec.jobs import queue
from app.classroom import front, hall
from app.classroom.room import ROOM, Room
from tests.studio import enough, faultless, free_port, serves, settle, start_studio, studio


@pytest.fixture(scope="module")
def studio_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studio")


@pytest.fixture(scope="module")
def address(studio_home: Path) -> Iterator[str]:
    with studio(studio_home) as where:
        yield where


@pytest.fixture
def room(studio_home: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setenv("ADASPEC_HOME", str(studio_home))
    run = runs.find("english")
    return hall.start(run.id, front.first(run))


def open_board(page: Page, address: str, room: Room) -> Page:
    page.goto(f"{address}/room/{room.code}/board#{room.secret}")
    expect(page.locator(".watched .replay")).to_be_visible()
    return page


def take_seat(page: Page, address: str, room: Room, name: str) -> Page:
    page.goto(f"{address}/join?code={room.code}")
    page.get_by_label("Your nickname").fill(name)
    page.get_by_role("button", name="Join").click()
    expect(page.locator(".who")).to_contain_text(name)
    return page


@contextmanager
def faultless_pages(chromium: Browser, count: int) -> Iterator[list[Page]]:
    if count == 0:
        yield []
        return
    with faultless(chromium) as page, faultless_pages(chromium, count - 1) as others:
        yield [page, *others]


def bet_on_the_board(board: Page) -> None:
    """By a clicker's key alone."""
    for _ in range(30):
        if board.locator(".bet").count():
            return
        step = board.locator(".next").inner_text()
        board.keyboard.press("PageDown")
        expect(board.locator(".next")).not_to_have_text(step, timeout=3000) if step != (
            "Next step"
        ) else board.wait_for_timeout(250)
    raise AssertionError("no bet was opened")


def test_a_class_bets_talks_it_over_and_sees_what_happened(
    chromium: Browser, address: str, room: Room
) -> None:
    with faultless_pages(chromium, 6) as [board, *seats]:
        open_board(board, address, room)
        for number, seat in enumerate(seats):
            seat.set_viewport_size({"width": 390, "height": 844})
            take_seat(seat, address, room, f"Seat <b>{number}</b>")
        expect(board.locator(".count-of-seats")).to_have_text("5 seats")
        bet_on_the_board(board)
        question = board.locator(".bet h2").inner_text()
        for number, seat in enumerate(seats):
            expect(seat.locator(".bet h2")).to_have_text(question)
            assert seat.locator(".votes").count() == 0
            seat.locator(".option").nth(int(number < 2)).click()
        expect(board.locator(".count-of-seats")).to_have_text("5 of 5 have voted")
        board.keyboard.press("PageDown")
        for page in (board, *seats):
            expect(page.locator(".option .votes")).to_have_text(["3 votes", "2 votes"])
            assert page.locator(".option.right").count() == 0
        expect(board.locator(".advice")).to_be_visible()  # 2 of 5, or 3, are right
        board.keyboard.press("PageDown")
        expect(seats[0].locator(".stage")).to_have_text("Place your bet (second vote)")
        for seat in seats:
            seat.locator(".option").nth(0).click()
        expect(board.locator(".count-of-seats")).to_have_text("5 of 5 have voted")
        board.keyboard.press("PageDown")
        expect(board.locator(".votes:not(.before)")).to_have_text(["5 votes", "0 votes"])
        expect(board.locator(".before")).to_have_text(["first 3", "first 2"])
        board.keyboard.press("PageDown")
        for page in (board, *seats):
            expect(page.locator(".option.right")).to_have_count(1)
            expect(page.locator(".why-it-is")).to_contain_text("The target gives it")
        widths = seats[0].evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert widths[0] <= widths[1]


def test_a_seat_looks_around_asks_and_is_shown_on_the_board(
    chromium: Browser, address: str, room: Room
) -> None:
    with faultless_pages(chromium, 3) as [board, ann, bob]:
        open_board(board, address, room)
        take_seat(ann, address, room, "Ann")
        take_seat(bob, address, room, "Bob")
        slider = ".watched input[type=range]"
        ann.get_by_role("button", name="Look around").click()
        ann.locator(slider).fill("7")
        board.get_by_text("Seats", exact=True).click()
        board.get_by_role("button", name="Show this view").click()
        expect(bob.locator(".whose")).to_have_text("You see Ann’s view.")
        enough(lambda: bob.locator(slider).input_value() == "7")
        enough(lambda: board.locator(slider).input_value() == "7")
        board.keyboard.press("PageDown")
        expect(bob.locator(".whose")).to_have_text("You see what the presenter shows.")
        enough(lambda: bob.locator(slider).input_value() == "0")
        bob.get_by_label("Your question").fill("Why <i>not</i>?")
        bob.get_by_role("button", name="Ask").click()
        expect(board.locator(".asked q")).to_have_text("Why <i>not</i>?")
        board.get_by_role("button", name="Answered").click()
        expect(board.locator(".asked")).to_have_text("none")
        ann.get_by_role("button", name="I am lost").click()
        expect(board.locator(".signs")).to_contain_text("1")
        board.get_by_text("Settings", exact=True).click()
        board.get_by_role("button", name="0:30").click()
        for page in (board, ann, bob):
            expect(page.locator(".timer")).to_contain_text("0:2")
        board.get_by_role("button", name="Close the room").click()
        board.get_by_role("button", name="Close it").click()
        expect(ann.locator(".fault")).to_have_text("The room is closed.")


def test_a_lesson_is_led_by_a_clicker_from_the_notes(
    chromium: Browser, address: str, room: Room
) -> None:
    with faultless_pages(chromium, 3) as [board, notes, seat]:
        open_board(board, address, room)
        take_seat(seat, address, room, "Ann")
        notes.goto(f"{address}/room/{room.code}/notes#{room.secret}")
        notes.get_by_role("button", name="Begin the plan of 45 minutes").click()
        for page in (board, seat):
            expect(page.locator(".lesson h2")).to_have_text(
                "1 of 8. Guess and check", timeout=60_000
            )
        expect(notes.locator(".asks")).to_contain_text("What would you write next?")
        expect(notes.locator(".timer")).to_contain_text("5:")
        expect(seat.locator(".watched")).to_be_hidden()
        for label, seen in (
            ("Let them bet", ".option"),
            ("Count the votes", ".option .votes"),
            ("Reveal", ".option.right"),
        ):
            expect(notes.locator(".next")).to_have_text(label)
            notes.keyboard.press("PageDown")
            expect(seat.locator(seen).first).to_be_visible()
            if label == "Let them bet":
                seat.locator(".option").last.click()
                expect(notes.locator(".count-of-seats")).to_have_text(
                    "1 of 1 have voted; 0 % are right"
                )
        expect(seat.locator(".step-below .reply")).to_contain_text("The target kept")
        notes.keyboard.press("PageDown")
        expect(board.locator(".shelf .replay")).to_be_visible()
        expect(board.locator(".next")).to_have_text("Ask them")
        expect(notes.locator(".next")).to_have_text("Next")  # the exhibit may have steps of its own
        board.set_viewport_size({"width": 1280, "height": 720})  # nobody scrolls a projector
        enough(lambda: board.evaluate("document.documentElement.scrollHeight <= innerHeight"))
        notes.keyboard.press("PageUp")
        expect(seat.locator(".lesson .idea")).to_be_visible()
        board.get_by_text("Settings", exact=True).click()
        board.get_by_role("button", name="Bet on k").click()
        expect(seat.locator(".option")).to_have_count(5)
        board.keyboard.press("PageDown")
        expect(board.locator(".next")).to_have_text("Reveal")
        board.keyboard.press("PageDown")
        expect(seat.locator(".measured").nth(2)).to_contain_text("α = ")


def test_a_room_survives_a_server_that_is_killed(
    chromium: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADASPEC_HOME", str(tmp_path))
    run = runs.find("english")
    room = hall.start(run.id, front.first(run))
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    server = start_studio(tmp_path, port)
    board, seat = chromium.new_page(), chromium.new_page()
    try:
        enough(lambda: serves(f"{address}/_stcore/health"))
        open_board(board, address, room)
        take_seat(seat, address, room, "Ann")
        bet_on_the_board(board)
        seat.locator(".option").first.click()
        expect(board.locator(".count-of-seats")).to_have_text("1 of 1 have voted")
        board.wait_for_timeout(1000 * 3 * hall.SETTLED)
        server.kill()
        server.wait()
        expect(seat.locator(".state")).to_contain_text("coming back")
        server = start_studio(tmp_path, port)
        expect(seat.locator(".state")).to_have_text("", timeout=60_000)
        expect(seat.locator(".option.chosen")).to_have_count(1)
        expect(board.locator(".count-of-seats")).to_have_text("1 of 1 have voted", timeout=60_000)
        board.keyboard.press("PageDown")
        expect(seat.locator(".votes").first).to_have_text("1 vote")
    finally:
        board.close()
        seat.close()
        server.kill()
        server.wait()


# By sockets


@contextmanager
def socket(
    address: str, code: str, first: dict[str, Any], **more: Any
) -> Iterator[ClientConnection]:
    where = f"{address.replace('http', 'ws')}/room/{code}/socket"
    with connect_socket(where, proxy=None, **more) as connection:
        with suppress(ConnectionClosed):  # it may have been closed before a word was said
            connection.send(json.dumps(first))
        yield connection


def why_closed(connection: ClientConnection) -> int:
    """After whatever it still said."""
    with suppress(ConnectionClosed):
        while True:
            connection.recv(timeout=20)
    assert connection.protocol.close_rcvd is not None
    return connection.protocol.close_rcvd.code


def told(connection: ClientConnection, kind: str) -> Any:
    while True:
        content = json.loads(connection.recv(timeout=20))
        if kind in content:
            return content[kind]


def test_who_has_no_business_there_is_refused(address: str, room: Room) -> None:
    lead = {"do": "lead", "secret": room.secret}
    for code in ("AAAAAA", "aaaaaa", "..", "A" * 500):
        with socket(address, code, lead) as connection:
            assert why_closed(connection) == hall.UNKNOWN, code
    with socket(address, room.code, lead, origin="https://elsewhere.example") as connection:
        assert why_closed(connection) == hall.REFUSED
    for first in ({"do": "lead", "secret": "no"}, {"do": "vote"}, {}, {"do": ["x"]}):
        with socket(address, room.code, first) as connection:
            assert why_closed(connection) == hall.REFUSED, first
    with socket(address, room.code, {"do": "join"}) as connection:
        connection.send("x" * (hall.LONGEST + 1))
        assert why_closed(connection) == hall.REFUSED


def test_a_hostile_seat_can_do_what_a_seat_can_and_no_more(address: str, room: Room) -> None:
    lead = {"do": "lead", "secret": room.secret}
    with (
        socket(address, room.code, lead) as board,
        socket(address, room.code, {"do": "join", "name": "<img onerror=x>"}) as seat,
        socket(address, room.code, {"do": "join", "name": "Bob"}) as other,
    ):
        bob = told(other, "seat")
        told(seat, "seat")
        for forged in (
            {"do": "reveal"},
            {"do": "close"},
            {"do": "vote", "option": 0, "seat": bob["id"]},
            {"do": "vote", "option": -1},
            "not even JSON",
        ):
            seat.send(forged if isinstance(forged, str) else json.dumps(forged))
            assert told(seat, "refused")
        # Bob's seat cannot be had without his secret: a new one is what comes of it.
        with socket(address, room.code, {"do": "join", "seat": bob["id"], "secret": "x"}) as thief:
            assert told(thief, "seat")["id"] != bob["id"]
        board.send(json.dumps({"do": "show", "step": 3}))
        while told(other, "shared")["step"] != 3:
            pass


def test_of_a_flood_no_more_is_heard_than_anybody_says(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(hall.time, "monotonic", lambda: now)
    guest = hall.Guest(cast(WebSocket, None), "seat", spoke=now)
    assert sum(guest.has_breath() for _ in range(5 * hall.BURST)) == hall.BURST
    now += 1
    assert sum(guest.has_breath() for _ in range(5 * hall.BURST)) == hall.PACE
    now += 3600
    assert sum(guest.has_breath() for _ in range(5 * hall.BURST)) == hall.BURST


def test_a_flood_and_what_is_no_text_end_with_who_sends_them(address: str, room: Room) -> None:
    with (
        socket(address, room.code, {"do": "lead", "secret": room.secret}) as board,
        socket(address, room.code, {"do": "join", "name": "Eve"}) as flood,
        socket(address, room.code, {"do": "join", "name": "Ann"}) as seat,
    ):
        for _ in range(50):
            flood.send(json.dumps({"do": "signal", "sign": "lost"}))
        seat.send(json.dumps({"do": "ask", "text": "why?"}))
        while not (asked := told(board, "overview")["asked"]):
            pass
        assert asked[0][2] == "why?"
        seat.send(b"\x00\xff")
        assert why_closed(seat) == hall.REFUSED


def test_seats_train_while_the_presenter_lets_them_and_it_is_gone_with_the_room(
    address: str, room: Room
) -> None:
    wish = {"do": "train", "recipe": "tiny", "k": 0.25, "name": "<b>mine</b>"}
    with (
        socket(address, room.code, {"do": "lead", "secret": room.secret}) as board,
        socket(address, room.code, {"do": "join", "name": "Ann"}) as seat,
        socket(address, room.code, {"do": "join", "name": "Bob"}) as other,
    ):
        seat.send(json.dumps(wish))
        assert "Nobody may start runs" in told(seat, "refused")
        board.send(json.dumps({"do": "training", "open": True}))
        while not told(seat, "shared")["training"]:
            pass
        seat.send(json.dumps(wish))
        while not (listed := told(other, "runs")):
            pass
        [run] = listed
        assert (run["seat"], run["name"], run["k"], run["word"]) == (
            "Ann",
            "<b>mine</b>",
            0.25,
            "queued",
        )
        other.send(json.dumps({"do": "stop", "run": run["id"]}))
        assert "none of your runs" in told(other, "refused")
        [job] = queue.all_jobs()
        assert (job.owner, job.state) == (f"Room {room.code}: Ann", "queued")
        board.send(hall.CLOSE)
        enough(lambda: not queue.all_jobs(), 20)


def test_a_seat_that_comes_back_elsewhere_is_one_seat(address: str, room: Room) -> None:
    with socket(address, room.code, {"do": "join", "name": "Ann"}) as first:
        mine = told(first, "seat")
        back = {"do": "join", "seat": mine["id"], "secret": mine["secret"]}
        with socket(address, room.code, back) as second:
            assert told(second, "seat")["id"] == mine["id"]
            assert why_closed(first) == hall.ELSEWHERE


def test_a_room_is_gone_when_its_day_is_over(
    address: str, studio_home: Path, monkeypatch: pytest.MonkeyPatch, room: Room
) -> None:
    room.closes = 1.0
    ROOM.write(studio_home / "rooms" / f"{room.code}.json", room)
    with socket(address, room.code, {"do": "join"}) as connection:
        assert why_closed(connection) == hall.UNKNOWN


def test_the_page_opens_a_room_and_closes_it(page: Page, address: str) -> None:
    page.goto(f"{address}/classroom")
    settle(page)
    before = page.get_by_role("link", name="Board").count()
    page.get_by_role("button", name="Open a room").click()
    expect(page.get_by_role("link", name="Board")).to_have_count(before + 1)
    page.get_by_role("button", name="Close").first.click()
    expect(page.get_by_role("link", name="Board")).to_have_count(before)
