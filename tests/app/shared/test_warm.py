"""Questions to real processes: turns, and what becomes of them when processes die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from adaspec.runs import EXAMPLES, Run
from app.shared import warm
from app.shared.warm import Ticket
from tests.studio import ROOT

LONG = 60.0  # seconds; nothing here takes as long


def question(response: str) -> warm.Request:
    return {"do": "read_text", "prompt": "Tom has ", "response": response, "snapshots": ["stock"]}


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + LONG
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def process_of(folder: Path) -> psutil.Process:
    """The one that answers for this run now."""
    processes = psutil.Process().children()
    return next(process for process in processes if str(folder.resolve()) in process.cmdline())


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def ended(pid: int) -> bool:
    try:
        return gone(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return True


@pytest.fixture(scope="module", autouse=True)
def _end() -> Iterator[None]:
    yield
    warm.end_all()
    assert not warm._at_work


@pytest.fixture
def folder(finished_run: Run) -> Path:
    """Of a run whose process is there."""
    ticket = warm.ask(finished_run.path, question("7."))
    assert warm.wait(ticket, LONG)
    assert ticket.state == "done", ticket.error
    warm._answers.clear()
    until(lambda: warm._lines[finished_run.path].current is None)
    return finished_run.path


@contextmanager
def held(folder: Path) -> Iterator[psutil.Process]:
    """Its process does nothing meanwhile."""
    process = process_of(folder)
    process.suspend()
    try:
        yield process
    finally:
        if process.is_running():
            process.resume()


def test_whoever_asks_sees_every_state(finished_run) -> None:
    warm.end_all()
    warm.prepare(finished_run.path)
    ticket = warm.ask(finished_run.path, question("12 apples."))
    seen = []
    while not warm.wait(ticket, 0.001):
        if (state := ticket.state) not in seen:
            seen.append(state)
        assert ticket.place == 0
    assert "opening models" in seen
    assert set(seen) <= {"waiting", "opening models", "working"}
    assert (ticket.state, ticket.error) == ("done", "")
    assert ticket.result["columns"]["kl@stock"]
    assert 0 < ticket.seconds < LONG


def test_ten_people_are_answered_in_turn(folder) -> None:
    everybody = threading.Barrier(10)
    tickets: list[Ticket] = []
    seen: dict[Ticket, list[int]] = {}

    def person(number: int) -> None:
        everybody.wait()
        ticket = warm.ask(folder, question(f"{number} apples."))
        tickets.append(ticket)
        seen[ticket] = [ticket.place]
        while not warm.wait(ticket, 0.0005):
            seen[ticket].append(ticket.place)

    threads = [threading.Thread(target=person, args=(number,)) for number in range(10)]
    with held(folder):
        for thread in threads:
            thread.start()
        until(
            lambda: len(seen) == 10 and sorted(ticket.place for ticket in tickets) == [*range(10)]
        )
        in_turn = sorted(tickets, key=lambda ticket: ticket.place)
        assert [ticket.state for ticket in in_turn] == ["working"] + ["waiting"] * 9
    for thread in threads:
        thread.join(LONG)
    assert [ticket.state for ticket in tickets] == ["done"] * 10
    ends = [ticket._over for ticket in in_turn]
    assert ends == sorted(ends)
    for ticket, places in seen.items():
        assert places == sorted(places, reverse=True), "nobody is ever put back"
        assert ticket.result["ids"] != in_turn[0].result["ids"] or ticket is in_turn[0]


def test_who_takes_a_question_back_lets_the_next_one_up(folder) -> None:
    with held(folder):
        first, second, third = (warm.ask(folder, question(f"{number} pears.")) for number in "123")
        until(lambda: first.state == "working")
        assert (second.place, third.place) == (1, 2)
        assert second.cancel()
        assert (second.state, second.error) == ("failed", "The question was withdrawn.")
        assert third.place == 1
        assert not first.cancel()
        assert not second.cancel()
    assert warm.wait(third, LONG)
    assert first.state == third.state == "done"
    assert not third.cancel()


def test_a_question_that_nobody_waits_for_is_not_answered(folder, monkeypatch) -> None:
    monkeypatch.setattr(warm, "FORGOTTEN", 0.5)
    with held(folder):
        first, left, waited_for = (warm.ask(folder, question(f"{n} cats.")) for n in range(3))
        for _ in range(10):
            assert not warm.wait(waited_for, 0.1)
        first._looked = time.monotonic() + LONG
    assert warm.wait(waited_for, LONG)
    assert [ticket.state for ticket in (first, left, waited_for)] == ["done", "failed", "done"]
    assert "ask again" in left.error
    assert warm.wait(again := warm.ask(folder, left.request), LONG)  # the line goes on
    assert again.state == "done"


def test_the_same_question_is_answered_once(folder) -> None:
    with held(folder):
        first, same = (warm.ask(folder, question("8 plums.")) for _ in range(2))
    assert warm.wait(same, LONG)
    assert same.result is first.result
    with held(folder):
        again = warm.ask(folder, question("8 plums."))
        assert again.state == "done"
        assert again.result is first.result
    for number in range(warm.REMEMBERED):
        last = warm.ask(folder, question(f"{number} plums, and more."))
    assert warm.wait(last, LONG)
    assert len(warm._answers) == warm.REMEMBERED
    assert first.key not in warm._answers


def test_a_fault_in_a_question_is_told_and_not_remembered(folder) -> None:
    process = process_of(folder)
    for _ in range(2):
        ticket = warm.ask(folder, {**question("x"), "snapshots": ["nonsense"]})
        assert warm.wait(ticket, LONG)
        assert ticket.state == "failed"
        assert ticket.error.startswith("No snapshot 'nonsense': this run has stock,")
    assert process_of(folder) == process


def test_only_so_many_may_wait(folder, monkeypatch) -> None:
    monkeypatch.setattr(warm, "MOST_WAITING", 2)
    with held(folder):
        working = warm.ask(folder, question("0 figs."))
        until(lambda: working.state == "working")
        waiting = [warm.ask(folder, question(f"{number} figs.")) for number in (1, 2)]
        refused = warm.ask(folder, question("3 figs."))
        assert refused.state == "failed"
        assert refused.error == "2 questions are already waiting: try again later."
    assert all(warm.wait(ticket, LONG) and ticket.state == "done" for ticket in waiting)


def test_a_process_killed_in_a_question_is_asked_again_once(folder) -> None:
    with held(folder) as process:
        ticket, after = (warm.ask(folder, question(f"{number} nuts.")) for number in (1, 2))
        until(lambda: ticket.state == "working")
        process.kill()
    until(lambda: ticket.state == "opening models")
    assert after.place == 1
    assert warm.wait(after, LONG)
    assert ticket.state == after.state == "done"


def test_a_process_killed_again_and_again(folder) -> None:
    with held(folder) as process:
        ticket = warm.ask(folder, question("3 nuts."))
        until(lambda: ticket.state == "working")
        process.kill()
    until(lambda: ticket.state == "opening models")
    process_of(folder).kill()
    assert warm.wait(ticket, LONG)
    assert ticket.state == "failed"
    assert ticket.error == "The models' process was killed 2 times: try again, or ask for less."
    assert "\n" not in ticket.error


def test_who_does_not_answer_in_time_is_ended(folder, monkeypatch) -> None:
    monkeypatch.setattr(warm, "PATIENCE", 0.2)
    with held(folder) as process:
        ticket = warm.ask(folder, question("4 nuts."))
        assert warm.wait(ticket, LONG)
    assert ticket.error == "No answer in 0 seconds: ask for less."
    assert gone(process)


def test_the_run_asked_longest_ago_makes_room(folder, tmp_path, monkeypatch) -> None:
    """But first it answers what it was asked; a folder that is no run says so."""
    monkeypatch.setattr(warm, "MAX_CHILDREN", 1)
    with held(folder) as process:
        last = warm.ask(folder, question("5 nuts."))
        until(lambda: last.state == "working")
        other = warm.ask(tmp_path, question("6 nuts."))
        time.sleep(0.2)
        assert (other.state, other.place) == ("waiting", 0)
    assert warm.wait(other, LONG)
    assert last.state == "done"
    assert gone(process)
    assert other.error == f"{tmp_path / 'run.json'} is not there."
    assert [line.folder for line in warm._at_work] == [tmp_path]


PARENT = """
import sys, time
from pathlib import Path
from app.shared import warm
assert "torch" not in sys.modules and "transformers" not in sys.modules
warm.prepare(Path(sys.argv[1]))
line = warm._lines[Path(sys.argv[1])]
while line.process is None or (line.opening and sys.argv[2] == "ready"):
    time.sleep(0.01)
print(line.process.pid, flush=True)
time.sleep(60 if "killed" in sys.argv else 0)
"""


@pytest.mark.parametrize(
    ("when", "how"), [("ready", "killed"), ("opening", "killed"), ("opening", "ended")]
)
def test_processes_do_not_outlive_the_server(when, how) -> None:
    """Whether it is killed or comes to its end; and it has loaded no torch."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(EXAMPLES["example"]), when, how],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as parent:
        child = int(parent.stdout.readline())
        if how == "killed":
            os.kill(parent.pid, signal.SIGKILL)
        assert parent.wait(LONG) == (-signal.SIGKILL if how == "killed" else 0)
        until(lambda: ended(child))
