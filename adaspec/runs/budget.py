"""What trainings leave beside a model: what they were, what they took, where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict

from adaspec.recipe import Training
from adaspec.runs.contract import Content, Contract, Count, Part
from adaspec.runs.folder import Run


@dataclass(frozen=True)
class Budget:
    """What a training has consumed, summed over processes and resumptions.

    Attributes:
        steps: optimiser steps.
        sequences: sequences read, repeats included.
        selected_tokens: response tokens that contributed a gradient.
        teacher_forwards: sequences that a frozen model, target or reference, was asked about;
            what is known of them already is not computed again.
        seconds: wall-clock time of the steps, held-out points included.
        kept: the step whose weights are the result, where those with the highest acceptance are
            kept; 0 is the model it started from.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)

    steps: Count = 0
    sequences: Count = 0
    selected_tokens: Count = 0
    teacher_forwards: Count = 0
    seconds: float = 0.0
    kept: Count | None = None


class Trained(Part):
    """`training.json` beside a trained model: what made it, and what that took.

    Attributes:
        key: the training's; two with equal keys are the same training.
    """

    version: Literal[2] = 2
    training: Training
    key: str
    budget: Budget


class Checkpoint(Part):
    """`budget.json` of a checkpoint: how far the training was."""

    version: Literal[2] = 2
    budget: Budget


class Best(Part):
    """`best.json` beside the best weights so far: their acceptance, and the step they are of."""

    version: Literal[1] = 1
    alpha: float
    step: Count


def _upgrade_checkpoint(content: Content, version: int) -> Content:
    return {"budget": content}


TRAINED: Contract[Trained] = Contract(Trained, 2)
CHECKPOINT: Contract[Checkpoint] = Contract(Checkpoint, 2, _upgrade_checkpoint)
BEST: Contract[Best] = Contract(Best)


def read_trained(run: Run, name: str) -> Trained:
    """What a finished training of the run was.

    Raises:
        Unreadable: there is none of this name, or its file is damaged.
    """
    return TRAINED.read(run.budget_file(name))
