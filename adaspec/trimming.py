"""A trimmed draft vocabulary: a head with rows for the ids that training text has most often.

The head is most of a small draft's work where a vocabulary is large, and most of its rows are
hardly ever needed. A draft without them proposes none of those ids: its q is zero there, and
speculative sampling stays exact, since whatever a draft leaves out the target adds.
FR-Spec (2502.14856) and VocabTrim (2506.22694) cut a finished draft's head, EAGLE-3 (2503.01840)
trains a small one. Embeddings stay whole: text has any id, and looking one up costs nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from adaspec import AdaspecError
from adaspec.data import Example
from adaspec.runs.draft_vocabulary import DraftVocabulary


class TrimmedHead(nn.Linear):
    """From hidden states to the logits of all ids; those of ids without a row are -inf.

    Attributes:
        weight: [kept, hidden]
        kept: [kept] the ids of its rows, ascending.
        vocabulary: what they are, for those who read the model's folder.
    """

    kept: Tensor

    def __init__(self, whole: nn.Linear, vocabulary: DraftVocabulary) -> None:
        super().__init__(
            whole.in_features,
            len(vocabulary.ids),
            bias=whole.bias is not None,
            device=whole.weight.device,
            dtype=whole.weight.dtype,
        )
        self.vocabulary = vocabulary
        kept = torch.tensor(vocabulary.ids, device=whole.weight.device)
        self.register_buffer("kept", kept, persistent=False)  # the folder has a file for it
        with torch.no_grad():
            self.weight.copy_(whole.weight[kept])
            if whole.bias is not None:
                self.bias.copy_(whole.bias[kept])

    def forward(self, hidden: Tensor) -> Tensor:
        return widen(super().forward(hidden), self.kept, self.vocabulary.of)


def widen(logits: Tensor, kept: Tensor, width: int) -> Tensor:
    """[..., width] of the logits of these ids alone, [..., kept]: -inf at all others."""
    whole = logits.new_full((*logits.shape[:-1], width), -torch.inf)
    return whole.index_copy(-1, kept, logits)


def trim(model: Any, vocabulary: DraftVocabulary) -> Any:
    """The model with a head of its own for these ids; the rest is unchanged.

    A head that was tied to the embedding is so no longer: their rows are not the same ids.
    """
    model.config.tie_word_embeddings = False
    model.set_output_embeddings(TrimmedHead(model.get_output_embeddings(), vocabulary))
    return model


def most_frequent(
    examples: list[Example], count: int, *, vocabulary: int, eos: int, where: str
) -> DraftVocabulary:
    """The ids that a draft proposes: the `count` that these texts have most often.

    Every token of prompts and answers counts. Of ids that are there equally often the lower come
    first: a tokenizer merges frequent pairs first. The end of a text is always one of them, and no
    other special token is for being special.

    Args:
        vocabulary: ids from 0 that target and draft share.
        where: the recipe's field, for messages.

    Raises:
        AdaspecError: there are not so many ids.
    """
    if count > vocabulary:
        raise AdaspecError(
            f"{where}.vocabulary={count}: target and draft share {vocabulary:,} token ids: choose "
            "fewer, or leave it out."
        )
    ids = np.concatenate([example.ids for example in examples])
    counts = np.bincount(ids[ids < vocabulary], minlength=vocabulary)
    rank = counts.copy()
    if eos < vocabulary:
        rank[eos] = len(ids) + 1
    kept = np.sort(np.argsort(-rank, kind="stable")[:count])
    return DraftVocabulary(
        ids=kept.tolist(),
        of=vocabulary,
        counted=len(ids),
        inside=int(counts[kept].sum()),
    )
