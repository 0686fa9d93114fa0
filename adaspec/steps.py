"""What an optimiser step reads: which examples, in which passes, and how the next is read ahead."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from torch import Tensor

from adaspec.data import Batch, Example, by_tokens, collate
from adaspec.models import hidden_rows
from adaspec.recipe import Training
from adaspec.selection import count
from adaspec.teacher import Cached, Teacher

ACTIVATIONS = 1 / 12
"""The share of a GPU's free memory that one pass's saved activations may take."""


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


def read_ahead(read: Callable[[int], Step], numbers: range, device: torch.device) -> Iterator[Step]:
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


def most_tokens(draft: Any, examples: list[Example], accelerator: Accelerator) -> int | None:
    """The most padded tokens whose activations fit in a GPU's memory; None (no limit) on a CPU."""
    if accelerator.device.type == "cpu":
        return None
    longest = max(examples, key=lambda example: len(example.ids))
    with accelerator.autocast():
        bytes_per_token = activation_bytes(draft, longest)
    free = torch.cuda.mem_get_info(accelerator.device)[0]
    return max(1, int(ACTIVATIONS * free / bytes_per_token))


def sequence_order(seed: int, step: int, batch: int, rows: int) -> list[int]:
    """Which examples a step reads: the next `batch` of an endless sequence of shuffled epochs."""
    order: list[int] = []
    first = step * batch
    for epoch in range(first // rows, (first + batch - 1) // rows + 1):
        generator = torch.Generator().manual_seed(mix(seed, epoch))
        order += torch.randperm(rows, generator=generator).tolist()
    offset = first % rows
    return order[offset : offset + batch]


def mix(*numbers: int) -> int:
    """One seed from several numbers (FNV-1a), so that neighbouring seeds share no stream."""
    mixed = 0xCBF29CE484222325
    for number in numbers:
        mixed = ((mixed ^ number) * 0x100000001B3) % (1 << 63)
    return mixed
