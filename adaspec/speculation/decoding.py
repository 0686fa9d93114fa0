"""Draft and verify: speculative decoding as in Leviathan et al. (2211.17192), Algorithm 1.

The text that comes out is distributed exactly as the target's own, whatever the draft. Both models
keep a key-value cache and read no token of the text twice. Every random decision takes its uniform
from a table by its position in the text: two drafts on one prompt meet the same chances, and the
law of a token given the text before it stays the target's, since what came before depends on
uniforms of earlier positions only.

A round is two steps of tensors alone, `propose` and `verify`, after which a handful of numbers goes
to the host: nothing else waits for the device. On a GPU each step is a CUDA graph. Its shapes are
fixed, so that near a text's end the draft proposes more than there is room for; `verify` gets
the number of those that count.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from adaspec import AdaspecError
from adaspec.models import context_length
from adaspec.recipe import Decoding, Sampling
from adaspec.speculation.graphs import Capture, Step, cuda_graph, graphed
from adaspec.speculation.reading import Reader, open_reader
from adaspec.speculation.record import Record, Seen
from adaspec.speculation.trace import Trace
from adaspec.speculation.uniforms import DRAFT, LAST, TEST, uniforms

LIKELY = 1024
"""Tokens among which top-p is sought first on a CPU: to sort a whole vocabulary takes longer than
many a draft's pass."""
SLOTS = 64
"""Caches have a multiple of so many positions: texts of like length then share one."""
RESERVE = 256
"""Positions that a cache has at least where graphs would be lost with it."""


def distribution(logits: Tensor, decoding: Sampling) -> Tensor:
    """[rows, vocabulary] the probabilities to draw from; in greedy decoding one token has all.

    Temperature first, then the top-k likeliest, then the fewest likeliest tokens whose probability
    reaches top-p (Holtzman et al. 1904.09751), as transformers does.
    """
    if decoding.greedy:
        return torch.zeros_like(logits).scatter_(-1, logits.argmax(-1, keepdim=True), 1)
    logits = logits / decoding.temperature
    if 0 < decoding.top_k < logits.shape[-1]:
        least = logits.topk(decoding.top_k).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    probabilities = logits.softmax(-1)
    if decoding.top_p < 1:
        ordered, order = _ordered(probabilities, decoding.top_p)
        kept = ordered.where(ordered.cumsum(-1) - ordered < decoding.top_p, 0)
        probabilities = torch.zeros_like(probabilities).scatter(-1, order, kept)
        probabilities /= probabilities.sum(-1, keepdim=True)
    return probabilities


def _ordered(probabilities: Tensor, top_p: float) -> tuple[Tensor, Tensor]:
    """The likeliest first, at least as many as reach top-p; and their ids."""
    if probabilities.device.type == "cpu":  # elsewhere a look would wait for the device
        values, ids = probabilities.topk(min(LIKELY, probabilities.shape[-1]))
        if values.sum(-1).min() >= top_p:
            return values, ids
    values, ids = probabilities.sort(descending=True)
    return values, ids


def draw(weights: Tensor, u: Tensor) -> Tensor:
    """[1] the token at which the cumulated weights [vocabulary] pass u times their sum."""
    cumulated = weights.double().cumsum(-1)
    token = torch.searchsorted(cumulated, (u * cumulated[-1])[None], right=True)
    return token.clamp_(max=len(weights) - 1)  # of no numbers too: `verify` says that they are none


def residual(p: Tensor, q: Tensor) -> Tensor:
    """max(p - q, 0), not normalised: what the target gives more than the draft."""
    left = (p - q).clamp(min=0)
    return left.where(left.any(), p)  # p = q but for rounding: then p is the law


def propose(
    reader: Reader, decoding: Decoding, unread: Tensor, positions: Tensor, chance: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The draft proposes tokens, one after the other.

    Args:
        unread: [1 or 2] the text's last tokens, which it has yet to read.
        positions: [unread + proposals - 1] of all that it reads.
        chance: [proposals, 3] uniforms of the proposals' positions.

    Returns:
        [1 + proposals] whether its logits are not numbers, and the proposals;
        [proposals, vocabulary] q that they were drawn from;
        [unread + proposals - 1, vocabulary] what the record shows, after all that it read: q, in
        greedy decoding logits.
    """
    logits, q, ids = [], [], list[Tensor]()
    for position in range(len(chance)):
        read = unread.shape[0]
        logits.append(reader.read(unread, positions[:read]))
        q.append(distribution(logits[-1], decoding))
        unread, positions = draw(q[-1][-1], chance[position, DRAFT]), positions[read:]
        ids.append(unread)
    every_logit, every_q = torch.cat(logits), torch.cat(q)
    broken = every_logit.isnan().any()[None].long()
    seen = every_logit if decoding.greedy else every_q
    return torch.cat([broken, *ids]), every_q[-len(ids) :], seen


def verify(
    reader: Reader,
    decoding: Decoding,
    read: Tensor,
    drafted: Tensor,
    positions: Tensor,
    q: Tensor,
    chance: Tensor,
    count: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """The target reads the proposals in one pass, accepts up to the first that fails its test, and
    adds a token: of the residual after a rejection, else of its own.

    Args:
        read: [1] the text's last token, which it has yet to read.
        drafted, q: as `propose` returns them.
        positions: [1 + proposals] of all that it reads.
        chance: [1 + proposals, 3] uniforms of the positions after these.
        count: [1] how many proposals count; those after them are never accepted.

    Returns:
        [4 + proposals] whether its logits are not numbers; how many proposals are accepted;
        drafted; the added token;
        [1 + proposals, vocabulary] what the record shows: p, in greedy decoding logits;
        [vocabulary] what the added token was drawn from, not normalised.
    """
    ids = drafted[1:]
    p_logits = reader.read(torch.cat([read, ids]), positions)
    p = distribution(p_logits, decoding)
    if len(ids):
        proposed = torch.arange(len(ids), device=ids.device), ids
        passes = (chance[:-1, TEST] * q[proposed] < p[:-1][proposed]) & (proposed[0] < count)
        accepted = passes.cumprod(0).sum(0, keepdim=True)
        # Where no proposal was rejected, q is nothing, and the residual is p.
        q_padded = torch.cat([q, torch.zeros_like(p[:1])])
        q_here = q_padded.index_select(0, accepted).where(accepted < count, 0)[0]
        left = residual(p.index_select(0, accepted)[0], q_here)
    else:
        accepted, left = count, p[0]
    last = draw(left, chance.index_select(0, accepted)[0, LAST])
    broken = p_logits.isnan().any()[None].long()
    outcome = torch.cat([broken, accepted, drafted, last])
    return outcome, p_logits if decoding.greedy else p, left


@dataclass
class _Side:
    """A model at work, and its captured steps, by all that is fixed in them."""

    reader: Reader
    slots: int
    captured: dict[tuple[object, ...], Step] = field(default_factory=dict)


class _Inputs(NamedTuple):
    """What steps are given: slices of what lies on the device from the beginning.

    Attributes:
        prompt: [tokens]
        positions: 0, 1, 2, ... of the text, the prompt included.
        chance: [tokens, 3] the uniforms of the text after the prompt.
        nothing: drafted and q, as `propose` returns them, where no proposal counts.
    """

    prompt: Tensor
    positions: Tensor
    chance: Tensor
    nothing: tuple[Tensor, Tensor]

    def to_propose(self, unread: Tensor, length: int, width: int) -> tuple[Tensor, ...]:
        """`propose`'s, of so many proposals after a text of this length."""
        start = length - len(self.prompt)
        positions = self.positions[length - len(unread) : length + width - 1]
        return unread, positions, self.chance[start : start + width]

    def to_verify(
        self, read: Tensor, drafted: Tensor, q: Tensor, length: int, count: int
    ) -> tuple[Tensor, ...]:
        """`verify`'s, after a text of this length."""
        start = length - len(self.prompt)
        positions = self.positions[length - 1 : length + len(q)]
        chance = self.chance[start : start + len(q) + 1]
        return read, drafted, positions, q, chance, self.positions[count : count + 1]


def _capturable(sides: Iterable[_Side]) -> bool:
    autocast = torch.is_autocast_enabled(next(iter(sides)).reader.model.device.type)
    return not autocast and all(side.reader.capturable for side in sides)


class Decoder:
    """Speculative decoding with one target and any draft.

    Caches and CUDA graphs are kept for the next prompt and go with the decoder: decode many prompts
    with one. Under autocast there are no graphs: they would outlive the casts of the weights.

    Args:
        vocabulary: how many token ids, from 0, target and drafts share; no other is ever drawn.
        eos: the token that ends a text; None: none does.
        capture: what makes steps fast; by default `cuda_graph` on a GPU, nothing elsewhere.
    """

    def __init__(
        self, target: Any, *, vocabulary: int, eos: int | None, capture: Capture | None = None
    ) -> None:
        self.target, self.vocabulary, self.eos = target, vocabulary, eos
        self._capture = cuda_graph if target.device.type == "cuda" and not capture else capture
        self._sides: dict[tuple[str, Any], _Side] = {}

    @torch.inference_mode()
    def __call__(
        self,
        draft: Any,
        prompt: list[int],
        decoding: Decoding,
        *,
        seed: int = 0,
        detail: bool = True,
    ) -> Trace:
        """Continue a prompt by draft and verify, and keep every decision.

        Args:
            draft: None where gamma is 0: plain decoding with the target alone.
            prompt: token ids, at least one.
            seed: of the uniforms.
            detail: keep beta and the likeliest tokens of every position too.

        Raises:
            AdaspecError: the prompt is empty, too long, or has tokens that not both models know; or
                a model cannot go back to the text before a rejected proposal, or gives no numbers.
        """
        gamma, device = decoding.gamma, self.target.device
        models = {"target": self.target} | ({"draft": draft} if gamma else {})
        room = _room(prompt, list(models.values()), self.vocabulary, decoding.max_new_tokens)
        spare = gamma + 2  # steps of fixed width may reach beyond the end
        sides = {role: self._side(role, model, room + spare) for role, model in models.items()}
        table = uniforms(seed, decoding.max_new_tokens + spare)
        inputs = _Inputs(
            prompt=torch.tensor(prompt, device=device),
            positions=torch.arange(room + spare, device=device),
            chance=torch.from_numpy(table).to(device),
            nothing=(
                torch.zeros(1 + gamma, dtype=torch.long, device=device),
                torch.zeros(gamma, self.vocabulary, device=device),
            ),
        )
        clock = _Clock(device)
        clock.begin()
        if len(prompt) > 1:
            for side in sides.values():
                side.reader.remember(inputs.prompt[:-1], inputs.positions[: len(prompt) - 1])
        clock.half()
        clock.wait()
        prefill_ms, _ = clock.end()

        fixed = self._capture is not None and _capturable(sides.values())
        proposing, verifying = self._steps(sides, decoding, inputs, fixed)
        text, ended, record = list(prompt), False, Record(decoding, table, detail)
        # `outcome` ends with the text's last tokens, of which the draft has yet to read `unread`.
        outcome, unread = inputs.prompt, 1
        while len(text) < room and not ended:
            length, q_seen = len(text), None
            count = min(gamma, room - length - 1)
            width = gamma if fixed else count
            clock.begin()
            if count:
                propose_inputs = inputs.to_propose(outcome[-unread:], length, width)
                drafted, q, q_seen = proposing[unread](*propose_inputs)
            else:
                drafted, q = inputs.nothing[0][: 1 + width], inputs.nothing[1][:width]
            clock.half()
            verify_inputs = inputs.to_verify(outcome[-1:], drafted, q, length, count)
            outcome, p_seen, left = verifying(*verify_inputs)
            p_broken, accepted, q_broken, *proposed, last = outcome.tolist()
            draft_ms, verify_ms = clock.end()
            if p_broken or q_broken:
                raise _not_numbers(self.target if p_broken else draft)

            # What the draft says after the end of the text is not proposed.
            proposed = _until(self.eos, proposed[:count])
            accepted = min(accepted, len(proposed))
            text += proposed[:accepted]
            ended = accepted > 0 and text[-1] == self.eos
            added = None if ended else last
            if added is not None:
                text.append(added)
                ended = added == self.eos
            seen = Seen(p_seen, q_seen, unread, left)
            if fixed:  # the next round overwrites the graph's output
                seen = seen.clone()
            start = length - len(prompt)
            record.add(start, proposed, accepted, added, seen, draft_ms, verify_ms)
            unread = 2 if accepted == gamma else 1

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

    def _side(self, role: str, model: Any, slots: int) -> _Side:
        """With so many slots at least; whoever has graphs to lose keeps some in reserve."""
        side = self._sides.get((role, model))
        slots = -(-slots // SLOTS) * SLOTS
        if side is None or side.slots < slots or (side.slots > slots and not self._capture):
            if self._capture:
                slots = max(slots, 2 * side.slots if side else RESERVE)
            side = _Side(open_reader(model, self.vocabulary, slots), slots)
            self._sides[role, model] = side
        return side

    def _steps(
        self, sides: dict[str, _Side], decoding: Decoding, inputs: _Inputs, fixed: bool
    ) -> tuple[dict[int, Step], Step]:
        """`propose`, by how many tokens of the text the draft has yet to read, and `verify`.

        Args:
            fixed: captured, in shapes that do not change. What they read here, after the prompt,
                is forgotten.
        """
        gamma, token = decoding.gamma, inputs.prompt[-1:]
        lengths = [len(inputs.prompt) + more for more in (1, 2)] if fixed else []
        proposing = {}
        for unread in (1, 2) if gamma else ():
            tokens = token.expand(unread)
            examples = [inputs.to_propose(tokens, length, gamma) for length in lengths]
            proposing[unread] = self._step(propose, sides["draft"], decoding, examples)
        examples = [inputs.to_verify(token, *inputs.nothing, length, gamma) for length in lengths]
        return proposing, self._step(verify, sides["target"], decoding, examples)

    def _step(
        self, function: Step, side: _Side, decoding: Decoding, examples: list[tuple[Tensor, ...]]
    ) -> Step:
        """What a side does, plainly, or captured with examples of its inputs."""
        step = partial(function, side.reader, decoding)
        if not (self._capture and examples):
            return step
        law = decoding.temperature, decoding.top_k, decoding.top_p
        key = function, law, tuple(tensor.shape for tensor in examples[0])
        if key not in side.captured:
            name = f"{function.__name__}, {type(side.reader.model).__name__}"
            side.captured[key] = graphed(name, step, self._capture, *examples)
        return side.captured[key]


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
    """Decode one prompt: see `Decoder`."""
    decode = Decoder(target, vocabulary=vocabulary, eos=eos)
    return decode(draft, prompt, decoding, seed=seed, detail=detail)


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
    if unknown := [token for token in prompt if not 0 <= token < vocabulary]:
        raise AdaspecError(f"Not both models know the token {unknown[0]}: leave it out.")
    contexts = [length for model in models if (length := context_length(model)) is not None]
    if len(prompt) >= min(contexts, default=len(prompt) + 1):
        raise AdaspecError(
            f"The prompt has {len(prompt):,} tokens; the models take {min(contexts):,}: shorten it."
        )
    return min([len(prompt) + new_tokens, *contexts])


def _not_numbers(model: Any) -> AdaspecError:
    return AdaspecError(
        f"The logits of a {type(model).__name__} are not numbers: its training diverged, or its "
        "weights are damaged. Choose another model."
    )


class _Clock:
    """Wall-clock milliseconds, the device's work included, without waiting for it in between."""

    def __init__(self, device: torch.device) -> None:
        self.cuda = device.type == "cuda"
        self.begun = self.middle = 0.0
        if self.cuda:
            self.events = [torch.cuda.Event(enable_timing=True) for _ in range(2)]  # type: ignore[no-untyped-call]

    def begin(self) -> None:
        """Nothing may be under way on the device."""
        self.begun = time.perf_counter()
        if self.cuda:
            self.events[0].record()

    def half(self) -> None:
        self.middle = time.perf_counter()
        if self.cuda:
            self.events[1].record()

    def wait(self) -> None:
        if self.cuda:
            self.events[1].synchronize()

    def end(self) -> tuple[float, float]:
        """Up to `half`, and from there to now. The device must have finished."""
        whole = 1000 * (time.perf_counter() - self.begun)
        if self.cuda:
            first = self.events[0].elapsed_time(self.events[1])
        else:
            first = 1000 * (self.middle - self.begun)
        return first, whole - first
