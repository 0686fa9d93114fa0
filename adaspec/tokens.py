"""Token tables of a run: one row a response token, the same rows in the same order in every file.

`contexts` holds what the target says, one file a snapshot what that model says. A *snapshot* is a
model at one moment: `stock`, `reference`, a draft, or `NAME@STEP`, a draft on its way. Examples are
numbered within their source: what the target generated, or the data set's own answers. Rows of one
example are read without the rest of the file. What follows from two columns (dL, the selection) is
computed here and never stored. Loads no torch; `measurement` writes what is read here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from adaspec import AdaspecError, runs
from adaspec.recipe import REFERENCE, STOCK, Optimisation, Training
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
from adaspec.selection import ADASPEC, SELECTORS, STEPS, Columns, Need, entry
from adaspec.vocabulary import CLASSES, Piece, classes
from adaspec.weighting import VERIFIED_TOP, WEIGHTS, Tokens, weigh

Source = Literal["generated", "dataset", "answers"]
GENERATED: Source = "generated"
DATASET: Source = "dataset"
ANSWERS: Source = "answers"
VALIDATION = "validation"
"""What the target said after the validation prompts, which have no tables."""
SOURCES: dict[Source, str] = {
    GENERATED: "what the target said after held-out prompts: acceptance is spent here",
    DATASET: "the data set's own answers to the same prompts: such as drafts are trained on, where "
    "the target does not write that text itself",
    ANSWERS: "what the target answered to training prompts: what the drafts were trained on",
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
    """Those with a table, in the order of `RunState.drafts`; each with its checkpoints first.

    Raises:
        AdaspecError: the run has no token tables.
    """
    names = [path.stem for path in _file(run, run.examples_file).parent.glob("*.parquet")]
    unordered = [Snapshot.of(name) for name in names if name not in _OTHER_TABLES]
    state = runs.read_state(run)
    order = list(dict.fromkeys([*state.drafts, *(stage.name for stage in state.plan)]))

    def position(snapshot: Snapshot) -> tuple[int, float]:
        known = order.index(snapshot.training) if snapshot.training in order else len(order)
        return known, float("inf") if snapshot.step is None else snapshot.step

    return sorted(unordered, key=position)


def timeline(run: Run, training: str) -> list[Snapshot]:
    """How a draft came to be: the model it started from, its checkpoints, itself."""
    own = [snapshot for snapshot in snapshots(run) if snapshot.training == training]
    if not runs.read_state(run).training(training):
        return own
    start = STOCK if training == REFERENCE else _start(run, training)
    before = [snapshot for snapshot in snapshots(run) if snapshot.name == start != training]
    return before + own


def table_of(run: Run, draft: str) -> str:
    """The snapshot that holds a draft's rows: another's, where both are the same training."""
    stage = runs.read_state(run).training(draft)
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


def sources(run: Run) -> list[Source]:
    """Those that it has: where the data are prompts alone, nobody has answered but the target.

    Raises:
        AdaspecError: the run has no token tables.
    """
    path = _file(run, run.examples_file)
    return [source for source in SOURCES if source in _examples(path, *file_stamp(path))]


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


def table(run: Run, source: str, seq: int) -> pd.DataFrame:
    """The rows of one example with every snapshot's columns, its tokens' texts, and, where there is
    a reference, `delta@SNAPSHOT`.

    Raises:
        AdaspecError: no such example.
    """
    names = [snapshot.name for snapshot in snapshots(run)]
    every = rows(run, source, seq, names)
    pieces = vocabulary(run)
    every.insert(1, "text", [pieces[token].text for token in every["token"]])
    if "kl@reference" in every:
        for name in names:
            every[f"delta@{name}"] = every[f"kl@{name}"] - every["kl@reference"]
    return every


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
    rivals = {
        name: selector
        for name, selector in SELECTORS.items()
        if selector.score is not None and name != ADASPEC
    }
    needs = frozenset[Need]().union(*(rival.needs for rival in rivals.values()))
    columns = columns_of(run, source, snapshot, needs)
    within = pools(run, source, pool, pool_size(run, Snapshot.of(snapshot).training))
    return {
        name: entry(rival.score(columns), within) for name, rival in rivals.items() if rival.score
    }


def columns_of(run: Run, source: str, snapshot: str, needs: frozenset[Need]) -> Columns:
    """What selectors and weights need of a source's tokens, by what this model says of them."""

    def log(name: str, of: str | None = None) -> np.ndarray:
        values: np.ndarray = np.log(np.maximum(column(run, source, name, of), _LEAST))
        return values

    read: dict[Need, Callable[[], Any]] = {
        "loss_q": lambda: column(run, source, "kl", snapshot),
        "loss_r": lambda: column(run, source, "kl", REFERENCE),
        "entropy": lambda: column(run, source, "entropy"),
        "generator": lambda: np.random.default_rng(0),
        "log_p": lambda: log("p"),
        "log_q": lambda: log("q", snapshot),
        "log_r": lambda: log("q", REFERENCE),
        "agree": lambda: column(run, source, "agree", snapshot),
        "verified": lambda: _verified(run, source, snapshot),
        "overlap": lambda: column(run, source, "overlap", snapshot),
        "position": lambda: column(run, source, "pos"),
    }
    start, end = bounds(run, source)
    return Columns(end - start, **{need: read[need]() for need in needs})


def _verified(run: Run, source: str, snapshot: str) -> np.ndarray:
    """[rows] whether the model's likeliest token is among the target's `VERIFIED_TOP`."""
    target, draft = (column(run, source, "top", name) for name in (None, snapshot))
    among: np.ndarray = (target[:, :VERIFIED_TOP] == draft[:, :1]).any(1)
    return among


def weights(run: Run, source: str, snapshot: str, training: Training) -> np.ndarray:
    """[rows] what a training's weight makes of a source's tokens, by what this model says of them.

    Args:
        training: one that has a weight; the pool is the corpus.
    """
    method = training.method
    assert method is not None
    assert method.weight is not None
    selector, weight = SELECTORS[method.selector], WEIGHTS[method.weight]
    selects = training.k is not None and selector.score is not None
    columns = columns_of(
        run, source, snapshot, weight.needs | selector.needs if selects else weight.needs
    )
    mask, score = np.ones(columns.rows, dtype=bool), None
    if training.k is not None and selector.score is not None:
        score = selector.score(columns)
        mask = entry(score) <= STEPS * training.k
    tokens = Tokens(columns, mask, score, method.own_softness, method.gamma)
    return weigh(method.weight, tokens)


def weighing(run: Run) -> dict[str, Training]:
    """Name -> the run's finished trainings that weigh tokens."""
    names = [stage.name for stage in runs.read_state(run).plan if stage.kind == "train"]
    trained = {
        name: runs.read_trained(run, name).training
        for name in names
        if run.budget_file(name).is_file()
    }
    return {name: training for name, training in trained.items() if training.weight}


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

    Where nothing is trained, as many as a stage would take that says nothing of it.

    Raises:
        AdaspecError: the run has no training left to ask.
    """
    plan = [stage.name for stage in runs.read_state(run).plan if stage.kind == "train"]
    if not plan:
        return int(Optimisation.model_fields["batch"].default)
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


def orders(run: Run, rival: str | None) -> list[str]:
    """Those for which the run has the models."""
    names = {snapshot.name for snapshot in snapshots(run)}
    lacks = {"improved": STOCK not in names, "selected": REFERENCE not in names}
    lacks |= {"disputed": rival is None}
    return [order for order in ORDERS if not lacks.get(order)]


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


TOKEN_ORDERS: dict[str, str] = {
    "hardest": "largest KL(p‖q) of the draft",
    "selected": "largest ΔL: what AdaSPEC keeps first",
    "disputed": "largest |KL(p‖rival) − KL(p‖q)| between the two drafts",
    "improved": "largest KL(p‖stock) − KL(p‖q)",
    "unsure": "largest entropy of the target",
}


def ranked_tokens(
    run: Run,
    source: str,
    order: str,
    draft: str,
    rival: str | None = None,
    *,
    by: str = STOCK,
    k: int = 400,
    most: int | None = None,
    kind: str | None = None,
    among: np.ndarray | None = None,
) -> pd.DataFrame:
    """The tokens of a source, one a row, the largest score first.

    Columns: seq and pos say where it is; token, text and class what it is; kl of the draft and
    entropy in nats; where there is a reference, delta of `by`, and whether it is kept at this k
    among the whole corpus; where the draft's method weighs tokens, their weight; where there is a
    rival, dispute.

    Args:
        order: one of `TOKEN_ORDERS`.
        by: the snapshot whose dL selects.
        k: the filter ratio in thousandths.
        most: rows; by default all.
        kind: a class of tokens, one of `vocabulary.CLASSES`; by default all.
        among: [tokens] which of them, as `strata.within` says; by default all.

    Raises:
        AdaspecError: no such order, class or snapshot.
    """
    if order not in TOKEN_ORDERS:
        raise AdaspecError(f"No order {order!r}: choose one of {', '.join(TOKEN_ORDERS)}.")
    if kind is not None and kind not in CLASSES:
        raise AdaspecError(f"No class {kind!r}: choose one of {', '.join(CLASSES)}.")
    if order == "disputed" and rival is None:
        raise AdaspecError("No rival: the most disputed tokens are between two drafts.")
    there, pieces = examples(run, source), vocabulary(run)
    ids, position = column(run, source, "token"), column(run, source, "pos")
    of_token = classes(pieces, ids, position == 0)
    table = pd.DataFrame(
        {
            "seq": np.repeat(there["seq"].to_numpy(), there["tokens"].to_numpy()),
            "pos": position,
            "token": ids,
            "kl": column(run, source, "kl", draft),
            "entropy": column(run, source, "entropy"),
        }
    )
    if any(snapshot.name == REFERENCE for snapshot in snapshots(run)):
        table["delta"] = delta(run, source, by)
        table["kept"] = entries(run, source, by, "corpus") <= k
    if training := weighing(run).get(table_of(run, Snapshot.of(draft).training)):
        table["weight"] = weights(run, source, draft, training)
    if rival:
        table["dispute"] = (column(run, source, "kl", rival) - table["kl"]).abs()
    if order == "improved":
        score = column(run, source, "kl", STOCK) - table["kl"]
    elif (name := _SCORES[order]) in table:
        score = table[name]
    else:
        raise AdaspecError(f"Run {run.path.name} has no reference, and so no {name}.")
    places = np.argsort(-score.to_numpy(), kind="stable")
    if kind is not None:
        places = places[of_token[places] == list(CLASSES).index(kind)]
    if among is not None:
        places = places[among[places]]
    ranked = table.iloc[places[:most]].reset_index(drop=True)
    ranked.insert(3, "text", [pieces[token].text for token in ranked["token"]])
    ranked.insert(4, "class", [list(CLASSES)[of_token[place]] for place in places[:most]])
    return ranked


_LEAST = np.finfo(np.float32).tiny  # of a probability that has a logarithm
_SCORES = {"hardest": "kl", "selected": "delta", "disputed": "dispute", "unsure": "entropy"}


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
