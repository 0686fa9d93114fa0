"""Examples: rows -> token ids of prompt + response, with a mask of the response.

What counts as response is decided by character offsets in the joined text, because a separately
tokenised prompt can end in other tokens than the same prompt with its response.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch

from adaspec import AdaspecError
from adaspec.recipe import Data
from adaspec.rows import Row, read_splits, render

T = TypeVar("T")


@dataclass(frozen=True)
class Example:
    """Token ids of prompt + response + EOS; the first `prompt_length` are the prompt."""

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
    """Right-padded sequences.

    Attributes:
        input_ids: [batch, length] token ids.
        attention_mask: [batch, length], 1 on real tokens.
        predicts: [batch, length] bool; True where the *next* token is a response token, which is
            where the distributions of that response token are read.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    predicts: torch.Tensor

    def to(self, device: torch.device) -> Batch:
        return Batch(*(tensor.to(device) for tensor in self))

    @property
    def next_ids(self) -> torch.Tensor:
        """[rows] the response tokens, in the order of `predicts`' rows."""
        return self.input_ids.roll(-1, dims=1)[self.predicts]

    @property
    def sequence_of_row(self) -> torch.Tensor:
        """[rows] which sequence of the batch each response token belongs to."""
        return self.predicts.nonzero()[:, 0]


def collate(examples: list[Example]) -> Batch:
    """Pad on the right. The pad id is irrelevant: it is never attended to, never predicted."""
    length = max(len(example.ids) for example in examples)
    ids = torch.zeros(len(examples), length, dtype=torch.long)
    mask = torch.zeros(len(examples), length, dtype=torch.long)
    predicts = torch.zeros(len(examples), length, dtype=torch.bool)
    for i, example in enumerate(examples):
        size = len(example.ids)
        ids[i, :size] = torch.from_numpy(example.ids)
        mask[i, :size] = 1
        # A first token has no predecessor to predict it from.
        predicts[i, max(example.prompt_length - 1, 0) : size - 1] = True
    return Batch(ids, mask, predicts)


def batches(examples: list[T], size: int) -> Iterator[list[T]]:
    """Consecutive groups of at most `size`."""
    for start in range(0, len(examples), size):
        yield examples[start : start + size]


def by_length(
    examples: list[Example], size: int, ask: Callable[[Batch, list[int]], torch.Tensor]
) -> torch.Tensor:
    """[rows, ...] what `ask` says of every response token, one example after the other.

    Sequences of about one length are padded together, at most `size` of them.

    Args:
        ask: of a batch, and where its sequences stand among the examples: [its rows, ...].
    """
    order = sorted(range(len(examples)), key=lambda place: len(examples[place].ids))
    found: dict[int, torch.Tensor] = {}
    for places in batches(order, size):
        rows = ask(collate([examples[place] for place in places]), places)
        sizes = [examples[place].predicted for place in places]
        found |= zip(places, torch.split(rows, sizes), strict=True)
    return torch.cat([found[place] for place in range(len(examples))])


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
        if not examples:
            raise AdaspecError(
                f"Data: every row of the {split} split lost its whole response at max_length="
                f"{data.max_length}. Raise data.max_length or shorten data.prompt."
            )
    everything = train + evaluation
    return Dataset(
        **kept,
        dropped=sum(example is None for example, _ in everything),
        truncated=sum(cut for _, cut in everything),
    )


def encode(rows: list[Row], data: Data, tokenizer: Any) -> Iterator[tuple[Example | None, bool]]:
    """Every row as an example, None where no response is left, and whether it was truncated.

    A token that covers both the end of the prompt and the start of the response counts as
    response. EOS closes every sequence, also a truncated one, so that drafts learn to stop.
    """
    eos = tokenizer.eos_token_id
    for start in range(0, len(rows), 1000):  # the tokenizer is parallel within a call
        pairs = [render(row, data) for row in rows[start : start + 1000]]
        texts = tokenizer(
            [prompt + response for prompt, response in pairs], return_offsets_mapping=True
        )
        for (prompt, _), ids, offsets in zip(
            pairs, texts["input_ids"], texts["offset_mapping"], strict=True
        ):
            if ids and ids[-1] == eos and offsets[-1][0] == offsets[-1][1]:
                ids, offsets = ids[:-1], offsets[:-1]  # the tokenizer's own EOS; ours follows
            prompt_length = sum(end <= len(prompt) for _, end in offsets)
            kept = ids[: data.max_length - 1]
            example = None
            if len(kept) > prompt_length:
                example = Example(np.array([*kept, eos], dtype=np.int64), prompt_length)
            yield example, len(kept) < len(ids)
