"""A comparison as the Compare page's components in the browser take it.

The numbers are those of `adaspec.comparison`; here come what the figures need beside them: how each
draft is drawn, a sample of tokens with their places in the texts, and the lanes of one prompt.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from adaspec import comparison, replays, tokens
from adaspec.comparison import MEASURES, Entry
from adaspec.runs import Run
from adaspec.speculation.trace import Round, Trace
from adaspec.tokens import GENERATED
from app import theme
from app.token_view import packed, piece

MOST = 12_000  # tokens in the scatter; all of the example's
BEFORE = 6  # tokens of context that are listed with one
MODES = {
    "free": "every draft's own decoding",
    "forced": "the target's recorded text",
}
TEST = 1  # the column of a position's uniforms that tests a proposal: see speculation.decoding


def board(chosen: list[Run], numbers: dict[str, Any]) -> dict[str, Any]:
    """What `browser/compare.js` reads.

    Args:
        numbers: what `comparison.compare` says of these runs.
    """
    picked = _picked(chosen, numbers)
    keys = tuple(one.key for one in picked)
    return {
        "id": f"{[one['id'] for one in numbers['runs']]}/{keys}/{numbers['baseline']}",
        "comparison": numbers,
        "measures": [measure._asdict() for measure in MEASURES],
        "looks": looks(picked),
        "tokens": sample(tuple(chosen), keys, tokens.stamp(chosen[0])),
    }


def _picked(chosen: list[Run], numbers: dict[str, Any]) -> list[Entry]:
    offered = comparison.entries(chosen)
    return [comparison.find(offered, row["draft"]) for row in numbers["drafts"]]


def looks(picked: list[Entry]) -> dict[str, dict[str, Any]]:
    """How each draft is written and drawn: colour and sign go by its name, the line by its run."""
    order = list(dict.fromkeys(one.run for one in picked))
    dashes = dict(zip(order, theme.RUN_LINES, strict=False))
    found = {}
    for one in picked:
        look = theme.look(one.table)
        found[one.key] = {
            "label": one.label,
            "name": one.table,
            "run": comparison.handle(one.run),
            "colour": look.colour,
            "glyph": theme.GLYPHS[look.marker],
            "dash": look.dash if len(order) == 1 else dashes[one.run],
        }
    return found


# Tokens


@lru_cache(maxsize=8)
def sample(chosen: tuple[Run, ...], keys: tuple[str, ...], _stamp: object) -> dict[str, Any]:
    """At most `MOST` tokens of the target's own text, the same for every draft.

    Returns:
        total: of how many they are, `rows` of them shown.
        seq, row: of each, its example and its place in the example's text, prompt included.
        id, before: itself and the `BEFORE` tokens before it, oldest first.
        drafts: key -> kl, overlap, q, agree.
    """
    first = chosen[0]
    offered = comparison.entries(list(chosen))
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
        "vocabulary": {str(one): piece(pieces[one]) for one in np.unique(windows).tolist()},
        "drafts": {key: _columns(comparison.find(offered, key), rows) for key in keys},
    }


def _columns(one: Entry, rows: np.ndarray) -> dict[str, Any]:
    kinds = {"kl": "<f4", "overlap": "<f4", "q": "<f4", "agree": "<u1"}
    return {
        name: packed(tokens.column(one.run, GENERATED, name, one.table)[rows], kind)
        for name, kind in kinds.items()
    }


def _texts(run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """All texts in one: ids, and of every response token its place there, its example, and its
    place in the example's text."""
    table = pq.read_table(run.sequences_file, filters=[("source", "=", GENERATED)])
    parts = [table[name].combine_chunks() for name in ("prompt", "response")]
    prompts, responses = ([one.values.to_numpy() for one in part] for part in parts)
    ids = np.concatenate([one for pair in zip(prompts, responses, strict=True) for one in pair])
    lengths = np.array([[len(one), len(two)] for one, two in zip(prompts, responses, strict=True)])
    starts = np.concatenate([[0], lengths.sum(1).cumsum()[:-1]])
    inside = [length[0] + np.arange(length[1]) for length in lengths]
    seqs = np.repeat(np.arange(len(lengths)), lengths[:, 1])
    row_of = np.concatenate(inside)
    return ids, starts[seqs] + row_of, seqs, row_of


# Lanes


def prompts(picked: list[Entry]) -> list[str]:
    """The prompts that can be looked at in lanes: those that every draft was decoded on."""
    count = min(len(replays.numbers(one.run, one.table)) for one in picked)
    return tokens.examples(picked[0].run, GENERATED)["prompt"].head(count).tolist()


def free(picked: list[Entry], seq: int, baseline: str) -> dict[str, Any]:
    """Every draft's own trace on one prompt, as `browser/compare_lanes.js` reads it."""
    traces = {one.key: replays.read(one.run, one.table, seq) for one in picked}
    first = next(iter(traces.values()))
    ids = {one for trace in traces.values() for one in [*trace.prompt, *_ids(trace)]}
    return _lanes(picked, seq, baseline, "free", ids) | {
        "prompt": first.prompt,
        "decoding": first.decoding.model_dump(),
        "seed": first.seed,
        "lanes": {
            key: {
                "alike": trace.decoding == first.decoding and trace.seed == first.seed,
                "rounds": [_round(one) for one in trace.rounds],
            }
            for key, trace in traces.items()
        },
    }


def _ids(trace: Trace) -> list[int]:
    return [one.token for each in trace.rounds for one in each.proposals] + trace.text


def _round(one: Round) -> dict[str, Any]:
    """Proposals as [token, p, q, u, accepted], and the last token with its kind."""
    return {
        "proposals": [
            [each.token, each.p, each.q, each.u, each.accepted] for each in one.proposals
        ],
        "last": [one.last.token, one.last.kind] if one.last else None,
    }


def forced(picked: list[Entry], seq: int, baseline: str) -> dict[str, Any]:
    """Every draft on the text that the target said after one prompt, token by token.

    `u` are the test uniforms of the replays' seed: with them a token is kept where u < min(1, q/p).
    """
    run = picked[0].run
    there = tokens.rows(run, GENERATED, seq, [])
    ids, p = there["token"].to_numpy(), there["p"].to_numpy()
    prompt = tokens.prompt_ids(run, GENERATED, seq).tolist()
    seed = replays.read(run, picked[0].table, seq).seed
    uniforms = np.random.default_rng(seed).random((len(ids), 3))[:, TEST]
    lanes = {}
    for one in picked:
        rows = tokens.rows(one.run, GENERATED, seq, [one.table], ["q", "overlap", "kl", "agree"])
        lanes[one.key] = {
            name: rows[f"{name}@{one.table}"].tolist() for name in ("q", "overlap", "kl", "agree")
        }
    return _lanes(picked, seq, baseline, "forced", {*prompt, *ids.tolist()}) | {
        "prompt": prompt,
        "ids": ids.tolist(),
        "p": p.tolist(),
        "u": uniforms.tolist(),
        "seed": seed,
        "lanes": lanes,
    }


def _lanes(
    picked: list[Entry], seq: int, baseline: str, mode: str, ids: set[int]
) -> dict[str, Any]:
    pieces = tokens.vocabulary(picked[0].run)
    keys = [one.key for one in picked]
    return {
        "id": f"{mode}/{seq}/{keys}/{baseline}",
        "mode": mode,
        "seq": seq,
        "baseline": baseline,
        "looks": looks(picked),
        "vocabulary": {str(one): piece(pieces[one]) for one in sorted(ids)},
    }
