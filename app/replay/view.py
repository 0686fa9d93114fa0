"""A decoding with the texts of its tokens and its timings, as the player takes it.

The trace goes as it is; everything that the player counts, it counts from the rounds.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from adaspec import replays, runs, tokens
from adaspec.recipe import TARGET
from adaspec.runs import Run
from adaspec.speculation.document import token_ids
from adaspec.speculation.trace import Round, Trace
from adaspec.vocabulary import Piece, whole_characters
from app.shared.token_view import piece

Cost = tuple[int, float, float]
"""Gamma, milliseconds a drafted token, and milliseconds a pass over gamma + 1 tokens."""
_BESIDE = "the same prompt and settings, in the same process before and after"


def stored(run: Run, draft: str, seq: int) -> dict[str, Any]:
    """The view of one of a run's replays.

    Raises:
        AdaspecError: there is none, or it is damaged.
    """
    trace = replays.read(run, draft, seq)  # itself kept until its file changes
    speed = runs.read_speed(run)
    timed = speed.drafts.get(tokens.table_of(run, draft), {}) if speed else {}
    known = tuple((gamma, timed[gamma].draft_ms, timed[gamma].verify_ms) for gamma in sorted(timed))
    return _stored(run, draft, seq, id(trace), tokens.stamp(run), known)


@lru_cache(maxsize=64)
def _stored(
    run: Run, draft: str, seq: int, _trace: int, _stamp: object, known: tuple[Cost, ...]
) -> dict[str, Any]:
    trace = replays.read(run, draft, seq)
    return view(
        trace,
        tokens.vocabulary(run),
        f"{run.path.name}/{draft}/{seq}",
        f"{runs.read_state(run).name} · prompt #{seq} · {draft}",
        draft,
        list(known) or costs(trace),
    )


def own(run: Run, trace: Trace) -> dict[str, Any]:
    """The view of a decoding that was asked for."""
    mark = zlib.crc32(trace.model_dump_json().encode())
    return view(
        trace,
        tokens.vocabulary(run),
        f"{run.path.name}/own/{mark}",
        f"{runs.read_state(run).name} · your prompt · {trace.draft}",
        trace.draft,
        costs(trace),
    )


def view(
    trace: Trace,
    pieces: Sequence[Piece],
    identity: str,
    title: str,
    draft: str,
    spent: list[Cost],
) -> dict[str, Any]:
    """What `browser/replay/trace.js` reads.

    Args:
        pieces: every token by id.
        spent: what decoding takes at some draft lengths.
    """
    text = trace.text
    whole = whole_characters([pieces[token].data for token in text])
    return {
        "id": identity,
        "title": title,
        "target": TARGET,
        "draft": draft,
        "trace": trace.model_dump(mode="json"),
        "steps": sum(map(_steps, trace.rounds)),
        "vocabulary": {str(token): piece(pieces[token]) for token in sorted(token_ids(trace))},
        "pieces": {str(position): character for position, character in whole.items()},
        "plain": None if trace.plain_ms is None else {"ms": trace.plain_ms, "how": _BESIDE},
        "costs": spent,
    }


def _steps(decoded: Round) -> int:
    """What a viewer sees of a round, one after the other: every proposal, the check of all, every
    decision, and the target's own token.
    """
    return (
        len(decoded.proposals)
        + 1
        + decoded.accepted
        + decoded.rejected
        + (decoded.last is not None)
    )


def costs(trace: Trace) -> list[Cost]:
    """The costs at a trace's own draft length: medians over its complete rounds."""
    gamma = trace.decoding.gamma
    rounds = [decoded for decoded in trace.rounds if len(decoded.proposals) == gamma]
    if not rounds:
        return []
    draft_ms = float(np.median([decoded.draft_ms / gamma for decoded in rounds]))
    return [(gamma, draft_ms, float(np.median([decoded.verify_ms for decoded in rounds])))]
