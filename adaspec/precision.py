"""On which device a run computes, and in which precision.

On a GPU that has bf16: the weights in training, their gradients and AdamW's moments are float32;
bodies run in bf16; logits, softmaxes and divergences are float32 everywhere. Frozen models (target,
reference, finished drafts) are converted to bf16 once. The draft in training is read through
autocast, which keeps the bf16 copies of its weights until the *outermost* autocast ends: it is
entered again for every optimiser step and every point of the curve, never around several steps,
which would all read the weights of the first.
"""

from __future__ import annotations

from datetime import timedelta

import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs
from torch import Tensor

from adaspec import AdaspecError
from adaspec.recipe import Recipe
from adaspec.settings import settings

# cuDNN's attention prepares a plan for every new shape, 3 to 20 ms a layer on an H200, and nearly
# every batch has a shape of its own. Torch's flash attention is as fast and prepares nothing.
torch.backends.cuda.enable_cudnn_sdp(False)

PASS_TOKENS = {"cpu": 2048, "cuda": 1 << 14}
"""Padded tokens per forward pass of a frozen model: enough to keep the device busy."""


def device() -> torch.device:
    """What this process computes on: a GPU if there is one and the settings allow it."""
    cuda = torch.cuda.is_available() and settings().device != "cpu"
    return torch.device("cuda" if cuda else "cpu")


def has_bf16() -> bool:
    """Whether that device is a GPU with bf16."""
    return device().type == "cuda" and torch.cuda.is_bf16_supported()


def make_accelerator(recipe: Recipe) -> Accelerator:
    """This process's device, at the recipe's precision.

    Raises:
        AdaspecError: the recipe asks for bf16 and the device does not have it.
    """
    if recipe.precision == "bf16" and not has_bf16():
        raise AdaspecError("precision: bf16 needs a GPU that supports it; set precision=float32.")
    bf16 = has_bf16() and recipe.precision != "float32"
    patience = InitProcessGroupKwargs(timeout=timedelta(days=1))  # others wait for the main one
    return Accelerator(
        cpu=device().type == "cpu",
        mixed_precision="bf16" if bf16 else "no",
        kwargs_handlers=[patience],
    )


def frozen_dtype(accelerator: Accelerator) -> torch.dtype:
    """The precision of the weights of models that are not in training."""
    return torch.bfloat16 if accelerator.mixed_precision == "bf16" else torch.float32


def product(left: Tensor, right: Tensor) -> Tensor:
    """left @ right in float32, of two matrices in bf16 or float32.

    A GPU multiplies bf16 numbers just as fast when it accumulates in float32; torch has no
    derivative for that.
    """
    if left.is_cuda and left.dtype == right.dtype == torch.bfloat16:
        return torch.mm(left, right, out_dtype=torch.float32)
    return left.float() @ right.float()


def pass_tokens(device: torch.device) -> int:
    """Padded tokens of a forward pass of a frozen model on this device."""
    return PASS_TOKENS[device.type]
