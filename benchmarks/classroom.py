"""How fast a vote reaches the board, and a reveal every seat, in a full room; what a seat weighs.

`python -m benchmarks.classroom [--seats 50 500] [--rounds 10] [--train english]`
`python -m benchmarks.classroom --pages [--seats 50] [--rounds 10] [--train english]`
`python -m benchmarks.classroom --weight [--seats 30] [--megabits 1]`

A real studio, a presenter and so many seats as web socket clients in one process on the same cores.
In each round a bet is opened, every seat votes within a second, and it is revealed. *Vote*: from
when a seat sends its vote to when the presenter hears of it. *Reveal*: from when the presenter
reveals to when a seat hears of it; all seats of all rounds.

*Pages*: the same with a real page for the board and for every seat, all in one Chromium on the same
cores; times are read in the pages, when what is to be seen stands there.

*Train*: a job of the studio trains this recipe meanwhile, on the same cores.

*Weight*: a seat in a real browser, behind a relay that counts what passes to it (as in
`benchmarks.pages`), until its replay stands, and through the whole plan of 45 minutes. Then so many
seats come at the same moment through a relay of so many bits a second, all together: the seconds
until each has its page, its replay and the room.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table
from websockets.asyncio.client import ClientConnection, connect
from websockets.sync.client import connect as connect_plainly

from adaspec import recipe, runs
from adaspec.jobs import queue
from adaspec.runs import Run
from app.classroom import front, hall
from app.classroom.room import Room
from app.learn.plan import planned
from benchmarks.pages import relay
from tests.studio import browser, studio, supervisor

SPREAD = 1.0  # seconds within which the seats vote

# In a page: when each bet's stage first stood there, and each number of votes (milliseconds, Unix).
WATCH = """() => {
  window.stood = {};
  const look = () => {
    const bet = document.querySelector(".bet");
    if (!bet) return;
    const text = bet.querySelector("h2").textContent;
    const votes = document.querySelector(".count-of-seats")?.textContent ?? "";
    window.stood[`${text} ${bet.classList.contains("revealed")}`] ??= Date.now();
    window.stood[`${text} ${votes}`] ??= Date.now();
  };
  const all = { subtree: true, childList: true, attributes: true };
  new MutationObserver(look).observe(document.body, all);
}"""
VOTE = """delay => setTimeout(() => {
  window.votedAt = Date.now();
  document.querySelector(".bet .option").click();
}, delay)"""


class Person:
    """A client, and the last that it was told of each kind."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.views: dict[str, Any] = {}
        self.heard = asyncio.Condition()
        self.listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for text in self.connection:
            async with self.heard:
                self.views |= json.loads(text)
                self.heard.notify_all()

    async def say(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def until(self, condition: Any) -> float:
        """When it was told what fulfils a condition."""
        async with self.heard:
            await asyncio.wait_for(self.heard.wait_for(lambda: condition(self.views)), 60)
        return time.perf_counter()


async def enter(address: str, room: Room, **hello: Any) -> Person:
    where = f"{address.replace('http', 'ws')}/room/{room.code}/socket"
    person = Person(await connect(where, proxy=None, open_timeout=60))
    await person.say(**hello)
    return person


async def measure(
    address: str, room: Room, count: int, rounds: int
) -> tuple[list[float], list[float]]:
    """Seconds of the votes, and of the reveals."""
    board = await enter(address, room, do="lead", secret=room.secret)
    seats = [await enter(address, room, do="join", name=f"seat {n}") for n in range(count)]
    votes: list[float] = []
    reveals: list[float] = []
    for number in range(rounds):
        question = {"text": f"Round {number}?", "options": ["yes", "no"], "answer": 0}
        await board.say(do="open", question=question)
        for seat in seats:
            await seat.until(lambda views, n=number: _is(views, f"Round {n}?", "open"))
        votes += await asyncio.gather(*(vote(board, seat) for seat in seats))
        await board.until(lambda views: views["overview"]["voted"] == count)
        began = time.perf_counter()
        await board.say(do="reveal")
        told = [
            seat.until(lambda views, n=number: _is(views, f"Round {n}?", "revealed"))
            for seat in seats
        ]
        reveals += [ended - began for ended in await asyncio.gather(*told)]
    for person in (board, *seats):
        await person.connection.close()
    return votes, reveals


def _is(views: dict[str, Any], text: str, stage: str) -> bool:
    bet = views.get("shared", {}).get("bet")
    return bet is not None and bet["text"] == text and bet["stage"] == stage


async def vote(board: Person, seat: Person) -> float:
    await seat.until(lambda views: "seat" in views)
    await asyncio.sleep(random.uniform(0, SPREAD))
    identity = seat.views["seat"]["id"]
    began = time.perf_counter()
    await seat.say(do="vote", option=random.randrange(2))

    def arrived(views: dict[str, Any]) -> bool:
        return any(each["id"] == identity and each["voted"] for each in views["overview"]["seats"])

    return await board.until(arrived) - began


def measure_pages(
    address: str, room: Room, count: int, rounds: int
) -> tuple[list[float], list[float]]:
    """Seconds of the votes, and of the reveals, of real pages. The first vote that was cast is
    taken for the first that the board counts, and so on.
    """
    votes: list[float] = []
    reveals: list[float] = []
    where = f"{address.replace('http', 'ws')}/room/{room.code}/socket"
    # It is told of everything, and reads none of it.
    unread: Any = {"proxy": None, "max_queue": None}
    with browser() as chromium, connect_plainly(where, **unread) as presenter:
        presenter.send(json.dumps({"do": "lead", "secret": room.secret}))
        board, *seats = (chromium.new_context().new_page() for _ in range(count + 1))
        board.goto(f"{address}/room/{room.code}/board#{room.secret}")
        board.locator(".watched .replay").wait_for(timeout=60_000)
        for seat in seats:
            seat.set_viewport_size({"width": 390, "height": 844})
            seat.goto(f"{address}/join?code={room.code}")
            seat.get_by_role("button", name="Join").click()
            seat.locator(".watched .replay").wait_for(timeout=60_000)
        for page in (board, *seats):
            page.evaluate(WATCH)
        for number in range(rounds):
            text = f"Round {number}?"
            question = {"text": text, "options": ["yes", "no"], "answer": 0}
            presenter.send(json.dumps({"do": "open", "question": question}))
            for seat in seats:
                seat.wait_for_function("text => text + ' false' in window.stood", arg=text)
            for seat in seats:
                seat.evaluate(VOTE, 1000 * random.uniform(0, SPREAD))
            counted = [f"{text} {votes} of {count} have voted" for votes in range(1, count + 1)]
            board.wait_for_function("key => key in window.stood", arg=counted[-1])
            cast = sorted(seat.evaluate("window.votedAt") for seat in seats)
            stood = board.evaluate("window.stood")
            later = [min(stood.get(key, np.inf) for key in counted[at:]) for at in range(count)]
            votes += [(shown - sent) / 1000 for sent, shown in zip(cast, later, strict=True)]
            began = time.time()
            presenter.send(json.dumps({"do": "reveal"}))
            for seat in seats:
                seat.wait_for_function("text => text + ' true' in window.stood", arg=text)
                reveals.append(
                    seat.evaluate("text => window.stood[text + ' true']", text) / 1000 - began
                )
            presenter.send(json.dumps({"do": "end"}))
    return votes, reveals


def weigh(address: str, room: Room) -> tuple[int, int]:
    """Bytes to a seat until its replay stands, and to the end of the plan of 45 minutes."""
    with relay(address, 1000) as way, browser() as chromium:
        page = chromium.new_page()
        page.goto(f"{way.address}/join?code={room.code}")
        page.get_by_role("button", name="Join").click()
        page.locator(".watched .replay").wait_for(timeout=60_000)
        page.wait_for_load_state("networkidle")
        opened = way.received
        where = f"{address.replace('http', 'ws')}/room/{room.code}/socket"
        with connect_plainly(where, proxy=None) as board:
            board.send(json.dumps({"do": "lead", "secret": room.secret}))
            for message, seen in lesson():
                board.send(json.dumps(message))
                page.locator(seen).first.wait_for(state="attached", timeout=60_000)
        return opened, way.received


def lesson() -> Iterator[tuple[dict[str, Any], str]]:
    """All that a presenter sends in the plan of 45 minutes, and what a seat sees then."""
    bet = {"predict": ".bet.open", "count": ".bet.counted", "reveal": ".bet.revealed"}
    for at in range(len(planned(45))):
        yield {"do": "teach", "lesson": {"minutes": 45, "at": at}}, f"text=/^{at + 1} of /"
        for _ in ("prediction", "question"):
            yield from (({"do": what}, seen) for what, seen in bet.items())
            yield {"do": "end"}, ".bets:not(:has(.bet))"
    yield {"do": "teach", "lesson": None}, ".watched .replay"


def crowd(address: str, room: Room, count: int) -> list[float]:
    """Seconds until each of so many seats that come at once has all that it opens with."""
    shown = room.shown
    replay = f"/room/{room.code}/replay?draft={shown.draft}&number={shown.number}"
    socket = f"{address.replace('http', 'ws')}/room/{room.code}/socket"

    def come(_: int) -> float:
        began = time.perf_counter()
        with urlopen(f"{address}/join?code={room.code}") as page:
            page.read()
        with connect_plainly(socket, proxy=None, open_timeout=300) as seat:
            seat.send(json.dumps({"do": "join"}))
            while "personal" not in json.loads(seat.recv()):
                pass
        with urlopen(f"{address}{replay}") as view:
            view.read()
        return time.perf_counter() - began

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(come, range(count)))


def print_weight(address: str, room: Room, seats: int, megabits: float) -> None:
    opened, taught = weigh(address, room)
    console = Console()
    console.print(f"a seat: {opened / 1000:.0f} kB to open, {taught / 1000:.0f} kB with the lesson")
    with relay(address, megabits) as way:
        times = crowd(way.address, room, seats)
    console.print(
        f"{seats} seats at once over {megabits:g} Mbit/s: p50 {np.quantile(times, 0.5):.1f} s, "
        f"last {max(times):.1f} s"
    )


@contextmanager
def training(home: Path, name: str | None) -> Iterator[None]:
    """A job at work."""
    if name is None:
        yield
        return
    with supervisor(home):
        job = queue.submit(recipe.load(name), queue.me())
        while not runs.read_metrics(Run(home / "runs" / job.id)):
            time.sleep(0.5)
        yield
        if not (ended := queue.find(job.id)).live:
            print(f"The training had {ended.state} before all was measured.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seats", type=int, nargs="+")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--pages", action="store_true")
    parser.add_argument("--weight", action="store_true")
    parser.add_argument("--megabits", type=float, default=1.0)
    parser.add_argument("--train", metavar="RECIPE")
    arguments = parser.parse_args()
    table = Table("seats", "vote p50", "p95", "reveal p50", "p95", title="seconds")
    with tempfile.TemporaryDirectory() as home:
        os.environ["ADASPEC_HOME"] = home
        run = runs.find("english")
        with studio(Path(home)) as address, training(Path(home), arguments.train):
            if arguments.weight:
                room = hall.start(run.id, front.first(run))
                print_weight(address, room, (arguments.seats or [30])[0], arguments.megabits)
                return
            for count in arguments.seats or ([50] if arguments.pages else [50, 500]):
                room = hall.start(run.id, front.first(run))
                if arguments.pages:
                    results = measure_pages(address, room, count, arguments.rounds)
                else:
                    results = asyncio.run(measure(address, room, count, arguments.rounds))
                shares = [
                    f"{np.quantile(times, at):.3f}" for times in results for at in (0.5, 0.95)
                ]
                table.add_row(str(count), *shares)
    console = Console()
    console.print(table)
    console.print(f"load average {psutil.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
