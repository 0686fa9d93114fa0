"""An attempt that plays a part, named by its recipe, where a real training would take too long.

`python -m tests.acting JOB TOKEN`: a real process that speaks with a real supervisor.
"""

import signal
import subprocess
import sys
import time

from adaspec import recipe, runs
from adaspec.jobs import mailbox
from adaspec.jobs.mailbox import Lease, Pulse, Verdict
from adaspec.runs import Run


def main(job: str, token: str) -> None:
    lease = mailbox.latest(job, Lease)
    if lease is None or lease.token != token:
        sys.exit(3)
    part = recipe.read(mailbox.recipe_file(job).read_text())
    mailbox.send(job, Pulse(token=token, beat=1))
    run = Run(runs.runs_folder() / job)
    match part.name:
        case "succeed":
            finish(part, run)
            mailbox.send(job, Verdict(token=token, outcome="succeeded"))
        case "boast":  # it has not done what it says
            mailbox.send(job, Verdict(token=token, outcome="succeeded"))
        case "finish and die":  # between its last work and its word
            finish(part, run)
        case "fail":
            verdict = Verdict(token=token, outcome="failed", error="Out of memory. Take less.")
            mailbox.send(job, verdict)
        case "forge":  # it speaks for another attempt
            mailbox.send(job, Verdict(token="another", outcome="failed", error="forged"))
        case "die":
            print("something odd happened")
            sys.exit(1)
        case "sleep":
            while not mailbox.latest(job, Lease).cancel:
                time.sleep(0.05)
            mailbox.send(job, Verdict(token=token, outcome="stopped"))
        case "leave":  # the machine goes down
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(leave(job, token)))
            time.sleep(600)
        case "deaf":  # and so are its children, in a session of their own
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
            subprocess.Popen(
                [sys.executable, "-c", deaf, "child of " + job], start_new_session=True
            )
            time.sleep(600)


def finish(part: recipe.Recipe, run: Run) -> None:
    if not run.state_file.exists():
        runs.create(part, run.path)
    state = runs.read_state(run)
    state.state = "finished"
    runs.write_state(run, state)


def leave(job: str, token: str) -> int:
    mailbox.send(job, Verdict(token=token, outcome="stopped"))
    return 1


if __name__ == "__main__":
    main(*sys.argv[1:])
