"""A comparison as the Compare page's components in the browser take it.

The numbers are those of `adaspec.analysis.comparison`; here come what the figures need beside
them: how each draft is drawn, a sample of tokens with their places in the texts, and the lanes of
one prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow.compute as pc

from adaspec import drawing, figures, replays, runs, tokens
from adaspec.analysis import comparison
from adaspec.analysis.drafts import Entry
from adaspec.analysis.identity import run_names
from adaspec.analysis.measures import MEASURES, decoded_alike
from adaspec.analysis.results import Comparison
from adaspec.figures import MOST
from adaspec.runs import Run
from adaspec.runs.contract import stamp
from adaspec.runs.tables import SEQUENCES, read_table
from adaspec.speculation.trace import Round, Trace
from adaspec.speculation.uniforms import TEST, uniforms
from adaspec.tokens import GENERATED
from adaspec.turns import once
from adaspec.views import AtlasView
from adaspec.views.browser_script import page
from adaspec.views.token_view import packed, piece

NAME = "compare_board"  # the component in the browser
STATE: dict[str, Any] = {  # how a comparison is looked at first
    "scatter": None,  # key of the draft; None: the last that is no baseline
    "kl": None,  # the rectangle, from and to; None with a beta: all there are
    "beta": None,
    "agree": None,  # keys of the two drafts of the agreement; None: that one and the baseline
    "cell": None,  # the one that is opened, of CELLS
}
BEFORE = 6  # tokens of context that are listed with one
MODES = {
    "free": "every draft's own decoding",
    "forced": "the target's recorded text",
}


def numbers(chosen: list[Run], picked: list[Entry], baseline: str) -> Comparison:
    """`comparison.compare`, once for all viewers."""
    stamps = tuple(map(_stamps, chosen))
    return _numbers(tuple(chosen), tuple(entry.key for entry in picked), baseline, stamps)


def _stamps(run: Run) -> object:
    return tokens.stamp(run), stamp(run.report_file), runs.read_ceiling(run)


@once(16)
def _numbers(
    chosen: tuple[Run, ...], drafts: tuple[str, ...], baseline: str, _stamps: object
) -> Comparison:
    return comparison.compare(list(chosen), list(drafts), baseline)


def drawn(chosen: list[Run], picked: list[Entry], baseline: str) -> dict[str, dict[str, Any]]:
    """The figures of a comparison, once for all viewers; not to be changed."""
    stamps = tuple(map(_stamps, chosen))
    return _drawn(tuple(chosen), tuple(entry.key for entry in picked), baseline, stamps)


@once(16)
def _drawn(
    chosen: tuple[Run, ...], drafts: tuple[str, ...], baseline: str, stamps: object
) -> dict[str, dict[str, Any]]:
    charts = figures.of_comparison(_numbers(chosen, drafts, baseline, stamps))
    return {name: figures.specification(chart) for name, chart in charts.items()}


def board(chosen: list[Run], picked: list[Entry], compared: Comparison) -> dict[str, Any]:
    """What `browser/compare/board.js` reads; without `tokens`, it shows tables alone.

    Args:
        compared: these drafts.
    """
    keys = [draft.key for draft in picked]
    stamps = tuple(map(tokens.stamp, chosen))
    return {
        "id": f"{[run.id for run in compared.runs]}/{keys}/{compared.baseline}/{stamps}",
        "comparison": compared.model_dump(mode="json"),
        "measures": [measure._asdict() for measure in MEASURES],
        "looks": looks(picked, chosen),
        "tokens": sample(tuple(picked), stamps),
    }


def standalone(
    view: dict[str, Any],
    state: dict[str, Any],
    charts: dict[str, dict[str, Any]],
    bundle: str,
    atlas: AtlasView | None = None,
) -> str:
    """The report: one page that works from disk and asks nobody for anything.

    Args:
        view: of a board.
        state: what differs from `STATE`.
        charts: name -> the figure's specification.
        bundle: `figures.bundle()`.
        atlas: the one that is looked at, if one is.
    """
    names = " and ".join(run["name"] for run in view["comparison"]["runs"])
    title = f"Drafts compared: {names}"
    data = {
        "view": view,
        "state": STATE | state,
        "figures": list(charts.values()),
        "atlas": atlas and atlas.model_dump(mode="json"),
    }
    return page(NAME, title, data, bundle)


def looks(picked: Sequence[Entry], chosen: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """How each draft is written: colour and sign go by its name and its run.

    Args:
        chosen: all runs that are compared.
    """
    looks, names = {}, run_names(list(chosen))
    for entry in picked:
        look = drawing.look_of_run(entry.table, chosen.index(entry.run), len(chosen))
        looks[entry.key] = {
            "label": entry.label,
            "name": entry.table,
            "run": entry.run.id,
            "short": names[entry.run],
            "colour": look.colour,
            "glyph": drawing.GLYPHS[look.marker],
        }
    return looks


# Tokens


@once(8)
def sample(picked: tuple[Entry, ...], _stamps: object) -> dict[str, Any]:
    """At most `MOST` tokens of the target's own text, the same for every draft.

    Returns:
        total: of how many they are, `rows` of them shown.
        seq, row: of each, its example and its place in the example's text, prompt included.
        id, before: itself and the `BEFORE` tokens before it, oldest first.
        drafts: key -> kl, overlap, q, agree.
    """
    first = picked[0].run
    there = tokens.examples(first, GENERATED)
    counts = there["tokens"].to_numpy()
    total = int(counts.sum())
    rows = comparison.sampled(total, MOST)
    ids, places, seqs, row_of = _texts(first)
    near = places[rows, None] + np.arange(-BEFORE, 1)
    pieces = tokens.vocabulary(first)
    windows = ids[near]
    return {
        "total": total,
        "rows": len(rows),
        "seq": packed(seqs[rows], "<u4"),
        "row": packed(row_of[rows], "<u4"),
        "p": packed(tokens.column(first, GENERATED, "p")[rows], "<f4"),
        "windows": packed(windows.ravel(), "<u4"),
        "before": BEFORE,
        "vocabulary": {str(token): piece(pieces[token]) for token in np.unique(windows).tolist()},
        "drafts": {entry.key: _columns(entry, rows) for entry in picked},
    }


def _columns(entry: Entry, rows: np.ndarray) -> dict[str, Any]:
    kinds = {"kl": "<f4", "overlap": "<f4", "q": "<f4", "agree": "<u1"}
    return {
        name: packed(tokens.column(entry.run, GENERATED, name, entry.table)[rows], kind)
        for name, kind in kinds.items()
    }


def _texts(run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """All texts in one: ids, and of every response token its place there, its example, and its
    place in the example's text."""
    table = read_table(run.sequences_file, SEQUENCES)
    table = table.filter(pc.equal(table["source"], GENERATED))
    parts = [table[name].combine_chunks() for name in ("prompt", "response")]
    prompts, responses = ([column.values.to_numpy() for column in part] for part in parts)
    ids = np.concatenate([text for pair in zip(prompts, responses, strict=True) for text in pair])
    lengths = np.array(
        [[len(prompt), len(response)] for prompt, response in zip(prompts, responses, strict=True)]
    )
    starts = np.concatenate([[0], lengths.sum(1).cumsum()[:-1]])
    inside = [length[0] + np.arange(length[1]) for length in lengths]
    seqs = np.repeat(np.arange(len(lengths)), lengths[:, 1])
    row_of = np.concatenate(inside)
    return ids, starts[seqs] + row_of, seqs, row_of


# Lanes


def prompts(picked: list[Entry]) -> list[str]:
    """The prompts that can be looked at in lanes: those that every draft was decoded on alike."""
    if not all(decoded_alike(picked[0], entry) for entry in picked):
        return []
    count = min(len(replays.numbers(entry.run, entry.table)) for entry in picked)
    return tokens.examples(picked[0].run, GENERATED)["prompt"].head(count).tolist()


def lanes(
    chosen: list[Run], picked: list[Entry], mode: str, seq: int, baseline: str
) -> dict[str, Any]:
    """One prompt in one of the `MODES`, as `browser/compare/lanes.js` reads it.

    Args:
        chosen: all runs that are compared.

    Raises:
        AdaspecError: a replay is damaged.
    """
    stamps = tuple(stamp(entry.run.replay(entry.table, seq)) for entry in picked)
    return _lanes(tuple(chosen), tuple(picked), mode, seq, baseline, stamps)


@once(64)
def _lanes(
    runs: tuple[Run, ...],
    picked: tuple[Entry, ...],
    mode: str,
    seq: int,
    baseline: str,
    _stamps: object,
) -> dict[str, Any]:
    run = picked[0].run
    shown = free(picked, seq) if mode == "free" else forced(picked, seq)
    pieces = tokens.vocabulary(run)
    ids = sorted({*shown["prompt"], *shown.pop("vocabulary")})
    return shown | {
        "id": f"{mode}/{seq}/{[(entry.run.id, entry.table) for entry in picked]}/{baseline}",
        "mode": mode,
        "seq": seq,
        "baseline": baseline,
        "looks": looks(picked, runs),
        "vocabulary": {str(token): piece(pieces[token]) for token in ids},
    }


def free(picked: Sequence[Entry], seq: int) -> dict[str, Any]:
    """Every draft's own trace on one prompt, as `browser/compare/lanes.js` reads it."""
    traces = {entry.key: replays.read(entry.run, entry.table, seq) for entry in picked}
    return {
        "prompt": next(iter(traces.values())).prompt,
        "vocabulary": [token for trace in traces.values() for token in _ids(trace)],
        "rows": max(len(trace.rounds) for trace in traces.values()),
        "lanes": {
            key: {"rounds": [_round(played) for played in trace.rounds]}
            for key, trace in traces.items()
        },
    }


def _ids(trace: Trace) -> list[int]:
    return [proposal.token for each in trace.rounds for proposal in each.proposals] + trace.text


def _round(played: Round) -> dict[str, Any]:
    """Proposals as [token, p, q, u, accepted], and the last token with its kind."""
    return {
        "proposals": [
            [each.token, each.p, each.q, each.u, each.accepted] for each in played.proposals
        ],
        "last": [played.last.token, played.last.kind] if played.last else None,
    }


def forced(picked: Sequence[Entry], seq: int) -> dict[str, Any]:
    """Every draft on the text that the target said after one prompt, token by token.

    `u` are the test uniforms of the replays' seed: with them a token is kept where u < min(1, q/p).
    """
    run = picked[0].run
    there = tokens.rows(run, GENERATED, seq, [])
    ids, p = there["token"].tolist(), there["p"].tolist()
    seed = replays.read(run, picked[0].table, seq).seed
    columns = ["q", "overlap", "kl", "agree"]
    drafts = {}
    for entry in picked:
        rows = tokens.rows(entry.run, GENERATED, seq, [entry.table], columns)
        drafts[entry.key] = {name: rows[f"{name}@{entry.table}"].tolist() for name in columns}
    return {
        "prompt": tokens.prompt_ids(run, GENERATED, seq).tolist(),
        "vocabulary": ids,
        "rows": len(ids),
        "ids": ids,
        "p": p,
        "u": uniforms(seed, len(ids))[:, TEST].tolist(),
        "lanes": drafts,
    }
