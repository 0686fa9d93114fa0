"""What AdaSPEC keeps at every k, as the filter lab in the browser takes it.

Everything that depends on k is a curve over its 1,001 thousandths: a cumulative count of the
tokens' entries (`selection.entry`). So a drag costs the browser nothing, and every number is exact.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from adaspec import strata, tokens
from adaspec.recipe import REFERENCE, STOCK
from adaspec.runs import Run
from adaspec.selection import SELECTORS, STEPS, entry
from adaspec.strata import AXES
from adaspec.tabular import Column as Shown
from adaspec.tabular import Table
from adaspec.tokens import POOLS, Pool, Snapshot, Source
from adaspec.turns import once
from adaspec.views import token_view
from adaspec.views.token_view import packed
from adaspec.weighting import WEIGHTS

LOW, HIGH, BINS = -1.0, 1.0, 121  # of the histogram of dL, in nats

Column = dict[str, str]
"""`token_view.packed`."""


class GroupRow(TypedDict):
    """How many tokens of a class are kept at each k."""

    label: str
    tokens: int
    kept: Column


class OverlapRow(TypedDict):
    """How many tokens another selection keeps as well, at each k."""

    label: str
    explanation: str
    shared: Column


class Groups(TypedDict):
    """Classes of tokens, by one property."""

    name: str
    explanation: str
    rows: list[GroupRow]


class Overlaps(TypedDict):
    """Other selections of one kind."""

    name: str
    explanation: str
    rows: list[OverlapRow]


class Histogram(TypedDict):
    """Of dL in nats; `below` and `above` lie beyond its ends."""

    low: float
    high: float
    counts: list[int]
    below: int
    above: int


class TextColumns(TypedDict):
    """Token ids of a text, and which of them are of the response."""

    id: Column
    seq: Column
    response: Column


class Sample(TypedDict):
    """One text with the entry of each of its tokens."""

    title: str
    tokens: TextColumns
    vocabulary: dict[str, dict[str, str | bool]]
    entry: Column


class Curves(TypedDict):
    """Of all tokens of a source; a curve has a value for each k in thousandths."""

    id: str
    title: str
    tokens: int
    histogram: Histogram
    threshold: Column
    kept: Column
    mass: Column
    groups: list[Groups]
    overlaps: list[Overlaps]
    notes: list[str]


class FilterView(Curves):
    """What `browser/filter/lab.js` reads."""

    text: Sample


def filter_view(run: Run, source: Source, snapshot: str, pool: Pool, seq: int) -> FilterView:
    """The curves of all tokens of a source, and one example's text.

    Args:
        snapshot: the draft whose dL selects.
        seq: the example shown as a text.

    Raises:
        AdaspecError: no such snapshot or example.
    """
    curves = _curves(run, source, snapshot, pool, tokens.stamp(run))
    return {
        **curves,
        "id": f"{curves['id']}/{seq}",
        "text": _sample(run, source, snapshot, pool, seq),
    }


@once(16)
def _curves(run: Run, source: Source, snapshot: str, pool: Pool, _stamp: object) -> Curves:
    kl = tokens.column(run, source, "kl", snapshot)
    delta = tokens.delta(run, source, snapshot)
    entries = tokens.entries(run, source, snapshot, pool)
    kept = kept_at(entries)
    counts, _ = np.histogram(delta, BINS, (LOW, HIGH))
    mass = np.bincount(entries, kl.astype(np.float64), STEPS + 1).cumsum()
    return {
        "id": f"{run.path.name}/{source}/{snapshot}/{pool}",
        "title": f"{snapshot} · {source}",
        "tokens": len(delta),
        "histogram": {
            "low": LOW,
            "high": HIGH,
            "counts": counts.tolist(),
            "below": int((delta < LOW).sum()),
            "above": int((delta > HIGH).sum()),
        },
        "threshold": packed(_smallest_kept(delta, entries), "<f4"),
        "kept": packed(kept, "<u4"),
        "mass": packed(mass / max(mass[-1], 1e-30), "<f4"),
        "groups": _groups(run, source, entries),
        "overlaps": _overlaps(run, source, snapshot, pool, entries),
        "notes": _notes(snapshot, pool),
    }


def kept_at(entries: np.ndarray) -> np.ndarray:
    """[1001] how many tokens are kept at each k in thousandths."""
    counts: np.ndarray = np.bincount(entries, minlength=STEPS + 1).cumsum()
    return counts


def shared_at(entries: np.ndarray, other: np.ndarray) -> np.ndarray:
    """[1001] how many tokens two selectors both keep at each k: those whose later entry is <= k."""
    return kept_at(np.maximum(entries, other))


def _smallest_kept(delta: np.ndarray, entries: np.ndarray) -> np.ndarray:
    """[1001] the smallest dL kept at each k."""
    smallest = np.full(STEPS + 1, np.inf)
    np.minimum.at(smallest, entries, delta)
    lowest: np.ndarray = np.minimum.accumulate(smallest)
    return np.where(np.isfinite(lowest), lowest, np.nan)


# Groups of tokens


def _groups(run: Run, source: Source, entries: np.ndarray) -> list[Groups]:
    return [
        {
            "name": AXES[axis].name,
            "explanation": AXES[axis].explanation,
            "rows": _rows(AXES[axis].groups, strata.groups(run, source, axis), entries),
        }
        for axis in ("class", "entropy", "position")
    ]


def _rows(labels: list[str], group_of: np.ndarray, entries: np.ndarray) -> list[GroupRow]:
    """One row a group that has tokens."""
    rows: list[GroupRow] = []
    for number, label in enumerate(labels):
        mine = entries[group_of == number]
        if len(mine):
            rows.append({"label": label, "tokens": len(mine), "kept": packed(kept_at(mine), "<u4")})
    return rows


# Against other selections


def _overlaps(
    run: Run,
    source: Source,
    snapshot: str,
    pool: Pool,
    entries: np.ndarray,
) -> list[Overlaps]:
    other: Pool = "batch" if pool == "corpus" else "corpus"
    overlaps: list[Overlaps] = [
        {
            "name": "rival selectors",
            "explanation": "tokens that a rival, with the same k and pool, keeps as well",
            "rows": [
                _overlap(entries, SELECTORS[name].label, rival, SELECTORS[name].why)
                for name, rival in tokens.rival_entries(run, source, snapshot, pool).items()
            ],
        },
        {
            "name": "other models",
            "explanation": "tokens that are also kept where ΔL is another model's: the start, "
            "checkpoints, and other drafts",
            "rows": [
                _overlap(entries, name, tokens.entries(run, source, name, pool), _moment(name))
                for name in _others(run, snapshot)
            ],
        },
        {
            "name": "other pool",
            "explanation": POOLS[other],
            "rows": [
                _overlap(entries, other, tokens.entries(run, source, snapshot, other), POOLS[other])
            ],
        },
    ]
    if weighed := _weights(run, source, snapshot, pool, entries):
        overlaps.append(
            {
                "name": "weights",
                "explanation": "tokens that are also among the equally many that count most, by "
                "the weights of this run's methods",
                "rows": weighed,
            }
        )
    return overlaps


def _weights(
    run: Run, source: Source, snapshot: str, pool: Pool, entries: np.ndarray
) -> list[OverlapRow]:
    """One row a method that weighs tokens."""
    size = tokens.pool_size(run, Snapshot.of(snapshot).training)
    within = tokens.pools(run, source, pool, size)
    rows = []
    for name, training in tokens.weighing(run).items():
        weight = WEIGHTS[training.weight or ""]
        heaviest = entry(tokens.weights(run, source, snapshot, training), within)
        rows.append(_overlap(entries, f"{name}: {weight.label}", heaviest, weight.why))
    return rows


def _overlap(entries: np.ndarray, label: str, rival: np.ndarray, why: str) -> OverlapRow:
    return {"label": label, "explanation": why, "shared": packed(shared_at(entries, rival), "<u4")}


def _others(run: Run, snapshot: str) -> list[str]:
    """Those worth comparing: checkpoints of the same draft, and the other models at their end.

    Every draft's checkpoints begin with the stock draft: for that, the last draft's are taken.
    """
    every = tokens.snapshots(run)
    training = Snapshot.of(snapshot).training
    training = every[-1].training if training == STOCK else training
    return [
        other.name
        for other in every
        if other.name not in (snapshot, REFERENCE)
        and (other.step is None or other.training == training)
    ]


def _moment(name: str) -> str:
    if name == STOCK:
        return "the draft before any distillation: what the training selects at first"
    training, step = Snapshot.of(name).training, Snapshot.of(name).step
    return f"{training} after {step} steps" if step else f"{training} at its end"


def _notes(snapshot: str, pool: Pool) -> list[str]:
    own = "Every batch has a threshold of its own; coloured from the smallest of them on."
    return [
        *([own] if pool == "batch" else []),
        f"ΔL = KL(p‖q) − KL(p‖r), with q = {snapshot} and r = reference, on held-out text. In "
        "training, the same rule selects anew at every step, on the training data.",
        f"Pool: {POOLS[pool]}.",
    ]


def _sample(run: Run, source: Source, snapshot: str, pool: Pool, seq: int) -> Sample:
    """One example's text with the entries of its tokens."""
    prompt = tokens.prompt_ids(run, source, seq)
    answer = tokens.rows(run, source, seq, [])["token"].to_numpy()
    entries = tokens.example_entries(run, source, seq, snapshot, pool)
    text = token_view.spelled(run, np.concatenate([prompt, answer]), len(prompt))
    before = np.full(len(prompt), token_view.NO_ENTRY)
    return {
        "tokens": text["tokens"],
        "vocabulary": text["vocabulary"],
        "title": token_view.example_title(run, source, seq),
        "entry": packed(np.concatenate([before, entries]), "<u4"),
    }


# To take away


def tables(view: FilterView, k: int) -> list[Table]:
    """What is kept at a k, by class of token; how much of it others keep; and what every k keeps.

    Args:
        k: in thousandths.
    """
    kept = _at(view["kept"], k)
    where = f"{view['title']}: k = {k / STEPS:g} keeps {kept:,.0f} of {view['tokens']:,} tokens."
    groups = [
        {
            "property": groups["name"],
            "group": row["label"],
            "tokens": row["tokens"],
            "kept": int(_at(row["kept"], k)),
            "share": _at(row["kept"], k) / row["tokens"],
        }
        for groups in view["groups"]
        for row in groups["rows"]
    ]
    overlaps = [
        {
            "kind": overlaps["name"],
            "selection": row["label"],
            "shared": int(_at(row["shared"], k)),
            "share": _at(row["shared"], k) / kept if kept else None,
        }
        for overlaps in view["overlaps"]
        for row in overlaps["rows"]
    ]
    ratios = [
        {
            "k": ratio / STEPS,
            "kept": int(_at(view["kept"], ratio)),
            "threshold": _at(view["threshold"], ratio),
            "mass": _at(view["mass"], ratio),
        }
        for ratio in range(0, STEPS + 1, STEPS // 20)
    ]
    return [
        Table("groups", f"{where} By class of token.", _GROUPS, groups),
        Table(
            "overlaps", f"{where} Of these, what other selections keep too.", _OVERLAPS, overlaps
        ),
        Table("ratios", f"{view['title']}: what each k keeps.", _RATIOS, ratios),
    ]


_GROUPS = {
    "property": Shown("property"),
    "group": Shown("group"),
    "tokens": Shown("tokens"),
    "kept": Shown("kept"),
    "share": Shown("share kept", 4),
}
_OVERLAPS = {
    "kind": Shown("kind"),
    "selection": Shown("selection"),
    "shared": Shown("kept by both"),
    "share": Shown("share", 4),
}
_RATIOS = {
    "k": Shown("k", 2),
    "kept": Shown("tokens kept"),
    "threshold": Shown("smallest ΔL (nats)", 4),
    "mass": Shown("share of the KL", 4),
}


def _at(curve: Column, k: int) -> float:
    return float(token_view.unpacked(curve)[k])
