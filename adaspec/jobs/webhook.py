"""Tell another program that a job has ended: ADASPEC_WEBHOOK, an address that takes JSON."""

from __future__ import annotations

import logging
import threading
import urllib.request
from typing import Literal

from adaspec.jobs.queue import Ending, Job
from adaspec.runs.contract import Part
from adaspec.settings import settings

PATIENCE = 10.0  # seconds for the other side to answer

log = logging.getLogger(__name__)


class Ended(Part):
    """What is sent.

    Attributes:
        text: the rest in a sentence; chat programs show it.
        id: of the run and its job.
        state: `succeeded`, `failed` or `cancelled`.
        error: why it failed; empty if it did not.
    """

    version: Literal[1] = 1
    text: str
    id: str
    name: str
    owner: str
    state: Ending
    error: str


def announce(job: Job, state: Ending, error: str = "") -> threading.Thread | None:
    """Send it in the background: nobody waits for it, and a failure is a line in the log.

    Returns:
        The thread that sends; None where no address is set.
    """
    address = settings().webhook
    if address is None:
        return None
    how = "was cancelled" if state == "cancelled" else f"has {state}"
    text = f"{job.name} ({job.id}, {job.owner}) {how}{f': {error}' if error else '.'}"
    ended = Ended(text=text, id=job.id, name=job.name, owner=job.owner, state=state, error=error)
    thread = threading.Thread(target=_send, args=(str(address), ended), daemon=True)
    thread.start()
    return thread


def _send(address: str, ended: Ended) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": "adaspec"}
    request = urllib.request.Request(address, ended.model_dump_json().encode(), headers)
    try:
        urllib.request.urlopen(request, timeout=PATIENCE).close()
    except OSError as error:  # its own errors, too
        log.warning("The webhook was not told that %s has ended: %s", ended.id, error)
