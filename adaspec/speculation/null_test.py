"""The null test: a target that drafts for itself must have everything accepted.

Draft and target are then one model, and what remains between p and q is how passes of one token and
of several round. More than that is a fault of caches, positions, masks or weights, and would be in
every number that is measured with them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from adaspec.recipe import Decoding
from adaspec.runs import NullTest
from adaspec.speculation.decoding import Decoder

TOLERANCE = {"float32": 1e-4, "bf16": 0.04}
"""How far the mean beta may be from 1; the least, `LEAST` times as far. Seen on a CPU in float32:
1e-8 (tiny) and 6e-6 (SmolLM2-135M); in bf16, of which passes of other widths round otherwise: 1e-5
and 0.017, at the most 0.0006 and 0.034."""
LEAST = 3
GREEDY_TOLERANCE = {"float32": 0.0, "bf16": 0.1}
"""How many greedy proposals may be rejected: in bf16 the likeliest two tokens can change places."""


def null_test(
    target: Any,
    prompts: list[list[int]],
    *,
    vocabulary: int,
    gamma: int = 4,
    new_tokens: int = 16,
    seed: int = 0,
) -> NullTest:
    """The target drafts for itself, sampling at temperature 1 and greedily.

    Args:
        prompts: token ids; a few are enough.
        vocabulary: as `Decoder` takes it.
        new_tokens: of each text; no end of sequence ends it.
        seed: of the first prompt's uniforms; those after it have the next ones.

    Raises:
        AdaspecError: as `Decoder` does.
    """
    decode = Decoder(target, vocabulary=vocabulary, eos=None)
    betas: list[float] = []
    greedy: list[bool] = []
    for number, prompt in enumerate(prompts):
        for temperature in (1.0, 0.0):
            how = Decoding(gamma=gamma, temperature=temperature, max_new_tokens=new_tokens)
            trace = decode(target, prompt, how, seed=seed + number)
            proposals = [proposal for turn in trace.rounds for proposal in turn.proposals]
            if how.greedy:
                tested = [proposal.accepted for proposal in proposals]
                greedy += [accepted for accepted in tested if accepted is not None]
            else:
                betas += [min(proposal.overlap or 0.0, 1.0) for proposal in proposals]
    precision = "float32" if target.dtype == torch.float32 else "bf16"
    return _result(precision, np.array(betas), np.array(greedy))


def _result(precision: str, betas: np.ndarray, greedy: np.ndarray) -> NullTest:
    tolerance, greedy_tolerance = TOLERANCE[precision], GREEDY_TOLERANCE[precision]
    beta, least, accepted = float(betas.mean()), float(betas.min()), float(greedy.mean())
    passed = (
        1 - beta <= tolerance
        and 1 - least <= LEAST * tolerance
        and 1 - accepted <= greedy_tolerance
    )
    numbers = (
        f"mean β {beta:.5f} (least {least:.5f}) over {len(betas)} sampled proposals, and accepts "
        f"{accepted:.1%} of {len(greedy)} greedy ones, in {precision}"
    )
    if passed:
        message = f"Null test passed: drafting for itself, the target has {numbers}."
    else:
        message = (
            f"Null test failed: drafting for itself, the target has {numbers}; β must be 1 to "
            f"within {tolerance:g} (least {LEAST * tolerance:g}), and all accepted to within "
            f"{greedy_tolerance:.0%}. Nothing measured after this should be believed: the likely "
            "reasons are an architecture whose cache or positions this version gets wrong, damaged "
            "weights, or a faulty device or driver."
        )
    return NullTest(
        passed=passed,
        precision=precision,
        proposals=len(betas),
        beta=beta,
        least=least,
        tolerance=tolerance,
        greedy=accepted,
        greedy_tolerance=greedy_tolerance,
        message=message,
    )
