"""One attempt at a job, as a process: `python -m adaspec.jobs.worker JOB TOKEN`.

It works as long as it holds the lease. A separate thread sends the heartbeat and checks the lease,
and so does each write; an attempt whose token is no longer in it ends at once and writes nothing
more, for however long it was stopped.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from typing import NoReturn

from adaspec import AdaspecError, explain, is_users, recipe, runs
from adaspec.environment import behind_pages
from adaspec.jobs import mailbox
from adaspec.jobs.mailbox import Lease, Outcome, Pulse, Verdict

BEAT = 1.0  # seconds

log = logging.getLogger("adaspec")


def main(job: str, token: str) -> Verdict:
    """Run the attempt in this process; several processes of one launcher share it."""
    behind_pages()
    first = int(os.environ.get("RANK", "0")) == 0
    _require_lease(job, token)
    runs.fence(lambda: _require_lease(job, token))
    threading.Thread(target=_watch, args=(job, token, first), daemon=True).start()
    verdict = _work(job, token)
    if first:
        mailbox.send(job, verdict)
    return verdict


def _work(job: str, token: str) -> Verdict:
    try:
        from adaspec import pipeline, precision  # the first beat does not wait for torch

        chosen = recipe.read(mailbox.recipe_file(job).read_text(encoding="utf-8"))
        pipeline.execute(
            chosen,
            runs.runs_folder() / job,
            accelerator=precision.make_accelerator(chosen),
            on_progress=lambda stage, row: _stop_if_asked(job, token),
        )
    except KeyboardInterrupt:
        return Verdict(token=token, outcome="stopped")
    except Exception as error:
        if not is_users(error):
            log.exception("The attempt died.")
        outcome: Outcome = "failed" if is_users(error) else "died"
        return Verdict(token=token, outcome=outcome, error=explain(error))
    return Verdict(token=token, outcome="succeeded")


def _stop_if_asked(job: str, token: str) -> None:
    if _require_lease(job, token).cancel:
        raise KeyboardInterrupt


def _require_lease(job: str, token: str) -> Lease:
    """The lease, if it is still this attempt's; otherwise the process ends here."""
    lease = mailbox.latest(job, Lease)
    if lease is None or lease.token != token:
        os._exit(3)
    return lease


def _watch(job: str, token: str, first: bool) -> NoReturn:
    beat, pause = 0, threading.Event()
    while True:
        _require_lease(job, token)
        if first:
            beat += 1
            try:
                mailbox.send(job, Pulse(token=token, beat=beat))
            except OSError as error:  # a full disk, which the work itself may or may not run into
                log.warning("No heartbeat: %s", explain(error))
        pause.wait(BEAT)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        sys.exit(main(*sys.argv[1:]).outcome != "succeeded")
    except AdaspecError as error:
        sys.exit(str(error))
