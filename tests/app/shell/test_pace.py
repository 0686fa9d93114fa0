"""Whoever asks too fast is held back; nobody else is, and no message is lost."""

from __future__ import annotations

import asyncio
import math
import threading
import time

import pytest
from starlette.types import Message, Receive, Scope, Send
from streamlit.testing.v1 import AppTest

from app.shell import pace
from tests.studio import enough


def ready() -> Receive:
    """Has the next message at once."""
    numbers = iter(range(10_000))

    async def receive() -> Message:
        return {"type": "websocket.receive", "number": next(numbers)}

    return receive


def test_a_flood_is_held_back_and_all_of_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "AT_ONCE", 10)
    monkeypatch.setattr(pace, "RATE", 50.0)

    async def flood() -> tuple[list[int], float, float]:
        receive, numbers = pace.paced(ready()), []
        began = time.monotonic()
        for _ in range(10):
            numbers.append((await receive())["number"])
        at_once = time.monotonic() - began
        for _ in range(20):
            numbers.append((await receive())["number"])
        return numbers, at_once, time.monotonic() - began

    numbers, at_once, all_of_it = asyncio.run(flood())
    assert numbers == [*range(30)]
    assert at_once < 0.2
    assert all_of_it > 20 / 50 - 0.05


def test_who_has_waited_may_ask_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "AT_ONCE", 5)
    monkeypatch.setattr(pace, "RATE", 10.0)

    async def twice() -> float:
        receive = pace.paced(ready())
        for _ in range(5):
            await receive()
        await asyncio.sleep(0.6)
        began = time.monotonic()
        for _ in range(5):
            await receive()
        return time.monotonic() - began

    assert asyncio.run(twice()) < 0.09


def test_only_web_sockets_are_paced_and_counted() -> None:
    seen: dict[str, object] = {}
    counted: dict[str, int] = {}

    async def send(message: Message) -> None: ...

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        seen[scope["type"]] = receive
        counted[scope["type"]] = pace.turnstile._sessions["192.0.2.7"]

    async def both(receive: Receive) -> None:
        for kind in ("http", "websocket"):
            await pace.Pace(application)(scope | {"type": kind}, receive, send)

    receive, scope = ready(), {"client": ("192.0.2.7", 1234)}
    asyncio.run(both(receive))
    assert counted == {"http": 0, "websocket": 1}
    assert pace.turnstile._sessions["192.0.2.7"] == 0
    assert seen["http"] is receive
    assert seen["websocket"] is not receive


Visitor = tuple[str, pace.Use]  # a network, and what the session has used


def let_in(turnstile: pace.Turnstile, visitors: dict[str, Visitor]) -> list[str]:
    """The names of visitors in the order in which they are let in; all wait before the first is."""
    order: list[str] = []

    def visit(name: str, place: str, used: pace.Use) -> None:
        with turnstile.entered(place, used):
            order.append(name)

    threads: list[threading.Thread] = []

    def all_wait() -> bool:
        return len(turnstile._waiting) == len(threads)

    with turnstile.entered("somebody", pace.Use()):
        for name, visitor in visitors.items():
            threads.append(threading.Thread(target=visit, args=(name, *visitor), daemon=True))
            threads[-1].start()
            enough(all_wait, 10)
    for thread in threads:
        thread.join(10)
    return order


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> pace.Turnstile:
    monkeypatch.setattr(pace, "PAGES", 1)
    return pace.Turnstile()


def test_first_come_first_served(one_by_one: pace.Turnstile) -> None:
    assert let_in(one_by_one, {name: (name, pace.Use()) for name in "abcd"}) == [*"abcd"]


def test_who_has_used_least_for_each_of_his_sessions_comes_first(
    one_by_one: pace.Turnstile,
) -> None:
    one_by_one._sessions.update({"class": 30, "hostile": 1})
    one_by_one._used.update({"class": pace.Use(6.0), "hostile": pace.Use(3.0)})
    visitors = {"first": "hostile", "second": "hostile", "pupil": "class"}
    order = let_in(one_by_one, {name: (place, pace.Use()) for name, place in visitors.items()})
    assert order == ["pupil", "first", "second"]


def test_more_sessions_than_a_class_has_gain_nothing(one_by_one: pace.Turnstile) -> None:
    one_by_one._sessions.update({"class": pace.CLASS, "hostile": 100 * pace.CLASS})
    one_by_one._used.update({"class": pace.Use(2.0), "hostile": pace.Use(3.0)})
    order = let_in(one_by_one, {name: (name, pace.Use()) for name in ("hostile", "class")})
    assert order == ["class", "hostile"]


def test_a_session_that_has_computed_for_long_is_the_last_of_its_network(
    one_by_one: pace.Turnstile,
) -> None:
    used = {"heavy": pace.Use(2 * pace.MUCH), "light": pace.Use()}
    order = let_in(one_by_one, {name: ("class", session) for name, session in used.items()})
    assert order == ["light", "heavy"]


def test_a_network_has_pages_in_proportion_to_its_sessions_and_one_at_least() -> None:
    turnstile = pace.Turnstile()
    turnstile._sessions.update({"class": 30, "hostile": 4})
    assert [turnstile._share(place) for place in ("class", "hostile", "new")] == [2, 1, 1]
    with turnstile.entered("hostile", pace.Use()):
        inside = threading.Event()

        def second() -> None:
            with turnstile.entered("hostile", pace.Use()):
                inside.set()

        waiting = threading.Thread(target=second, daemon=True)
        waiting.start()
        with turnstile.entered("class", pace.Use()):  # there is room for others
            assert not inside.wait(0.3)
    waiting.join(10)
    assert inside.is_set()


def busy() -> None:
    """A page that takes a twentieth of a second of the processor."""
    import time

    import streamlit as st

    from app.shell import pace

    with pace.fair():
        end = time.thread_time() + 0.05
        while time.thread_time() < end:
            pass
        if st.session_state.get("stop"):
            st.stop()


def test_a_page_is_on_its_session_s_account_also_where_it_ends_early(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "turnstile", pace.Turnstile())
    page = AppTest.from_function(busy).run()
    page.session_state["stop"] = True
    page.run()
    assert 0.09 < page.session_state["pace-used"].of_late() < 0.5
    assert pace.turnstile._inside.total() == 0


def test_what_was_used_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    used = pace.Use(since=now)
    used.add(2.0)
    now += pace.MEMORY
    assert used.of_late() == pytest.approx(2.0 / math.e)
    used.add(1.0)
    assert used.of_late() == pytest.approx(2.0 / math.e + 1.0)
