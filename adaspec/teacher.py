"""What the frozen models know: the target's distributions, and the reference's losses L_r."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from adaspec.data import Batch
from adaspec.divergence import Rows, forward_kl, measure_rows
from adaspec.models import head, hidden_rows


@dataclass(frozen=True)
class Teacher:
    """A frozen target, the reference where selection needs it, and their shared vocabulary."""

    target: Any
    vocabulary: int
    reference: Any = None

    def rows(self, batch: Batch) -> Rows:
        """The target p at the batch's response tokens."""
        return frozen_rows(self.target, batch, self.vocabulary)

    def loss_r(self, p: Rows, batch: Batch) -> Tensor:
        """[rows] L_r = KL(p || r)."""
        return measure_rows(forward_kl, p, frozen_rows(self.reference, batch, self.vocabulary))


def rows_of(model: Any, batch: Batch, vocabulary: int | None) -> Rows:
    """What a model says at the batch's response tokens; over all its ids where none are named."""
    width = vocabulary or model.get_output_embeddings().weight.shape[0]
    return Rows(hidden_rows(model, batch), head(model, vocabulary), width)


@torch.no_grad()
def frozen_rows(model: Any, batch: Batch, vocabulary: int | None) -> Rows:
    """The same without gradient."""
    return rows_of(model, batch, vocabulary)
