"""Bits a byte: how well a model predicts text, whatever its vocabulary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from adaspec.data import Example, by_length
from adaspec.models import head, hidden_rows

TOKENS = 4096  # of a forward pass


class Text(NamedTuple):
    """A beginning that is given, and what follows it."""

    prompt: str
    response: str


def encode(tokenizer: Any, text: Text) -> Example:
    """Without an end: a cut text has none. A token across the border belongs to the response."""
    encoded = tokenizer(text.prompt + text.response, return_offsets_mapping=True)
    given = sum(end <= len(text.prompt) for _, end in encoded["offset_mapping"])
    return Example(np.array(encoded["input_ids"], dtype=np.int64), given)


@torch.no_grad()
def nats(model: Any, tokenizer: Any, texts: Sequence[Text]) -> np.ndarray:
    """[texts] what each response costs the model; a text's very first token is given."""
    examples = [encode(tokenizer, text) for text in texts]
    costs = by_length(
        examples,
        TOKENS,
        lambda batch, _: torch.nn.functional.cross_entropy(
            head(model)(hidden_rows(model, batch)), batch.next_ids, reduction="none"
        ),
    )
    parts = torch.split(costs.double(), [example.predicted for example in examples])
    return np.array([float(part.sum()) for part in parts])


def bits_a_byte(model: Any, tokenizer: Any, texts: Sequence[Text]) -> float:
    """Over the bytes of the responses, but for a first token that nothing precedes."""
    size = sum(len(text.response.encode()) for text in texts)
    for ids in (encode(tokenizer, text).ids for text in texts if not text.prompt):
        size -= len(tokenizer.decode(ids[:1]).encode())
    return float(nats(model, tokenizer, texts).sum()) / size / math.log(2)
