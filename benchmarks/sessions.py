"""A viewer's session without a browser: it speaks Streamlit's protocol, and times the answers.

A session opens a page, asks for its fragments as often as the server says, and goes on to others.
An opening or a refresh is timed from the request until the server says that it is done; a browser
would then draw, on a machine of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from statistics import quantiles
from typing import Any, Literal

import psutil
from rich.table import Table
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol


@dataclass
class Times:
    """Seconds that viewers waited, what passed, and what went wrong."""

    openings: list[float] = field(default_factory=list)
    refreshes: list[float] = field(default_factory=list)
    kilobytes: float = 0.0
    errors: list[str] = field(default_factory=list)


class Session:
    """One viewer, from the first page to the last.

    Attributes:
        shown: what the page that ran last says: its alerts and other texts.
    """

    def __init__(self, socket: ClientConnection, times: Times) -> None:
        self._socket = socket
        self._times = times
        self._query = ""
        self._page = ""
        self._timers: dict[str, asyncio.Task[None]] = {}  # of fragments
        self._asked: dict[str, float] = {}  # fragment -> since when its refresh is awaited
        self._ended: dict[str, float] = {}  # those that may yet lead to a run of the whole page
        self._running: set[str] = set()  # fragments
        self._whole = False  # whether the whole page is running
        self._opened = 0.0  # when the page was asked for, until it stands
        self._stands = asyncio.Event()
        self._widgets: dict[str, str] = {}  # label -> id
        self.shown: list[str] = []

    async def listen(self) -> None:
        """Hear the server, until cancelled."""
        try:
            async for message in self._socket:
                assert isinstance(message, bytes)
                self._times.kilobytes += len(message) / 1e3
                self._hear(ForwardMsg.FromString(message))
        finally:
            self._stop_timers()

    async def open(self, page: str, query: str = "") -> None:
        """Open a page by its address, and wait until it stands."""
        self._query = query
        await self._run(ClientState(query_string=query, page_name=page))

    async def ask(self, page: str, query: str = "") -> None:
        """Ask for a page, and do not wait."""
        await self._ask(ClientState(query_string=query, page_name=page))

    async def choose(self, label: str, value: str) -> None:
        """Choose in a select box, and wait until the page stands again."""
        await self._change(WidgetState(id=self._widgets[label], string_value=value))

    async def press(self, label: str) -> None:
        """Press a button, and wait until the page stands again."""
        await self._change(WidgetState(id=self._widgets[label], trigger_value=True))

    async def _change(self, widget: WidgetState) -> None:
        state = ClientState(query_string=self._query, page_script_hash=self._page)
        state.widget_states.widgets.append(widget)
        await self._run(state)

    async def _run(self, state: ClientState) -> None:
        self._opened = time.monotonic()
        self._stands.clear()
        self.shown = []
        await self._ask(state)
        await self._stands.wait()

    def _hear(self, message: ForwardMsg) -> None:
        match message.WhichOneof("type"):
            case "new_session":
                self._page = message.new_session.page_script_hash
                self._begin(set(message.metadata.run.fragment_ids))
            case "page_info_changed":
                self._query = message.page_info_changed.query_string
            case "auto_rerun":
                self._start_timer(message.auto_rerun.fragment_id, message.auto_rerun.interval)
            case "script_finished":
                self._end(early=message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN)
            case "delta":
                self._see(message)

    def _see(self, message: ForwardMsg) -> None:
        element = message.delta.new_element
        match element.WhichOneof("type"):
            case "exception":
                self._times.errors.append(element.exception.message)
            case "alert":
                self.shown.append(element.alert.body)
            case "selectbox":
                self._widgets[element.selectbox.label] = element.selectbox.id
            case "button":
                self._widgets[element.button.label] = element.button.id
        if not self._whole and message.delta.fragment_id:
            self._running.add(message.delta.fragment_id)

    def _begin(self, fragments: set[str]) -> None:
        if fragments:
            # The server drops the first and last words of a run, never what it drew, when the
            # next begins before they are sent.
            ended = dict.fromkeys(self._running, time.monotonic()) | self._ended
            for fragment, moment in ended.items():
                self._answered(fragment, moment)
        else:
            self._stop_timers()
        self._running, self._ended, self._whole = fragments, {}, not fragments

    def _end(self, early: bool) -> None:
        now = time.monotonic()
        fragments, whole = self._running, self._whole
        self._running, self._whole = set(), False
        if early:
            self._ended = dict.fromkeys(fragments, now)
            return
        for fragment in [*self._asked] if whole else fragments:
            self._answered(fragment, now)
        if whole and self._opened:
            self._times.openings.append(now - self._opened)
            self._opened = 0.0
            self._stands.set()

    def _answered(self, fragment: str, moment: float) -> None:
        if fragment in self._asked:
            self._times.refreshes.append(moment - self._asked.pop(fragment))

    def _start_timer(self, fragment: str, interval: float) -> None:
        if fragment in self._timers:
            self._timers[fragment].cancel()
        self._timers[fragment] = asyncio.create_task(self._poll(fragment, interval))

    def _stop_timers(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._asked.clear()

    async def _poll(self, fragment: str, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            self._asked.setdefault(fragment, time.monotonic())
            state = ClientState(
                query_string=self._query,
                page_script_hash=self._page,
                fragment_id=fragment,
                is_auto_rerun=True,
            )
            await self._ask(state)

    async def _ask(self, state: ClientState) -> None:
        state.context_info.timezone = "UTC"
        await self._socket.send(BackMsg(rerun_script=state).SerializeToString())


Step = tuple[Literal["open", "choose", "press"], str, str]
"""A page and its query, a field and what is chosen there, or a button."""
WALK: list[Step] = [  # what ordinary viewers do
    ("open", "runs", "run=example"),
    ("open", "tokens", "run=example&example={example}"),
    ("choose", "Draft q", "stock"),
    ("open", "filter", "run=example&example={example}"),
    ("choose", "Pool", "batch"),
    ("open", "replay", "run=example&example={prompt}"),
    ("choose", "Draft q", "stock"),
    ("open", "compare", "run=example"),
    ("choose", "Prompt", "{prompt}"),
]
PAUSE = (2.0, 8.0)  # seconds between two steps
ARRIVAL = 0.1  # seconds between two viewers' arrivals


async def walk(viewer: Session, chance: Random, steps: list[Step]) -> None:
    """Open and change pages, with a pause before each, until cancelled."""
    position = chance.choice([place for place, step in enumerate(steps) if step[0] == "open"])
    while True:
        await asyncio.sleep(chance.uniform(*PAUSE))
        what, name, value = steps[position % len(steps)]
        value = value.format(
            example=chance.randrange(200), prompt=chance.randrange(20), any=chance.randrange(10**6)
        )
        if what == "open":
            await viewer.open(name, value)
        elif what == "choose":
            await viewer.choose(name, value)
        else:
            await viewer.press(name)
        position += 1


async def visit(
    address: str,
    sessions: int,
    length: float,
    times: Times,
    use: Callable[[Session], Awaitable[None]],
) -> None:
    """Let so many viewers come one after another, and cancel their use after so many seconds."""

    async def come() -> None:
        async with session(address, times) as viewer:
            await use(viewer)

    async with asyncio.TaskGroup() as group:
        viewers = []
        for _ in range(sessions):
            viewers.append(group.create_task(come()))
            await asyncio.sleep(ARRIVAL)
        await asyncio.sleep(length)
        for task in viewers:
            task.cancel()


async def wander(
    address: str,
    sessions: int,
    length: float,
    times: Times,
    chance: Random,
    steps: list[Step] = WALK,
) -> None:
    """Let so many viewers walk through the studio for so many seconds."""
    await visit(address, sessions, length, times, lambda viewer: walk(viewer, chance, steps))


@asynccontextmanager
async def session(
    address: str, times: Times, *, place: str = "127.0.0.1"
) -> AsyncIterator[Session]:
    """A viewer at `place` of the studio at this address."""
    stream = address.replace("http", "ws") + "/_stcore/stream"
    options: dict[str, Any] = {"max_size": None, "local_addr": (place, 0)}
    async with connect(stream, subprotocols=[Subprotocol("streamlit")], **options) as socket:
        viewer = Session(socket, times)
        hearing = asyncio.create_task(viewer.listen())
        try:
            yield viewer
        finally:
            hearing.cancel()


def server() -> psutil.Process:
    """The studio that this process has started."""
    (process,) = (
        process for process in psutil.Process().children() if "streamlit" in process.cmdline()
    )
    return process


def row(name: str, times: Sequence[float]) -> tuple[str, ...]:
    """A row of the table of `waits`."""
    if len(times) < 2:
        return name, str(len(times)), "", "", *(f"{wait:.3f}" for wait in times)
    cuts = quantiles(times, n=20)
    figures = (f"{figure:.3f}" for figure in (cuts[9], cuts[18], max(times)))
    return name, f"{len(times):,}", *figures


def waits(title: str) -> Table:
    """A table of seconds, without rows."""
    return Table("seconds", "times", "p50", "p95", "max", title=title)
