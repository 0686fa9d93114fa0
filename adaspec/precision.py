"""Where a run computes, and in which numbers.

On a GPU that has bf16: the weights in training, their gradients and AdamW's moments are float32;
bodies run in bf16; logits, softmaxes and divergences are float32 everywhere. Frozen models (target,
reference, finished drafts) are converted to bf16 once. The draft in training is read through
autocast, which keeps the bf16 copies of its weights until the *outermost* autocast ends: it is
entered anew for every optimiser step and every point of the curve, and never around several steps,
which would all read the weights of the first.
"""

from __future__ import annotations

from datetime import timedelta

import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs

from adaspec import AdaspecError
from adaspec.recipe import Recipe
from adaspec.settings import settings

PASS_TOKENS = {"cpu": 2048, "cuda": 1 << 14}
"""Padded tokens that go through a frozen model together: enough to keep the device busy."""


def device() -> torch.device:
    """What this process computes on: a GPU where there is one, and the owner lets it be used."""
    cuda = torch.cuda.is_available() and settings().device != "cpu"
    return torch.device("cuda" if cuda else "cpu")


def make_accelerator(recipe: Recipe) -> Accelerator:
    """The devices of this process, at the recipe's precision.

    Raises:
        AdaspecError: bf16 is asked for and the device does not have it.
    """
    cuda = device().type == "cuda"
    has_bf16 = cuda and torch.cuda.is_bf16_supported()
    if recipe.precision == "bf16" and not has_bf16:
        raise AdaspecError("precision: bf16 needs a GPU that has it; set precision=float32.")
    bf16 = has_bf16 and recipe.precision != "float32"
    patience = InitProcessGroupKwargs(timeout=timedelta(days=1))  # while the main one measures
    return Accelerator(
        cpu=not cuda, mixed_precision="bf16" if bf16 else "no", kwargs_handlers=[patience]
    )


def frozen_dtype(accelerator: Accelerator) -> torch.dtype:
    """Of the weights of models that are not in training."""
    return torch.bfloat16 if accelerator.mixed_precision == "bf16" else torch.float32


def pass_tokens(device: torch.device) -> int:
    """Padded tokens of a forward pass of a frozen model on this device."""
    return PASS_TOKENS[device.type]
