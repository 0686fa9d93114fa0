"""Starts a run as a process of its own, which outlives the studio.

Until the new process has loaded its libraries and written run.json, a note under
`ADASPEC_HOME/starting` stands for the run; its output is kept beside the note.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import BaseModel, ValidationError
from ulid import ULID

from adaspec import runs
from adaspec.runs import Process, Run


class Note(BaseModel):
    """What is known of a run before its folder is."""

    recipe: str
    process: Process


@dataclass(frozen=True)
class Start:
    """A run that was started and has no run.json yet."""

    id: str
    recipe: str
    process: Process

    @property
    def folder(self) -> Path:
        return runs.runs_folder() / self.id

    def error(self) -> str:
        """Why it will never begin; empty while it still may."""
        if self.process.alive():
            return ""
        lines = _output(self.id).read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return last.removeprefix("error: ") or "It ended before it began, and said nothing."


def start(recipe: str) -> str:
    """Begin a run of a recipe, by name or YAML file; the new run's id."""
    identity = str(ULID())
    _folder().mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "adaspec", "run", recipe]
    command += ["--run-dir", str(runs.runs_folder() / identity)]
    with _output(identity).open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    created = psutil.Process(process.pid).create_time()
    who = Process.this().model_copy(update={"pid": process.pid, "created": created})
    runs.write_atomic(_note(identity), Note(recipe=recipe, process=who).model_dump_json())
    return identity


def pending() -> list[Start]:
    """Runs started here that have no run.json yet, newest first. Drops notes of those that have."""
    waiting = []
    for path in sorted(_folder().glob("*.json"), reverse=True):
        if Run(runs.runs_folder() / path.stem).state_file.is_file():
            path.unlink(missing_ok=True)
            continue
        try:
            note = Note.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            continue
        waiting.append(Start(path.stem, note.recipe, note.process))
    return waiting


def forget(identity: str) -> None:
    """Remove a start that failed from the list."""
    _note(identity).unlink(missing_ok=True)
    _output(identity).unlink(missing_ok=True)


def _folder() -> Path:
    return runs.home() / "starting"


def _note(identity: str) -> Path:
    return _folder() / f"{identity}.json"


def _output(identity: str) -> Path:
    return _folder() / f"{identity}.txt"
