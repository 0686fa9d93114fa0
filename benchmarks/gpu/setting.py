"""What every part is given: device, sizes and time; and random models of those sizes."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

GRACE = 10
"""Seconds that a part has to put away what it started."""
Config = dict[str, Any]
SIZES: dict[str, tuple[Config, Config]] = {
    "pythia": (
        {"model_type": "gpt_neox", "vocab_size": 50304, "hidden_size": 2048, "intermediate_size":
         8192, "num_hidden_layers": 24, "num_attention_heads": 16},
        {"model_type": "gpt_neox", "vocab_size": 50304, "hidden_size": 256, "intermediate_size":
         1024, "num_hidden_layers": 6, "num_attention_heads": 8},
    ),
    "smollm2": (
        {"model_type": "llama", "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536,
         "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
         "tie_word_embeddings": True},
        {"model_type": "llama", "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536,
         "num_hidden_layers": 3, "num_attention_heads": 9, "num_key_value_heads": 3,
         "tie_word_embeddings": True},
    ),
    "codegen": (
        {"model_type": "phi", "vocab_size": 51200, "hidden_size": 2560, "intermediate_size": 10240,
         "num_hidden_layers": 32, "num_attention_heads": 32},
        {"model_type": "codegen", "vocab_size": 51200, "n_embd": 1024, "n_layer": 20, "n_head": 16,
         "rotary_dim": 32},
    ),
}  # fmt: skip
"""Pair -> the configurations of its target and its draft."""
SMALL: Config = {
    "vocab_size": 1024, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
    "num_attention_heads": 4, "n_embd": 64, "n_layer": 2, "n_head": 4, "rotary_dim": 8,
}  # fmt: skip
"""What takes the place of those numbers with --small."""


@dataclass(frozen=True)
class Setting:
    """What a part is given.

    Attributes:
        small: sizes of seconds on a CPU.
        until: `time.monotonic` at which the part must have put away what it started.
    """

    device: torch.device
    small: bool
    until: float

    @property
    def bf16(self) -> bool:
        return self.device.type == "cuda"

    @property
    def precision(self) -> torch.dtype:
        return torch.bfloat16 if self.bf16 else torch.float32

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def start_peak(self) -> None:
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def peak(self) -> int:
        """Bytes since `start_peak`; 0 on a CPU, which does not say."""
        return torch.cuda.max_memory_allocated() if self.device.type == "cuda" else 0


def random_model(config: Config, seed: int, dtype: torch.dtype, setting: Setting) -> Any:
    """As transformers makes it, on the device."""
    chosen = config | (
        {name: SMALL[name] for name in SMALL.keys() & config} if setting.small else {}
    )
    if setting.small and "num_key_value_heads" in chosen:
        chosen["num_key_value_heads"] = 2
    kind = AutoConfig.for_model(**chosen)
    torch.manual_seed(seed)
    with setting.device:
        return AutoModelForCausalLM.from_config(kind, dtype=dtype).to(setting.device).eval()
