"""Reading on: a model, and the key-value cache of the tokens that it has read.

A reader gets the positions of its tokens in the text. What it had read from there on is forgotten
by that alone, and nothing waits for the device. Its cache has a slot for every position of the
text, filled in place, so that all its tensors keep their addresses: what CUDA graphs need.
"""

from __future__ import annotations

import logging
from typing import Any, cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from transformers import Cache, DynamicCache

from adaspec.models import context_length, head, require_attention

log = logging.getLogger("adaspec")

PROBE = 8
"""Tokens with which a model is tried on `StaticReader`."""


class Reader:
    """A model that reads on from what it has read.

    Args:
        vocabulary: ids from here on have no logits.

    Attributes:
        capturable: a CUDA graph can do what it does.
    """

    capturable = False

    def __init__(self, model: Any, vocabulary: int) -> None:
        self.model = model
        self.logits = head(model, vocabulary)

    def read(self, ids: Tensor, positions: Tensor) -> Tensor:
        """Read on; the logits after each of these tokens, [tokens, vocabulary] in float32.

        Args:
            ids: [tokens]
            positions: [tokens] theirs in the text, one after the other. All before them must have
                been read; what was read from there on is forgotten.
        """
        return self.logits(self.remember(ids, positions))

    def remember(self, ids: Tensor, positions: Tensor) -> Tensor:
        """As `read`; the last hidden states, [tokens, hidden]."""
        raise NotImplementedError


class GrowingReader(Reader):
    """With a cache that grows and is cropped: for any model, but it waits for the device.

    Whoever has gone back goes back no further, except to the beginning: a sliding window has
    forgotten what lies behind.
    """

    def __init__(self, model: Any, vocabulary: int) -> None:
        super().__init__(model, vocabulary)
        self.length = 0

    def remember(self, ids: Tensor, positions: Tensor) -> Tensor:
        start = int(positions[0])
        if start == 0:
            self.cache = DynamicCache(config=self.model.config)
            self.cache.activate_past_recording()  # of sliding windows: what a crop brings back
        elif start < self.length:
            self.cache.crop(start - self.length)
        self.length = start + len(ids)
        out = self.model.base_model(input_ids=ids[None], past_key_values=self.cache, use_cache=True)
        return cast(Tensor, out.last_hidden_state[0])


class StaticReader(Reader):
    """With a slot for every position. Only a model that `reads_in_slots` is right in it.

    Positions past the model's context, as a step of fixed width may have at the end of a text, are
    read as its last: what comes of them means nothing, and no token of the text sees it.

    Args:
        slots: the most positions; a multiple of 8, as attention kernels like their masks.
    """

    capturable = True

    def __init__(self, model: Any, vocabulary: int, slots: int) -> None:
        super().__init__(model, vocabulary)
        self.cache = _Slots(slots)
        self.slots = torch.arange(slots, device=model.device)
        self.windows = _windows(model) or {"": None}
        self.last = min(context_length(model) or slots, slots) - 1
        self.zero = torch.zeros((), dtype=model.dtype, device=model.device)
        self.least = torch.full_like(self.zero, torch.finfo(model.dtype).min)

    def remember(self, ids: Tensor, positions: Tensor) -> Tensor:
        masks = {kind: self._mask(positions, window) for kind, window in self.windows.items()}
        self.cache.positions = positions
        out = self.model.base_model(
            input_ids=ids[None],
            position_ids=positions.clamp(max=self.last)[None],
            attention_mask=masks if len(masks) > 1 else masks.popitem()[1],
            past_key_values=self.cache,
            use_cache=True,
        )
        return cast(Tensor, out.last_hidden_state[0])

    def _mask(self, positions: Tensor, window: int | None) -> Tensor:
        """[1, 1, tokens, slots] what is added to the attention scores."""
        at = positions[:, None]
        hidden = self.slots > at
        if window is not None:
            hidden |= self.slots <= at - window
        return torch.where(hidden, self.least, self.zero)[None, None]


class _Slots(Cache):  # type: ignore[misc]
    """Keys and values of every layer, [1, heads, slots, head_dim].

    Attributes:
        positions: where the next ones belong; set before a model's pass.
    """

    is_compileable = True
    positions: Tensor

    def __init__(self, slots: int) -> None:
        super().__init__(layers=[])
        self.slots = slots
        self.filled: dict[int, tuple[Tensor, Tensor]] = {}

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        new = key_states, value_states
        if layer_idx not in self.filled:
            keys, values = (
                states.new_zeros((*states.shape[:2], self.slots, states.shape[3])) for states in new
            )
            self.filled[layer_idx] = keys, values
        for slots, states in zip(self.filled[layer_idx], new, strict=True):
            slots.index_copy_(2, self.positions, states)
        return self.filled[layer_idx]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Not known without asking the device. Models need it where they get no positions or no
        mask, and they get both."""
        return self.slots


def open_reader(model: Any, vocabulary: int, slots: int) -> Reader:
    """The fastest reader that is right for a model.

    Raises:
        AdaspecError: the model keeps a running state, which no rejected proposal can be taken from.
    """
    require_attention(model)
    if reads_in_slots(model):
        return StaticReader(model, vocabulary, slots)
    return GrowingReader(model, vocabulary)


_READS_IN_SLOTS: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


@torch.inference_mode()
def reads_in_slots(model: Any) -> bool:
    """Whether `StaticReader` is right for a model: tried once, against a pass without a cache."""
    if model not in _READS_IN_SLOTS:
        try:
            works = bool(_windows(model)) and _agrees(model)
        except torch.OutOfMemoryError:
            raise
        except Exception:  # every architecture fails in its own way
            works = False
        if not works:
            log.info("%s decodes with a cache that grows, which is slower.", type(model).__name__)
        _READS_IN_SLOTS[model] = works
    return _READS_IN_SLOTS[model]


def _windows(model: Any) -> dict[str, int | None]:
    """Kind of layer -> how many positions back it sees, its own included, or None: all.

    Empty where masks of this form cannot say what the layers see.
    """
    config = model.config.get_text_config(decoder=True)
    if config._attn_implementation not in ("sdpa", "eager"):
        return {}
    layers = DynamicCache(config=config).layers
    kinds = getattr(config, "layer_types", None) or [""] * len(layers)
    if not set(kinds) <= {"", "full_attention", "sliding_attention"}:
        return {}
    windows = {
        (kind, getattr(layer, "sliding_window", None))
        for kind, layer in zip(kinds, layers, strict=True)
    }
    return dict(windows) if len(windows) == len(set(kinds)) else {}


def _agrees(model: Any) -> bool:
    """Read in two pieces, over leftovers, the hidden states are those of one pass."""
    length = min(PROBE, context_length(model) or PROBE)
    half = length // 2
    rows = model.get_input_embeddings().weight.shape[0]
    positions = torch.arange(length, device=model.device)
    ids = positions % rows
    whole = model.base_model(input_ids=ids[None], use_cache=False).last_hidden_state[0]
    reader = StaticReader(model, rows, slots=16)
    reader.remember(ids.flip(0), positions)
    pieces = [
        reader.remember(ids[part], positions[part])
        for part in (slice(0, half), slice(half, length - 1), slice(length - 1, length))
        if len(ids[part])
    ]
    error = (torch.cat(pieces) - whole).float().norm() / whole.float().norm()
    return bool(error < (1e-2 if model.dtype == torch.float32 else 0.1))
