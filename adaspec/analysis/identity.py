"""Which runs may be compared: same target, tokenizer, data and held-out texts, by their hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from adaspec import runs, tokens
from adaspec.runs import Run
from adaspec.runs.contract import stamp
from adaspec.runs.tables import SEQUENCES, VOCABULARY, read_table

LONGEST = 28  # letters of a run's name before a draft's


def short(run: Run) -> str:
    """A run's id, short enough to stand before a draft's name."""
    return run.id if run.is_example else f"…{run.id[-4:]}"


def run_names(chosen: list[Run]) -> dict[Run, str]:
    """What runs are called beside one another: by name, and by id too where names are alike."""
    names = {run: runs.read_state(run).name for run in chosen}
    shown = {
        run: name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
        for run, name in names.items()
    }
    alike = [name for name in shown.values() if list(shown.values()).count(name) > 1]
    return {run: f"{name} {short(run)}" if name in alike else name for run, name in shown.items()}


def unlike(run: Run, other: Run) -> str | None:
    """Why two runs cannot be compared, in one line; None where they can.

    Raises:
        AdaspecError: one of them has no token tables.
    """
    return _unlike(run, other, _IDENTITY)


def measured_apart(run: Run, other: Run) -> str | None:
    """Why a draft of one run says nothing of what those of another can reach; None where it does.

    Rows and seeds may differ: only what is measured must be alike.

    Raises:
        AdaspecError: one of them has no token tables, or no draft.
    """
    return _unlike(run, other, _MEASURED)


def _unlike(run: Run, other: Run, alike: dict[str, Callable[[Run], object]]) -> str | None:
    for what, of in alike.items():
        if of(run) != of(other):
            return (
                f"Runs {run.id} and {other.id} cannot be compared: {what}. "
                "Acceptance depends on it as much as on the draft."
            )
    return None


def _hash(name: str) -> Callable[[Run], object]:
    return lambda run: runs.read_state(run).hashes.get(name) or run.path


def _target(run: Run) -> object:
    """Of the weights that were measured: where stage 0 trained the target, its own."""
    state = runs.read_state(run)
    if folder := state.models.get("target"):
        files = sorted((run.path / folder).glob("*.safetensors"))
        return [_file_hash(file, stamp(file)) for file in files]
    return _hash("target")(run)


@lru_cache(maxsize=32)
def _file_hash(path: Path, _stamp: tuple[int, int]) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def identity(run: Run) -> dict[str, str]:
    """Hashes of all that must be equal: target and data as they were opened, and what was read."""
    texts, words = run.sequences_file, run.vocabulary_file
    return {
        **{name: runs.read_state(run).hashes.get(name, "") for name in ("target", "data")},
        "tokenizer": _content_hash(words, VOCABULARY, *_stamp(run, words)),
        "held-out texts": _content_hash(texts, SEQUENCES, *_stamp(run, texts)),
    }


def _stamp(run: Run, path: Path) -> tuple[int, int]:
    if not path.is_file():
        tokens.snapshots(run)  # says so
    return stamp(path)


@lru_cache(maxsize=32)
def _content_hash(path: Path, schema: pa.Schema, *_stamps: int) -> str:
    """Of a table's values; the file's bytes also change with the program that wrote them.

    Text that drafts were trained on is no measure of them, and does not count.
    """
    digest, table = hashlib.sha256(), read_table(path, schema)
    if schema is SEQUENCES:
        table = table.filter(pc.not_equal(table["source"], tokens.ANSWERS))
    for column in table.columns:
        values = column.combine_chunks()
        if pa.types.is_list(values.type):
            digest.update(pc.list_value_length(values).to_numpy().tobytes())
            digest.update(values.flatten().to_numpy().tobytes())
        else:
            digest.update(repr(values.to_pylist()).encode())
    return digest.hexdigest()[:16]


def _prompts(run: Run) -> object:
    return tokens.examples(run, tokens.GENERATED)["prompt"].tolist()


def _sampling(run: Run) -> object:
    evaluation = runs.read_recipe(run).evaluation
    return evaluation.temperature, evaluation.max_new_tokens


def _size(run: Run) -> object:
    facts = runs.read_state(run).facts
    return facts.draft_parameters if facts else run.path


_IDENTITY: dict[str, Callable[[Run], object]] = {
    "their targets differ": _target,
    "their data differ": _hash("data"),
    "their tokenizers differ": lambda run: identity(run)["tokenizer"],
    "their held-out prompts, or what the target said after them, differ": (
        lambda run: identity(run)["held-out texts"]
    ),
}

_MEASURED: dict[str, Callable[[Run], object]] = {
    "their targets differ": _target,
    "their tokenizers differ": _IDENTITY["their tokenizers differ"],
    "their drafts are not of one size": _size,
    "their held-out prompts differ": _prompts,
    "their held-out texts were sampled otherwise": _sampling,
}
