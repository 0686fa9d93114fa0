"""The target's last hidden states at every training token, computed once and cached.

A frozen target gives the same distributions in every epoch, for every method and every seed. Its
last hidden states take a fiftieth of the space of its logits, and applying the head to them again
loses nothing: bias and soft-cap belong to the head. The states are stored in shards under
`ADASPEC_HOME/teacher-cache/KEY`, where KEY hashes everything they depend on, so that runs can share
them. A shard is written completely or not at all, checked when it is opened, and recomputed if it
is damaged; a build that was killed resumes at the next shard.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import psutil
import torch
import xxhash
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from adaspec import AdaspecError
from adaspec.data import Example, by_length
from adaspec.models import hidden_rows
from adaspec.runs import atomic_file, home
from adaspec.settings import settings

SHARD = 64 << 20
"""Approximate bytes of a shard: its last sequence is never split."""
WRITERS = 4
"""Shards that are written at a time: a GPU computes them faster than one thread checks them."""
SHARE_OF_DISK, SHARE_OF_MEMORY = 0.5, 0.25
"""The share of the free space that the cache may take."""

Storage = Literal["disk", "memory", "nowhere"]
OnSequences = Callable[[int], None]

log = logging.getLogger("adaspec")


class Shard(NamedTuple):
    """Consecutive training examples [first, end), and their number of response tokens."""

    first: int
    end: int
    rows: int


@dataclass(frozen=True)
class TeacherCache:
    """The target's hidden states at the response tokens of every training example.

    Attributes:
        shards, parts: which examples each part holds, and its states, [rows, hidden].
        starts: [examples] where an example's rows begin in its part.
        sizes: [examples] how many rows it has.
        folder: where the cache is on disk; None if it is in memory.
    """

    shards: list[Shard]
    parts: list[Tensor]
    starts: np.ndarray
    sizes: np.ndarray
    folder: Path | None

    def rows(self, positions: list[int]) -> Tensor:
        """[rows, hidden] states of these examples, in the given order."""
        firsts = [shard.first for shard in self.shards]
        states = []
        for position in positions:
            part = self.parts[bisect_right(firsts, position) - 1]
            start = int(self.starts[position])
            states.append(part[start : start + int(self.sizes[position])])
        return torch.cat(states)


def width(target: Any) -> int:
    """Size of one hidden state."""
    return int(target.get_output_embeddings().weight.shape[1])


def size(target: Any, examples: list[Example], dtype: torch.dtype) -> int:
    """Bytes that the states of these examples take in this precision."""
    return sum(example.predicted for example in examples) * width(target) * dtype.itemsize


def choose(needed: int, reads: int, examples: int) -> Storage:
    """Where to keep the states: on disk, else in memory, else nowhere (the target runs every step).

    Args:
        needed: bytes.
        reads: sequences that all trainings together read; `examples` of them are distinct.
    """
    wanted = settings().cache
    if wanted != "auto":
        return wanted
    if reads <= examples:  # no sequence is read twice
        return "nowhere"
    folder = _existing(_root())
    if needed <= min(SHARE_OF_DISK * shutil.disk_usage(folder).free, settings().cache_bytes):
        return "disk"
    return "memory" if needed <= SHARE_OF_MEMORY * psutil.virtual_memory().available else "nowhere"


def key(target_hash: str, data_hash: str, dtype: torch.dtype) -> str:
    """A hash of everything the states depend on; the data's hash covers token ids and lengths."""
    return hashlib.sha256(f"{target_hash} {data_hash} {dtype} 2".encode()).hexdigest()[:24]


def shards(examples: list[Example], row_bytes: int) -> list[Shard]:
    """How examples are divided into shards: a function of their sizes alone."""
    layout: list[Shard] = []
    first = rows = 0
    for position, example in enumerate(examples):
        rows += example.predicted
        if rows * row_bytes >= SHARD or position == len(examples) - 1:
            layout.append(Shard(first, position + 1, rows))
            first, rows = position + 1, 0
    return layout


def on_disk(
    target: Any, examples: list[Example], identity: str, tokens: int, on_sequences: OnSequences
) -> TeacherCache:
    """Open the shards that exist, and compute those that are missing or damaged.

    Other threads write shards and read them back while the target computes the next.

    Args:
        identity: the cache's `key`.
        tokens: the most of a forward pass, padding included.
        on_sequences: called with the number of sequences just opened or computed.

    Raises:
        OSError, SafetensorError: the disk is full.
    """
    folder = folder_of(identity)
    folder.mkdir(parents=True, exist_ok=True)
    layout = shards(examples, width(target) * target.dtype.itemsize)
    parts: list[Tensor] = []

    def keep(part: Tensor) -> None:
        shard = layout[len(parts)]
        parts.append(part)
        on_sequences(shard.end - shard.first)

    with (
        FileLock(folder / "lock"),  # another run may be computing the same
        ThreadPoolExecutor(WRITERS) as writers,
    ):
        free_space(folder, size(target, examples, target.dtype))
        os.utime(folder)  # last used now
        writing: deque[Future[Tensor]] = deque()
        for number, shard in enumerate(layout):
            file = folder / f"{number:05d}.safetensors"
            shape = (shard.rows, width(target))
            part = _read(file, identity, shape, target.dtype)
            if part is None:
                states = _compute(target, examples[shard.first : shard.end], tokens)
                writing.append(writers.submit(_write_and_read, file, identity, states))
            else:
                writing.append(_done(part))
            if len(writing) > WRITERS:  # in order, and no more of them in memory
                keep(writing.popleft().result())
        for future in writing:
            keep(future.result())
    return _cache(layout, parts, examples, folder)


def _done(part: Tensor) -> Future[Tensor]:
    future = Future[Tensor]()
    future.set_result(part)
    return future


def in_memory(
    target: Any, examples: list[Example], tokens: int, on_sequences: OnSequences
) -> TeacherCache:
    """The same in memory, for this process alone."""
    layout = shards(examples, width(target) * target.dtype.itemsize)
    parts = []
    for shard in layout:
        parts.append(_compute(target, examples[shard.first : shard.end], tokens))
        on_sequences(shard.end - shard.first)
    return _cache(layout, parts, examples, None)


@torch.no_grad()
def _compute(target: Any, examples: list[Example], tokens: int) -> Tensor:
    """[rows, hidden] states of the examples in their order, on the CPU."""
    states = by_length(
        examples,
        tokens,
        lambda inputs, _: hidden_rows(target, inputs.to(target.device)).to(target.dtype),
    )
    if states.is_cuda:  # pinned memory makes this copy many times faster
        return torch.empty(states.shape, dtype=states.dtype, pin_memory=True).copy_(states)
    return states


def losses_r(
    folder: Path | None, reference_hash: str, rows: int, compute: Callable[[], Tensor]
) -> Tensor:
    """[rows] L_r of every response token of the training data, computed once.

    Args:
        folder: the target's cache, where the losses are stored too; None stores nothing.
    """
    if folder is None:
        return compute()
    file = folder / f"loss_r-{reference_hash}.safetensors"
    identity = f"{folder.name} {reference_hash}"
    losses = _read(file, identity, (rows,), torch.float32)
    if losses is None:
        losses = compute()
        _write(file, identity, losses)
    return losses


def _cache(
    layout: list[Shard], parts: list[Tensor], examples: list[Example], folder: Path | None
) -> TeacherCache:
    sizes = np.array([example.predicted for example in examples])
    before = sizes.cumsum() - sizes
    starts = np.concatenate(
        [before[shard.first : shard.end] - before[shard.first] for shard in layout]
    )
    return TeacherCache(layout, parts, starts, sizes, folder)


# Files


def folder_of(identity: str) -> Path:
    return _root() / identity


def _root() -> Path:
    return home() / "teacher-cache"


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def _write(file: Path, identity: str, numbers: Tensor) -> None:
    facts = {"key": identity, "xxh3": _digest(numbers)}
    with atomic_file(file) as new:
        save_file({"numbers": numbers.contiguous()}, new, metadata=facts)


def _write_and_read(file: Path, identity: str, numbers: Tensor) -> Tensor:
    _write(file, identity, numbers)
    written = _read(file, identity, tuple(numbers.shape), numbers.dtype)
    if written is None:
        raise AdaspecError(f"{file} does not hold what was just written: check the disk.")
    return written


def _read(file: Path, identity: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor | None:
    """The numbers in a file, mapped into memory; None if it is missing or damaged."""
    if not file.is_file():
        return None
    reason = "it is cut off or not a shard"
    with suppress(SafetensorError, OSError), safe_open(file, framework="pt") as opened:
        numbers: Tensor = opened.get_tensor("numbers")
        facts = opened.metadata() or {}
        if facts.get("key") != identity:
            reason = "it belongs to other models or data"
        elif tuple(numbers.shape) != shape or numbers.dtype != dtype:
            reason = f"it has {tuple(numbers.shape)} numbers, not {shape}"
        elif facts.get("xxh3") != _digest(numbers):
            reason = "its bytes have changed"
        else:
            return numbers
    log.warning("%s is recomputed: %s", file, reason)
    return None


def _digest(numbers: Tensor) -> str:
    return xxhash.xxh3_128_hexdigest(numbers.contiguous().view(torch.uint8).numpy().data)


def free_space(folder: Path, needed: int) -> None:
    """Remove the least recently used caches until all together fit the allowed size."""
    others = sorted(
        (other for other in _folders() if other != folder), key=lambda path: path.stat().st_mtime
    )
    while others and needed + sum(map(_size, others)) > settings().cache_bytes:
        log.info("%s was the least recently used and is removed to free space", others[0])
        shutil.rmtree(others.pop(0), ignore_errors=True)


def _folders() -> Iterator[Path]:
    return (path for path in _root().glob("*") if path.is_dir())


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*"))
