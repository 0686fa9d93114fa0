"""A finished run measured again, in a process beside the studio that nobody waits for."""

from __future__ import annotations

import subprocess
import sys
import threading

import streamlit as st

from adaspec import AdaspecError
from adaspec.environment import for_libraries
from adaspec.jobs import audit
from adaspec.runs import Business
from app.runs.actions import attempt, is_own
from app.shared import reading
from app.shared.reading import View
from app.shell import access, words

_at_work: set[str] = set()
_errors: dict[str, str] = {}  # run -> why it was not measured
_one_at_a_time = threading.Lock()  # two would make each other slow


def run_business(view: View, business: Business | None) -> None:
    """What to think of the speed-ups, and a button to measure them anew."""
    if view.id in _at_work:
        st.info("It is being measured again: this page shows the new numbers once they are there.")
        return
    if error := _errors.get(view.id):
        st.error(f"Measuring it again failed: {words.plain(error)}", icon=":material/error:")
    if business is None or not business.warning:
        return
    st.warning(words.plain(business.warning), icon=":material/speed:")
    if not is_own(view, access.person()):
        return
    is_busy = any(other.word in reading.AT_WORK for other in reading.board().views)
    st.button(
        "Measure again",
        key="measure-again",
        icon=":material/speed:",
        disabled=is_busy,
        help="A run is at work on this machine: wait until it has ended."
        if is_busy
        else f"Decodes, times and measures anew with its models: adaspec measure {view.id}.",
        on_click=attempt,
        args=(view.id, _begin, view.id, access.person().name),
    )


def _begin(identity: str, by: str) -> None:
    if identity in _at_work:
        raise AdaspecError("It is being measured already.")
    _at_work.add(identity)
    _errors.pop(identity, None)
    audit.record(by, "measure", identity)
    threading.Thread(target=_measure, args=(identity,), daemon=True).start()


def _measure(identity: str) -> None:
    with _one_at_a_time:
        done = subprocess.run(
            [sys.executable, "-m", "adaspec", "measure", identity],
            env=for_libraries(),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["its process ended without output."]
        _errors[identity] = lines[-1].removeprefix("error: ")
    _at_work.discard(identity)
