"""Token tables of a run: one row a response token, the same rows in the same order in every file.

`contexts` holds what the target says, one file a snapshot what that model says. A *snapshot* is a
model at one moment: `stock`, `reference`, a draft, or `NAME@STEP`, a draft on its way. Examples are
numbered within their source: what the target generated, or the data set's own answers. Rows of one
example are read without the rest of the file. What follows from two columns (dL, the selection) is
computed here and never stored. Loads no torch; `measurement` writes what is read here.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from adaspec import AdaspecError, runs
from adaspec.recipe import REFERENCE, STOCK, Training
from adaspec.runs import Run
from adaspec.runs.contract import Unreadable
from adaspec.runs.contract import stamp as file_stamp
from adaspec.runs.tables import (
    CONTEXTS,
    EXAMPLES,
    SEQUENCES,
    SNAPSHOT,
    VOCABULARY,
    read_rows,
    read_table,
)
from adaspec.selection import ADASPEC, SELECTORS, Columns, entry
from adaspec.vocabulary import Piece

Source = Literal["generated", "dataset"]
GENERATED: Source = "generated"
DATASET: Source = "dataset"
VALIDATION = "validation"
"""What the target said after the validation prompts, which have no tables."""
SOURCES: dict[Source, str] = {
    GENERATED: "what the target said after held-out prompts: acceptance is spent here",
    DATASET: "the data set's own answers to the same prompts: what the drafts were trained on",
}
Pool = Literal["corpus", "batch"]
POOLS: dict[Pool, str] = {
    "corpus": "all tokens of this source compete with one another",
    "batch": "only tokens of one batch compete, as in training; consecutive examples make a batch",
}


class Snapshot(NamedTuple):
    """A model at one moment of a run.

    Attributes:
        name: of its file: `adaspec`, or `adaspec@25`.
        training: what it is a moment of: `adaspec`.
        step: optimiser steps it has taken; None at its end.
    """

    name: str
    training: str
    step: int | None

    @classmethod
    def of(cls, name: str) -> Snapshot:
        training, _, step = name.partition("@")
        return cls(name, training, int(step) if step else None)


# What there is


def snapshots(run: Run) -> list[Snapshot]:
    """Those with a table: stock, reference, then the drafts; each with its checkpoints first.

    Raises:
        AdaspecError: the run has no token tables.
    """
    names = [path.stem for path in _file(run, run.examples_file).parent.glob("*.parquet")]
    unordered = [Snapshot.of(name) for name in names if name not in _OTHER_TABLES]
    first = [STOCK, REFERENCE]
    order = first + [stage.name for stage in runs.read_state(run).plan]

    def position(snapshot: Snapshot) -> tuple[int, float]:
        known = order.index(snapshot.training) if snapshot.training in order else len(order)
        return known, float("inf") if snapshot.step is None else snapshot.step

    return sorted(unordered, key=position)


def timeline(run: Run, training: str) -> list[Snapshot]:
    """How a draft came to be: the model it started from, its checkpoints, itself."""
    own = [snapshot for snapshot in snapshots(run) if snapshot.training == training]
    start = STOCK if training in (STOCK, REFERENCE) else _start(run, training)
    before = [snapshot for snapshot in snapshots(run) if snapshot.name == start != training]
    return before + own


def table_of(run: Run, draft: str) -> str:
    """The snapshot that holds a draft's rows: another's, where both are the same training."""
    stage = next((stage for stage in runs.read_state(run).plan if stage.name == draft), None)
    return (stage.same_as if stage else None) or draft


def examples(run: Run, source: str) -> pd.DataFrame:
    """One row an example of a source: seq, first (row in the tables), tokens, prompt, response.

    Raises:
        AdaspecError: the run has no token tables, or no such source.
    """
    path = _file(run, run.examples_file)
    by_source = _examples(path, *file_stamp(path))
    if source not in by_source:
        raise AdaspecError(f"No examples {source!r}: this run has {', '.join(by_source)}.")
    return by_source[source]


def stamp(run: Run) -> tuple[int, int]:
    """Changes when the tables are made anew: what was computed from the old ones is then void."""
    return file_stamp(_file(run, run.examples_file))


def vocabulary(run: Run) -> list[Piece]:
    """Every token by id."""
    path = _file(run, run.vocabulary_file)
    return _vocabulary(path, *file_stamp(path))


def find(run: Run, source: str, seq: int) -> slice:
    """Where the rows of an example are, among those of its source.

    Raises:
        AdaspecError: there is none; says which there are.
    """
    there = examples(run, source)
    if not 0 <= seq < len(there):
        raise AdaspecError(f"No example {seq}: {source} has 0 to {len(there) - 1}.")
    starts, counts = there["first"].to_numpy(), there["tokens"].to_numpy()
    first = int(starts[seq] - starts[0])
    return slice(first, first + int(counts[seq]))


def prompt_ids(run: Run, source: str, seq: int) -> np.ndarray:
    """Token ids of an example's prompt."""
    row = int(examples(run, source).index[seq])
    table = read_rows(run.sequences_file, SEQUENCES, ["prompt"], row, row + 1)
    ids: np.ndarray = table["prompt"].combine_chunks().values.to_numpy()
    return ids


# Rows


def rows(
    run: Run, source: str, seq: int, names: Iterable[str], columns: Iterable[str] | None = None
) -> pd.DataFrame:
    """The rows of one example: the contexts' columns, and `COLUMN@SNAPSHOT` of every snapshot.

    Args:
        names: snapshots.
        columns: of the snapshots' tables; by default all.

    Raises:
        AdaspecError: no such example, or no such snapshot; says which there are.
    """
    here, (before, _) = find(run, source, seq), bounds(run, source)
    start, end = before + here.start, before + here.stop
    parts = {
        name: values
        for name, values in _columns(run.contexts_file, CONTEXTS, None, start, end).items()
        if name not in ("source", "seq")
    }
    for snapshot in names:
        path = require(run, snapshot)
        for name, values in _columns(path, SNAPSHOT, columns, start, end).items():
            parts[f"{name}@{snapshot}"] = values
    return pd.DataFrame({name: _as_items(values) for name, values in parts.items()})


def require(run: Run, snapshot: str) -> Path:
    """The file of a snapshot.

    Raises:
        AdaspecError: the run has none of this name; says which it has.
    """
    names = [snapshot.name for snapshot in snapshots(run)]
    if snapshot not in names:
        raise AdaspecError(f"No snapshot {snapshot!r}: this run has {', '.join(names)}.")
    return run.tokens_file(snapshot)


def column(run: Run, source: str, name: str, snapshot: str | None = None) -> np.ndarray:
    """A whole column of one source's rows; of the contexts where no snapshot is named."""
    start, end = bounds(run, source)
    if snapshot:
        return _columns(require(run, snapshot), SNAPSHOT, [name], start, end)[name]
    return _columns(_file(run, run.contexts_file), CONTEXTS, [name], start, end)[name]


def bounds(run: Run, source: str) -> tuple[int, int]:
    """The first row of a source, and the one after its last."""
    there = examples(run, source)
    starts, counts = there["first"].to_numpy(), there["tokens"].to_numpy()
    return int(starts[0]), int(starts[-1] + counts[-1])


# What follows from them


def delta(run: Run, source: str, snapshot: str) -> np.ndarray:
    """[rows] dL = KL(p || q) - KL(p || r) of every token of a source."""
    difference: np.ndarray = np.subtract(
        column(run, source, "kl", snapshot), column(run, source, "kl", REFERENCE)
    )
    return difference


def entries(run: Run, source: str, snapshot: str, pool: Pool) -> np.ndarray:
    """[rows] int16: from which k on, in thousandths, AdaSPEC keeps each token of a source.

    See `selection.entry`. Kept in memory for the next look, two bytes a token.
    """
    stamps = [file_stamp(require(run, name)) for name in (snapshot, REFERENCE)]
    return _entries(run, source, snapshot, pool, tuple(stamps))


def rival_entries(run: Run, source: str, snapshot: str, pool: Pool) -> dict[str, np.ndarray]:
    """The same of every other selector, by name; chance draws with seed 0."""
    loss_q, loss_r = (column(run, source, "kl", name) for name in (snapshot, REFERENCE))
    entropy, chance = column(run, source, "entropy"), np.random.default_rng(0)
    columns = Columns(len(loss_q), loss_q, loss_r, entropy, chance)
    within = pools(run, source, pool, pool_size(run, Snapshot.of(snapshot).training))
    return {
        name: entry(selector.score(columns), within)
        for name, selector in SELECTORS.items()
        if selector.score is not None and name != ADASPEC
    }


def example_entries(run: Run, source: str, seq: int, snapshot: str, pool: Pool) -> np.ndarray:
    """The same of one example's tokens; for `batch`, only its own batch is looked at."""
    here = find(run, source, seq)
    if pool == "corpus":
        return entries(run, source, snapshot, pool)[here]
    size = pool_size(run, Snapshot.of(snapshot).training)
    last = min(len(examples(run, source)), (seq // size + 1) * size) - 1
    start, end = find(run, source, seq - seq % size).start, find(run, source, last).stop
    before, _ = bounds(run, source)
    kl, reference = (
        _columns(require(run, name), SNAPSHOT, ["kl"], before + start, before + end)["kl"]
        for name in (snapshot, REFERENCE)
    )
    return entry(kl - reference)[here.start - start : here.stop - start]


def pools(run: Run, source: str, pool: Pool, size: int) -> np.ndarray | None:
    """[rows] which pool each token competes in; None where they are all in one."""
    if pool == "corpus":
        return None
    there = examples(run, source)
    return np.repeat(there["seq"].to_numpy() // size, there["tokens"].to_numpy())


def pool_size(run: Run, training: str) -> int:
    """Sequences that compete in a batch of this training; of the first that selects, else.

    Raises:
        AdaspecError: the run has no training left to ask.
    """
    plan = [stage.name for stage in runs.read_state(run).plan if stage.kind == "train"]
    trained = {
        name: runs.read_trained(run, table_of(run, name)).training
        for name in plan
        if run.budget_file(name).is_file()
    }
    selecting = {name: each for name, each in trained.items() if each.k is not None}
    own = [selecting[training]] if training in selecting else []
    for first in [*own, *selecting.values(), *trained.values()]:
        return _pool(first)
    raise AdaspecError(f"Run {run.path.name} says nothing of its batches.")


def _pool(training: Training) -> int:
    """Sequences whose tokens compete in it."""
    micro = training.optimisation.micro_batch
    if training.method is None or training.method.pool == "batch" or micro is None:
        return training.batch
    return min(micro, training.batch)


def _start(run: Run, training: str) -> str:
    """The model that a training began with; the stock draft where that is not known."""
    try:
        method = runs.read_trained(run, table_of(run, training)).training.method
    except Unreadable:  # the model was taken away, and what it was with it
        return STOCK
    return method.start if method else STOCK


ORDERS: dict[str, str] = {
    "hardest": "largest mean KL(p‖q) of the draft",
    "improved": "largest mean of KL(p‖stock) − KL(p‖q)",
    "disputed": "largest mean of |KL(p‖rival) − KL(p‖q)| between the two drafts",
    "selected": "largest share of tokens that AdaSPEC keeps at this k",
    "first": "as they come in the data",
}


def ranking(
    run: Run, source: str, order: str, draft: str, rival: str | None = None, k: int = 400
) -> pd.DataFrame:
    """The examples of a source with a `score`, the largest first.

    Args:
        order: one of `ORDERS`.
        k: the filter ratio in thousandths, for `selected`; the pool is the corpus.

    Raises:
        AdaspecError: no such order or snapshot.
    """
    if order not in ORDERS:
        raise AdaspecError(f"No order {order!r}: choose one of {', '.join(ORDERS)}.")
    there = examples(run, source)
    start, _ = bounds(run, source)
    if order == "first":
        return there.assign(score=there["seq"])
    if order == "selected":
        values = (entries(run, source, draft, "corpus") <= k).astype(np.float32)
    else:
        values = column(run, source, "kl", draft)
    if order == "improved":
        values = column(run, source, "kl", STOCK) - values
    if order == "disputed":
        values = np.abs(column(run, source, "kl", rival or REFERENCE) - values)
    sums = np.add.reduceat(values, there["first"].to_numpy() - start, dtype=np.float64)
    scored = there.assign(score=sums / there["tokens"].to_numpy())
    return scored.sort_values("score", ascending=False, kind="stable")


# Files

_OTHER_TABLES = ("contexts", "examples", "vocabulary", "sequences")
_MISSING = "Run {} has no token tables: adaspec measure {} makes them."


def _file(run: Run, path: Path) -> Path:
    if not path.is_file():
        raise AdaspecError(_MISSING.format(run.path.name, run.path.name))
    return path


@lru_cache(maxsize=8)
def _examples(path: Path, *_stamps: int) -> dict[str, pd.DataFrame]:
    """Source -> its examples, by number; the index is their position in the file."""
    table: pd.DataFrame = read_table(path, EXAMPLES).to_pandas()
    table.insert(2, "first", table["tokens"].cumsum() - table["tokens"])
    return {
        str(source): rows.drop(columns="source")
        for source, rows in table.groupby("source", observed=True, sort=False)
    }


@lru_cache(maxsize=8)
def _vocabulary(path: Path, *_stamps: int) -> list[Piece]:
    columns = read_table(path, VOCABULARY).to_pydict()
    return [Piece(*row) for row in zip(*(columns[name] for name in VOCABULARY.names), strict=True)]


@lru_cache(maxsize=16)
def _entries(
    run: Run, source: str, snapshot: str, pool: Pool, _stamps: tuple[object, ...]
) -> np.ndarray:
    size = pool_size(run, Snapshot.of(snapshot).training) if pool == "batch" else 0
    return entry(delta(run, source, snapshot), pools(run, source, pool, size))


def _columns(
    path: Path, schema: pa.Schema, names: Iterable[str] | None, start: int, end: int
) -> dict[str, np.ndarray]:
    """Columns of the rows from start to end; lists of fixed size become [rows, size]."""
    table = read_rows(path, schema, names, start, end)
    columns = {}
    for name in table.column_names:
        values = table[name].combine_chunks()
        if pa.types.is_fixed_size_list(values.type):
            size = values.type.list_size
            columns[name] = values.flatten().to_numpy(zero_copy_only=False).reshape(-1, size)
        else:
            columns[name] = values.to_numpy(zero_copy_only=False)
    return columns


def _as_items(values: np.ndarray) -> Any:
    return list(values) if values.ndim > 1 else values
