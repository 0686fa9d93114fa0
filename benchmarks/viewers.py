"""What a room of viewers costs: the time of a refresh, and how much slower a training becomes.

`python -m benchmarks.viewers [--sessions 30] [--seconds 60] [--threads 1]`

A real studio and a real supervisor train the recipe `tiny`, four times from the same seed: alone,
watched, watched, alone. Each viewer is a session of its own that speaks Streamlit's protocol as the
browser does: it opens the Runs page at that job, and asks for every fragment as often as the server
says. A refresh is timed from that request until the server says that it is done; a browser would
then draw, on a machine of its own. The viewers run here, on the same cores as the training.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import quantiles

import psutil
from rich.console import Console
from rich.table import Table
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from adaspec import recipe, runs
from adaspec.jobs import queue
from adaspec.runs import Run
from tests.studio import enough, studio, supervisor

ROUNDS = ("alone", "watched", "watched", "alone")  # a drift of the machine then evens out
ARRIVAL = 0.1  # seconds between two viewers' arrivals

Steps = dict[tuple[str, int], float]  # stage and step -> seconds it took


@dataclass
class Times:
    """Seconds that viewers waited, and what it took to serve them."""

    openings: list[float] = field(default_factory=list)
    refreshes: list[float] = field(default_factory=list)
    kilobytes: float = 0.0
    work: float = 0.0  # of the studio's processor
    watched: float = 0.0


class Viewer:
    """One session, from opening the page to leaving it."""

    def __init__(self, socket: ClientConnection, query: str, times: Times) -> None:
        self._socket = socket
        self._query = query
        self._times = times
        self._page = ""
        self._timers: dict[str, asyncio.Task[None]] = {}  # of fragments
        self._asked: dict[str, float] = {}  # fragment -> since when its refresh is awaited
        self._ended: dict[str, float] = {}  # those that may yet lead to a run of the whole page
        self._running: set[str] = set()  # fragments
        self._whole = False  # whether the whole page is running
        self._opened = time.monotonic()

    async def watch(self) -> None:
        """Open the page and stay, until cancelled."""
        await self._ask(ClientState(query_string=self._query))
        try:
            async for message in self._socket:
                assert isinstance(message, bytes)
                self._times.kilobytes += len(message) / 1e3
                self._hear(ForwardMsg.FromString(message))
        finally:
            self._stop_timers()

    def _hear(self, message: ForwardMsg) -> None:
        match message.WhichOneof("type"):
            case "new_session":
                self._page = message.new_session.page_script_hash
                self._begin(set(message.metadata.run.fragment_ids))
            case "auto_rerun":
                self._start_timer(message.auto_rerun.fragment_id, message.auto_rerun.interval)
            case "script_finished":
                self._end(early=message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN)
            case "delta":
                element = message.delta.new_element
                if element.WhichOneof("type") == "exception":
                    raise RuntimeError(f"The page shows an error: {element.exception.message}")
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


async def watch(address: str, query: str, sessions: int, seconds: float, times: Times) -> None:
    """Let so many watch one page together for so long."""
    stream = address.replace("http", "ws") + "/_stcore/stream"

    async def viewer() -> None:
        async with connect(
            stream, subprotocols=[Subprotocol("streamlit")], max_size=None
        ) as socket:
            await Viewer(socket, query, times).watch()

    async with asyncio.TaskGroup() as group:
        viewers = []
        for _ in range(sessions):
            viewers.append(group.create_task(viewer()))
            await asyncio.sleep(ARRIVAL)
        await asyncio.sleep(seconds)
        for viewer in viewers:
            viewer.cancel()


@contextmanager
def training() -> Iterator[Run]:
    """A job that has come to its first steps; it is cancelled at the end."""
    job = queue.submit(recipe.load("tiny"), "benchmark")
    run = Run(runs.runs_folder() / job.id)
    enough(lambda: "reference" in runs.read_metrics(run), 120)
    yield run
    queue.cancel(job.id)
    enough(lambda: not queue.find(job.id).live)


def seconds_of_steps(run: Run) -> Steps:
    """What every training step took, from the step before it."""
    return {
        (stage, step.step): step.time - before.time
        for stage, steps in runs.read_metrics(run).items()
        for before, step in pairwise(steps)
        if step.loss is not None
    }


def seconds_a_step(rounds: list[Steps], common: set[tuple[str, int]]) -> float:
    """The mean over the steps that every round came to: the same work in each."""
    return sum(steps[step] for steps in rounds for step in common) / (len(rounds) * len(common))


def measure(address: str, sessions: int, seconds: float) -> tuple[Times, dict[str, list[Steps]]]:
    """Train in every round, and watch in some."""
    times = Times()
    rounds: dict[str, list[Steps]] = {name: [] for name in ROUNDS}
    (server,) = (
        process for process in psutil.Process().children() if "streamlit" in process.cmdline()
    )
    for name in ROUNDS:
        with training() as run:
            if name == "watched":
                before = server.cpu_times()
                asyncio.run(watch(address, f"run={run.path.name}", sessions, seconds, times))
                after = server.cpu_times()
                times.work += after.user + after.system - before.user - before.system
                times.watched += seconds + sessions * ARRIVAL
            else:
                time.sleep(seconds + sessions * ARRIVAL)
            rounds[name].append(seconds_of_steps(run))
    return times, rounds


def tell(sessions: int, threads: int, times: Times, rounds: dict[str, list[Steps]]) -> None:
    """Print the tables."""
    waits = {"opening the page": times.openings, "refresh": times.refreshes}
    table = Table("seconds", "times", "p50", "p95", "max", title=f"{sessions} viewers")
    for name, values in waits.items():
        cuts = quantiles(values, n=20)
        figures = (f"{figure:.3f}" for figure in (cuts[9], cuts[18], max(values)))
        table.add_row(name, f"{len(values):,}", *figures)
    console = Console()
    console.print(table)
    common = set.intersection(*({*steps} for several in rounds.values() for steps in several))
    alone, watched = (seconds_a_step(rounds[name], common) for name in ("alone", "watched"))
    console.print(
        f"training, {threads} threads: {alone:.4f} s a step alone, {watched:.4f} watched: "
        f"{watched / alone:.2f} times ({len(common)} equal steps, {len(ROUNDS)} rounds)\n"
        f"studio: {times.work / times.watched:.2f} of a core, "
        f"{times.kilobytes / times.watched / sessions:.0f} kB/s a viewer; this machine has "
        f"{psutil.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sessions", type=int, default=30)
    options.add_argument("--seconds", type=float, default=60, help="of each of the four rounds")
    options.add_argument("--threads", type=int, default=1, help="of the training")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ADASPEC_HOME"] = folder
        threads = {"OMP_NUM_THREADS": str(given.threads)}
        with supervisor(Path(folder), **threads), studio(Path(folder)) as address:
            times, rounds = measure(address, given.sessions, given.seconds)
    tell(given.sessions, given.threads, times, rounds)


if __name__ == "__main__":
    main()
