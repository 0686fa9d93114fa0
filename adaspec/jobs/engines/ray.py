"""Jobs as Ray Jobs on a cluster that exists, over its dashboard's address (`RAY_ADDRESS`).

Every node has this install at the same path, and shares the home. A job of one GPU is one process;
one of several is a group of Ray Train's workers, which may lie on several nodes. In a cluster
without GPUs a CPU stands for each. Beside the home, a job's environment is the nodes' own, since
whatever is sent along can be read in the dashboard.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import time
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, build_opener

from adaspec import AdaspecError, runs
from adaspec.environment import LIBRARIES
from adaspec.jobs import mailbox, worker
from adaspec.jobs.engines import Attempt

TIMEOUT = 5.0  # seconds that the dashboard may take to answer
LINGER = 2.0  # seconds: Ray ends a group's workers after their driver; half a second was seen
DAY = 86_400  # seconds that processes of a group wait for each other: the first one measures alone
USAGE = r"^ ([\d.]+)/([\d.]+) (GPU|CPU)\b(?: \(([\d.]+) used of ([\d.]+) reserved)?"


class Ray:
    """Ray's REST interface; see `Engine`."""

    def __init__(self) -> None:
        self._address = os.environ.get("RAY_ADDRESS", "").rstrip("/")
        if not self._address.startswith("http"):
            raise AdaspecError(
                "ADASPEC_ENGINE=ray needs the address of the cluster's dashboard: "
                "RAY_ADDRESS=http://HEAD:8265"
            )
        self._opener = build_opener()  # one for all: making it reads every certificate
        self._headers = {"Content-Type": "application/json"}
        if token := os.environ.get("RAY_AUTH_TOKEN"):  # of a cluster with RAY_AUTH_MODE=token
            self._headers["Authorization"] = f"Bearer {token}"
        self._most = {"GPU": 0, "CPU": 0}  # ever seen: a node that restarts is not gone for good
        self._ended: dict[str, float] = {}

    def slots(self) -> int:
        return max(1, self._most[self._device()])

    def capacity(self, attempt: Attempt, running: list[Attempt]) -> str:
        try:
            free = self._free()
        except OSError as error:
            return self._trouble(error)
        device = self._device()
        most = self._most[device]
        if attempt.gpus > most > 0:
            raise AdaspecError(
                f"The recipe asks for {attempt.gpus} {device}s and the cluster has {most}: "
                f"set gpus={most}."
            )
        # Ray's count is seconds old and may lack what was launched last.
        free = min(free, most - sum(other.gpus for other in running))
        if free >= attempt.gpus:
            return ""
        return f"{free} of the cluster's {most} {device}s are free, and it takes {attempt.gpus}."

    def launch(self, attempt: Attempt) -> None:
        self._free()
        device = self._device()
        command, resources = attempt.arguments, {f"entrypoint_num_{device.lower()}s": 1}
        if attempt.gpus > 1:  # the workers of the group take them
            command = ["-m", __name__, attempt.job, attempt.token, str(attempt.gpus), device]
            resources = {}
        output = shlex.quote(str(mailbox.output_file(attempt.job).absolute()))
        job = {
            "submission_id": _name(attempt),
            "entrypoint": f"exec {shlex.join([sys.executable, *command])} >>{output} 2>&1",
            "runtime_env": {"env_vars": _environment(device, attempt.gpus)},
            **resources,
        }
        try:
            self._ask("/api/jobs/", job)
        except HTTPError:
            if self._status(attempt) is None:  # otherwise it was submitted before
                raise

    def poll(self, attempt: Attempt) -> bool:
        try:
            status = self._status(attempt)
        except OSError as error:
            raise AdaspecError(self._trouble(error)) from None
        if status in ("PENDING", "RUNNING"):
            return True
        ended = self._ended.setdefault(attempt.token, time.monotonic())
        return attempt.gpus > 1 and time.monotonic() - ended < LINGER

    def stop(self, attempt: Attempt, *, kill: bool) -> None:
        """Ray asks every process to end, and kills it after RAY_JOB_STOP_WAIT_TIME_S."""
        try:
            self._ask(f"/api/jobs/{_name(attempt)}/stop", {})
        except OSError as error:
            raise AdaspecError(self._trouble(error)) from None

    def _device(self) -> str:
        return "GPU" if self._most["GPU"] else "CPU"

    def _free(self) -> int:
        """How many GPUs nobody has, or CPUs in a cluster without GPUs."""
        free = {"GPU": 0, "CPU": 0}
        status = self._ask("/api/cluster_status?format=1")["data"]["clusterStatus"]
        for used, total, device, inside, reserved in re.findall(USAGE, status, re.MULTILINE):
            taken = float(used) + float(reserved or 0) - float(inside or 0)
            free[device] = int(float(total) - taken)
            self._most[device] = max(self._most[device], int(float(total)))
        return free[self._device()]

    def _status(self, attempt: Attempt) -> str | None:
        """Ray's word for the state of the attempt; None if it knows of none such."""
        try:
            return str(self._ask(f"/api/jobs/{_name(attempt)}")["status"])
        except HTTPError as error:
            if error.code == 404:
                return None
            raise

    def _ask(self, path: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        """What the dashboard answers; with content, to a POST.

        Raises:
            OSError: it cannot be reached, or refuses.
        """
        data = None if content is None else json.dumps(content).encode()
        request = Request(self._address + path, data, self._headers)
        with self._opener.open(request, timeout=TIMEOUT) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def _trouble(self, error: OSError) -> str:
        return f"Ray at {self._address} cannot be asked: {error}"


def _name(attempt: Attempt) -> str:
    """The same from every supervisor, so that none submits an attempt twice, or loses one."""
    return f"adaspec-{attempt.job}-{attempt.token}"


def _environment(device: str, gpus: int) -> dict[str, str]:
    return {
        "ADASPEC_HOME": str(runs.home().absolute()),
        "ACCELERATE_USE_CPU": str(device == "CPU"),  # or else no group of CPUs is one
        **LIBRARIES,
        # From SIGTERM to SIGKILL. The driver of a group has nothing to put in order.
        "RAY_JOB_STOP_WAIT_TIME_S": "1" if gpus == 1 else "0",
    }


def run_group(job: str, token: str, workers: str, device: str) -> None:
    """Run the attempt in a group of workers: the driver of its Ray Job."""
    import ray
    from ray.train import RunConfig, ScalingConfig, TrainingFailedError
    from ray.train.torch import TorchConfig, TorchTrainer

    def work() -> None:
        verdict = worker.main(job, token)
        if verdict.outcome != "succeeded":  # so that Ray ends those who wait for this one
            raise RuntimeError(verdict.error or verdict.outcome)

    trainer = TorchTrainer(
        work,
        torch_config=TorchConfig(timeout_s=DAY),
        scaling_config=ScalingConfig(
            num_workers=int(workers), use_gpu=device == "GPU", resources_per_worker={device: 1}
        ),
        run_config=RunConfig(name=token, storage_path=str(mailbox.folder(job) / "ray")),
    )
    try:
        trainer.fit()
    except TrainingFailedError as error:
        ray.shutdown()  # prints what the workers printed: the last line shall say why
        sys.exit(str(error).strip().splitlines()[-1])


if __name__ == "__main__":
    run_group(*sys.argv[1:])
