"""What drafts are compared by, as sums and counts of every prompt.

From the token tables, whose texts the target wrote and every draft was asked about, and from the
replays, which had the same uniforms.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from adaspec import replays, tokens
from adaspec.analysis.drafts import Entry
from adaspec.analysis.results import Verdict
from adaspec.resampling import Ratio
from adaspec.runs import Run
from adaspec.runs.contract import stamp
from adaspec.speculation import statistics
from adaspec.tokens import GENERATED

ROUNDING = 1e-4  # of beta and KL in float32: a token this little below the floor is on it


class Measure(NamedTuple):
    """What two drafts are compared by.

    Attributes:
        name: as in the report.
        unit: of a difference, once it is multiplied by `factor`.
        better: the sign of an improvement.
        column: of the token tables; None where the replays say it.
    """

    name: str
    label: str
    unit: str
    factor: float
    digits: int
    better: int
    column: str | None


MEASURES = (
    Measure("alpha.generated", "exact acceptance", "points", 100, 2, 1, "overlap"),
    Measure("alpha.tested", "tested acceptance", "points", 100, 2, 1, None),
    Measure("block_efficiency", "block efficiency", "tokens a target pass", 1, 3, 1, None),
    Measure("kl", "KL", "nats", 1, 4, -1, "kl"),
    Measure("top1", "top-1 agreement", "points", 100, 2, 1, "agree"),
)
VERDICTS: dict[int, Verdict] = {1: "ahead", -1: "behind", 0: "not told apart"}


def verdict(value: float, low: float, high: float, better: int = 1) -> Verdict:
    """Of a difference and its interval.

    Args:
        better: the sign of an improvement.
    """
    return VERDICTS[0 if low <= 0 <= high else int(np.sign(value)) * better]


def signed(value: float, digits: int = 2) -> str:
    """`+0.68`, with a minus that is as wide."""
    return f"{value:+.{digits}f}".replace("-", "−")


def written(value: float, measure: Measure) -> str:
    """A difference with its sign, in the measure's unit."""
    return signed(value * measure.factor, measure.digits)


def by_prompt(entry: Entry, measure: Measure) -> Ratio:
    """What a measure is the ratio of."""
    if measure.column:
        return _tabled(entry.run, entry.table, measure.column, tokens.stamp(entry.run))
    numbers = replays.numbers(entry.run, entry.table)
    stamps = [stamp(entry.run.replay(entry.table, seq)) for seq in numbers]
    counts = _counted(entry.run, entry.table, tuple(numbers), tuple(stamps))
    if measure.name == "block_efficiency":
        return counts.tokens, counts.rounds
    return counts.accepted, counts.accepted + counts.rejected


@lru_cache(maxsize=256)
def _tabled(run: Run, table: str, column: str, _stamp: object) -> Ratio:
    there = tokens.examples(run, GENERATED)
    starts = there["first"].to_numpy()
    values = tokens.column(run, GENERATED, column, table).astype(np.float64)
    return np.add.reduceat(values, starts - starts[0]), there["tokens"].to_numpy()


@lru_cache(maxsize=64)
def _counted(
    run: Run, table: str, numbers: tuple[int, ...], _stamps: tuple[tuple[int, int], ...]
) -> statistics.Counts:
    return statistics.count([replays.read(run, table, seq) for seq in numbers])


def decoded_alike(entry: Entry, other: Entry) -> bool:
    """Whether both were replayed on the same prompts, with the same settings and uniforms."""
    numbers = replays.numbers(entry.run, entry.table)
    if not numbers or numbers != replays.numbers(other.run, other.table):
        return False
    if entry.run == other.run:
        return True
    first, second = (replays.read(each.run, each.table, numbers[0]) for each in (entry, other))
    return first.decoding == second.decoding and first.seed == second.seed


def floor(kl: np.ndarray) -> np.ndarray:
    """The smallest beta that a token with this KL(p || q) can have."""
    kl = np.maximum(kl, 0.0)
    lowest: np.ndarray = 1 - np.minimum(np.sqrt(kl / 2), np.sqrt(1 - np.exp(-kl)))
    return lowest
