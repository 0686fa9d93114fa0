"""Jobs as processes of this machine: one per GPU, or one at a time on a CPU.

An attempt is every process with its token in the command line, and all their descendants. So no pid
can be lost when a supervisor dies between starting a process and recording it.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

import psutil

from adaspec import AdaspecError
from adaspec.environment import for_libraries
from adaspec.gpus import VISIBLE, Gpu, gpus
from adaspec.jobs import mailbox
from adaspec.jobs.engines import WORKER, Attempt

FREE = 0.5  # share of a GPU's memory that has to be free for a job to get it
# Whatever is not set here, Accelerate reads from a file of the user's: other GPUs, for instance.
LAUNCHER = (
    "-m accelerate.commands.launch --multi_gpu --gpu_ids=all --num_machines=1 "
    "--main_process_port=0 --mixed_precision=no --dynamo_backend=no"
).split()


class Local:
    """Subprocesses; see `Engine`."""

    def __init__(self) -> None:
        self._gpus = len(gpus())
        self._processes: dict[str, list[psutil.Process]] = {}
        self._children: list[subprocess.Popen[bytes]] = []

    def slots(self) -> int:
        return max(1, self._gpus)

    def capacity(self, attempt: Attempt, running: list[Attempt]) -> str:
        if not self._gpus:
            return "The CPU is busy with another job." if running else ""
        if attempt.gpus > self._gpus:
            raise AdaspecError(
                f"The recipe asks for {attempt.gpus} GPUs and this machine has {self._gpus}: "
                f"set gpus={self._gpus}."
            )
        free = _free()
        if len(free) >= attempt.gpus:
            return ""
        return f"{len(free)} of {self._gpus} GPUs are free, and the job needs {attempt.gpus}."

    def launch(self, attempt: Attempt) -> None:
        variables = for_libraries()
        launcher = []
        if self._gpus:
            variables[VISIBLE] = ",".join(_free()[: attempt.gpus])
            if attempt.gpus > 1:
                launcher = [*LAUNCHER, f"--num_processes={attempt.gpus}"]
        with mailbox.output_file(attempt.job).open("ab") as output:
            child = subprocess.Popen(
                [sys.executable, *launcher, *attempt.arguments],
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children.append(child)
        self._processes[attempt.token] = [psutil.Process(child.pid)]

    def poll(self, attempt: Attempt) -> bool:
        self._children = [child for child in self._children if child.poll() is None]
        if not any(map(_runs, self._processes.get(attempt.token, []))):
            self._processes[attempt.token] = _with(attempt.token)
        if self._processes[attempt.token]:
            return True
        del self._processes[attempt.token]
        return False

    def stop(self, attempt: Attempt, *, kill: bool) -> None:
        for process in _tree(_with(attempt.token)):
            with suppress(psutil.NoSuchProcess):
                process.kill() if kill else process.terminate()


def _with(word: str) -> list[psutil.Process]:
    """Processes that have this word in their command line."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if word in (process.info["cmdline"] or []) and _runs(process)
    ]


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _tree(roots: list[psutil.Process]) -> set[psutil.Process]:
    tree = set(roots)
    for root in roots:
        with suppress(psutil.NoSuchProcess):
            tree.update(root.children(recursive=True))
    return tree


def _free() -> list[str]:
    """GPUs that no job uses and that are at least half free, the emptiest first."""
    taken: set[str] = set()
    for process in _with(WORKER):
        with suppress(psutil.Error):
            taken.update(process.environ().get(VISIBLE, "").split(","))
    parts = {gpu.uuid: _free_part(gpu) for gpu in gpus() if gpu.uuid not in taken}
    free = [uuid for uuid, part in parts.items() if part >= FREE]
    return sorted(free, key=lambda uuid: -parts[uuid])


def _free_part(gpu: Gpu) -> float:
    """The free share of its memory; 1 if it shares the machine's."""
    return gpu.free / gpu.total if gpu.free is not None and gpu.total else 1.0
