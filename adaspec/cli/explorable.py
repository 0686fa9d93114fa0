"""A run's small models in one file that anybody can open."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from adaspec import ROOT, AdaspecError, runs
from adaspec.cli.arguments import RunName


def explorable(
    name: RunName,
    to: Annotated[Path, typer.Option(help="The file: NAME.html.")],
) -> None:
    """Write one file that decodes with a run's models in any browser, offline.

    For pairs of up to 5 million parameters. Weights are rounded to 16 bits; the file says what that
    costs in acceptance.
    """
    run = runs.find(name)
    if to.is_dir() or not to.parent.is_dir():
        raise AdaspecError(f"--to {to}: name a file in a folder that exists.")
    command = [sys.executable, "-m", "app.explorable", run.id, str(to.absolute())]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False
    )
    if done.returncode:
        raise typer.Exit(done.returncode)
    typer.echo(
        f"{to}: {to.stat().st_size / 1e6:.1f} MB. Open it in a browser; it needs no network."
    )
