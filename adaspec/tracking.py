"""A run's metrics in trackio, for those who follow all their experiments there.

Needs the extra `trackio`. Where it writes is trackio's own matter: on this machine, or as
`TRACKIO_SERVER_URL` and `TRACKIO_SPACE_ID` say.
"""

from __future__ import annotations

from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

from adaspec import AdaspecError, runs
from adaspec.runs import Run
from adaspec.runs.journal import Step

_NO_MEASURES = {"stage", "time", "step", "version"}


def track(run: Run, project: str) -> dict[str, int]:
    """Send every step of every training; each is a run of its own in trackio.

    Returns:
        Name in trackio -> how many steps it has.

    Raises:
        AdaspecError: there are no steps, trackio is not installed, or it refuses.
    """
    trainings = {
        stage: steps
        for stage, steps in runs.read_metrics(run).items()
        if any(step.loss is not None for step in steps)
    }
    if not trainings:
        raise AdaspecError(f"{run.id} has no metrics yet: nothing was trained.")
    if not find_spec("trackio"):
        raise AdaspecError('This needs trackio: pip install "adaspec[trackio]"')
    import trackio

    name = runs.read_state(run).name + ("" if run.is_example else f"-{run.id[-4:]}")
    recipe = runs.read_recipe(run).model_dump(mode="json")
    sent: dict[str, int] = {}
    for training, steps in trainings.items():
        known_as = f"{name}-{training}"
        try:
            tracked = trackio.init(
                project=project,
                name=known_as,
                group=name,
                config={"run": run.id, "training": training, "recipe": recipe},
                embed=False,
                auto_log_cpu=False,  # of the machine that sends, not of the one that trained
                auto_log_gpu=False,
            )
            for step in steps:
                tracked.log(measures(step), step=step.step)
            trackio.finish()
        except (ValueError, OSError) as error:
            raise AdaspecError(f"trackio: {error}") from None
        sent[known_as] = len(steps)
    return sent


def measures(step: Step) -> dict[str, Any]:
    """What is known after a step."""
    return {
        name: value
        for name, value in asdict(step).items()
        if name not in _NO_MEASURES and value is not None
    }
