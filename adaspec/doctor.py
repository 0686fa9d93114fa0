"""What is wrong with a run folder, file by file, and what can be made again. Loads no torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import from_json

from adaspec import AdaspecError, files, runs
from adaspec.recipe import STOCK, TARGET
from adaspec.runs import (
    CEILING,
    CHECKS,
    NOTES,
    REPORT,
    SPEED,
    STATE,
    TRAINED,
    Run,
    Unreadable,
    tables,
)
from adaspec.runs.contract import read_bytes
from adaspec.runs.served import SERVED
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
    if files.exists(run.notes_file):
        yield run.notes_file, False, NOTES.read
    if files.exists(run.ceiling_file):
        yield run.ceiling_file, False, CEILING.read
    for path in (run.events_file, run.metrics_file):
        if files.exists(path):
            yield path, False, lambda path: _journal(run, path)
    untrained = {STOCK, TARGET, *_given(run)}
    for folder in sorted({*_models(run), *run.path.glob("snapshots/*/*")}):
        yield from ((path, False, _weights) for path in _weight_files(folder))
        yield folder / "config.json", False, _object
        if folder.name not in untrained and folder.parent.parent == run.path:
            yield folder / "training.json", False, TRAINED.read
    if files.exists(run.answers_file):
        yield run.answers_file, False, partial(tables.read_table, schema=tables.ANSWERS)
    if _is_finished(run):
        yield run.report_file, True, REPORT.read
        yield run.speed_file, True, SPEED.read
        for path, read in ((run.checks_file, CHECKS.read), (run.served_file, SERVED.read)):
            if path.exists():
                yield path, True, read
        for path in sorted((run.path / "replays").glob("*/*.json")):
            yield path, True, TRACE.read
        yield from ((path, True, look) for path, look in _tables(run))


def _is_finished(run: Run) -> bool:
    try:
        return runs.read_state(run).state == "finished" and runs.read_recipe(run).measures
    except AdaspecError:  # that is a finding of its own
        return run.report_file.exists()


def _given(run: Run) -> Iterable[str]:
    """Drafts that others trained."""
    try:
        return runs.read_recipe(run).drafts
    except AdaspecError:  # that is a finding of its own
        return ()


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


def _journal(run: Run, path: Path) -> None:
    """A crash tears a line or two; more is damage."""
    lines = read_bytes(path).splitlines()
    torn = sum(not _is_json(line) for line in lines)
    if torn > max(2, len(lines) // 10):
        raise Unreadable(path, f"is damaged ({torn} of {len(lines)} lines).")
    runs.read_events(run) if path == run.events_file else runs.read_metrics(run)


def _is_json(line: bytes) -> bool:
    try:
        from_json(line)
    except ValueError:
        return False
    return True


def _models(run: Run) -> Iterator[Path]:
    """The folders of the models that the run says it has."""
    try:
        yield from (run.path / folder for folder in runs.read_state(run).models.values())
    except Unreadable:  # that is a finding of its own
        for folder in ("models", "drafts"):
            yield from (run.path / folder).glob("*")


def _weight_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors")) or [folder / "model.safetensors"]


def _tables(run: Run) -> Iterator[tuple[Path, Callable[[Path], Any]]]:
    """The token tables; those of models have a row for each of the contexts'."""
    own = {
        run.contexts_file: tables.CONTEXTS,
        run.examples_file: tables.EXAMPLES,
        run.vocabulary_file: tables.VOCABULARY,
        run.sequences_file: tables.SEQUENCES,
    }
    for path, schema in own.items():
        yield path, partial(tables.read_table, schema=schema)
    for path in sorted(run.contexts_file.parent.glob("*.parquet")):
        if path not in own:
            yield path, lambda path: _snapshot(run, path)


def _snapshot(run: Run, path: Path) -> None:
    contexts = tables.count_rows(run.contexts_file, tables.CONTEXTS)
    rows = len(tables.read_table(path, tables.SNAPSHOT))
    if rows != contexts:
        raise Unreadable(path, f"is damaged ({rows:,} rows for {contexts:,} contexts).")
