"""A text with all measures of its tokens, as the heatmap in the browser takes it: in a page, in a
file, in a notebook.

Each shows a *view* (what there is to see; `browser/tokens/view.js` reads it) in a *state* (how it
is looked at; `STATE`).

Columns travel as base64 of little-endian numbers: a hundredth of the time and a fifth of the bytes
of JSON's decimals.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from adaspec import drawing, runs, tokens, vocabulary
from adaspec.answers import TextRows
from adaspec.recipe import REFERENCE, STOCK
from adaspec.runs import Run
from adaspec.runs.tables import CONTEXTS, SNAPSHOT, TOP
from adaspec.selection import STEPS
from adaspec.tokens import POOLS, Snapshot, Source
from adaspec.turns import once
from adaspec.views import Drawn, Histogram, Piece, TokenView
from adaspec.views.browser_script import heading, page
from adaspec.views.metrics import METRICS, Metric
from adaspec.vocabulary import whole_characters

NAME = "token_heatmap"  # the component in the browser
STATE: dict[str, Any] = {  # how a text is looked at first
    "metric": "kl",
    "k": 400,
    "pool": "corpus",
    "by": "stock",  # as a training begins
    "token": None,
    "pins": [],
    "step": None,
    "underline": "metric",
    "density": "comfortable",
    "wrap": True,
    "prompt": True,
    "outline": True,
}
OWN_TITLE = "your text"
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


def standalone(view: TokenView, state: dict[str, Any]) -> str:
    """A page that shows a view from disk, without a server.

    Args:
        state: what differs from `STATE`.
    """
    data = {"view": view.model_dump(), "state": STATE | state}
    return page(NAME, view.title, data, above=heading(view.title))


def packed(values: Any, kind: str) -> dict[str, str]:
    """A column for the browser: `<f4`, `<u1`, or `<u4`, in two bytes where they are enough."""
    column = np.ascontiguousarray(values, dtype=kind)
    if kind == "<u4" and column.max(initial=0) < 2**16:
        column = column.astype("<u2")
    data = base64.b64encode(column.tobytes()).decode()
    return {"type": column.dtype.str.removeprefix("<").removeprefix("|"), "base64": data}


def word(token: vocabulary.Piece) -> str:
    """A token in a sentence, in quotes; one that is only space as a sign."""
    text = token.text.strip(" ").replace("\n", "⏎")
    return f"“{text or '␣'}”"


def unpacked(column: Mapping[str, str]) -> np.ndarray:
    """What `packed` made of it."""
    return np.frombuffer(base64.b64decode(column["base64"]), f"<{column['type']}")


def piece(token: vocabulary.Piece) -> Piece:
    """A token as the browser writes it."""
    try:
        shown = Piece(text=token.data.decode())
    except UnicodeDecodeError:
        shown = Piece(bytes=token.data.hex())
    if token.special:
        shown["special"] = True
    return shown


def example(run: Run, source: Source, seq: int, roles: Roles) -> TokenView:
    """The view of one example of a run.

    Raises:
        AdaspecError: no such example or snapshot.
    """
    return _example(run, source, seq, roles, tokens.stamp(run))


@once(64)
def _example(run: Run, source: Source, seq: int, roles: Roles, _stamp: object) -> TokenView:
    known = roles.known(run)
    before = way(run, roles.draft)
    shown = list(dict.fromkeys([*known.values(), *before]))
    there = tokens.rows(run, source, seq, shown, [*_OF_SNAPSHOT, "top", "top_q"])
    prompt = tokens.prompt_ids(run, source, seq)
    columns = {str(name): there[name].to_numpy() for name in there if "top" not in str(name)}
    if "reference" in known:
        for name in dict.fromkeys([known.get("stock", roles.draft), roles.draft, *before]):
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


def text(run: Run, source: Source, answer: TextRows, roles: Roles, identity: str) -> TokenView:
    """The view of the viewer's own text.

    Args:
        identity: of the text and the roles.
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
    shown = _view(
        run,
        source,
        identity,
        OWN_TITLE,
        ids,
        answer.response_from,
        columns,
        top,
        roles,
        [_own_note(source)],
    )
    return shown.model_copy(update={"pools": {"corpus": POOLS["corpus"]}})


def text_frame(run: Run, source: Source, roles: Roles) -> dict[str, Any]:
    """All of the view of the viewer's own text that does not depend on it, for a browser whose
    models read it by themselves.
    """
    known = roles.known(run)
    drafts = list(dict.fromkeys(known.values())) if "reference" in known else []
    return _frame(run, source, roles) | {
        "title": OWN_TITLE,
        "timeline": way(run, roles.draft),
        "pools": {"corpus": POOLS["corpus"]},
        "notes": [_own_note(source)],
        "kinds": {
            "target": {name: kind.removeprefix("<") for name, kind in _OF_TARGET.items()},
            "snapshot": {name: kind.removeprefix("<") for name, kind in _OF_SNAPSHOT.items()},
        },
        "least": {name: _least(run, source, name, tokens.stamp(run)) for name in drafts},
    }


@once(8)
def _least(run: Run, source: Source, name: str, stamp: object) -> dict[str, str]:
    """The least dL among a source's tokens that is kept at each k, in thousandths below `STEPS`: a
    token with it has the same `_entry_among`.
    """
    falling = _sorted_delta(run, source, name, stamp)[::-1]
    kept = np.arange(STEPS) * (len(falling) - 1) // STEPS
    return packed(falling[kept], "<f4")


def _frame(run: Run, source: Source, roles: Roles) -> dict[str, Any]:
    return {
        "snapshots": _drawn(run),
        "roles": roles.known(run),
        "metrics": METRICS,
        "corpus": _histograms(run, source, roles, tokens.stamp(run)),
    }


def way(run: Run, draft: str) -> list[str]:
    """Snapshots on a draft's way, in order, itself the last."""
    return [snapshot.name for snapshot in tokens.timeline(run, Snapshot.of(draft).training)]


def _own_note(source: Source) -> str:
    return f"Your own text. Kept means: it would be kept among the {source} tokens of the run."


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
) -> TokenView:
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
    content = spelled(run, ids, before, likeliest) | _frame(run, source, roles)
    content |= {
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
        "timeline": [name for name in way(run, roles.draft) if f"kl@{name}" in columns],
        "pools": POOLS | {"batch": f"{POOLS['batch']} ({_pool_size(run, roles.draft)} a batch)"},
        "notes": notes,
    }
    return TokenView.model_validate(content)


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


def _drawn(run: Run) -> dict[str, Drawn]:
    steps = {stage.name: stage.steps for stage in runs.read_state(run).plan}
    return {
        snapshot.name: Drawn(
            label=snapshot.name,
            colour=drawing.look(snapshot.training).colour,
            step=steps.get(snapshot.training, 0) if snapshot.step is None else snapshot.step,
        )
        for snapshot in tokens.snapshots(run)
    }


def _entry_among(run: Run, source: Source, name: str, own: np.ndarray) -> np.ndarray:
    """From which k on tokens with these dL would be kept among a source's."""
    sorted_delta = _sorted_delta(run, source, name, tokens.stamp(run))
    larger = len(sorted_delta) - np.searchsorted(sorted_delta, own, "right")
    return np.minimum(STEPS, -(-STEPS * larger // max(1, len(sorted_delta) - 1)))


@once(4)
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


@once(32)
def _histograms(run: Run, source: Source, roles: Roles, _stamp: object) -> dict[str, Histogram]:
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


def _histogram(metric: Metric, values: np.ndarray) -> Histogram:
    low, high = metric.low, metric.high
    if metric.scale == "log":
        values, low, high = np.log(values), np.log(low), np.log(high)
    bins = np.floor((values - low) * (BINS / (high - low)))
    bins[values == high] = BINS - 1  # the last bin has both its ends
    below, *counts, above = np.bincount(
        np.clip(bins, -1, BINS).astype(np.int32) + 1, minlength=BINS + 2
    ).tolist()
    return Histogram(low=metric.low, high=metric.high, counts=counts, below=below, above=above)
