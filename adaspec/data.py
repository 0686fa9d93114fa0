"""Examples: rows -> token ids of prompt + response, with a mask of the response.

What counts as response is decided by character offsets in the joined text, because a separately
tokenised prompt can end in other tokens than the same prompt with its response.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from jinja2 import TemplateError

from adaspec import AdaspecError
from adaspec.recipe import Data
from adaspec.rows import WHERE, Message, Row, conversation, read_splits, render

AT_ONCE = 1000
"""Rows: a tokenizer is parallel within a call."""
MARKED = re.compile(r"\{%-?\s*generation\b")
"""What chat templates put before what the assistant says, if they mark it."""

T = TypeVar("T")


@dataclass(frozen=True)
class Example:
    """Token ids of prompt + response + EOS; the first `prompt_length` are the prompt.

    A response that was cut off has no EOS. Where the data are prompts alone, there is the prompt
    and nothing else.
    """

    ids: np.ndarray
    prompt_length: int

    @property
    def response_length(self) -> int:
        return len(self.ids) - self.prompt_length

    @property
    def predicted(self) -> int:
        """Response tokens that have a predecessor to be predicted from."""
        return len(self.ids) - max(self.prompt_length, 1)


@dataclass(frozen=True)
class Dataset:
    """What a run trains and measures on, and what was dropped on the way.

    Attributes:
        train, evaluation: examples, in the order of their rows.
        dropped: rows whose response was empty, or became empty by truncation.
        truncated: rows that were cut at `max_length`.
    """

    train: list[Example]
    evaluation: list[Example]
    dropped: int
    truncated: int

    @property
    def hash(self) -> str:
        """Of all token ids and prompt lengths: equal data, whatever it was read from."""
        digest = hashlib.sha256()
        for split in (self.train, self.evaluation):
            for example in split:
                digest.update(np.int64(example.prompt_length).tobytes())
                digest.update(example.ids.astype(np.int64).tobytes())
            digest.update(b"split")
        return digest.hexdigest()[:16]


class Batch(NamedTuple):
    """Right-padded sequences. Their models are causal: no token sees the padding after it.

    Attributes:
        input_ids: [batch, length] token ids.
        rows: [rows] positions in the flattened batch whose *next* token is a response token: where
            the distribution of that token is read. Indices rather than a mask, so that their number
            need not be read back from the device.
    """

    input_ids: torch.Tensor
    rows: torch.Tensor

    def to(self, device: torch.device) -> Batch:
        return Batch(*(tensor.to(device, non_blocking=True) for tensor in self))

    def pin_memory(self) -> Batch:
        """The same in memory that a GPU can copy asynchronously."""
        return Batch(*(tensor.pin_memory() for tensor in self))

    @property
    def next_ids(self) -> torch.Tensor:
        """[rows] the response tokens."""
        return self.input_ids.flatten()[self.rows + 1]

    @property
    def sequence_of_row(self) -> torch.Tensor:
        """[rows] which sequence of the batch each response token belongs to."""
        return self.rows // self.input_ids.shape[1]

    @property
    def position_of_row(self) -> torch.Tensor:
        """[rows] each response token's position among those of its sequence, from 0."""
        sequence = self.sequence_of_row
        first = torch.searchsorted(sequence, sequence)
        return torch.arange(len(sequence), device=sequence.device) - first


def collate(examples: list[Example]) -> Batch:
    """Pad on the right. The pad id is irrelevant: it is never attended to, never predicted."""
    length = max(len(example.ids) for example in examples)
    ids = torch.zeros(len(examples), length, dtype=torch.long)
    rows = []
    for i, example in enumerate(examples):
        size = len(example.ids)
        ids[i, :size] = torch.from_numpy(example.ids)
        # A first token has no predecessor to predict it from.
        first = max(example.prompt_length - 1, 0)
        rows.append(torch.arange(i * length + first, i * length + size - 1))
    return Batch(ids, torch.cat(rows))


def batches(examples: list[T], size: int) -> Iterator[list[T]]:
    """Consecutive groups of at most `size`."""
    for start in range(0, len(examples), size):
        yield examples[start : start + size]


def by_tokens(
    positions: Sequence[int], examples: list[Example], most: int | None
) -> Iterator[list[int]]:
    """Consecutive groups of positions with at most `most` tokens each, padding included.

    A longer example is a group of its own. Without a limit there is one group.
    """
    group: list[int] = []
    longest = 0
    for position in positions:
        longest = max(longest, len(examples[position].ids))
        if group and most is not None and longest * (len(group) + 1) > most:
            yield group
            group, longest = [], len(examples[position].ids)
        group.append(position)
    if group:
        yield group


def by_length(
    examples: list[Example], tokens: int, compute: Callable[[Batch, list[int]], torch.Tensor]
) -> torch.Tensor:
    """[rows, ...] the value of `compute` at every response token, in the examples' order.

    Sequences of similar length are padded together.

    Args:
        tokens: the most of a batch, padding included.
        compute: (batch, its sequences' positions among the examples) -> [its rows, ...].
    """
    order = sorted(range(len(examples)), key=lambda position: len(examples[position].ids))
    values: dict[int, torch.Tensor] = {}
    for positions in by_tokens(order, examples, tokens):
        rows = compute(collate([examples[position] for position in positions]), positions)
        sizes = [examples[position].predicted for position in positions]
        values |= zip(positions, torch.split(rows, sizes), strict=True)
    return torch.cat([values[position] for position in range(len(examples))])


def prepare(data: Data, tokenizer: Any, seed: int) -> Dataset:
    """Read, template and tokenise both splits.

    Raises:
        AdaspecError: rows cannot be read, a field is missing, a split has no usable row.
    """
    train_rows, evaluation_rows = read_splits(data, seed)
    train = list(encode(train_rows, data, tokenizer))
    evaluation = list(encode(evaluation_rows, data, tokenizer))
    kept = {
        "train": [example for example, _ in train if example],
        "evaluation": [example for example, _ in evaluation if example],
    }
    for split, examples in kept.items():
        if not examples and (split == "evaluation" or data.train):
            raise AdaspecError(
                f"Data: every row of the {split} split {_lost(data)} at max_length="
                f"{data.max_length}. Raise data.max_length or shorten data.prompt."
            )
    everything = train + evaluation
    return Dataset(
        **kept,
        dropped=sum(example is None for example, _ in everything),
        truncated=sum(cut for _, cut in everything),
    )


def _lost(data: Data) -> str:
    return "lost its whole response" if data.response else "has too long a prompt"


def encode(rows: list[Row], data: Data, tokenizer: Any) -> Iterator[tuple[Example | None, bool]]:
    """Every row as an example, None where no response is left, and whether it was truncated.

    A token that covers both the end of the prompt and the start of the response counts as
    response. EOS closes every whole response. One that was cut off does not end there, and nobody
    must learn that it does; the published scripts' truncation drops EOS, too. Without a template
    for responses, all of a text is prompt, and nothing closes it.

    Raises:
        AdaspecError: as `rows.render`; the recipe wants conversations, and the tokenizer has no
            chat template, or one that does not take them.
    """
    eos = tokenizer.eos_token_id
    tokenised = _conversations if data.chat else _texts
    for ids, prompt_length in tokenised(rows, data, tokenizer):
        cut = len(ids) + 1 > data.max_length
        kept = ids[: data.max_length]
        if not data.response:
            yield None if cut else _example(ids, len(ids)), False
        elif len(kept) <= prompt_length:  # no response is left
            yield None, cut
        else:
            yield _example(kept if cut else [*kept, eos], prompt_length), cut


def _texts(rows: list[Row], data: Data, tokenizer: Any) -> Iterator[tuple[list[int], int]]:
    """Token ids of each row, without EOS at their end, and how many are the prompt."""
    eos = tokenizer.eos_token_id
    for some in batches(rows, AT_ONCE):
        pairs = [render(row, data) for row in some]
        texts = tokenizer(
            [prompt + response for prompt, response in pairs], return_offsets_mapping=True
        )
        for (prompt, _), ids, offsets in zip(
            pairs, texts["input_ids"], texts["offset_mapping"], strict=True
        ):
            if ids and ids[-1] == eos and offsets[-1][0] == offsets[-1][1]:
                ids, offsets = ids[:-1], offsets[:-1]  # the tokenizer's own EOS; ours follows
            yield ids, sum(end <= len(prompt) for _, end in offsets)


def _conversations(rows: list[Row], data: Data, tokenizer: Any) -> Iterator[tuple[list[int], int]]:
    """The same of rows that the tokenizer's chat template renders.

    Where the template marks what the assistant says, its last mark is the response; else the
    response is what follows the rendered prompt. What the template writes after the end of the
    answer, a line break as a rule, no model is asked for.
    """
    if not tokenizer.chat_template:
        raise AdaspecError(
            "data.chat: the target's tokenizer has no chat template. Leave data.chat out, or "
            "choose a model that was tuned on conversations."
        )
    marked = bool(data.response and MARKED.search(str(tokenizer.chat_template)))
    for some in batches(rows, AT_ONCE):
        spoken = [(conversation(row, data), row.get(WHERE, "Data")) for row in some]
        if marked:
            yield from (_marked(messages, tokenizer, where) for messages, where in spoken)
            continue
        pairs = [_rendered(messages, data, tokenizer, where) for messages, where in spoken]
        texts = tokenizer(
            [prompt + response for prompt, response in pairs],
            add_special_tokens=False,  # the template writes them
            return_offsets_mapping=True,
        )
        for (prompt, _), ids, offsets in zip(
            pairs, texts["input_ids"], texts["offset_mapping"], strict=True
        ):
            length = sum(end <= len(prompt) for _, end in offsets)
            yield _unclosed(ids, length, tokenizer), length


def _marked(messages: list[Message], tokenizer: Any, where: str) -> tuple[list[int], int]:
    with _template_of(where):
        text = tokenizer.apply_chat_template(
            messages, return_dict=True, return_assistant_tokens_mask=True
        )
    ids, mask = text["input_ids"], [*text["assistant_masks"], 0]
    end = max((i + 1 for i, answered in enumerate(mask) if answered), default=0)
    start = end
    while start and mask[start - 1]:
        start -= 1
    return _unclosed(ids[:end], start, tokenizer), start


def _rendered(messages: list[Message], data: Data, tokenizer: Any, where: str) -> tuple[str, str]:
    """The text up to the answer, and the answer with what closes it."""
    if not data.response:
        with _template_of(where):
            return tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True
            ), ""
    with _template_of(where):
        whole: str = tokenizer.apply_chat_template(messages, tokenize=False)
        prompt: str = tokenizer.apply_chat_template(
            messages[:-1], tokenize=False, add_generation_prompt=True
        )
    start = len(prompt) if whole.startswith(prompt) else whole.rfind(messages[-1]["content"])
    if start < 0:
        raise AdaspecError(
            f"{where}: the chat template of the target's tokenizer changes the answer, so that "
            "nobody can tell where it begins. Leave data.chat out."
        )
    return whole[:start], whole[start:].rstrip()


def _unclosed(ids: list[int], prompt_length: int, tokenizer: Any) -> list[int]:
    """Without the EOS by which the template closes the answer: ours follows."""
    closed = len(ids) > prompt_length and ids[-1] == tokenizer.eos_token_id
    return ids[:-1] if closed else ids


@contextmanager
def _template_of(where: str) -> Iterator[None]:
    """What a chat template refuses, in one line: some take no system prompt, for instance."""
    try:
        yield
    except TemplateError as error:
        reason = " ".join(str(error).split())
        raise AdaspecError(f"{where}: the tokenizer's chat template refuses it: {reason}") from None


def _example(ids: list[int], prompt_length: int) -> Example:
    return Example(np.array(ids, dtype=np.int64), prompt_length)
