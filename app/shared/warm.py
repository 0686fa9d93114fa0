"""Models that answer while people wait: one process per run, kept warm. Loads no torch.

Nothing here blocks a page. A question becomes a `Ticket`; the run's line answers one after the
other, in a thread that talks to the run's process (`adaspec.inference`). The process starts with
the first question and again whenever it is gone; it ends with the server, with a third run's
questions, and when it was not asked for a while.
"""

from __future__ import annotations

import atexit
import json
import logging
import subprocess
import sys
import threading
import time
from collections import OrderedDict, deque
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from adaspec import explain

MAX_CHILDREN = 2
"""Processes at a time, each with one run's models in memory."""
MOST_WAITING = 50
REMEMBERED = 16
"""Answers kept in memory; the largest have several megabytes."""
PATIENCE = 300.0  # seconds for opening a target, and for one answer
FORGOTTEN = 60.0  # seconds after which a question that nobody looked at is not answered any more
TRIES = 2  # a process may be killed by what has nothing to do with the question

SHUT = "The studio stopped before the question was answered."

Request = dict[str, Any]
State = Literal["waiting", "opening models", "working", "done", "failed"]

log = logging.getLogger("adaspec.studio")
_changed = threading.Condition()  # guards all that follows, and says that something moved
_lines: OrderedDict[Path, _Line] = OrderedDict()  # those that take questions, the last asked last
_at_work: list[_Line] = []  # and those sent away, who answer what they have; the oldest first
_answers: OrderedDict[str, Any] = OrderedDict()


def ask(folder: Path, request: Request) -> Ticket:
    """Ask the models of the run in this folder; does not wait for them.

    Args:
        request: `do`, a row of `adaspec.inference.REQUESTS`, and its arguments, in plain values.

    Returns:
        A ticket: done already where the same was answered lately, failed already where too many
        others wait.
    """
    with _changed:
        ticket = Ticket(folder.resolve(), request)
        if ticket.key in _answers:
            ticket._end(result=_answers[ticket.key])
        elif sum(len(line.tickets) for line in _at_work) >= MOST_WAITING:
            ticket._end(error=f"{MOST_WAITING} questions are already waiting: try again later.")
        else:
            ticket._line = _line(ticket.folder)
            ticket._line.tickets.append(ticket)
        _changed.notify_all()
    return ticket


def prepare(folder: Path) -> None:
    """Open the run's target, so that the first question need not wait for it."""
    with _changed:
        _line(folder.resolve()).wanted = True
        _changed.notify_all()


def wait(ticket: Ticket, seconds: float) -> bool:
    """Whether the ticket is done or failed, at the latest after so many seconds."""
    with _changed:
        ticket._looked = time.monotonic() + seconds
        return _changed.wait_for(lambda: ticket.over, seconds)


@atexit.register
def end_all() -> None:
    """End every process; open questions fail."""
    with _changed:
        lines = list(_at_work)
        for line in lines:
            line.dismiss()
    for line in lines:
        line.thread.join(5)


def _line(folder: Path) -> _Line:
    """The run's line, now the most recently used; the least recently used one is closed."""
    line = _lines.pop(folder, None) or _Line(folder)
    _lines[folder] = line
    while len(_lines) > MAX_CHILDREN:
        _, oldest = _lines.popitem(last=False)
        oldest.leaving = True
    return line


class Ticket:
    """A question, and in time its answer.

    Attributes:
        result: the answer, shared by all who asked the same: not to be changed.
        error: one line; why there is none.
    """

    def __init__(self, folder: Path, request: Request) -> None:
        self.folder, self.request = folder, request
        self.key = f"{folder}\n{json.dumps(request, sort_keys=True)}"
        self.result: Any = None
        self.error = ""
        self._line: _Line | None = None
        self._asked = self._looked = time.monotonic()
        self._over: float | None = None

    @property
    def state(self) -> State:
        with _changed:
            self._looked = max(self._looked, time.monotonic())
            if self.over:
                return "failed" if self.error else "done"
            if self._line and self._line.opening and self.place == 0:
                return "opening models"
            return "working" if self._line and self._line.current is self else "waiting"

    @property
    def over(self) -> bool:
        return self._over is not None

    @property
    def place(self) -> int:
        """How many questions of this run come before it. The first may wait for other runs."""
        with _changed:
            if self._line is None or self not in self._line.tickets:
                return 0
            return self._line.tickets.index(self) + (self._line.current is not None)

    @property
    def seconds(self) -> float:
        """Since it was asked, until its end."""
        return (self._over or time.monotonic()) - self._asked

    def cancel(self) -> bool:
        """Withdraw it; returns False if it is already being answered."""
        with _changed:
            if self._line is None or self not in self._line.tickets:
                return False
            self._line.tickets.remove(self)
            self._end(error="The question was withdrawn.")
            return True

    def _end(self, result: Any = None, error: str = "") -> None:
        with _changed:
            self.result, self.error, self._over = result, error, time.monotonic()
            _changed.notify_all()


class _Line:
    """The questions to one run, and the thread that has its process answer them.

    Attributes:
        tickets: that wait, in order; `current` is being answered.
        wanted: somebody will ask.
        leaving: it takes no more questions; once it has answered those it has, it ends.
        dismissed: it ends at once.
        opening: the process has started and is not ready.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tickets: deque[Ticket] = deque()
        self.current: Ticket | None = None
        self.wanted = self.leaving = self.dismissed = self.opening = False
        self.process: subprocess.Popen[str] | None = None
        self.thread = threading.Thread(target=self._work, daemon=True)
        _at_work.append(self)
        self.thread.start()

    def dismiss(self) -> None:
        """End it, and what it has to do."""
        self.leaving = self.dismissed = True
        _lines.pop(self.folder, None)
        while self.tickets:
            self.tickets.popleft()._end(error=SHUT)
        if process := self.process:
            process.kill()
        _changed.notify_all()

    def _work(self) -> None:
        with _changed:
            _changed.wait_for(lambda: self.dismissed or self in _at_work[:MAX_CHILDREN])
        while self._next():
            if self.current:
                self._answer(self.current)
            else:
                self._try(None)
        self._stop()
        with _changed:
            _at_work.remove(self)
            _changed.notify_all()

    def _next(self) -> bool:
        """Wait for the next question, or for the news that there will be one."""
        with _changed:
            self.current = None
            _changed.notify_all()
            _changed.wait_for(lambda: self._is_asked() or self.wanted or self.leaving)
            wanted, self.wanted = self.wanted, False
            if self.tickets:
                self.current = self.tickets.popleft()
            return self.current is not None or (wanted and not self.leaving)

    def _is_asked(self) -> bool:
        """Whether a question waits; those whose viewers have left are dropped."""
        while self.tickets and time.monotonic() - self.tickets[0]._looked > FORGOTTEN:
            self.tickets.popleft()._end(error="Nobody waited for the answer: ask again.")
        return bool(self.tickets)

    def _answer(self, ticket: Ticket) -> None:
        with _changed:
            if ticket.key in _answers:  # the same was asked before it
                ticket._end(result=_answers[ticket.key])
                return
        reply = self._try(ticket.request)
        with _changed:
            if "ok" in reply:
                _answers[ticket.key] = reply["ok"]
                while len(_answers) > REMEMBERED:
                    _answers.popitem(last=False)
            ticket._end(reply.get("ok"), reply.get("error", ""))

    def _try(self, request: Request | None) -> Request:
        """The reply of a process that lives, `ok` or `error`; without a request, have one ready."""
        for _ in range(TRIES):
            if self.dismissed:
                return {"error": SHUT}
            try:
                return self._ask(request)
            except TimeoutError:
                return {"error": f"No answer in {PATIENCE:.0f} seconds: ask for less."}
            except EOFError:
                continue
            except Exception as error:  # told on the page: a thread has nobody else to tell
                log.exception("A question could not be asked.")
                return {"error": explain(error)}
        return {
            "error": f"The models' process was killed {TRIES} times: try again, or ask for less."
        }

    def _ask(self, request: Request | None) -> Request:
        """
        Raises:
            EOFError: the process is gone.
            TimeoutError: it took too long, and is gone.
        """
        if self.process is None or self.process.poll() is not None:
            self._start()
            try:
                hello = self._talk(None)
            finally:
                self._set_opening(False)
            if "error" in hello:
                return hello
        return self._talk(request) if request else {}

    def _start(self) -> None:
        self._stop()
        with _changed:
            if self.dismissed:
                raise EOFError
            self.process = subprocess.Popen(
                [sys.executable, "-m", "adaspec.inference", str(self.folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C is for the server
            )
            self._set_opening(True)

    def _talk(self, request: Request | None) -> Request:
        """Send a line, if there is one to send, and receive one."""
        process, late = self.process, threading.Event()
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None

        def give_up() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(PATIENCE, give_up)
        timer.start()
        try:
            if request:
                process.stdin.write(json.dumps({"id": 0, **request}) + "\n")
                process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if line.endswith("\n"):
            reply: Request = json.loads(line)
            return reply
        self._stop()
        raise TimeoutError if late.is_set() else EOFError

    def _stop(self) -> None:
        if self.process:
            self.process.kill()
            with suppress(BrokenPipeError), self.process:  # closes its pipes, and waits
                pass

    def _set_opening(self, opening: bool) -> None:
        with _changed:
            self.opening = opening
            _changed.notify_all()
