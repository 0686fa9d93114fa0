"""What the frozen models say: the target's distributions, and the reference's losses L_r."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from adaspec.data import Batch, Example, by_length
from adaspec.divergence import Rows, forward_kl, measure_rows
from adaspec.knowledge import Knowledge
from adaspec.models import head, hidden_rows


class Recalled(NamedTuple):
    """What is kept of some training examples, on the CPU; None is to be computed.

    Attributes:
        hidden: [rows, hidden] the target's last hidden states.
        loss_r: [rows] L_r = KL(p || r).
    """

    hidden: Tensor | None
    loss_r: Tensor | None

    def pin_memory(self) -> Recalled:
        return Recalled(*(None if column is None else column.pin_memory() for column in self))

    def to(self, device: torch.device) -> Recalled:
        return Recalled(
            *(None if column is None else column.to(device, non_blocking=True) for column in self)
        )


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

    def recall(self, positions: list[int]) -> Recalled:
        """What is kept of these training examples. Touches no device."""
        hidden = None if self.knowledge is None else self.knowledge.rows(positions)
        if self.losses_r is None:
            return Recalled(hidden, None)
        return Recalled(hidden, torch.cat([self.losses_r[position] for position in positions]))

    def rows(self, batch: Batch, recalled: Recalled) -> Rows:
        """The target p at the batch's response tokens."""
        if recalled.hidden is None:
            return frozen_rows(self.target, batch, self.vocabulary)
        return _rows(self.target, recalled.hidden, self.vocabulary)

    def loss_r(self, p: Rows, batch: Batch, recalled: Recalled) -> Tensor:
        """[rows] L_r = KL(p || r)."""
        if recalled.loss_r is not None:
            return recalled.loss_r
        return measure_rows(forward_kl, p, frozen_rows(self.reference, batch, self.vocabulary))


def all_losses_r(teacher: Teacher, examples: list[Example], tokens: int) -> Tensor:
    """[rows] L_r of every response token of these examples, one after the other.

    Args:
        tokens: of a forward pass, padding included.
    """
    device = teacher.target.device

    def ask(batch: Batch, positions: list[int]) -> Tensor:
        inputs, recalled = batch.to(device), teacher.recall(positions).to(device)
        return teacher.loss_r(teacher.rows(inputs, recalled), inputs, recalled)

    return by_length(examples, tokens, ask).cpu()


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
