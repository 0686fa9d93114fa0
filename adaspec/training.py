"""One stage of training: the loop, and its exact resumption from checkpoints.

Everything random is a function of (seed, step): the order of the data and the random selector.
Dropout is off. So a checkpoint needs only weights, optimiser and step, and a resumed training takes
exactly the steps that an uninterrupted one takes. Several processes share a batch's micro-batches
and sum their gradients; each keeps the whole optimiser.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object
from safetensors.torch import load_file, load_model, save_file, save_model
from torch import Tensor

from adaspec import AdaspecError
from adaspec.data import Batch, Example, by_tokens, collate
from adaspec.divergence import (
    Kl,
    Rows,
    backward,
    backward_objective,
    blend,
    kl_rows,
)
from adaspec.models import hidden_rows
from adaspec.recipe import Optimisation, Training
from adaspec.runs import BEST, CHECKPOINT, Best, Budget, Checkpoint, atomic_folder
from adaspec.selection import count, select
from adaspec.teacher import Cached, Teacher, frozen_rows, rows_of

BEST_FOLDER = "best"
KEEP = 2
"""Checkpoints kept per stage: the newest, and one more in case the disk loses it."""
ACTIVATIONS = 1 / 12
"""The share of a GPU's free memory that one pass's saved activations may take."""


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
    budget = _resume(checkpoints, draft, optimiser)
    draft.requires_grad_(True)
    spacing = max(1, training.steps // hooks.points)
    best = _Best(checkpoints / BEST_FOLDER, optimisation, spacing, accelerator)
    main = accelerator.is_main_process
    if budget.steps == 0 and main:
        first = _monitored(hooks, draft, accelerator)
        best.update(draft, first, 0)
        hooks.on_step({"step": 0, **first})
    most = _most_tokens(draft, examples, accelerator)

    def read(number: int) -> Step:
        positions = sequence_order(training.seed, number, training.batch, len(examples))
        return read_step(training, teacher, examples, positions, number, accelerator, most)

    began = time.perf_counter()
    for step in _ahead(read, range(budget.steps, training.steps), accelerator.device):
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
                _save(checkpoints, draft, optimiser, budget)
        began = time.perf_counter()
    return replace(budget, kept=best.restore(draft))


def _monitored(hooks: Hooks, draft: Any, accelerator: Accelerator) -> dict[str, float]:
    with accelerator.autocast():
        return hooks.monitor(draft)


# What a step reads


class Pass(NamedTuple):
    """Sequences that go through the models together.

    Attributes:
        first: the first sequence's position in the step.
        positions: the sequences' positions in the training data.
        pools: pool -> its response tokens in this pass, in order; a pool that is the whole batch
            may span several passes.
        weights: [rows] the weight of each row's loss in the loss of the step, if it is selected.
        cached: what is cached of the frozen models' outputs here.
    """

    first: int
    positions: list[int]
    pools: dict[int, int]
    batch: Batch
    weights: Tensor
    cached: Cached

    def to(self, device: torch.device) -> Pass:
        return self._replace(
            batch=self.batch.to(device),
            weights=self.weights.to(device, non_blocking=True),
            cached=self.cached.to(device),
        )

    def pin_memory(self) -> Pass:
        return self._replace(
            batch=self.batch.pin_memory(),
            weights=self.weights.pin_memory(),
            cached=self.cached.pin_memory(),
        )


class Step(NamedTuple):
    """What one optimiser step reads.

    Attributes:
        number: from 0.
        sequences, tokens: sequences and response tokens, over all processes.
        passes: this process's, on the CPU.
    """

    number: int
    sequences: int
    tokens: int
    passes: list[Pass]


def read_step(
    training: Training,
    teacher: Teacher | None,
    examples: list[Example],
    positions: list[int],
    number: int,
    accelerator: Accelerator,
    most: int | None = None,
) -> Step:
    """What a step on the training examples at these positions reads.

    The loss of a pool is the sum of the objective over its selected tokens, divided by all its
    response tokens (`published`) or by the selected ones (`mean_selected`); the loss of the step
    is the mean over its pools: the one batch, or every micro-batch.

    Args:
        number: of the step, from 0.
        most: the most padded tokens of a pass; None: a pass is one of the recipe's micro-batches.
    """
    if training.pools_batch:  # order does not matter: group sequences of similar length
        positions = sorted(positions, key=lambda position: len(examples[position].ids))
    shares = micro_batches(training, len(positions), accelerator.num_processes, most is not None)
    mine = {
        share: [positions[i] for i in shares[share]]
        for share in range(accelerator.process_index, len(shares), accelerator.num_processes)
    }
    tokens = sum(examples[position].predicted for position in positions)
    pools = 1 if training.pools_batch else len(shares)

    def weight(size: int) -> float:
        """The weight of a row's loss in a pool of `size` response tokens."""
        mean = training.method is not None and training.method.loss == "mean_selected"
        counted = count(size, training.k) if mean and training.k is not None else size
        return 1 / (counted * pools)

    passes = []
    for group in _passes(training, mine, examples, most):
        rows = {
            pool: sum(examples[position].predicted for position in members)
            for pool, members in group.items()
        }
        weights = [
            torch.full((size,), weight(tokens if training.pools_batch else size))
            for size in rows.values()
        ]
        together = [position for members in group.values() for position in members]
        passes.append(
            Pass(
                first=positions.index(together[0]),
                positions=together,
                pools=rows,
                batch=collate([examples[position] for position in together]),
                weights=torch.cat(weights),
                cached=teacher.cached(together) if teacher else Cached(None, None),
            )
        )
    return Step(number, len(positions), tokens, passes)


def micro_batches(
    training: Training, size: int, processes: int, on_gpu: bool = False
) -> list[range]:
    """Positions of the batch, divided among processes and, unless the batch is the pool, pools.

    Without a micro-batch size, every process takes an equal share of the batch at once; likewise on
    a GPU if the whole batch is the pool, since its memory then decides the size of a pass.
    """
    micro = training.optimisation.micro_batch
    if micro is None or (on_gpu and training.pools_batch):
        micro = math.ceil(size / processes)
    return [range(start, min(start + micro, size)) for start in range(0, size, micro)]


def _passes(
    training: Training, shares: dict[int, list[int]], examples: list[Example], most: int | None
) -> Iterator[dict[int, list[int]]]:
    """Pool -> its positions, for each pass. A pool smaller than the batch is never split."""
    if training.pools_batch:
        for share in shares.values():
            yield from ({0: group} for group in by_tokens(share, examples, most))
        return
    waiting: dict[int, list[int]] = {}
    for pool, members in shares.items():
        together = [*chain(*waiting.values()), *members]
        longest = max(len(examples[position].ids) for position in together)
        if waiting and (most is None or longest * len(together) > most):
            yield waiting
            waiting = {}
        waiting[pool] = members
    if waiting:
        yield waiting


def _ahead(read: Callable[[int], Step], numbers: range, device: torch.device) -> Iterator[Step]:
    """The steps in order; for a GPU, a second thread reads the next step into pinned memory while
    this one computes.
    """
    if device.type == "cpu":
        yield from map(read, numbers)
        return

    def pinned(number: int) -> Step:
        step = read(number)
        return step._replace(passes=[part.pin_memory() for part in step.passes])

    with ThreadPoolExecutor(1) as reader:
        pending = [reader.submit(pinned, number) for number in numbers[:1]]
        for number in numbers:
            step = pending.pop().result()
            if number + 1 in numbers:
                pending.append(reader.submit(pinned, number + 1))
            yield step


def activation_bytes(model: Any, example: Example) -> float:
    """Bytes per token that a forward pass saves for the backward pass, without the head.

    The difference between two copies of a text and one, so that whatever does not grow with the
    text, such as weights in another precision, cancels.
    """

    def saved(copies: int) -> int:
        sizes: dict[int, int] = {}

        def pack(tensor: Tensor) -> Tensor:
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            hidden = hidden_rows(model, collate([example] * copies).to(model.device))
        del hidden
        return sum(sizes.values())

    return (saved(2) - saved(1)) / len(example.ids)


def _most_tokens(draft: Any, examples: list[Example], accelerator: Accelerator) -> int | None:
    """The most padded tokens whose activations fit in a GPU's memory; None (no limit) on a CPU."""
    if accelerator.device.type == "cpu":
        return None
    longest = max(examples, key=lambda example: len(example.ids))
    with accelerator.autocast():
        bytes_per_token = activation_bytes(draft, longest)
    free = torch.cuda.mem_get_info(accelerator.device)[0]
    return max(1, int(ACTIVATIONS * free / bytes_per_token))


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
        """Add the losses [rows] of selected tokens, and their weights."""
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
    """Select tokens, then minimise the objective on them."""
    method = training.method
    assert method is not None
    objective = blend(method.objective, method.to, number / max(1, training.steps - 1))
    scored: list[tuple[Rows, Scored]] = []
    selections: list[Tensor] = []
    several = accelerator.num_processes > 1 or len(passes) > 1
    if training.k is not None and training.pools_batch and several:
        # The pool is larger than a pass: score all of it before training on any of it.
        for part in passes:
            p = teacher.rows(part.batch, part.cached)
            q = frozen_rows(draft, part.batch, teacher.vocabulary)
            scored.append((p, _scores(training, teacher, p, q, part, outcome)))
        losses = [scores for _, scores in scored]
        selections = _select_together(training, losses, passes, number, accelerator)
    for i, part in enumerate(passes):
        p = scored[i][0] if scored else teacher.rows(part.batch, part.cached)
        q = rows_of(draft, part.batch, teacher.vocabulary)
        rows, kl = None, None
        if selections:
            rows, kl = selections[i], scored[i][1].kl
        elif training.k is not None:
            scores = _scores(training, teacher, p, q, part, outcome)
            rows, kl = _select(training, scores, part.pools, number), scores.kl
        weights = part.weights
        if rows is not None:
            weights = weights[rows]
            p, q = (side._replace(hidden=side.hidden[rows]) for side in (p, q))
            kl = None if kl is None else kl.at(rows)
        values = backward_objective(objective, p, q, weights, kl)
        outcome.watch("Loss", values, part, rows)
        outcome.add(values, weights)


def sequence_order(seed: int, step: int, batch: int, rows: int) -> list[int]:
    """Which examples a step reads: the next `batch` of an endless sequence of shuffled epochs."""
    order: list[int] = []
    first = step * batch
    for epoch in range(first // rows, (first + batch - 1) // rows + 1):
        generator = torch.Generator().manual_seed(_mix(seed, epoch))
        order += torch.randperm(rows, generator=generator).tolist()
    offset = first % rows
    return order[offset : offset + batch]


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


class Scored(NamedTuple):
    """What a selector needs of a pass.

    Attributes:
        loss_q: [rows] L_d; zeros if the selector does not need it.
        loss_r: [rows] L_r, if the selector needs it.
        kl: L_d with what its gradient needs, if the selector needs it.
    """

    loss_q: Tensor
    loss_r: Tensor | None = None
    kl: Kl | None = None


def _scores(
    training: Training, teacher: Teacher, p: Rows, q: Rows, part: Pass, outcome: Outcome
) -> Scored:
    if not training.needs("loss_q"):
        return Scored(torch.zeros(len(q.hidden), device=q.hidden.device))
    kl = kl_rows(p, q)
    outcome.watch("KL(p || q)", kl.values, part)
    if not training.needs_reference:
        return Scored(kl.values, None, kl)
    loss_r = teacher.loss_r(p, part.batch, part.cached)
    outcome.watch("KL(p || r)", loss_r, part)
    return Scored(kl.values, loss_r, kl)


def _select(training: Training, scores: Scored, pools: dict[int, int], number: int) -> Tensor:
    """[selected] indices of the rows that train the draft, ascending.

    Args:
        pools: pool -> its rows; the pools follow one another.
    """
    assert training.method is not None
    assert training.k is not None
    sizes = list(pools.values())
    loss_r = [None] * len(pools) if scores.loss_r is None else torch.split(scores.loss_r, sizes)
    masks = []
    for pool, q, r in zip(pools, torch.split(scores.loss_q, sizes), loss_r, strict=True):
        generator = torch.Generator().manual_seed(_mix(training.seed, number, pool))
        masks.append(select(training.method.selector, training.k, q, r, generator))
    selected = sum(count(rows, training.k) for rows in sizes)
    return _indices(torch.cat(masks), selected)


def _indices(mask: Tensor, selected: int) -> Tensor:
    """[selected] where a mask is True, without reading their number back from a GPU."""
    if mask.device.type == "cpu":
        return mask.nonzero()[:, 0]
    return mask.byte().argsort(descending=True, stable=True)[:selected]


def _select_together(
    training: Training,
    scored: list[Scored],
    passes: list[Pass],
    number: int,
    accelerator: Accelerator,
) -> list[Tensor]:
    """One selection over the passes of all processes; returns the rows of this process's passes."""
    assert training.method is not None
    losses = [
        (part.first, scores.loss_q, scores.loss_r)
        for part, scores in zip(passes, scored, strict=True)
    ]
    if accelerator.num_processes > 1:
        local = [(first, q.cpu(), None if r is None else r.cpu()) for first, q, r in losses]
        losses = gather_object(local)
    losses.sort(key=lambda part: part[0])
    loss_r = [r for _, _, r in losses if r is not None]
    pool = Scored(torch.cat([q for _, q, _ in losses]), torch.cat(loss_r) if loss_r else None)
    chosen = _select(training, pool, {0: len(pool.loss_q)}, number)
    rows, before = {}, 0
    for first, q, _ in losses:
        inside = chosen[(chosen >= before) & (chosen < before + len(q))]
        rows[first] = (inside - before).to(accelerator.device)
        before += len(q)
    return [rows[part.first] for part in passes]


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


def _mix(*numbers: int) -> int:
    """One seed from several numbers (FNV-1a), so that neighbouring seeds share no stream."""
    mixed = 0xCBF29CE484222325
    for number in numbers:
        mixed = ((mixed ^ number) * 0x100000001B3) % (1 << 63)
    return mixed


class _Best:
    """The weights with the highest acceptance so far, in a folder of their own.

    What is kept depends on the steps alone, so that a resumed training keeps the same weights: a
    point that is passed a second time is not better than itself.
    """

    def __init__(
        self, folder: Path, optimisation: Optimisation, spacing: int, accelerator: Accelerator
    ) -> None:
        self.folder, self.optimisation = folder, optimisation
        self.spacing, self.accelerator = spacing, accelerator
        self.alpha, self.step = -1.0, 0
        if optimisation.validates and (folder / "best.json").is_file():
            best = BEST.read(folder / "best.json")
            self.alpha, self.step = best.alpha, best.step

    def update(self, model: Any, row: dict[str, float | int] | dict[str, float], step: int) -> None:
        """Keep the weights if this point of the curve is the best; called in the main process."""
        if not self.optimisation.validates or row["alpha"] <= self.alpha:
            return
        self.alpha, self.step = row["alpha"], step
        with atomic_folder(self.folder, replace=True) as new:
            save_model(model, str(new / "model.safetensors"))
            BEST.write(new / "best.json", Best(alpha=self.alpha, step=step))

    def should_stop(self, step: int) -> bool:
        """Whether the last `patience` points of the curve were no better."""
        patience = self.optimisation.patience
        if patience is None:
            return False
        stop = [step - self.step >= patience * self.spacing]
        if self.accelerator.num_processes > 1:  # only the main process measures the points
            broadcast_object_list(stop)
        return stop[0]

    def restore(self, model: Any) -> int | None:
        """Load the best weights into the model, if those are kept; returns their step."""
        if self.optimisation.keep == "last":
            return None
        self.accelerator.wait_for_everyone()
        load_model(model, self.folder / "model.safetensors", device=str(model.device))
        return BEST.read(self.folder / "best.json").step


def _save(folder: Path, model: Any, optimiser: Any, budget: Budget) -> None:
    with atomic_folder(folder / f"{budget.steps:08d}", replace=True) as new:
        save_model(model, str(new / "model.safetensors"))
        state = {
            f"{i}.{name}": tensor
            for i, values in optimiser.state_dict()["state"].items()
            for name, tensor in values.items()
        }
        save_file(state, new / "optimiser.safetensors")
        CHECKPOINT.write(new / "budget.json", Checkpoint(budget=budget))
    for old in sorted(folder.glob("[0-9]*"))[:-KEEP]:
        shutil.rmtree(old)


def _resume(folder: Path, model: Any, optimiser: Any) -> Budget:
    """Load the newest checkpoint; an empty budget if there is none."""
    checkpoints = sorted(path for path in folder.glob("[0-9]*") if path.is_dir())
    if not checkpoints:
        return Budget()
    newest = checkpoints[-1]
    load_model(model, newest / "model.safetensors", device=str(model.device))
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in load_file(newest / "optimiser.safetensors").items():
        i, name = key.split(".", 1)
        state.setdefault(int(i), {})[name] = tensor
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
    return CHECKPOINT.read(newest / "budget.json").budget
