"""What the frozen models say: the target's distributions, and the reference's losses L_r."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from adaspec.data import Batch, Example, by_length
from adaspec.divergence import Rows, forward_kl, measure_rows
from adaspec.knowledge import Knowledge
from adaspec.models import head, hidden_rows


@dataclass(frozen=True)
class Teacher:
    """A frozen target, the reference where selection needs it, and their shared vocabulary.

    Attributes:
        knowledge: the target's hidden states of every training example; None: the target is asked.
        losses_r: L_r of every training example, [its rows] each; None: both models are asked.
    """

    target: Any
    vocabulary: int
    reference: Any = None
    knowledge: Knowledge | None = None
    losses_r: list[Tensor] | None = None

    def rows(self, batch: Batch, places: list[int]) -> Rows:
        """The target p at the batch's response tokens.

        Args:
            places: where the batch's sequences stand in the training data.
        """
        if self.knowledge is None:
            return frozen_rows(self.target, batch, self.vocabulary)
        hidden = self.knowledge.rows(places).to(self.target.device)
        return _rows(self.target, hidden, self.vocabulary)

    def loss_r(self, p: Rows, batch: Batch, places: list[int]) -> Tensor:
        """[rows] L_r = KL(p || r)."""
        if self.losses_r is not None:
            return torch.cat([self.losses_r[place] for place in places]).to(p.hidden.device)
        return measure_rows(forward_kl, p, frozen_rows(self.reference, batch, self.vocabulary))


def all_losses_r(teacher: Teacher, examples: list[Example], batch: int) -> Tensor:
    """[rows] L_r of every response token of these examples, one after the other."""

    def ask(batch: Batch, places: list[int]) -> Tensor:
        inputs = batch.to(teacher.target.device)
        return teacher.loss_r(teacher.rows(inputs, places), inputs, places).cpu()

    return by_length(examples, batch, ask)


def rows_of(model: Any, batch: Batch, vocabulary: int | None) -> Rows:
    """What a model says at the batch's response tokens; over all its ids where none are named."""
    return _rows(model, hidden_rows(model, batch), vocabulary)


def _rows(model: Any, hidden: Tensor, vocabulary: int | None) -> Rows:
    layer = model.get_output_embeddings()
    capped = getattr(model.config, "final_logit_softcapping", None)
    linear = layer if type(layer) is nn.Linear and not capped else None
    return Rows(hidden, head(model, vocabulary), vocabulary or layer.weight.shape[0], linear)


@torch.no_grad()
def frozen_rows(model: Any, batch: Batch, vocabulary: int | None) -> Rows:
    """The same without gradient."""
    return rows_of(model, batch, vocabulary)
