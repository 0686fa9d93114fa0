"""Tokens in groups: by what they are, how unsure the target is, where they stand, what is before.

Loads no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc

from adaspec import AdaspecError, tokens
from adaspec.runs import Run
from adaspec.runs.tables import SEQUENCES, read_table
from adaspec.vocabulary import CLASSES, classes

ENTROPIES = (0.0, 0.01, 0.1, 0.5, 1.0, 2.0)  # where the bins of the target's entropy begin, nats
POSITIONS = (0, 5, 10, 20, 40, 80, 160, 320)  # where those of the position begin
CONTEXTS = (0, 32, 64, 96, 128, 192, 256, 512, 1024)  # where those of the tokens before begin


class Stratum(NamedTuple):
    """A property of tokens, in groups.

    Attributes:
        name: in words; in AXES it has a short one, for links.
        groups: what they are called, in order.
        of: run and source -> [tokens] the number of each token's group.
    """

    name: str
    explanation: str
    groups: list[str]
    of: Callable[[Run, str], np.ndarray]


def _class(run: Run, source: str) -> np.ndarray:
    first = tokens.column(run, source, "pos") == 0
    return classes(tokens.vocabulary(run), tokens.column(run, source, "token"), first)


def _entropy(run: Run, source: str) -> np.ndarray:
    return _bin(tokens.column(run, source, "entropy"), ENTROPIES)


def _position(run: Run, source: str) -> np.ndarray:
    return _bin(tokens.column(run, source, "pos"), POSITIONS)


def _context(run: Run, source: str) -> np.ndarray:
    texts = read_table(run.sequences_file, SEQUENCES)
    texts = texts.filter(pc.equal(texts["source"], source))
    prompts = pc.list_value_length(texts["prompt"]).to_numpy()
    before = np.repeat(prompts, tokens.examples(run, source)["tokens"].to_numpy())
    return _bin(before + tokens.column(run, source, "pos"), CONTEXTS)


def _bin(values: np.ndarray, begins: tuple[float, ...]) -> np.ndarray:
    bins: np.ndarray = np.maximum(np.searchsorted(np.array(begins), values, "right") - 1, 0)
    return bins


def _ranges(begins: tuple[float, ...], unit: str = "") -> list[str]:
    ends = [*(f"{end:g}" for end in begins[1:])]
    closed = [f"{begin:g} – {end}{unit}" for begin, end in zip(begins, ends, strict=False)]
    return [*closed, f"≥ {begins[-1]:g}{unit}"]


AXES: dict[str, Stratum] = {
    "class": Stratum(
        "token class",
        "; ".join(f"{name}: {what}" for name, what in CLASSES.items()),
        list(CLASSES),
        _class,
    ),
    "entropy": Stratum(
        "target entropy",
        "H(p) in nats: how unsure the target itself is at the token",
        _ranges(ENTROPIES, " nats"),
        _entropy,
    ),
    "position": Stratum(
        "position in the answer", "tokens since the answer began", _ranges(POSITIONS), _position
    ),
    "context": Stratum(
        "length of the context",
        "tokens before it, those of the prompt included",
        _ranges(CONTEXTS),
        _context,
    ),
}


def groups(run: Run, source: str, axis: str) -> np.ndarray:
    """[tokens] the number of each token's group on an axis; not to be changed.

    Raises:
        AdaspecError: there is no such axis.
    """
    if axis not in AXES:
        raise AdaspecError(f"No axis {axis[:40]!r}: choose one of {', '.join(AXES)}.")
    return _groups(run, source, axis, tokens.stamp(run))


@lru_cache(maxsize=32)
def _groups(run: Run, source: str, axis: str, _stamp: object) -> np.ndarray:
    return AXES[axis].of(run, source)


def within(run: Run, source: str, cell: Mapping[str, str]) -> np.ndarray:
    """[tokens] which of them lie in all of these groups.

    Args:
        cell: axis -> group.

    Raises:
        AdaspecError: there is no such axis or group; says which there are.
    """
    start, end = tokens.bounds(run, source)
    inside = np.ones(end - start, dtype=bool)
    for axis, group in cell.items():
        numbers = groups(run, source, axis)
        if group not in AXES[axis].groups:
            raise AdaspecError(
                f"No {axis} {group[:40]!r}: choose one of {', '.join(AXES[axis].groups)}."
            )
        inside &= numbers == AXES[axis].groups.index(group)
    return inside
