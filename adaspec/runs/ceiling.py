"""`ceiling.json`: what a draft of this size reached at all, trained long; apart from run.json."""

from __future__ import annotations

from typing import Literal

from adaspec import files
from adaspec.runs.contract import Contract, Count, Interval, Name, Part
from adaspec.runs.folder import Run
from adaspec.runs.report import Share


class Ceiling(Part):
    """The content of `ceiling.json`: a draft of another run, and what it reached.

    Attributes:
        run: its id.
        name: what it is called.
        alpha: exact acceptance, as the other run measured it.
        sequences: that the draft read, and those that it needed before it.
    """

    version: Literal[1] = 1
    run: str
    name: str
    draft: Name
    alpha: Share
    alpha_ci: Interval
    sequences: Count

    def __str__(self) -> str:
        low, high = self.alpha_ci
        return (
            f"A draft of this size reached {self.alpha:.4f} (95 % interval {low:.4f} to "
            f"{high:.4f}) of exact acceptance on {self.sequences:,} sequences: {self.draft} of "
            f"{self.name}, run {self.run}"
        )

    def room(self, label: str, alpha: float) -> str:
        """How far a draft is from it, in a sentence."""
        points = 100 * (self.alpha - alpha)
        if points < 0:
            return f"{self}. {label} is {-points:.2f} points above: that was no ceiling."
        return f"{self}. {label} is {points:.2f} points below."


CEILING: Contract[Ceiling] = Contract(Ceiling, remedy="Remove it, or set it by adaspec ceiling.")


def read_ceiling(run: Run) -> Ceiling | None:
    """What was found to be the most for its drafts; None where nobody said.

    Raises:
        Unreadable: it is damaged.
    """
    return CEILING.read(run.ceiling_file) if files.exists(run.ceiling_file) else None
