"""How much of the server one viewer has: as fast as anybody clicks, and a share of its processor.

A page that is asked for again before it stands is begun again, so that whoever asks a hundred times
a second would have the server to himself: messages that come too fast wait in the connection. And
Python computes one page at a time, so that each page beside another makes both wait for as long as
both take: two at a time are let in, first those whose network has used least for each of its
sessions. To open one session after another gains nothing: what counts is how many are open.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import streamlit as st
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.shell import access
from app.shell.guesses import network

AT_ONCE = 40  # messages that may come together
RATE = 5.0  # messages a second, later; an answer that is waited for is asked after 3 times a second
PAGES = 2  # that are computed at once: some wait for a disk or for models; of 1, 2 and 3 the best
CLASS = 40  # sessions of a network that count: as many as a class has, so that more gain nothing
MUCH = 3.0  # seconds of the processor after which a session's pages come last in its network
MEMORY = 10.0  # seconds after which what was used counts a third (1/e)
_USED = "pace-used"  # in the session's state


@dataclass
class Use:
    """Seconds of the processor that were used of late, as of `since`."""

    seconds: float = 0.0
    since: float = field(default_factory=time.monotonic)

    def of_late(self) -> float:
        return self.seconds * math.exp((self.since - time.monotonic()) / MEMORY)

    def add(self, seconds: float) -> None:
        self.seconds, self.since = self.of_late() + seconds, time.monotonic()


@dataclass(eq=False)
class Page:
    """One that waits, or is computed."""

    place: str  # its network
    session: Use


class Turnstile:
    """Lets pages in, so many at a time; of a network, at most in proportion to its sessions."""

    def __init__(self) -> None:
        self._sessions: Counter[str] = Counter()  # network -> open sessions
        self._used: dict[str, Use] = {}  # of networks that have used any of late
        self._inside: Counter[str] = Counter()  # network -> its pages that are computed
        self._waiting: list[Page] = []
        self._changed = threading.Condition()

    @contextmanager
    def open(self, place: str) -> Iterator[None]:
        """Around a session from a network."""
        with self._changed:
            self._sessions[place] += 1
        try:
            yield
        finally:
            with self._changed:
                self._sessions -= Counter({place: 1})
                self._changed.notify_all()

    @contextmanager
    def entered(self, place: str, session: Use) -> Iterator[None]:
        """Around what a page computes.

        Args:
            place: the viewer's network.
            session: what the viewer's session has used; grows by what this page takes.
        """
        page = Page(place, session)
        with self._changed:
            self._waiting.append(page)
            self._changed.wait_for(lambda: self._next() is page)
            self._waiting.remove(page)
            self._inside[place] += 1
            self._changed.notify_all()
        began = time.thread_time()
        try:
            yield
        finally:  # also where the page was asked for again meanwhile
            with self._changed:
                took = time.thread_time() - began
                session.add(took)
                self._used.setdefault(place, Use()).add(took)
                self._inside -= Counter({place: 1})
                self._forget()
                self._changed.notify_all()

    def _next(self) -> Page | None:
        """The page that may come in now."""
        if self._inside.total() >= PAGES:
            return None
        may = [page for page in self._waiting if self._inside[page.place] < self._share(page.place)]
        each = {
            place: used.of_late() / self._weight(place) for place, used in self._used.items()
        }  # once, since it shrinks while one looks
        # Of equal ones, the page that has waited longest.
        return min(
            may,
            key=lambda page: (each.get(page.place, 0.0), page.session.of_late() > MUCH),
            default=None,
        )

    def _share(self, place: str) -> int:
        """How many pages of a network may be computed at once."""
        others = sum(self._weight(each) for each in {*self._sessions} - {place})
        weight = self._weight(place)
        return max(1, round(PAGES * weight / (weight + others)))

    def _weight(self, place: str) -> int:
        return max(1, min(CLASS, self._sessions[place]))

    def _forget(self) -> None:
        """What was used long ago."""
        for place in [place for place, used in self._used.items() if used.of_late() < 1e-3]:
            del self._used[place]


turnstile = Turnstile()


@contextmanager
def fair() -> Iterator[None]:
    """Around a page: wait for its turn."""
    used: Use = st.session_state.setdefault(_USED, Use())
    with turnstile.entered(network(access.address()), used):
        yield


class Pace:
    """Middleware for web sockets; leaves everything else alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        host, _ = scope.get("client") or (None, 0)
        with turnstile.open(network(access.called(host))):
            await self._app(scope, paced(receive), send)


def paced(receive: Receive) -> Receive:
    """The same messages, held back where they are too many."""
    free_at = 0.0  # when all that was received is paid for

    async def slowly() -> Message:
        nonlocal free_at
        message = await receive()
        now = time.monotonic()
        free_at = max(free_at, now) + 1 / RATE
        await asyncio.sleep(free_at - now - AT_ONCE / RATE)
        return message

    return slowly
