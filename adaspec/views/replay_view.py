"""A decoding with the texts of its tokens and its timings, as the player takes it.

The trace goes as it is; everything that the player counts, it counts from the rounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adaspec import replays, runs, tokens
from adaspec.recipe import TARGET
from adaspec.runs import Run
from adaspec.speculation.document import token_ids
from adaspec.speculation.trace import Round, Trace
from adaspec.turns import once
from adaspec.views.browser_script import heading, page
from adaspec.views.token_view import piece
from adaspec.vocabulary import Piece, whole_characters

NAME = "replay_player"  # the component in the browser
STATE: dict[str, Any] = {  # how a replay is looked at first
    "step": None,  # the first rounds play by themselves
    "speed": 1,
    "token": None,  # ROUND.PLACE of the token that is asked about; None: the last decided
    "present": False,  # over the whole screen, large
}
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


@once(64)
def _stored(
    run: Run, draft: str, seq: int, _trace: int, _stamp: object, known: tuple[Cost, ...]
) -> dict[str, Any]:
    trace = replays.read(run, draft, seq)
    return view(
        trace,
        tokens.vocabulary(run),
        f"{run.path.name}/{draft}/{seq}",
        stored_title(run, draft, seq),
        draft,
        list(known) or costs(trace),
    )


def own(run: Run, trace: Trace, identity: str, title: str) -> dict[str, Any]:
    """The view of a decoding that was asked for.

    Args:
        identity: of what was asked; the same question has the same replay but for its clock.
    """
    return view(
        trace,
        tokens.vocabulary(run),
        identity,
        title,
        trace.draft,
        costs(trace),
    )


def stored_title(run: Run, draft: str, seq: int) -> str:
    return f"{runs.read_state(run).name} · prompt #{seq} · {draft}"


def own_title(run: Run, draft: str) -> str:
    return f"{runs.read_state(run).name} · your prompt · {draft}"


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
        "steps": steps(trace),
        "vocabulary": {str(token): piece(pieces[token]) for token in sorted(token_ids(trace))},
        "pieces": {str(position): character for position, character in whole.items()},
        "plain": None if trace.plain_ms is None else {"ms": trace.plain_ms, "how": _BESIDE},
        "costs": spent,
        "brief": False,
        "choosing": False,
    }


def standalone(view: dict[str, Any], state: dict[str, Any]) -> str:
    """A page that plays a view from disk, without a server.

    Args:
        state: what differs from `STATE`.
    """
    data = {"view": view | {"choosing": False}, "state": STATE | state}
    return page(NAME, view["title"], data, above=heading(view["title"]))


def steps(trace: Trace) -> int:
    """What a viewer sees of a decoding, one after the other."""
    return sum(map(round_steps, trace.rounds))


def round_steps(decoded: Round) -> int:
    """Of a round: every proposal, the check of all, every decision, and the target's own token."""
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
