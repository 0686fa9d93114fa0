"""A text with all measures of its tokens, as the heatmap in the browser takes it.

Columns travel as base64 of little-endian numbers: a hundredth of the time and a fifth of the bytes
of JSON's decimals.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from adaspec import drawing, runs, tokens
from adaspec.answers import TextRows
from adaspec.recipe import REFERENCE, STOCK
from adaspec.runs import Run
from adaspec.runs.tables import CONTEXTS, SNAPSHOT, TOP
from adaspec.selection import STEPS
from adaspec.tokens import POOLS, Snapshot, Source
from adaspec.vocabulary import Piece, whole_characters
from app.shared.metrics import METRICS, Metric

BINS = 64  # of a histogram
NO_ENTRY = 65535  # a prompt's token is never kept
_KINDS = {"float": "<f4", "int32": "<u4", "bool": "<u1"}  # Arrow's type -> how it is encoded


def _kinds(schema: pa.Schema) -> dict[str, str]:
    """The columns of a table that metrics show, and how each is encoded."""
    shown = {metric.column for metric in METRICS}
    return {field.name: _KINDS[str(field.type)] for field in schema if field.name in shown}


_OF_TARGET, _OF_SNAPSHOT = _kinds(CONTEXTS), _kinds(SNAPSHOT)
_EMPTY = {"<f4": np.nan, "<u4": 0, "<u2": NO_ENTRY, "<u1": 0}


@dataclass(frozen=True)
class Roles:
    """Which snapshot plays which role.

    Attributes:
        rival: another draft; None if there is none.
    """

    draft: str
    rival: str | None

    def known(self, run: Run) -> dict[str, str]:
        """Role -> snapshot, of those that the run has."""
        wanted = {"stock": STOCK, "reference": REFERENCE, "draft": self.draft}
        wanted |= {"rival": self.rival} if self.rival else {}
        names = [snapshot.name for snapshot in tokens.snapshots(run)]
        return {role: name for role, name in wanted.items() if name in names}


def packed(values: Any, kind: str) -> dict[str, str]:
    """A column for the browser: `<f4`, `<u4`, `<u2` or `<u1`."""
    data = np.ascontiguousarray(values, dtype=kind).tobytes()
    return {"type": kind.removeprefix("<"), "base64": base64.b64encode(data).decode()}


def piece(token: Piece) -> dict[str, Any]:
    """A token's text, or its bytes in hexadecimal if it is not whole characters."""
    try:
        shown: dict[str, Any] = {"text": token.data.decode()}
    except UnicodeDecodeError:
        shown = {"bytes": token.data.hex()}
    return shown | ({"special": True} if token.special else {})


def example(run: Run, source: Source, seq: int, roles: Roles) -> dict[str, Any]:
    """The view of one example of a run.

    Raises:
        AdaspecError: no such example or snapshot.
    """
    return _example(run, source, seq, roles, tokens.stamp(run))


@lru_cache(maxsize=64)
def _example(run: Run, source: Source, seq: int, roles: Roles, _stamp: object) -> dict[str, Any]:
    known = roles.known(run)
    way = [snapshot.name for snapshot in tokens.timeline(run, Snapshot.of(roles.draft).training)]
    shown = list(dict.fromkeys([*known.values(), *way]))
    there = tokens.rows(run, source, seq, shown, [*_OF_SNAPSHOT, "top", "top_q"])
    prompt = tokens.prompt_ids(run, source, seq)
    columns = {str(name): there[name].to_numpy() for name in there if "top" not in str(name)}
    if "reference" in known:
        for name in dict.fromkeys([roles.draft, *way]):
            for pool in POOLS:
                own = tokens.example_entries(run, source, seq, name, pool)
                columns[f"{pool}@{name}"] = own
    top = {"target": (there["top"], there["top_p"])}
    top |= {name: (there[f"top@{name}"], there[f"top_q@{name}"]) for name in shown}
    return _view(
        run,
        source,
        f"{run.path.name}/{source}/{seq}/{roles.draft}/{roles.rival}",
        example_title(run, source, seq),
        np.concatenate([prompt, there["token"].to_numpy()]),
        len(prompt),
        columns,
        {name: (np.stack(list(ids)), np.stack(list(both))) for name, (ids, both) in top.items()},
        roles,
        [_origin(run, source)],
    )


def text(run: Run, source: Source, answer: TextRows, roles: Roles) -> dict[str, Any]:
    """The view of the viewer's own text.

    Args:
        source: whose tokens it is compared with: histograms, and dL where the selection ends.
        answer: what the models say of it.
    """
    columns = {name: np.asarray(values) for name, values in answer.columns.items()}
    for name in roles.known(run).values():
        if {f"kl@{name}", f"kl@{REFERENCE}"} <= columns.keys():
            own = columns[f"kl@{name}"] - columns[f"kl@{REFERENCE}"]
            columns[f"corpus@{name}"] = _entry_among(run, source, name, own)
    top = {name: (np.asarray(lists.id), np.asarray(lists.p)) for name, lists in answer.top.items()}
    ids = np.asarray(answer.ids)
    identity = f"{run.path.name}/own/{zlib.crc32(ids.tobytes())}/{roles.draft}/{roles.rival}"
    note = f"Your own text. Kept means: it would be kept among the {source} tokens of the run."
    shown = _view(
        run,
        source,
        identity,
        "your text",
        ids,
        answer.response_from,
        columns,
        top,
        roles,
        [note],
    )
    return shown | {"pools": {"corpus": POOLS["corpus"]}}


def _view(
    run: Run,
    source: Source,
    identity: str,
    title: str,
    ids: np.ndarray,
    response_from: int,
    columns: Mapping[str, np.ndarray],
    top: Mapping[str, tuple[np.ndarray, np.ndarray]],
    roles: Roles,
    notes: list[str],
) -> dict[str, Any]:
    """What `browser/tokens/view.js` reads.

    Args:
        ids: [rows] prompt and response.
        response_from: the row of the first response token.
        columns: [rows - response_from] of the response tokens.
        top: model -> ids and probabilities, [rows - response_from, TOP].
    """
    before = response_from
    pieces = tokens.vocabulary(run)
    lists = {name: _with_prompt_lists(before, *both) for name, both in top.items()}
    likeliest = {int(token) for both in top.values() for token in both[0].ravel() if token >= 0}
    way = [snapshot.name for snapshot in tokens.timeline(run, Snapshot.of(roles.draft).training)]
    return spelled(run, ids, before, likeliest) | {
        "id": identity,
        "title": title,
        "rows": len(ids),
        "pieces": {
            str(row): whole
            for row, whole in whole_characters([pieces[int(token)].data for token in ids]).items()
        },
        "columns": dict(
            _column(name, values, before) for name, values in columns.items() if _kind(name)
        ),
        "top": lists,
        "snapshots": _drawn(run),
        "roles": roles.known(run),
        "timeline": [name for name in way if f"kl@{name}" in columns],
        "metrics": [metric._asdict() for metric in METRICS],
        "corpus": _histograms(run, source, roles, tokens.stamp(run)),
        "pools": POOLS | {"batch": f"{POOLS['batch']} ({_pool_size(run, roles.draft)} a batch)"},
        "notes": notes,
    }


def spelled(
    run: Run, ids: np.ndarray, response_from: int, also: Iterable[int] = ()
) -> dict[str, Any]:
    """A text without its measures: `tokens`, and the `vocabulary` of them and of other ids."""
    pieces = tokens.vocabulary(run)
    return {
        "tokens": {
            "id": packed(ids, "<u4"),
            "seq": packed(np.zeros(len(ids)), "<u4"),
            "response": packed(np.arange(len(ids)) >= response_from, "<u1"),
        },
        "vocabulary": {
            str(token): piece(pieces[token]) for token in sorted({*map(int, ids), *also})
        },
    }


def example_title(run: Run, source: Source, seq: int) -> str:
    return f"{runs.read_state(run).name} · {source} #{seq}"


def _kind(name: str) -> str | None:
    """How a column is encoded; None if it is not sent."""
    column, _, snapshot = name.partition("@")
    if column in ("corpus", "batch"):
        return "<u2"
    return (_OF_SNAPSHOT if snapshot else _OF_TARGET).get(column)


def _column(name: str, values: np.ndarray, before: int) -> tuple[str, dict[str, str]]:
    kind = _kind(name)
    assert kind
    whole = np.concatenate([np.full(before, _EMPTY[kind]), values])
    renamed = name.replace("corpus@", "entry@").replace("batch@", "entry_batch@")
    return renamed, packed(whole, kind)


def _with_prompt_lists(before: int, ids: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    lead = np.zeros((before, TOP))
    known = np.where(ids < 0, 0, ids)
    return {
        "id": packed(np.concatenate([lead, known]), "<u4"),
        "p": packed(np.concatenate([lead, values]), "<f4"),
    }


def _drawn(run: Run) -> dict[str, dict[str, Any]]:
    """Snapshot -> how it is written and coloured, and its optimiser steps."""
    steps = {stage.name: stage.steps for stage in runs.read_state(run).plan}
    return {
        snapshot.name: {
            "label": snapshot.name,
            "colour": drawing.look(snapshot.training).colour,
            "step": steps.get(snapshot.training, 0) if snapshot.step is None else snapshot.step,
        }
        for snapshot in tokens.snapshots(run)
    }


def _entry_among(run: Run, source: Source, name: str, own: np.ndarray) -> np.ndarray:
    """From which k on tokens with these dL would be kept among a source's."""
    sorted_delta = _sorted_delta(run, source, name, tokens.stamp(run))
    larger = len(sorted_delta) - np.searchsorted(sorted_delta, own, "right")
    return np.minimum(STEPS, -(-STEPS * larger // max(1, len(sorted_delta) - 1)))


@lru_cache(maxsize=4)
def _sorted_delta(run: Run, source: Source, name: str, _stamp: object) -> np.ndarray:
    return np.sort(tokens.delta(run, source, name))


def _pool_size(run: Run, draft: str) -> int:
    return tokens.pool_size(run, Snapshot.of(draft).training)


def _origin(run: Run, source: Source) -> str:
    first, last = tokens.bounds(run, source)
    return (
        f"Exact: the whole vocabulary ({len(tokens.vocabulary(run))} tokens), float32. "
        f"Histogram: {last - first:,} tokens, {tokens.SOURCES[source]}."
    )


# Histograms over the whole source


@lru_cache(maxsize=32)
def _histograms(
    run: Run, source: Source, roles: Roles, _stamp: object
) -> dict[str, dict[str, Any]]:
    """Metric -> its histogram over all tokens of the source; those whose roles are known."""
    known = roles.known(run)
    histograms = {}
    for metric in METRICS:
        if all(role is None or role in known for role in (metric.of, metric.minus)):
            histograms[metric.name] = _histogram(metric, _values(run, source, metric, known))
    return histograms


def _values(run: Run, source: Source, metric: Metric, known: dict[str, str]) -> np.ndarray:
    of = known[metric.of] if metric.of else None
    values = tokens.column(run, source, metric.column, of).astype(np.float32)
    if metric.minus:
        values = values - tokens.column(run, source, metric.column, known[metric.minus])
    return values


def _histogram(metric: Metric, values: np.ndarray) -> dict[str, Any]:
    low, high = metric.low, metric.high
    if metric.scale == "log":
        values, low, high = np.log(values), np.log(low), np.log(high)
    bins = np.floor((values - low) * (BINS / (high - low)))
    bins[values == high] = BINS - 1  # the last bin has both its ends
    below, *counts, above = np.bincount(
        np.clip(bins, -1, BINS).astype(np.int32) + 1, minlength=BINS + 2
    ).tolist()
    return {
        "low": metric.low,
        "high": metric.high,
        "counts": counts,
        "below": below,
        "above": above,
    }
