"""A stand-in for NVIDIA's driver, where there is none: pynvml as far as `adaspec.gpus` asks it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import pynvml
import pytest

from adaspec import gpus

GB = 10**9


@dataclass
class Card:
    """A GPU or MIG device; without `total` it shares the machine's memory."""

    uuid: str
    total: int | None = 80 * GB
    free: int = 80 * GB
    name: str = "NVIDIA H100 80GB HBM3"
    parts: list[Card] = field(default_factory=list)
    lost: bool = False


class Driver:
    """pynvml on a machine with these cards."""

    NVMLError = pynvml.NVMLError
    NVMLError_NotSupported = pynvml.NVMLError_NotSupported
    NVMLError_NotFound = pynvml.NVMLError_NotFound
    NVML_DEVICE_MIG_ENABLE = 1

    def __init__(self, cards: list[Card]) -> None:
        self.cards = cards

    def nvmlInit(self) -> None:
        pass

    def nvmlDeviceGetCount(self) -> int:
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Card:
        if self.cards[index].lost:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return self.cards[index]

    def nvmlDeviceGetUUID(self, card: Card) -> str:
        return card.uuid

    def nvmlDeviceGetName(self, card: Card) -> str:
        return card.name

    def nvmlDeviceGetMemoryInfo(self, card: Card) -> SimpleNamespace:
        if card.total is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return SimpleNamespace(total=card.total, free=card.free)

    def nvmlDeviceGetMigMode(self, card: Card) -> tuple[int, int]:
        if card.total is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return int(bool(card.parts)), int(bool(card.parts))

    def nvmlDeviceGetMaxMigDeviceCount(self, card: Card) -> int:
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, card: Card, number: int) -> Card:
        if number >= len(card.parts):
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return card.parts[number]

    def nvmlDeviceGetGpuInstanceId(self, part: Card) -> int:
        return 7 if part.uuid.endswith("1") else 8

    def nvmlDeviceGetComputeInstanceId(self, part: Card) -> int:
        return 0


def install(patch: pytest.MonkeyPatch, *cards: Card, torch: str = "2.13.0") -> None:
    """Let this process see these cards, with such a torch, whatever the machine has."""
    patch.setattr(gpus, "pynvml", Driver(list(cards)))
    patch.setattr(gpus, "_driver", lambda: True)
    patch.setattr(gpus, "version", lambda _: torch)
    patch.delenv(gpus.VISIBLE, raising=False)
    patch.setenv("ADASPEC_DEVICE", "auto")
