"""One stage of training: the loop, its checkpoints, its exact resumption.

Everything random is a function of (seed, step): the order of the data and the random selector.
Dropout is off. So a checkpoint needs weights, optimiser and step, and a resumed training takes
the very steps that an uninterrupted one takes. Several processes share a batch's micro-batches and
add up their gradients; each keeps the whole optimiser.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object
from safetensors.torch import load_file, load_model, save_file, save_model
from torch import Tensor

from adaspec import AdaspecError
from adaspec.data import Batch, Example, collate
from adaspec.divergence import (
    Kl,
    Measure,
    Rows,
    backward,
    blend,
    forward_kl,
    measure_rows,
    tiled_kl,
    tiled_kl_backward,
    tiles,
)
from adaspec.recipe import Optimisation, Training
from adaspec.runs import Budget, atomic_folder
from adaspec.selection import count, select
from adaspec.teacher import Teacher, frozen_rows, rows_of

BEST = "best"
KEEP = 2
"""Checkpoints kept a stage: the newest, and one more in case the disk loses it."""


OnStep = Callable[[dict[str, float | int]], None]
Monitor = Callable[[Any], dict[str, float]]


def train(
    training: Training,
    draft: Any,
    teacher: Teacher | None,
    examples: list[Example],
    accelerator: Accelerator,
    checkpoints: Path,
    checkpoint_every: int,
    monitor: Monitor,
    monitor_points: int,
    on_step: OnStep,
    keep: Callable[[int], None] = lambda step: None,
) -> Budget:
    """Train `draft` in place, going on from the newest checkpoint where there is one.

    Args:
        teacher: None for stage 0, whose loss is cross-entropy on the data.
        checkpoints: this stage's folder of checkpoints.
        monitor: measures the draft on held-out text; called `monitor_points` times and at the ends.
        on_step: told of every step: step, loss, lr, tokens_per_s, and the monitor's values.
        keep: told, after every step of `training.snapshots`, that the draft is to be kept as it is.

    Raises:
        AdaspecError: a loss is not finite (with step and sequence).
    """
    optimisation = training.optimisation
    optimiser = torch.optim.AdamW(
        _groups(draft, optimisation), lr=optimisation.lr, fused=_fused(draft)
    )
    budget = _resume(checkpoints, draft, optimiser)
    draft.requires_grad_(True)
    spacing = max(1, training.steps // monitor_points)
    best = _Best(checkpoints / BEST, optimisation, spacing, accelerator)
    if budget.steps == 0 and accelerator.is_main_process:
        first = monitor(draft)
        best.see(draft, first, 0)
        on_step({"step": 0, **first})
    while budget.steps < training.steps and not best.waited_enough(budget.steps):
        began = time.perf_counter()
        step = budget.steps
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(optimisation, step, training.steps)
        places = sequence_order(training.seed, step, training.batch, len(examples))
        if training.pools_batch:  # its order means nothing: micro-batches of one length each
            places.sort(key=lambda place: len(examples[place].ids))
        batch = [examples[i] for i in places]
        loss = accumulate(training, draft, teacher, batch, places, step, accelerator)
        _add_up_gradients(draft, accelerator)
        if optimisation.clip is not None:
            torch.nn.utils.clip_grad_norm_(draft.parameters(), optimisation.clip)
        optimiser.step()
        optimiser.zero_grad()
        tokens = sum(example.predicted for example in batch)
        frozen = 0 if teacher is None else 1 + training.needs_reference
        row: dict[str, float | int] = {"step": step + 1, "loss": loss}
        row["lr"] = optimiser.param_groups[0]["lr"]
        row["tokens_per_s"] = tokens / (time.perf_counter() - began)
        if accelerator.is_main_process and (
            (step + 1) % spacing == 0 or step + 1 == training.steps
        ):
            row |= monitor(draft)
            best.see(draft, row, step + 1)
        budget = replace(
            budget,
            steps=step + 1,
            sequences=budget.sequences + len(batch),
            selected_tokens=budget.selected_tokens + _selected(training, batch, accelerator),
            teacher_forwards=budget.teacher_forwards + frozen * len(batch),
            seconds=budget.seconds + time.perf_counter() - began,
        )
        if accelerator.is_main_process:
            on_step(row)
            if budget.steps in training.snapshots:  # before the checkpoint, which goes on after it
                keep(budget.steps)
            if budget.steps % checkpoint_every == 0 and budget.steps < training.steps:
                _save(checkpoints, draft, optimiser, budget)
    return replace(budget, kept=best.restore(draft))


def accumulate(
    training: Training,
    draft: Any,
    teacher: Teacher | None,
    examples: list[Example],
    places: list[int],
    step: int,
    accelerator: Accelerator,
) -> float:
    """Add one optimiser step's gradient to the draft, this process's share of it.

    The loss of a pool is the sum of the objective over its selected tokens, divided by all its
    response tokens (`published`) or by the selected ones (`mean_selected`); the loss of the step
    is the mean over its pools: the one batch, or every micro-batch.

    Args:
        places: where the examples stand in the training data, for messages.

    Returns:
        The loss of the step, over all processes.
    """
    sizes = [example.predicted for example in examples]
    micros = micro_batches(training, len(examples), accelerator.num_processes)
    mine = {
        m: Micro(
            batch=collate([examples[i] for i in micros[m]]).to(accelerator.device),
            places=[places[i] for i in micros[m]],
            tokens=sum(sizes[i] for i in micros[m]),
            step=step,
        )
        for m in range(accelerator.process_index, len(micros), accelerator.num_processes)
    }
    if teacher is None:
        total = sum(_fit_data(draft, micro, 1 / sum(sizes)) for micro in mine.values())
    else:
        total = _fit_teacher(
            training, draft, teacher, mine, sum(sizes), len(micros), step, accelerator
        )
    return float(sum(gather_object([total])))


@dataclass(frozen=True)
class Micro:
    """A micro-batch on its device.

    Attributes:
        places: where its sequences stand in the training data.
        tokens: how many response tokens it predicts.
        step: the optimiser step, from 0.
    """

    batch: Batch
    places: list[int]
    tokens: int
    step: int

    def require_finite(self, values: Tensor, what: str, mask: Tensor | None = None) -> None:
        """Raise AdaspecError, with step and sequence, at the first value that is no number."""
        wrong = (~values.isfinite()).nonzero()
        if len(wrong):
            sequences = self.batch.sequence_of_row
            sequences = sequences if mask is None else sequences[mask]
            raise AdaspecError(
                f"{what} is {float(values[wrong[0]])} at step {self.step + 1}, training sequence "
                f"{self.places[int(sequences[wrong[0]])]}. Lower the learning rate, or look at "
                "that row of the data."
            )


def _fit_data(model: Any, micro: Micro, scale: float) -> float:
    """Cross-entropy on the data's own tokens."""
    tokens = micro.batch.next_ids
    values = backward(
        lambda rows, logq: -logq.gather(1, tokens[rows, None])[:, 0],
        rows_of(model, micro.batch, None),
        scale,
    )
    micro.require_finite(values, "Loss")
    return float(values.sum()) * scale


def _fit_teacher(
    training: Training,
    draft: Any,
    teacher: Teacher,
    mine: dict[int, Micro],
    tokens: int,
    micros: int,
    step: int,
    accelerator: Accelerator,
) -> float:
    """Select, then the objective on the selected tokens; this process's part of the loss."""
    method = training.method
    assert method is not None
    whole_batch = method.pool == "batch"
    frozen: dict[int, Rows] = {}
    masks: dict[int, Tensor] = {}
    scored: dict[int, Scored] = {}
    if training.k is not None and whole_batch and micros > 1:
        # The pool is larger than a forward pass: score everything first, then train.
        for m, micro in mine.items():
            frozen[m] = teacher.rows(micro.batch, micro.places)
            q = frozen_rows(draft, micro.batch, teacher.vocabulary)
            scored[m] = _scores(training, teacher, frozen[m], q, micro)
        masks = _select_together(training, scored, step, accelerator)
    total = 0.0
    for m, micro in mine.items():
        p = frozen.pop(m) if m in frozen else teacher.rows(micro.batch, micro.places)
        q = rows_of(draft, micro.batch, teacher.vocabulary)
        if m not in masks:
            scored[m] = _scores(training, teacher, p, q, micro)
            masks[m] = _select(training, scored[m].loss_q, scored[m].loss_r, step, pool=m)
        size = tokens if whole_batch else micro.tokens
        if method.loss == "mean_selected" and training.k is not None:
            size = count(size, training.k)
        scale = 1 / size if whole_batch else 1 / (size * micros)
        p, q = (rows._replace(hidden=rows.hidden[masks[m]]) for rows in (p, q))
        objective = blend(method.objective, method.to, step / max(1, training.steps - 1))
        if objective is forward_kl and tiles(p, q):
            kl = scored[m].kl
            kl = tiled_kl(p, q) if kl is None else kl.at(masks[m])
            tiled_kl_backward(kl, p, q, scale)
            values = kl.values
        else:
            values = backward(_distillation(objective, p), q, scale)
        micro.require_finite(values, "Loss", masks[m])
        total += float(values.sum()) * scale
    return total


def sequence_order(seed: int, step: int, batch: int, rows: int) -> list[int]:
    """Which examples a step reads: the next `batch` of an endless row of shuffled epochs."""
    order: list[int] = []
    first = step * batch
    for epoch in range(first // rows, (first + batch - 1) // rows + 1):
        generator = torch.Generator().manual_seed(_mix(seed, epoch))
        order += torch.randperm(rows, generator=generator).tolist()
    offset = first % rows
    return order[offset : offset + batch]


def micro_batches(training: Training, size: int, processes: int) -> list[range]:
    """Positions of the batch that go through the models together.

    Without a micro-batch size, every process takes an equal share of the batch at once.
    """
    micro = training.optimisation.micro_batch or math.ceil(size / processes)
    return [range(start, min(start + micro, size)) for start in range(0, size, micro)]


def learning_rate(optimisation: Optimisation, step: int, steps: int) -> float:
    """The rate of this step (from 0): linear warm-up, then constant, linear or cosine to 0."""
    warmup = optimisation.warmup * steps
    if step < warmup:
        return optimisation.lr * (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1.0, steps - warmup)
    shape = {
        "constant": 1.0,
        "linear": 1 - done,
        "cosine": (1 + math.cos(math.pi * done)) / 2,
    }
    return optimisation.lr * shape[optimisation.schedule]


class Scored(NamedTuple):
    """What a selector looks at in a micro-batch.

    Attributes:
        loss_q: [rows] L_d; zeros where it does not look.
        loss_r: [rows] L_r, where it asks for it.
        kl: L_d with what its gradient needs, where the heads are tiled.
    """

    loss_q: Tensor
    loss_r: Tensor | None = None
    kl: Kl | None = None


def _scores(training: Training, teacher: Teacher, p: Rows, q: Rows, micro: Micro) -> Scored:
    if training.k is None or (training.method and training.method.selector == "random"):
        return Scored(torch.zeros(len(q.hidden), device=q.hidden.device))
    kl = tiled_kl(p, q) if tiles(p, q) else None
    loss_q = measure_rows(forward_kl, p, q) if kl is None else kl.values
    micro.require_finite(loss_q, "KL(p || q)")
    if not training.needs_reference:
        return Scored(loss_q, None, kl)
    loss_r = teacher.loss_r(p, micro.batch, micro.places)
    micro.require_finite(loss_r, "KL(p || r)")
    return Scored(loss_q, loss_r, kl)


def _select(
    training: Training, loss_q: Tensor, loss_r: Tensor | None, step: int, pool: int
) -> Tensor:
    assert training.method is not None
    generator = torch.Generator().manual_seed(_mix(training.seed, step, pool))
    return select(training.method.selector, training.k, loss_q, loss_r, generator)


def _select_together(
    training: Training,
    scored: dict[int, Scored],
    step: int,
    accelerator: Accelerator,
) -> dict[int, Tensor]:
    """One selection over the micro-batches of all processes; the masks of this process's own."""
    here = [
        (m, one.loss_q.cpu(), None if one.loss_r is None else one.loss_r.cpu())
        for m, one in scored.items()
    ]
    everywhere = sorted(gather_object(here), key=lambda score: score[0])
    loss_q = torch.cat([q for _, q, _ in everywhere])
    loss_r = torch.cat([r for _, _, r in everywhere]) if training.needs_reference else None
    mask = _select(training, loss_q, loss_r, step, pool=0)
    parts = torch.split(mask, [len(q) for _, q, _ in everywhere])
    masks = {m: part for (m, _, _), part in zip(everywhere, parts, strict=True)}
    return {m: masks[m].to(accelerator.device) for m in scored}


def _selected(training: Training, batch: list[Example], accelerator: Accelerator) -> int:
    """How many tokens of this batch were trained on, over all processes."""
    sizes = [example.predicted for example in batch]
    if training.k is None:
        return sum(sizes)
    if training.method and training.method.pool == "batch":
        return count(sum(sizes), training.k)
    micros = micro_batches(training, len(batch), accelerator.num_processes)
    return sum(count(sum(sizes[i] for i in micro), training.k) for micro in micros)


def _distillation(objective: Measure, p: Rows) -> Callable[[slice, Tensor], Tensor]:
    def loss(rows: slice, logq: Tensor) -> Tensor:
        with torch.no_grad():
            logp = p.log_probs(rows)
        return objective(logp, logq)

    return loss


def _fused(model: Any) -> bool | None:
    """On a CPU, AdamW in one pass over the weights, in a fifth of the time; else torch's choice."""
    return True if model.device.type == "cpu" else None


def _groups(model: Any, optimisation: Optimisation) -> list[dict[str, Any]]:
    """Weight decay on matrices only, as is the custom (and transformers' default)."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    return [
        {"params": matrices, "weight_decay": optimisation.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def _add_up_gradients(model: Any, accelerator: Accelerator) -> None:
    """Sum the gradients of all processes; each divided by the whole batch's count already."""
    if accelerator.num_processes == 1:
        return
    for parameter in model.parameters():
        if parameter.grad is None:  # this process had no micro-batch
            parameter.grad = torch.zeros_like(parameter)
        parameter.grad = accelerator.reduce(parameter.grad, reduction="sum")


def _mix(*numbers: int) -> int:
    """One seed from several numbers (FNV-1a), so that neighbouring seeds share no stream."""
    mixed = 0xCBF29CE484222325
    for number in numbers:
        mixed = ((mixed ^ number) * 0x100000001B3) % (1 << 63)
    return mixed


class _Best:
    """The weights with the highest acceptance so far, in a folder of their own.

    What it has seen depends on the steps alone, so that a resumed training keeps the same ones: a
    point that is passed once more is not better than itself.
    """

    def __init__(
        self, folder: Path, optimisation: Optimisation, spacing: int, accelerator: Accelerator
    ) -> None:
        self.folder, self.optimisation = folder, optimisation
        self.spacing, self.accelerator = spacing, accelerator
        self.alpha, self.step = -1.0, 0
        if optimisation.validates and (folder / "best.json").is_file():
            found = json.loads((folder / "best.json").read_text())
            self.alpha, self.step = found["alpha"], found["step"]

    def see(self, model: Any, row: dict[str, float | int] | dict[str, float], step: int) -> None:
        """A point of the curve, in the main process."""
        if not self.optimisation.validates or row["alpha"] <= self.alpha:
            return
        self.alpha, self.step = row["alpha"], step
        with atomic_folder(self.folder) as new:
            save_model(model, str(new / "model.safetensors"))
            (new / "best.json").write_text(json.dumps({"alpha": self.alpha, "step": step}))

    def waited_enough(self, step: int) -> bool:
        """Whether the last points were no better, as many as there is patience for."""
        patience = self.optimisation.patience
        if patience is None:
            return False
        here = [step - self.step >= patience * self.spacing]
        if self.accelerator.num_processes > 1:  # the main process has seen the points
            broadcast_object_list(here)
        return here[0]

    def restore(self, model: Any) -> int | None:
        """Give the model its best weights back, if those are kept; the step they are of."""
        if self.optimisation.keep == "last":
            return None
        self.accelerator.wait_for_everyone()
        load_model(model, self.folder / "model.safetensors", device=str(model.device))
        return int(json.loads((self.folder / "best.json").read_text())["step"])


def _save(folder: Path, model: Any, optimiser: Any, budget: Budget) -> None:
    with atomic_folder(folder / f"{budget.steps:08d}") as new:
        save_model(model, str(new / "model.safetensors"))
        state = {
            f"{i}.{name}": tensor
            for i, values in optimiser.state_dict()["state"].items()
            for name, tensor in values.items()
        }
        save_file(state, new / "optimiser.safetensors")
        (new / "budget.json").write_text(json.dumps(asdict(budget)))
    for old in sorted(folder.glob("[0-9]*"))[:-KEEP]:
        shutil.rmtree(old)


def _resume(folder: Path, model: Any, optimiser: Any) -> Budget:
    """Load the newest checkpoint; an empty budget where there is none."""
    found = sorted(path for path in folder.glob("[0-9]*") if path.is_dir())
    if not found:
        return Budget()
    newest = found[-1]
    load_model(model, newest / "model.safetensors", device=str(model.device))
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in load_file(newest / "optimiser.safetensors").items():
        i, name = key.split(".", 1)
        state.setdefault(int(i), {})[name] = tensor
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
    return Budget(**json.loads((newest / "budget.json").read_text()))
