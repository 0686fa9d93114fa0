"""Jobs as Ray Jobs on an existing cluster, by the address of its dashboard (`RAY_ADDRESS`).

Every node has this install at the same path, and shares the home. A job that needs one GPU is one
process; one that needs several is a group of Ray Train's workers, possibly on several nodes. In a
cluster without GPUs, a CPU takes the place of each. Apart from the home, a job's environment is the
nodes' own, since whatever is sent along can be read in the dashboard.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import time
from functools import cache, cached_property
from importlib.util import find_spec
from typing import Any

from adaspec import AdaspecError, runs
from adaspec.environment import LIBRARIES
from adaspec.jobs import mailbox, worker
from adaspec.jobs.engines import Attempt

TIMEOUT = 5.0  # seconds that the dashboard may take to answer
LINGER = 2.0  # seconds: Ray ends a group's workers after their driver; half a second was seen
DAY = 86_400  # seconds that processes of a group wait for each other: the first one measures alone
# The dashboard's status, as text: as data (`loadMetricsReport`) it answers null in every cluster
# whose autoscaler is version 2, and Ray's state API knows what nodes have but not what is free.
USAGE = r"^ ([\d.]+)/([\d.]+) (GPU|CPU)\b(?: \(([\d.]+) used of ([\d.]+) reserved)?"


class Ray:
    """Ray's job submission client; see `Engine`."""

    def __init__(self) -> None:
        self._address = os.environ.get("RAY_ADDRESS", "").rstrip("/")
        if not self._address.startswith("http"):
            raise AdaspecError(
                "ADASPEC_ENGINE=ray needs the address of the cluster's dashboard: "
                "RAY_ADDRESS=http://HEAD:8265"
            )
        if not find_spec("ray"):
            raise AdaspecError('ADASPEC_ENGINE=ray needs Ray: pip install "adaspec[ray]"')
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
        # Ray's count is seconds old, and may not include what was launched last.
        free = min(free, most - sum(other.gpus for other in running))
        if free >= attempt.gpus:
            return ""
        return (
            f"{free} of the cluster's {most} {device}s are free, and the job needs {attempt.gpus}."
        )

    def launch(self, attempt: Attempt) -> None:
        self._free()
        device = self._device()
        command, resources = attempt.arguments, {f"entrypoint_num_{device.lower()}s": 1}
        if attempt.gpus > 1:  # the workers of the group reserve them
            command = ["-m", __name__, attempt.job, attempt.token, str(attempt.gpus), device]
            resources = {}
        output = shlex.quote(str(mailbox.output_file(attempt.job).absolute()))
        try:
            self._client.submit_job(
                submission_id=_name(attempt),
                entrypoint=f"exec {shlex.join([sys.executable, *command])} >>{output} 2>&1",
                runtime_env={"env_vars": _environment(device, attempt.gpus)},
                **resources,
            )
        except OSError:
            if self._status(attempt) is None:  # otherwise it was submitted before
                raise

    def poll(self, attempt: Attempt) -> bool:
        try:
            status = self._status(attempt)
        except OSError as error:
            raise AdaspecError(self._trouble(error)) from None
        if status and not status.is_terminal():
            return True
        ended = self._ended.setdefault(attempt.token, time.monotonic())
        return attempt.gpus > 1 and time.monotonic() - ended < LINGER

    def stop(self, attempt: Attempt, *, kill: bool) -> None:
        """Ray asks every process to end, and kills it after RAY_JOB_STOP_WAIT_TIME_S."""
        try:
            self._client.stop_job(_name(attempt))
        except OSError as error:
            raise AdaspecError(self._trouble(error)) from None

    def _device(self) -> str:
        return "GPU" if self._most["GPU"] else "CPU"

    def _free(self) -> int:
        """How many GPUs are free, or CPUs in a cluster without GPUs."""
        free = {"GPU": 0, "CPU": 0}
        for used, total, device, inside, reserved in re.findall(
            USAGE, self._client.cluster_status(), re.MULTILINE
        ):
            taken = float(used) + float(reserved or 0) - float(inside or 0)
            free[device] = int(float(total) - taken)
            self._most[device] = max(self._most[device], int(float(total)))
        return free[self._device()]

    def _status(self, attempt: Attempt) -> Any:
        """Ray's `JobStatus` of the attempt; None if it has no such job."""
        try:
            return self._client.get_job_info(_name(attempt)).status
        except OSError as error:
            if getattr(getattr(error, "response", None), "status_code", None) == 404:
                return None
            raise

    @cached_property
    def _client(self) -> Any:
        """Connected at its first use, and again if that fails.

        Raises:
            OSError: the dashboard cannot be reached, or refuses.
        """
        headers = {}
        if token := os.environ.get("RAY_AUTH_TOKEN"):  # of a cluster with RAY_AUTH_MODE=token
            headers["Authorization"] = f"Bearer {token}"
        return _client_class()(self._address, headers=headers)

    def _trouble(self, error: OSError) -> str:
        return f"Ray at {self._address} gives no answer: {error}"


@cache
def _client_class() -> type[Any]:
    """Ray's client with a time-out, whose failures are all OSErrors. Ray takes seconds to load."""
    from ray.exceptions import RayError
    from ray.job_submission import JobSubmissionClient

    class Client(JobSubmissionClient):  # type: ignore[misc]
        def _do_request(self, *arguments: Any, **options: Any) -> Any:
            try:
                answer = super()._do_request(*arguments, timeout=TIMEOUT, **options)
            except RayError as error:  # the token is missing or wrong
                raise PermissionError(" ".join(str(error).split())) from None
            answer.raise_for_status()
            return answer

        def cluster_status(self) -> str:
            answer = self._do_request("GET", "/api/cluster_status?format=1").json()
            return str(answer["data"]["clusterStatus"])

    return Client


def _name(attempt: Attempt) -> str:
    """The same for every supervisor, so that none submits an attempt twice, or loses it."""
    return f"adaspec-{attempt.job}-{attempt.token}"


def _environment(device: str, gpus: int) -> dict[str, str]:
    return {
        "ADASPEC_HOME": str(runs.home().absolute()),
        "ACCELERATE_USE_CPU": str(device == "CPU"),  # otherwise CPU workers form no group
        **LIBRARIES,
        # From SIGTERM to SIGKILL. The driver of a group has nothing to clean up.
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
        ray.shutdown()  # prints what the workers printed, so that the last line says why
        sys.exit(str(error).strip().splitlines()[-1])


if __name__ == "__main__":
    run_group(*sys.argv[1:])
