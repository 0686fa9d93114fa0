"""The GPUs that this process may use, as NVIDIA's driver names them. Loads no torch.

`CUDA_VISIBLE_DEVICES` decides, read as CUDA reads it: indices, UUIDs of GPUs and of MIG devices or
unambiguous beginnings of them, up to the first that names nothing. A GPU that is split into MIG
devices stands for those. Indices are the driver's, in the order of the PCI bus.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from typing import Any, NamedTuple

import pynvml

from adaspec.settings import settings

VISIBLE = "CUDA_VISIBLE_DEVICES"


class Gpu(NamedTuple):
    """A GPU, or a MIG device of one.

    Attributes:
        uuid: what `CUDA_VISIBLE_DEVICES` names it by.
        name: as torch calls it: `NVIDIA H100 80GB HBM3`.
        total, free: bytes of memory; None where it shares the machine's, of which the driver
            reports nothing.
        also: other names: the index and UUID of the GPU that it is, or is a part of, and the name
            of MIG devices before they had UUIDs of their own.
    """

    uuid: str
    name: str
    total: int | None
    free: int | None
    also: tuple[str, ...]


def gpus() -> list[Gpu]:
    """In the order of `CUDA_VISIBLE_DEVICES`; none if torch, the settings or the driver allow
    none."""
    if version("torch").endswith("+cpu") or settings().device == "cpu" or not _driver():
        return []
    try:
        every = list(_every())
    except pynvml.NVMLError:  # one has fallen off the bus, or the driver is being replaced
        return []
    visible = os.environ.get(VISIBLE)
    return every if visible is None else list(_chosen(every, visible))


def _chosen(every: list[Gpu], visible: str) -> Iterator[Gpu]:
    for word in visible.split(","):
        matching = [gpu for gpu in every if _is_called(gpu, word.strip())]
        if not matching:
            return
        yield from matching


def _is_called(gpu: Gpu, word: str) -> bool:
    if word.startswith(("GPU-", "MIG-")):
        return any(name.startswith(word) for name in (gpu.uuid, *gpu.also))
    return word in gpu.also


@cache
def _driver() -> bool:
    """Whether there is a driver; it stays open, since opening it may take a second."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return False
    return True


def _every() -> Iterator[Gpu]:
    for index in range(pynvml.nvmlDeviceGetCount()):
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        also = (str(index), pynvml.nvmlDeviceGetUUID(handle))
        if _is_split(handle):
            yield from _parts(handle, also)
        else:
            yield _gpu(handle, also)


def _is_split(handle: Any) -> bool:
    try:
        current, _ = pynvml.nvmlDeviceGetMigMode(handle)
    except pynvml.NVMLError_NotSupported:
        return False
    return bool(current == pynvml.NVML_DEVICE_MIG_ENABLE)


def _parts(handle: Any, also: tuple[str, str]) -> Iterator[Gpu]:
    for number in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            part = pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, number)
        except pynvml.NVMLError_NotFound:
            continue
        instance = pynvml.nvmlDeviceGetGpuInstanceId(part)
        compute = pynvml.nvmlDeviceGetComputeInstanceId(part)
        yield _gpu(part, (*also, f"MIG-{also[1]}/{instance}/{compute}"))


def _gpu(handle: Any, also: tuple[str, ...]) -> Gpu:
    total = free = None
    try:
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        total, free = int(memory.total), int(memory.free)
    except pynvml.NVMLError_NotSupported:  # `[N/A]` in nvidia-smi
        pass
    uuid, name = pynvml.nvmlDeviceGetUUID(handle), pynvml.nvmlDeviceGetName(handle)
    return Gpu(uuid, name, total, free, also)
