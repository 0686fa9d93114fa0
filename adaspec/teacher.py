"""The frozen models: the target's distributions, and the reference's losses L_r."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from adaspec.data import Batch, Example, by_length
from adaspec.divergence import Rows, chunks, forward_kl, measure_rows
from adaspec.models import head, hidden_rows, kept_ids, width
from adaspec.teacher_cache import TeacherCache
from adaspec.trimming import TrimmedHead


class Cached(NamedTuple):
    """What is cached of some training examples, on the CPU; None has to be computed.

    Attributes:
        hidden: [rows, hidden] the target's last hidden states.
        loss_r: [rows] L_r = KL(p || r).
    """

    hidden: Tensor | None
    loss_r: Tensor | None

    def pin_memory(self) -> Cached:
        return Cached(*(None if column is None else column.pin_memory() for column in self))

    def to(self, device: torch.device) -> Cached:
        return Cached(
            *(None if column is None else column.to(device, non_blocking=True) for column in self)
        )


@dataclass(frozen=True)
class Teacher:
    """A frozen target, the reference where selection needs it, and their shared vocabulary.

    Attributes:
        cache: the target's hidden states of every training example; None runs the target.
        losses_r: [rows] L_r of each training example; None runs both models.
    """

    target: Any
    vocabulary: int
    reference: Any = None
    cache: TeacherCache | None = None
    losses_r: list[Tensor] | None = None

    def cached(self, positions: list[int]) -> Cached:
        """What is cached of these training examples. Touches no device."""
        hidden = None if self.cache is None else self.cache.rows(positions)
        if self.losses_r is None:
            return Cached(hidden, None)
        return Cached(hidden, torch.cat([self.losses_r[position] for position in positions]))

    def rows(self, batch: Batch, cached: Cached) -> Rows:
        """The target p at the batch's response tokens."""
        if cached.hidden is None:
            return frozen_rows(self.target, batch, self.vocabulary)
        return _rows(self.target, cached.hidden, self.vocabulary)

    def loss_r(self, p: Rows, batch: Batch, cached: Cached) -> Tensor:
        """[rows] L_r = KL(p || r)."""
        if cached.loss_r is not None:
            return cached.loss_r
        return measure_rows(forward_kl, p, frozen_rows(self.reference, batch, self.vocabulary))

    @torch.no_grad()
    def log_r(self, batch: Batch) -> Tensor:
        """[rows] log r(x) of the text's own tokens; the reference has to be there."""
        r, tokens = frozen_rows(self.reference, batch, self.vocabulary), batch.next_ids
        parts = [
            r.log_probs(rows).gather(1, tokens[rows, None])[:, 0]
            for rows in chunks(len(r.hidden), r.vocabulary, r.hidden.device)
        ]
        return torch.cat(parts)


def all_losses_r(teacher: Teacher, examples: list[Example], tokens: int) -> Tensor:
    """[rows] L_r of every response token of these examples, in their order.

    Args:
        tokens: the most of a forward pass, padding included.
    """
    device = teacher.target.device

    def losses(batch: Batch, positions: list[int]) -> Tensor:
        inputs, cached = batch.to(device), teacher.cached(positions).to(device)
        return teacher.loss_r(teacher.rows(inputs, cached), inputs, cached)

    return by_length(examples, tokens, losses).cpu()


def rows_of(model: Any, batch: Batch, vocabulary: int | None) -> Rows:
    """A model at the batch's response tokens; over its whole vocabulary if none is given."""
    return _rows(model, hidden_rows(model, batch), vocabulary)


def _rows(model: Any, hidden: Tensor, vocabulary: int | None) -> Rows:
    layer = model.get_output_embeddings()
    capped = getattr(model.config, "final_logit_softcapping", None)
    linear = layer if type(layer) in (nn.Linear, TrimmedHead) and not capped else None
    return Rows(
        hidden,
        head(model, vocabulary),
        vocabulary or width(model),
        linear,
        kept_ids(model, vocabulary),
    )


@torch.no_grad()
def frozen_rows(model: Any, batch: Batch, vocabulary: int | None) -> Rows:
    """As `rows_of`, without gradient."""
    return rows_of(model, batch, vocabulary)
