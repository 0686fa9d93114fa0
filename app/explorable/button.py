"""The button that makes the file of a run, in a process of its own: it measures with the models."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Lock

from adaspec import ROOT, AdaspecError
from adaspec.runs import Run
from adaspec.runs.contract import stamp
from adaspec.turns import once
from app.explorable.page import drafts
from app.shared.downloads import file_button

PATIENCE = 300.0  # seconds

_turn = Lock()


def explorable_button(run: Run) -> None:
    """Nothing where browsers do not run this pair."""
    try:
        names = drafts(run)
    except AdaspecError:
        return
    if names:
        file_button(
            "Explorable",
            lambda: made(run.id, stamp(run.state_file)),
            f"explorable-{run.id}.html",
            "One HTML file with the models inside: it decodes your prompts offline, in any "
            "browser. It takes half a minute to make.",
        )


@once(2)
def made(identity: str, _stamp: tuple[int, int]) -> bytes:
    """The file of a run.

    Raises:
        AdaspecError: it cannot be made, or took too long.
    """
    with _turn, tempfile.TemporaryDirectory() as folder:
        to = Path(folder) / "explorable.html"
        command = [sys.executable, "-m", "app.explorable", identity, str(to)]
        try:
            done = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
            )
        except subprocess.TimeoutExpired:
            raise AdaspecError("The file took too long: try again when less is going on.") from None
        if done.returncode:
            reason = done.stderr.strip().splitlines()
            raise AdaspecError(reason[-1] if reason else "The file could not be made.")
        return to.read_bytes()
