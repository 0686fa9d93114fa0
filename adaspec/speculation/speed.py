"""What the clock says: speculative against plain decoding, side by side on the same prompts."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from adaspec import models
from adaspec.recipe import Decoding, Speculation
from adaspec.runs.speed import Speed, Timed
from adaspec.speculation.business import watch
from adaspec.speculation.trace import Round, Trace

Decode = Callable[..., Trace]
"""A `decoding.Decoder`: draft, prompt, decoding, then `seed` and `detail` by name."""


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
    slows all of them: each draft stands between two plain decodings, and another one is first at
    the next prompt. A first turn of each kind, of a few tokens, warms up and does not count.

    Args:
        drafts: models; those of one size share what drafting a token costs.
        prompts: token ids.
    """

    def take(name: str, gamma: int, prompt: list[int], new_tokens: int) -> Trace:
        settings = {"gamma": gamma, "max_new_tokens": new_tokens}
        decoding = speculation.decoding.model_copy(update=settings)
        return decode(drafts.get(name), prompt, decoding, seed=seed, detail=False)

    def timed(name: str, gamma: int, prompt: list[int]) -> Trace:
        trace = take(name, gamma, prompt, speculation.max_new_tokens)
        on_turn()
        return trace

    gammas = speculation.timed_gammas
    for name, gamma in [("", 0), *product(drafts, gammas)]:
        take(name, gamma, prompts[0], 2 + gamma)
    plain: list[float] = []
    seen: dict[str, dict[int, list[Trace]]] = {
        name: {gamma: [] for gamma in gammas} for name in drafts
    }
    beside: dict[str, list[float]] = {name: [] for name in drafts}
    business = watch()
    for number, prompt in enumerate(prompts):
        plain.append(_ms(timed("", 0, prompt)))
        for name in rotated(list(drafts), number):
            for gamma in gammas if number % 2 == 0 else gammas[::-1]:
                seen[name][gamma].append(timed(name, gamma, prompt))
            plain.append(_ms(timed("", 0, prompt)))
            beside[name].append((plain[-2] + plain[-1]) / 2)
    sizes = {name: models.parameters(draft) for name, draft in drafts.items()}
    return Speed(
        plain_ms=float(np.median(plain)),
        drafts={
            name: {
                gamma: Timed(
                    ms=[_ms(trace) for trace in traces],
                    plain_ms=beside[name],
                    draft_ms=_draft_ms(
                        [seen[other][gamma] for other in drafts if sizes[other] == sizes[name]]
                    ),
                    verify_ms=_verify_ms([seen[other][gamma] for other in drafts]),
                )
                for gamma, traces in of_draft.items()
            }
            for name, of_draft in seen.items()
        },
        business=business(),
    )


def rotated(names: list[str], number: int) -> list[str]:
    """Another one first for every number."""
    first = number % len(names)
    return names[first:] + names[:first]


def _ms(trace: Trace) -> float:
    """A token of the text."""
    return trace.ms / len(trace.text)


def _draft_ms(drafts: list[list[Trace]]) -> float:
    gamma = drafts[0][0].decoding.gamma
    return float(np.median([each.draft_ms / gamma for each in _whole(drafts)]))


def _verify_ms(drafts: list[list[Trace]]) -> float:
    return float(np.median([each.verify_ms for each in _whole(drafts)]))


def _whole(drafts: list[list[Trace]]) -> list[Round]:
    """The rounds that the text's end did not cut short; all, where there are no others."""
    rounds = [each for traces in drafts for trace in traces for each in trace.rounds]
    gamma = drafts[0][0].decoding.gamma
    return [each for each in rounds if len(each.proposals) == gamma] or rounds
