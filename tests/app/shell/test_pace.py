"""Whoever asks too fast is held back; nobody else is, and no message is lost."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict

import pytest
from starlette.types import Message, Receive
from streamlit.testing.v1 import AppTest

from app.shell import pace


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


def test_only_web_sockets_are_paced() -> None:
    seen: dict[str, object] = {}

    async def application(scope, receive, send) -> None:
        seen[scope["type"]] = receive

    async def both(receive: Receive) -> None:
        for kind in ("http", "websocket"):
            await pace.Pace(application)({"type": kind}, receive, None)

    receive = ready()
    asyncio.run(both(receive))
    assert seen["http"] is receive
    assert seen["websocket"] is not receive


def busy() -> None:
    """A page that takes a twentieth of a second of the processor."""
    import time

    import streamlit as st

    from app.shell import pace

    asked = time.monotonic()
    with pace.fair():
        waited = time.monotonic() - asked
        end = time.thread_time() + 0.05
        while time.thread_time() < end:
            pass
        if st.session_state.get("stop"):
            st.stop()
    st.session_state["waited"] = [*st.session_state.get("waited", []), waited]


def test_a_session_that_computes_for_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "OF_SESSION", pace.Limits(0.12, 0.001, 0.3))
    page, other = AppTest.from_function(busy), AppTest.from_function(busy)
    for _ in range(2):
        page.run()
    page.session_state["stop"] = True  # what ends early counts as well
    page.run()
    del page.session_state["stop"]
    page.run()
    other.run()
    assert page.session_state["waited"] == pytest.approx([0, 0, 0.3], abs=0.1)
    assert other.session_state["waited"] == pytest.approx([0], abs=0.1)


def test_one_session_after_another_waits_as_one_and_who_is_there_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "OF_NEWCOMERS", pace.Limits(0.12, 0.001, 0.3))
    monkeypatch.setattr(pace, "_newcomers", OrderedDict())
    monkeypatch.setattr(pace.access, "address", lambda: "2001:db8::1")
    there = AppTest.from_function(busy).run()
    newcomers = [AppTest.from_function(busy).run() for _ in range(3)]
    assert [page.session_state["waited"] for page in newcomers] == [
        [pytest.approx(wait, abs=0.1)] for wait in (0, 0, 0.3)
    ]
    monkeypatch.setattr(pace, "YOUNG", 0.0)
    there.run()
    assert there.session_state["waited"] == pytest.approx([0, 0], abs=0.1)
    monkeypatch.setattr(pace, "YOUNG", 60.0)
    monkeypatch.setattr(pace.access, "address", lambda: "2001:db8:1::1")
    assert AppTest.from_function(busy).run().session_state["waited"] == pytest.approx([0], abs=0.1)
