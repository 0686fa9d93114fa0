"""One stage of training: the loop, and its exact resumption from checkpoints.

Everything random is a function of (seed, step): the order of the data and the random selector.
Dropout is off. So a checkpoint needs only weights, optimiser and step, and a resumed training takes
exactly the steps that an uninterrupted one takes. Several processes share a batch's micro-batches
and sum their gradients; each keeps the whole optimiser.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor

from adaspec import AdaspecError
from adaspec.checkpoints import BEST_FOLDER, BestWeights, resume, save
from adaspec.data import Example
from adaspec.divergence import (
    Kl,
    Rows,
    backward,
    backward_objective,
    blend,
    entropy_rows,
    kl_rows,
    measure_rows,
    overlap,
    token_rows,
)
from adaspec.recipe import Optimisation, Training
from adaspec.runs import Budget
from adaspec.selection import SELECTORS, Columns, count, largest, select
from adaspec.steps import Pass, Step, mix, most_tokens, read_ahead, read_step, sequence_order
from adaspec.teacher import Teacher, frozen_rows, rows_of
from adaspec.weighting import VERIFIED_TOP, Tokens, weigh


@dataclass(frozen=True)
class Hooks:
    """What the main process calls during training.

    Attributes:
        monitor: measures the draft on held-out text; called before the first step and `points`
            times after it.
        on_step: called after every step: step, loss, lr, tokens_per_s, and the monitor's values.
        on_snapshot: called after every step of `Training.snapshots`, to save the draft as it is.
    """

    monitor: Callable[[Any], dict[str, float]]
    points: int
    on_step: Callable[[dict[str, float | int]], None]
    on_snapshot: Callable[[int], None] = lambda step: None


def train(
    training: Training,
    draft: Any,
    teacher: Teacher | None,
    examples: list[Example],
    *,
    accelerator: Accelerator,
    checkpoints: Path,
    checkpoint_every: int,
    hooks: Hooks,
) -> Budget:
    """Train `draft` in place, resuming from the newest checkpoint if there is one.

    Args:
        teacher: None for stage 0, whose loss is cross-entropy on the data.
        checkpoints: this stage's folder of checkpoints.

    Raises:
        AdaspecError: a loss is not finite; names step and sequence.
    """
    optimisation = training.optimisation
    optimiser = torch.optim.AdamW(
        _groups(draft, optimisation), lr=optimisation.lr, fused=_fused(draft)
    )
    budget = resume(checkpoints, draft, optimiser)
    draft.requires_grad_(True)
    spacing = max(1, training.steps // hooks.points)
    best = BestWeights(checkpoints / BEST_FOLDER, optimisation, spacing, accelerator)
    main = accelerator.is_main_process
    if budget.steps == 0 and main:
        first = _monitored(hooks, draft, accelerator)
        best.update(draft, first, 0)
        hooks.on_step({"step": 0, **first})
    most = most_tokens(draft, examples, accelerator)

    def read(number: int) -> Step:
        positions = sequence_order(training.seed, number, training.batch, len(examples))
        return read_step(training, teacher, examples, positions, number, accelerator, most)

    began = time.perf_counter()
    for step in read_ahead(read, range(budget.steps, training.steps), accelerator.device):
        if best.should_stop(step.number):
            break
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(optimisation, step.number, training.steps)
        with accelerator.autocast():  # for this step alone: see adaspec.precision
            outcome = accumulate(training, draft, teacher, step, accelerator)
        _sum_gradients(draft, accelerator)
        if optimisation.clip is not None:
            torch.nn.utils.clip_grad_norm_(draft.parameters(), optimisation.clip)
        optimiser.step()
        optimiser.zero_grad()
        loss, selected = outcome.read()
        frozen = 0 if teacher is None else 1 + training.needs_reference
        row: dict[str, float | int] = {"step": step.number + 1, "loss": loss}
        row["lr"] = optimiser.param_groups[0]["lr"]
        row["tokens_per_s"] = step.tokens / (time.perf_counter() - began)
        if main and (row["step"] % spacing == 0 or row["step"] == training.steps):
            row |= _monitored(hooks, draft, accelerator)
            best.update(draft, row, step.number + 1)
        budget = replace(
            budget,
            steps=step.number + 1,
            sequences=budget.sequences + step.sequences,
            selected_tokens=budget.selected_tokens + selected,
            teacher_forwards=budget.teacher_forwards + frozen * step.sequences,
            seconds=budget.seconds + time.perf_counter() - began,
        )
        if main:
            hooks.on_step(row)
            if budget.steps in training.snapshots:  # before the checkpoint, which resumes after it
                hooks.on_snapshot(budget.steps)
            if budget.steps % checkpoint_every == 0 and budget.steps < training.steps:
                save(checkpoints, draft, optimiser, budget)
        began = time.perf_counter()
    return replace(budget, kept=best.restore(draft))


def _monitored(hooks: Hooks, draft: Any, accelerator: Accelerator) -> dict[str, float]:
    with accelerator.autocast():
        return hooks.monitor(draft)


# One step


def accumulate(
    training: Training, draft: Any, teacher: Teacher | None, step: Step, accelerator: Accelerator
) -> Outcome:
    """Add this process's share of one optimiser step's gradient to the draft.

    If one pass holds the whole pool, nothing is read back from the device before `Outcome.read`.
    """
    passes = [part.to(accelerator.device) for part in step.passes]
    outcome = Outcome(step.number, accelerator.device)
    if teacher is None:
        for part in passes:
            _fit_data(draft, part, outcome)
    else:
        _fit_teacher(training, draft, teacher, step.number, passes, outcome, accelerator)
    return outcome


class Outcome:
    """The result of a step in this process: its loss, and the values that must be finite.

    Attributes:
        number: of the step, from 0.
    """

    def __init__(self, number: int, device: torch.device) -> None:
        self.number = number
        self._loss = torch.zeros((), dtype=torch.float64, device=device)
        self._selected = 0
        self._watched: list[tuple[str, Tensor, Pass, Tensor | None]] = []

    def watch(self, what: str, values: Tensor, part: Pass, rows: Tensor | None = None) -> None:
        """Remember values that must be finite, of all of the pass's rows or of the given ones."""
        self._watched.append((what, values, part, rows))

    def add(self, values: Tensor, weights: Tensor) -> None:
        """Add the losses [rows] of the tokens that train, and their weights."""
        self._loss += (values * weights).sum()
        self._selected += len(values)

    def read(self) -> tuple[float, int]:
        """The loss of the step and the number of selected tokens, over all processes.

        Raises:
            AdaspecError: a value is not finite; names step and sequence.
        """
        for _, values, _, _ in self._watched:
            self._loss += 0 * values.sum()  # NaN if any value is not finite
        loss = self._loss.item()
        fault = "" if math.isfinite(loss) else self._fault()
        results = gather_object([(loss, self._selected, fault)])
        if faults := [fault for _, _, fault in results if fault]:
            raise AdaspecError(faults[0])
        return sum(loss for loss, _, _ in results), sum(selected for _, selected, _ in results)

    def _fault(self) -> str:
        for what, values, part, rows in self._watched:
            wrong = (~values.isfinite()).nonzero()
            if len(wrong):
                row = int(wrong[0])
                sequence = part.batch.sequence_of_row[row if rows is None else rows[row]]
                return (
                    f"{what} is {float(values[row])} at step {self.number + 1}, training sequence "
                    f"{part.positions[int(sequence)]}. Lower the learning rate, or check that "
                    "row of the data."
                )
        return (
            f"The loss is {self._loss.item()} at step {self.number + 1}: lower the learning rate."
        )


def _fit_data(model: Any, part: Pass, outcome: Outcome) -> None:
    """Cross-entropy on the data's own tokens."""
    tokens = part.batch.next_ids
    values = backward(
        lambda rows, logq: -logq.gather(1, tokens[rows, None])[:, 0],
        rows_of(model, part.batch, None),
        part.weights,
    )
    outcome.watch("Loss", values, part)
    outcome.add(values, part.weights)


def _fit_teacher(
    training: Training,
    draft: Any,
    teacher: Teacher,
    number: int,
    passes: list[Pass],
    outcome: Outcome,
    accelerator: Accelerator,
) -> None:
    """Select tokens and weigh them, then minimise the objective on them."""
    method = training.method
    assert method is not None
    objective = blend(method.objective, method.to, number / max(1, training.steps - 1))
    scored: list[tuple[Rows, Scored]] = []
    selections: list[Chosen] = []
    several = accelerator.num_processes > 1 or len(passes) > 1
    if training.scores and training.pools_batch and several:
        # The pool is larger than a pass: score all of it before training on any of it.
        for part in passes:
            p = teacher.rows(part.batch, part.cached)
            q = frozen_rows(draft, part.batch, teacher.vocabulary)
            scored.append((p, _scores(training, teacher, p, q, part, outcome)))
        losses = [scores for _, scores in scored]
        selections = _choose_together(training, losses, passes, number, accelerator)
    for i, part in enumerate(passes):
        p = scored[i][0] if scored else teacher.rows(part.batch, part.cached)
        q = rows_of(draft, part.batch, teacher.vocabulary)
        chosen, kl, rows = None, None, None
        if selections:
            chosen, kl = selections[i], scored[i][1].kl
        elif training.scores:
            scores = _scores(training, teacher, p, q, part, outcome)
            kl = scores.kl
            chosen = _choose(training, scores.columns, part.pools, number, accelerator.device)
        weights = part.weights
        if chosen is not None:
            rows, weights = chosen.rows, weights[chosen.rows]
            if chosen.factors is not None:
                weights = weights * chosen.factors
            p, q = (side._replace(hidden=side.hidden[rows]) for side in (p, q))
            kl = None if kl is None else kl.at(rows)
        values = backward_objective(objective, p, q, weights, kl)
        outcome.watch("Loss", values, part, rows)
        outcome.add(values, weights)


def learning_rate(optimisation: Optimisation, step: int, steps: int) -> float:
    """The rate at a step (from 0): linear warm-up, then constant, linear or cosine decay to 0."""
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


class Chosen(NamedTuple):
    """The rows that train the draft.

    Attributes:
        rows: [chosen] their indices, ascending.
        factors: [chosen] float32, what a weight makes of their losses; None: nothing.
    """

    rows: Tensor
    factors: Tensor | None = None


class Scored(NamedTuple):
    """What a selector or a weight needs of a pass.

    Attributes:
        columns: those that it needs, but for the generator.
        kl: L_d with what its gradient needs, if the selector needs it.
    """

    columns: Columns
    kl: Kl | None = None


def _scores(
    training: Training, teacher: Teacher, p: Rows, q: Rows, part: Pass, outcome: Outcome
) -> Scored:
    columns, kl = Columns(len(q.hidden)), None
    if training.needs("entropy"):
        columns = columns._replace(entropy=entropy_rows(p))
    if training.needs("loss_q"):
        kl = kl_rows(p, q)
        columns = columns._replace(loss_q=kl.values)
        outcome.watch("KL(p || q)", kl.values, part)
    if training.needs("loss_r"):
        columns = columns._replace(loss_r=teacher.loss_r(p, part.batch, part.cached))
        outcome.watch("KL(p || r)", columns.loss_r, part)
    if training.needs("log_r"):
        columns = columns._replace(log_r=teacher.log_r(part.batch))
        outcome.watch("log r", columns.log_r, part)
    if any(training.needs(what) for what in ("log_p", "log_q", "agree", "verified")):
        said = token_rows(p, q, part.batch.next_ids, VERIFIED_TOP)
        columns = columns._replace(**said._asdict())
        outcome.watch("log q", said.log_q, part)
    if training.needs("overlap"):
        columns = columns._replace(overlap=measure_rows(overlap, p, q))
        outcome.watch("Overlap", columns.overlap, part)
    if training.needs("position"):
        columns = columns._replace(position=part.batch.position_of_row)
    return Scored(columns, kl)


def _choose(
    training: Training,
    columns: Columns,
    pools: dict[int, int],
    number: int,
    device: torch.device,
) -> Chosen:
    """The rows that train the draft, and what a weight makes of them.

    Args:
        pools: pool -> its rows; the pools follow one another.
    """
    assert training.method is not None
    sizes = list(pools.values())
    masks, weights = [], []
    for pool, part in zip(pools, columns.split(sizes), strict=True):
        generator = torch.Generator().manual_seed(mix(training.seed, number, pool))
        part = part._replace(generator=generator)
        if training.weight is None:
            masks.append(select(training.method.selector, training.k, part, device))
        else:
            weights.append(_weigh(training, part))
    if training.weight is None:
        assert training.k is not None
        selected = sum(count(rows, training.k) for rows in sizes)
        return Chosen(_indices(torch.cat(masks), selected))
    factors = torch.from_numpy(np.concatenate(weights))
    rows = factors.nonzero()[:, 0]
    return Chosen(rows.to(device), factors[rows].float().to(device))


def _weigh(training: Training, columns: Columns) -> np.ndarray:
    """[rows] the weights of one pool."""
    method = training.method
    assert method is not None
    assert method.weight is not None
    columns = columns.cpu()._replace(generator=columns.generator)
    mask, score = torch.ones(columns.rows, dtype=torch.bool), None
    ranked = SELECTORS[method.selector].score
    if training.k is not None and ranked is not None:
        score = ranked(columns)
        mask = largest(score, training.k)
    tokens = Tokens(
        Columns(columns.rows, **{name: values.numpy() for name, values in columns.known.items()}),
        mask.numpy(),
        None if score is None else score.numpy(),
        method.own_softness,
        method.gamma,
    )
    return weigh(method.weight, tokens)


def _indices(mask: Tensor, selected: int) -> Tensor:
    """[selected] where a mask is True, without reading their number back from a GPU."""
    if mask.device.type == "cpu":
        return mask.nonzero()[:, 0]
    return mask.byte().argsort(descending=True, stable=True)[:selected]


def _choose_together(
    training: Training,
    scored: list[Scored],
    passes: list[Pass],
    number: int,
    accelerator: Accelerator,
) -> list[Chosen]:
    """One choice over the passes of all processes; returns that of this process's passes."""
    parts = [(part.first, scores.columns) for part, scores in zip(passes, scored, strict=True)]
    if accelerator.num_processes > 1:
        parts = gather_object([(first, columns.cpu()) for first, columns in parts])
    parts.sort(key=lambda part: part[0])
    pool = Columns.joined([columns for _, columns in parts])
    device = torch.device("cpu") if accelerator.num_processes > 1 else accelerator.device
    whole = _choose(training, pool, {0: pool.rows}, number, device)
    chosen, before = {}, 0
    for first, columns in parts:
        inside = (whole.rows >= before) & (whole.rows < before + columns.rows)
        rows = (whole.rows[inside] - before).to(accelerator.device)
        factors = whole.factors
        chosen[first] = Chosen(
            rows, None if factors is None else factors[inside].to(accelerator.device)
        )
        before += columns.rows
    return [chosen[part.first] for part in passes]


def _fused(model: Any) -> bool | None:
    """Whether AdamW can be fused into one pass over the weights: five times as fast on a CPU."""
    return True if model.device.type in ("cpu", "cuda") else None


def _groups(model: Any, optimisation: Optimisation) -> list[dict[str, Any]]:
    """Weight decay on matrices only, as is customary (and transformers' default)."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    return [
        {"params": matrices, "weight_decay": optimisation.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def _sum_gradients(model: Any, accelerator: Accelerator) -> None:
    """Sum the gradients of all processes; each is already divided by the whole batch's count."""
    if accelerator.num_processes == 1:
        return
    for parameter in model.parameters():
        if parameter.grad is None:  # this process had no micro-batch
            parameter.grad = torch.zeros_like(parameter)
        parameter.grad = accelerator.reduce(parameter.grad, reduction="sum")
