"""What the target knows of every training token, computed once: its last hidden states.

A frozen target says the same in every epoch, for every method and every seed. Its last hidden
state, to which the head is applied again, is a fiftieth of its logits and loses nothing: bias and
soft-cap are the head's. States lie in shards under `ADASPEC_HOME/knowledge/KEY`, where KEY is a
hash of all that they follow from, so that runs share them. A shard is written whole or not at all,
checked when it is opened, and made anew where it is damaged; a build that was killed goes on with
the next shard.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import psutil
import torch
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
"""Bytes of a shard, about: the last sequence in it is kept whole."""
SHARE_OF_DISK, SHARE_OF_MEMORY = 0.5, 0.25
"""Of what is free, so much may be taken."""

Place = Literal["disk", "memory", "nowhere"]
OnSequences = Callable[[int], None]

log = logging.getLogger("adaspec")


class Shard(NamedTuple):
    """Consecutive training examples [first, end), and how many response tokens they have."""

    first: int
    end: int
    rows: int


@dataclass(frozen=True)
class Knowledge:
    """The target's hidden states at the response tokens of every training example.

    Attributes:
        shards, parts: which examples each part holds, and its states, [rows, hidden].
        starts: [examples] where an example's rows begin in its part.
        sizes: [examples] how many it has.
        folder: where it is on disk; None where it is not.
    """

    shards: list[Shard]
    parts: list[Tensor]
    starts: np.ndarray
    sizes: np.ndarray
    folder: Path | None

    def rows(self, positions: list[int]) -> Tensor:
        """[rows, hidden] of these examples, in their order."""
        firsts = [shard.first for shard in self.shards]
        states = []
        for position in positions:
            part = self.parts[bisect_right(firsts, position) - 1]
            start = int(self.starts[position])
            states.append(part[start : start + int(self.sizes[position])])
        return torch.cat(states)


def width(target: Any) -> int:
    """Numbers of one hidden state."""
    return int(target.get_output_embeddings().weight.shape[1])


def size(target: Any, examples: list[Example], dtype: torch.dtype) -> int:
    """Bytes that the knowledge of these examples takes, at the target's precision."""
    return sum(one.predicted for one in examples) * width(target) * dtype.itemsize


def choose(needed: int, reads: int, examples: int) -> Place:
    """Where it is kept: on disk, else in memory, else nowhere, which is to ask the target again.

    Args:
        needed: bytes.
        reads: sequences that all trainings together read; `examples` of them are different.
    """
    wanted = settings().knowledge
    if wanted != "auto":
        return wanted
    if reads <= examples:  # nothing is asked twice
        return "nowhere"
    folder = _existing(_root())
    if needed <= min(SHARE_OF_DISK * shutil.disk_usage(folder).free, settings().knowledge_bytes):
        return "disk"
    return "memory" if needed <= SHARE_OF_MEMORY * psutil.virtual_memory().available else "nowhere"


def key(target_hash: str, data_hash: str, dtype: torch.dtype) -> str:
    """Of all that the states follow from; token ids and lengths are in the data's hash."""
    return hashlib.sha256(f"{target_hash} {data_hash} {dtype} 1".encode()).hexdigest()[:24]


def shards(examples: list[Example], row_bytes: int) -> list[Shard]:
    """How examples are spread: a function of their sizes alone."""
    found: list[Shard] = []
    first = rows = 0
    for place, example in enumerate(examples):
        rows += example.predicted
        if rows * row_bytes >= SHARD or place == len(examples) - 1:
            found.append(Shard(first, place + 1, rows))
            first, rows = place + 1, 0
    return found


def on_disk(
    target: Any, examples: list[Example], identity: str, tokens: int, on_sequences: OnSequences
) -> Knowledge:
    """Open what is there, and make what is not there or damaged.

    A shard is written and read back by a second thread while the target is asked for the next.

    Args:
        identity: of `key`.
        tokens: of a forward pass, padding included.
        on_sequences: told how many sequences were done, one way or the other.

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
        FileLock(folder / "lock"),  # another run may be making the same
        ThreadPoolExecutor(1) as writer,
    ):
        _make_room(folder, size(target, examples, target.dtype))
        os.utime(folder)  # used now
        writing: Future[Tensor] | None = None
        for number, shard in enumerate(layout):
            file = folder / f"{number:05d}.safetensors"
            shape = (shard.rows, width(target))
            part = _read(file, identity, shape, target.dtype)
            states = (
                _ask(target, examples[shard.first : shard.end], tokens) if part is None else None
            )
            if writing:  # one shard waits at a time
                keep(writing.result())
                writing = None
            if part is not None:
                keep(part)
            elif states is not None:
                writing = writer.submit(_write_and_read, file, identity, states)
        if writing:
            keep(writing.result())
    return _knowledge(layout, parts, examples, folder)


def in_memory(
    target: Any, examples: list[Example], tokens: int, on_sequences: OnSequences
) -> Knowledge:
    """The same, kept for this process alone."""
    layout = shards(examples, width(target) * target.dtype.itemsize)
    parts = []
    for shard in layout:
        parts.append(_ask(target, examples[shard.first : shard.end], tokens))
        on_sequences(shard.end - shard.first)
    return _knowledge(layout, parts, examples, None)


@torch.no_grad()
def _ask(target: Any, examples: list[Example], tokens: int) -> Tensor:
    """[rows, hidden] one example after the other, on the CPU."""
    states = by_length(
        examples,
        tokens,
        lambda inputs, _: hidden_rows(target, inputs.to(target.device)).to(target.dtype),
    )
    if states.is_cuda:  # many times as fast into pinned memory
        return torch.empty(states.shape, dtype=states.dtype, pin_memory=True).copy_(states)
    return states


def losses_r(
    folder: Path | None, reference_hash: str, rows: int, compute: Callable[[], Tensor]
) -> Tensor:
    """[rows] L_r of every response token of the training data: one float each, computed once.

    Args:
        folder: of the target's knowledge; None keeps nothing.
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


def _knowledge(
    layout: list[Shard], parts: list[Tensor], examples: list[Example], folder: Path | None
) -> Knowledge:
    sizes = np.array([one.predicted for one in examples])
    before = sizes.cumsum() - sizes
    starts = np.concatenate([before[one.first : one.end] - before[one.first] for one in layout])
    return Knowledge(layout, parts, starts, sizes, folder)


# Files


def folder_of(identity: str) -> Path:
    return _root() / identity


def _root() -> Path:
    return home() / "knowledge"


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def _write(file: Path, identity: str, numbers: Tensor) -> None:
    facts = {"key": identity, "crc32": str(_crc(numbers))}
    with atomic_file(file) as new:
        save_file({"numbers": numbers.contiguous()}, new, metadata=facts)


def _write_and_read(file: Path, identity: str, numbers: Tensor) -> Tensor:
    _write(file, identity, numbers)
    written = _read(file, identity, tuple(numbers.shape), numbers.dtype)
    if written is None:
        raise AdaspecError(f"{file} is not what was just written: look at the disk.")
    return written


def _read(file: Path, identity: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor | None:
    """The numbers in a file, mapped into memory; None where it is missing, or damaged."""
    if not file.is_file():
        return None
    reason = "it is cut off, or no shard"
    with suppress(SafetensorError, OSError), safe_open(file, framework="pt") as opened:
        numbers: Tensor = opened.get_tensor("numbers")
        facts = opened.metadata() or {}
        if facts.get("key") != identity:
            reason = "it is of other models or data"
        elif tuple(numbers.shape) != shape or numbers.dtype != dtype:
            reason = f"it has {tuple(numbers.shape)} numbers, not {shape}"
        elif facts.get("crc32") != str(_crc(numbers)):
            reason = "its bytes have changed"
        else:
            return numbers
    log.warning("%s is made anew: %s", file, reason)
    return None


def _crc(numbers: Tensor) -> int:
    return zlib.crc32(numbers.contiguous().view(torch.uint8).numpy().data)


def _make_room(folder: Path, needed: int) -> None:
    """Remove what was not used for longest, as far as all would be more than is allowed."""
    others = sorted(
        (one for one in _folders() if one != folder), key=lambda one: one.stat().st_mtime
    )
    while others and needed + sum(map(_size, others)) > settings().knowledge_bytes:
        log.info("%s was not used for longest and makes room", others[0])
        shutil.rmtree(others.pop(0), ignore_errors=True)


def _folders() -> Iterator[Path]:
    return (one for one in _root().glob("*") if one.is_dir())


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*"))
