"""A run folder's paths, and where runs live: the only room that knows the file names.

A run is a folder that can be copied to another machine and opened there. One process writes it;
any number read it while it grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adaspec import ASSETS
from adaspec.settings import settings

EXAMPLES = {"english": ASSETS / "example-english", "example": ASSETS / "example"}
"""The bundled runs: id -> folder, the one that a first start shows first."""


@dataclass(frozen=True)
class Run:
    """A run folder's paths."""

    path: Path

    @property
    def recipe_file(self) -> Path:
        return self.path / "recipe.yaml"

    @property
    def state_file(self) -> Path:
        return self.path / "run.json"

    @property
    def name_file(self) -> Path:
        """What people call the run, where they renamed it; apart from run.json, the training's."""
        return self.path / "name.txt"

    @property
    def notes_file(self) -> Path:
        """What people wrote about the run; apart from run.json likewise."""
        return self.path / "notes.json"

    @property
    def ceiling_file(self) -> Path:
        """What a draft of this size reached at all; set later, apart from run.json likewise."""
        return self.path / "ceiling.json"

    @property
    def events_file(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def metrics_file(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def log_file(self) -> Path:
        return self.path / "log.txt"

    @property
    def report_file(self) -> Path:
        return self.path / "report.json"

    @property
    def answers_file(self) -> Path:
        """What the target answered to the training prompts, where drafts are trained on that."""
        return self.path / "answers.parquet"

    @property
    def sequences_file(self) -> Path:
        return self.path / "tokens" / "sequences.parquet"

    @property
    def contexts_file(self) -> Path:
        return self.path / "tokens" / "contexts.parquet"

    @property
    def examples_file(self) -> Path:
        return self.path / "tokens" / "examples.parquet"

    @property
    def vocabulary_file(self) -> Path:
        return self.path / "tokens" / "vocabulary.parquet"

    def tokens_file(self, snapshot: str) -> Path:
        return self.path / "tokens" / f"{snapshot}.parquet"

    def snapshot(self, name: str, step: int) -> Path:
        """Where a training leaves the model that it was after so many steps."""
        return self.path / "snapshots" / name / f"{step:08d}"

    def snapshots(self, name: str) -> dict[str, Path]:
        """Every such model of a training: `NAME@STEP` -> its folder, in order."""
        folders = sorted((self.path / "snapshots" / name).glob("[0-9]*"))
        return {f"{name}@{int(folder.name)}": folder for folder in folders}

    def replay(self, draft: str, seq: int) -> Path:
        """The trace of a draft on the held-out prompt of this number."""
        return self.path / "replays" / draft / f"{seq}.json"

    @property
    def served_file(self) -> Path:
        """Acceptance by the rules of servers."""
        return self.path / "tokens" / "served.json"

    @property
    def left_out_file(self) -> Path:
        """What the target gives to ids that trimmed drafts never propose; where there are any."""
        return self.path / "tokens" / "left_out.json"

    @property
    def checks_file(self) -> Path:
        """What the run found when it looked at itself, before its drafts were measured."""
        return self.path / "replays" / "checks.json"

    @property
    def speed_file(self) -> Path:
        """What the clock said of every draft."""
        return self.path / "replays" / "speed.json"

    def checkpoints(self, stage: str) -> Path:
        return self.path / "checkpoints" / stage

    def model(self, name: str) -> Path:
        """Where a trained model goes: target, stock and reference apart from the drafts."""
        kind = "models" if name in ("target", "stock", "reference") else "drafts"
        return self.path / kind / name

    def budget_file(self, name: str) -> Path:
        return self.model(name) / "training.json"

    @property
    def id(self) -> str:
        """What the run is called in links and commands."""
        return next((name for name, path in EXAMPLES.items() if path == self.path), self.path.name)

    @property
    def is_example(self) -> bool:
        """Whether it comes with the studio."""
        return self.path in EXAMPLES.values()


def home() -> Path:
    """`ADASPEC_HOME`, or the platform's folder for user data."""
    return settings().home


def runs_folder() -> Path:
    return home() / "runs"
