"""What the clock says: speculative against plain decoding, side by side on the same prompts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from adaspec.recipe import Decoding, Speculation
from adaspec.runs.speed import Speed, Timed
from adaspec.speculation.trace import Trace

Decode = Callable[..., Trace]
"""A `decoding.Decoder`: draft, prompt, decoding, then `seed` and `detail` by name."""


class Turn(NamedTuple):
    """One decoding of a timed prompt; plain decoding has gamma 0 and no draft."""

    draft: str
    gamma: int


def replay_beside_plain(
    decode: Decode,
    drafts: dict[str, Any],
    prompt: list[int],
    decoding: Decoding,
    seed: int,
    on_turn: Callable[[], None] = lambda: None,
) -> list[Trace]:
    """A trace of every draft on one prompt, with `draft` and `plain_ms`.

    The target alone decodes before and after them. A few tokens of each warm up and do not count.
    """
    plain = decoding.model_copy(update={"gamma": 0})
    few = {"max_new_tokens": 2 + decoding.gamma}
    decode(None, prompt, plain.model_copy(update=few), seed=seed, detail=False)
    for draft in drafts.values():
        decode(draft, prompt, decoding.model_copy(update=few), seed=seed)
    before = decode(None, prompt, plain, seed=seed, detail=False)
    traces = {}
    for name, draft in drafts.items():
        traces[name] = decode(draft, prompt, decoding, seed=seed)
        on_turn()
    after = decode(None, prompt, plain, seed=seed, detail=False)
    plain_ms = (_ms(before) + _ms(after)) / 2
    return [
        trace.model_copy(update={"draft": name, "plain_ms": plain_ms})
        for name, trace in traces.items()
    ]


def measure_speed(
    decode: Decode,
    drafts: dict[str, Any],
    prompts: list[list[int]],
    speculation: Speculation,
    seed: int,
    on_turn: Callable[[], None],
) -> Speed:
    """Milliseconds of every draft at every gamma, and of plain decoding, by prompt.

    Every prompt takes its turns one after the other, so that what slows the machine for a while
    slows all of them. A first turn of each kind, of a few tokens, warms up and does not count.

    Args:
        prompts: token ids.
    """

    def take(turn: Turn, prompt: list[int], new_tokens: int) -> Trace:
        settings = {"gamma": turn.gamma, "max_new_tokens": new_tokens}
        decoding = speculation.decoding.model_copy(update=settings)
        draft = drafts[turn.draft] if turn.gamma else None
        return decode(draft, prompt, decoding, seed=seed, detail=False)

    order = list(_turns(list(drafts), speculation))
    for turn in dict.fromkeys(order):
        take(turn, prompts[0], 2 + turn.gamma)
    plain: list[float] = []
    seen: dict[Turn, list[Trace]] = {}
    beside: dict[Turn, list[float]] = {}
    for prompt in prompts:
        for turn in order:
            trace = take(turn, prompt, speculation.max_new_tokens)
            if turn.gamma:
                seen.setdefault(turn, []).append(trace)
                beside.setdefault(turn, []).append(plain[-1])
            else:
                plain.append(_ms(trace))
            on_turn()
    return Speed(
        plain_ms=float(np.median(plain)),
        drafts={
            name: {
                turn.gamma: _timed(traces, beside[turn])
                for turn, traces in seen.items()
                if turn.draft == name
            }
            for name in drafts
        },
    )


def _turns(drafts: list[str], speculation: Speculation) -> Iterator[Turn]:
    """Of one prompt, in their order: plain decoding stands beside every draft."""
    for draft in drafts:
        yield Turn("", 0)
        for gamma in speculation.timed_gammas:
            yield Turn(draft, gamma)


def _ms(trace: Trace) -> float:
    """A token of the text."""
    return trace.ms / len(trace.text)


def _timed(traces: list[Trace], plain: list[float]) -> Timed:
    rounds = [each for trace in traces for each in trace.rounds]
    gamma = traces[0].decoding.gamma
    whole = [each for each in rounds if len(each.proposals) == gamma] or rounds
    return Timed(
        ms=[_ms(trace) for trace in traces],
        plain_ms=plain,
        draft_ms=float(np.median([each.draft_ms / gamma for each in whole])),
        verify_ms=float(np.median([each.verify_ms for each in whole])),
    )
