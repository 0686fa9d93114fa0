"""Draft and verify: speculative decoding as in Leviathan et al. (2211.17192), Algorithm 1.

The text that comes out is distributed exactly as the target's own, whatever the draft. Both models
keep a key-value cache, which is cropped where proposals are rejected and never computed again.
Every random decision takes its uniform from a table by its position in the text: two drafts on one
prompt meet the same chances, and the law of a token given the text before it stays the target's,
since what came before depends on uniforms of earlier positions only.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from adaspec import AdaspecError
from adaspec.models import context_length, head
from adaspec.recipe import Decoding
from adaspec.speculation.record import Record
from adaspec.speculation.trace import Trace
from adaspec.speculation.uniforms import DRAFT, LAST, TEST, uniforms

LIKELY = 1024
"""Tokens among which top-p is sought first: to sort a whole vocabulary takes longer than many a
draft's pass."""


@dataclass
class Reader:
    """A model, and the key-value cache of the tokens it has read.

    Raises:
        AdaspecError: the model keeps a running state instead, which no crop brings back; or what it
            says is not a number.
    """

    model: Any
    vocabulary: int

    def __post_init__(self) -> None:
        if self.model._is_stateful:  # as transformers calls it
            raise AdaspecError(
                f"{type(self.model).__name__} cannot go back when tokens are rejected: it keeps a "
                "running state of what it read. Choose a model with attention in every layer."
            )
        self.cache = DynamicCache(config=self.model.config)
        for layer in self.cache.layers:  # a sliding window must remember what a crop brings back
            if hasattr(layer, "activate_past_recording"):
                layer.activate_past_recording()
        self.logits = head(self.model, self.vocabulary)
        self.length = 0

    def read(self, ids: Tensor) -> Tensor:
        """Read on; the logits after each of these tokens, [tokens, vocabulary] in float32."""
        logits = self.logits(self.remember(ids))
        if logits.isnan().any():
            raise AdaspecError(
                f"The logits of a {type(self.model).__name__} are not numbers: its training "
                "diverged, or its weights are damaged. Choose another model."
            )
        return logits

    def remember(self, ids: Tensor) -> Tensor:
        """Read on; the last hidden states, [tokens, hidden]."""
        out = self.model.base_model(input_ids=ids[None], past_key_values=self.cache, use_cache=True)
        self.length += len(ids)
        hidden: Tensor = out.last_hidden_state[0]
        return hidden

    def forget(self, length: int) -> None:
        """Go back to the first so many tokens."""
        self.cache.crop(length - self.length)
        self.length = length


def distribution(logits: Tensor, decoding: Decoding) -> Tensor:
    """[rows, vocabulary] the probabilities to draw from; in greedy decoding one token has all.

    Temperature first, then the top-k likeliest, then the fewest likeliest tokens whose probability
    reaches top-p (Holtzman et al. 1904.09751), as transformers does.
    """
    if decoding.greedy:
        return torch.nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]).float()
    logits = logits / decoding.temperature
    if 0 < decoding.top_k < logits.shape[-1]:
        least = logits.topk(decoding.top_k).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    probabilities = logits.softmax(-1)
    if decoding.top_p < 1:
        ordered, order = probabilities.topk(min(LIKELY, logits.shape[-1]))
        if ordered.sum(-1).min() < decoding.top_p:
            ordered, order = probabilities.sort(descending=True)
        kept = ordered.where(ordered.cumsum(-1) - ordered < decoding.top_p, 0)
        probabilities = torch.zeros_like(probabilities).scatter(-1, order, kept)
        probabilities /= probabilities.sum(-1, keepdim=True)
    return probabilities


def draw(weights: Tensor, u: Tensor) -> Tensor:
    """[1] the token at which the cumulated weights [vocabulary] pass u times their sum."""
    cumulated = weights.double().cumsum(-1)
    return torch.searchsorted(cumulated, (u * cumulated[-1])[None], right=True)


def residual(p: Tensor, q: Tensor) -> Tensor:
    """max(p - q, 0), not normalised: what the target gives more than the draft."""
    left = (p - q).clamp(min=0)
    return left.where(left.any(), p)  # p = q but for rounding: then p is the law


@torch.inference_mode()
def speculate(
    target: Any,
    draft: Any,
    prompt: list[int],
    decoding: Decoding,
    *,
    vocabulary: int,
    eos: int | None,
    seed: int = 0,
    detail: bool = True,
) -> Trace:
    """Continue a prompt by draft and verify, and keep every decision.

    Args:
        draft: None where gamma is 0: plain decoding with the target alone.
        prompt: token ids, at least one.
        vocabulary: how many token ids, from 0, both models share; no other is ever drawn.
        eos: the token that ends the text; None: none does.
        seed: of the uniforms.
        detail: keep beta and the likeliest tokens of every position too.

    Raises:
        AdaspecError: the prompt is empty, too long, or has tokens that not both models know; or a
            model cannot go back to the text before a rejected proposal, or gives no numbers.
    """
    models = [target, draft] if decoding.gamma else [target]
    room = _room(prompt, models, vocabulary, decoding.max_new_tokens)
    device = target.device
    table = uniforms(seed, decoding.max_new_tokens + 1)
    chance = torch.from_numpy(table).to(device)
    readers = [Reader(model, vocabulary) for model in models]
    p_reader, q_reader = readers[0], readers[-1]
    text, ended, record = list(prompt), False, Record(decoding, table, detail)
    clock = _Clock(device)
    if len(prompt) > 1:
        for reader in readers:
            reader.remember(torch.tensor(prompt[:-1], device=device))
    prefill_ms = clock.lap()

    while len(text) < room and not ended:
        start = len(text) - len(prompt)
        here = chance[start:]
        gamma = min(decoding.gamma, room - len(text) - 1)

        # The draft proposes up to gamma tokens, one after the other.
        unread = torch.tensor(text[q_reader.length :], device=device)
        q_logits, q, drawn = [], [], []
        for place in range(gamma):
            q_logits.append(q_reader.read(unread))
            q.append(distribution(q_logits[-1], decoding))
            unread = draw(q[-1][-1], here[place, DRAFT])
            drawn.append(unread)
        ids = _until(eos, torch.cat(drawn).tolist()) if drawn else []
        draft_ms = clock.lap()

        # The target reads them all in one pass.
        p_logits = p_reader.read(torch.tensor([text[-1], *ids], device=device))
        p = distribution(p_logits, decoding)

        # They are accepted up to the first that fails its test.
        accepted = 0
        if ids:
            proposed = torch.arange(len(ids), device=device), torch.tensor(ids, device=device)
            q_of = torch.cat([row[-1:] for row in q])[proposed]
            passes = here[: len(ids), TEST] * q_of < p[proposed]
            accepted = int(passes.cumprod(0).sum())
        text += ids[:accepted]
        ended = accepted > 0 and text[-1] == eos

        # The target adds a token: of the residual after a rejection, else of its own.
        left = residual(p[accepted], q[accepted][-1]) if accepted < len(ids) else p[accepted]
        last = None if ended else int(draw(left, here[accepted, LAST]))
        verify_ms = clock.lap()

        # The rejected are forgotten; the token just added is still to be read.
        for reader in readers:
            reader.forget(min(reader.length, len(text)))
        if last is not None:
            text.append(last)
            ended = last == eos
        p_seen, q_seen = (p_logits, q_logits) if decoding.greedy else (p, q)
        record.add(start, ids, accepted, last, p_seen, q_seen, left, draft_ms, verify_ms)
        clock.lap()

    if ended:
        stopped = "eos"
    else:
        stopped = "length" if len(text) - len(prompt) == decoding.max_new_tokens else "context"
    return Trace(
        prompt=prompt,
        decoding=decoding,
        seed=seed,
        rounds=record.rounds(),
        prefill_ms=prefill_ms,
        stopped=stopped,
    )


def _until(eos: int | None, ids: list[int]) -> list[int]:
    """The ids up to the end of the text, where it is among them."""
    return ids[: ids.index(eos) + 1] if eos in ids else ids


def _room(prompt: list[int], models: list[Any], vocabulary: int, new_tokens: int) -> int:
    """The most tokens of prompt and text.

    Raises:
        AdaspecError: as `speculate`.
    """
    if not prompt:
        raise AdaspecError("There is nothing to go on from: write a prompt.")
    if unknown := [one for one in prompt if not 0 <= one < vocabulary]:
        raise AdaspecError(f"Not both models know the token {unknown[0]}: leave it out.")
    contexts = [length for one in models if (length := context_length(one)) is not None]
    if len(prompt) >= min(contexts, default=len(prompt) + 1):
        raise AdaspecError(
            f"The prompt has {len(prompt):,} tokens; the models take {min(contexts):,}: shorten it."
        )
    return min([len(prompt) + new_tokens, *contexts])


class _Clock:
    """Milliseconds since the last lap, the device's work included."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.last = time.perf_counter()

    def lap(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        now = time.perf_counter()
        passed, self.last = now - self.last, now
        return 1000 * passed
