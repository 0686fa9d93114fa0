"""A run's metrics for another program."""

from __future__ import annotations

from typing import Annotated

import typer

from adaspec import runs
from adaspec.cli.arguments import RunName


def track(
    name: RunName,
    project: Annotated[str, typer.Option(help="The project in trackio.")] = "adaspec",
) -> None:
    """Send a run's metrics to trackio: a run there for every training.

    To this machine's own, or to where TRACKIO_SERVER_URL or TRACKIO_SPACE_ID say. Each time it is
    sent anew.
    """
    from adaspec.tracking import track as send

    for known_as, steps in send(runs.find(name), project).items():
        typer.echo(f"{known_as}: {steps} steps.")
