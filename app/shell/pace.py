"""How much of the server one viewer has: as fast as anybody clicks, and a share of the processor.

A page that is asked for again before it stands is begun again, so that whoever asks a hundred times
a second would have the server to himself. Messages that come too fast wait in the connection, and
pages of a session that has computed for long wait before they begin. Nor does it help to open one
session after another: those that have just come from one place have an account together.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import streamlit as st
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.shell import access
from app.shell.guesses import network

AT_ONCE = 40  # messages that may come together
RATE = 5.0  # messages a second, later; an answer that is waited for is asked after 3 times a second
YOUNG = 60.0  # seconds that a session is a newcomer
MOST = 10_000  # networks whose newcomers are remembered
_ACCOUNT = "pace-account"  # in the session's state


class Limits(NamedTuple):
    """Seconds of the processor that are free, how many more each second, and the longest wait."""

    free: float
    share: float
    longest: float


OF_SESSION = Limits(4.0, 0.2, 2.0)
OF_NEWCOMERS = Limits(30.0, 0.2, 10.0)  # a class of thirty opens three pages each, at once


@dataclass
class Account:
    """What a session, or a network's newcomers, owe the others.

    Attributes:
        used: seconds of the processor, as of `since`.
        opened: when the account was.
    """

    limits: Limits
    used: float = 0.0
    since: float = field(default_factory=time.monotonic)
    opened: float = field(default_factory=time.monotonic)

    def pay(self) -> float:
        """Seconds to wait before more is used."""
        free, share, longest = self.limits
        now = time.monotonic()
        self.used = max(0.0, self.used - share * (now - self.since))
        self.since = now
        return max(0.0, min(longest, (self.used - free) / share))


_newcomers: OrderedDict[str, Account] = OrderedDict()  # network -> of its newcomers
_lock = threading.Lock()


@contextmanager
def fair() -> Iterator[None]:
    """Around a page: wait where its session has used up its share, or its network's newcomers have
    and it is one of them."""
    account: Account = st.session_state.setdefault(_ACCOUNT, Account(OF_SESSION))
    is_young = time.monotonic() - account.opened < YOUNG
    with _lock:
        accounts = [account, _of_newcomers(network(access.address()))] if is_young else [account]
        wait = max(each.pay() for each in accounts)
    time.sleep(wait)
    began = time.thread_time()
    try:
        yield
    finally:  # also where the page was asked for again meanwhile
        with _lock:
            for each in accounts:
                each.used += time.thread_time() - began


def _of_newcomers(place: str) -> Account:
    """The account of a network's newcomers; under the lock."""
    account = _newcomers.setdefault(place, Account(OF_NEWCOMERS))
    _newcomers.move_to_end(place)
    while len(_newcomers) > MOST:
        _newcomers.popitem(last=False)
    return account


class Pace:
    """Middleware for web sockets; leaves everything else alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, paced(receive) if scope["type"] == "websocket" else receive, send)


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
