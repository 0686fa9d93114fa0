"""What rounding a run's weights to 16 bits costs in acceptance, before they go into a file."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from adaspec import run_models, runs, tokens
from adaspec.data import Batch, Example, by_length
from adaspec.divergence import measure_rows, overlap
from adaspec.models import load_weights
from adaspec.recipe import TARGET
from adaspec.runs import Run
from adaspec.teacher import frozen_rows
from adaspec.tokens import GENERATED

TEXTS, TOKENS = 40, 4096
"""Of the target's own texts, and tokens of a forward pass."""
CPU = torch.device("cpu")


class Rounded(NamedTuple):
    """The exact acceptance rate of a draft over some tokens, and with all weights rounded."""

    exact: float
    rounded: float
    tokens: int


def rounded_alphas(run: Run, drafts: list[str]) -> dict[str, Rounded]:
    """Draft -> what float16 does to it and its target, on the first texts that the target wrote.

    Raises:
        AdaspecError: the run has no token tables, or does not hold the models.
    """
    facts = runs.read_state(run).facts
    assert facts
    examples = _texts(run)
    folders = run_models.for_browsers(run)
    target = _both(folders[TARGET])
    found = {}
    for name in drafts:
        draft = _both(folders[name])
        exact, rounded = (
            _alpha(p, q, facts.shared_vocabulary, examples)
            for p, q in zip(target, draft, strict=True)
        )
        found[name] = Rounded(exact, rounded, sum(example.predicted for example in examples))
    return found


def _texts(run: Run) -> list[Example]:
    count = min(TEXTS, len(tokens.examples(run, GENERATED)))
    examples = []
    for seq in range(count):
        prompt = tokens.prompt_ids(run, GENERATED, seq)
        rows = tokens.rows(run, GENERATED, seq, [])
        text = rows["token"].to_numpy()
        examples.append(Example(np.concatenate([prompt, text]), len(prompt)))
    return examples


def _both(folder: Path) -> tuple[Any, Any]:
    """A model, and the same with its weights rounded."""
    model = load_weights(folder, CPU).float()
    return model, copy.deepcopy(model).half().float()


@torch.no_grad()
def _alpha(target: Any, draft: Any, vocabulary: int, examples: list[Example]) -> float:
    def beta(batch: Batch, _: list[int]) -> torch.Tensor:
        return measure_rows(
            overlap, frozen_rows(target, batch, vocabulary), frozen_rows(draft, batch, vocabulary)
        )

    return float(by_length(examples, TOKENS, beta).mean())
