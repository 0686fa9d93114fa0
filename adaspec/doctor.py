"""What is wrong with a run folder, file by file, and what can be made again. Loads no torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from adaspec import AdaspecError, files, runs, tokens
from adaspec.runs import CHECKS, EVENTS, METRICS, REPORT, SPEED, STATE, TRAINED, Run, Unreadable
from adaspec.runs.contract import read_bytes
from adaspec.speculation.trace import TRACE

HEADER = 100 << 20  # bytes that a safetensors file's header may have, by its specification


class Finding(NamedTuple):
    """A file that cannot be used.

    Attributes:
        path: of the file, in the run folder.
        reason: what is the matter with it.
        measured: `adaspec measure` makes it again, from the models.
    """

    path: Path
    reason: str
    measured: bool


def examine(run: Run) -> list[Finding]:
    """Every file of a run that cannot be used: read whole, against its contract."""
    findings = []
    for path, measured, look in _files(run):
        try:
            look(path)
        except Unreadable as error:
            findings.append(Finding(path.relative_to(run.path), error.reason, measured))
        except (AdaspecError, OSError) as error:
            findings.append(Finding(path.relative_to(run.path), str(error), measured))
    return findings


def can_measure(findings: list[Finding]) -> bool:
    """Whether measuring again would put everything right."""
    return bool(findings) and all(finding.measured for finding in findings)


def _files(run: Run) -> Iterator[tuple[Path, bool, Callable[[Path], Any]]]:
    """Files that a run has or must have, whether `measure` makes them, and how each is read."""
    yield run.state_file, False, STATE.read
    yield run.recipe_file, False, lambda _: runs.read_recipe(run)
    for path, rows in ((run.events_file, EVENTS), (run.metrics_file, METRICS)):
        if path.exists():
            yield path, False, lambda path, rows=rows: list(_lines(path, rows))
    for folder in ("models", "drafts", "snapshots"):
        for path in sorted((run.path / folder).rglob("*.safetensors")):
            yield path, False, _weights
            yield path.with_name("config.json"), False, _object
    for path in sorted((run.path / "drafts").glob("*/training.json")):
        yield path, False, TRAINED.read
    if _is_finished(run):
        yield run.report_file, True, REPORT.read
        for path, contract in ((run.speed_file, SPEED), (run.checks_file, CHECKS)):
            if path.exists() or contract is SPEED:
                yield path, True, contract.read
        for path in sorted((run.path / "replays").glob("*/*.json")):
            yield path, True, TRACE.read
        yield run.contexts_file, True, lambda _: _tables(run)


def _lines(path: Path, rows: runs.Contract[Any]) -> Iterator[Any]:
    return rows.rows(read_bytes(path).splitlines(), path)  # type: ignore[attr-defined]


def _is_finished(run: Run) -> bool:
    try:
        return runs.read_state(run).state == "finished" and bool(runs.read_recipe(run).draft)
    except AdaspecError:  # that is a finding of its own
        return run.report_file.exists()


def _object(path: Path) -> None:
    try:
        content = json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise Unreadable(path, f"is damaged ({error}).") from None
    if not isinstance(content, dict):
        raise Unreadable(path, "is damaged (not an object).")


def _weights(path: Path) -> None:
    """By its header, which says how long the file is; the numbers themselves are not looked at."""
    if not files.is_file(path):
        raise Unreadable(path, "is not a file.")
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(HEADER, size):
            raise Unreadable(path, "is damaged (no header).")
        try:
            header = json.loads(file.read(length))
            ends = [row["data_offsets"][1] for name, row in header.items() if name[:2] != "__"]
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise Unreadable(path, "is damaged (its header).") from None
    if 8 + length + max(ends, default=0) != size:
        raise Unreadable(path, f"is damaged (it has {size:,} bytes).")


def _tables(run: Run) -> None:
    """The token tables, which must have as many rows as each other."""
    for snapshot in tokens.snapshots(run):
        tokens.require(run, snapshot.name)
        for source in (tokens.GENERATED, tokens.DATASET):
            tokens.column(run, source, "kl", snapshot.name)
    tokens.vocabulary(run)
    tokens.examples(run, tokens.GENERATED)
