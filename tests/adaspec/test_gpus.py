"""Which GPUs a process may use: as CUDA reads its variable, on a stand-in for the driver."""

from __future__ import annotations

import pytest

from adaspec import gpus
from tests.nvml import GB, Card, install

SPLIT = Card("GPU-c", parts=[Card("MIG-c1", total=10 * GB), Card("MIG-c2", total=20 * GB)])


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, "GPU-a1 GPU-b1 MIG-c1 MIG-c2"),
        ("", ""),
        ("-1", ""),
        ("NoDevFiles", ""),
        ("1,0", "GPU-b1 GPU-a1"),
        ("0, 9, 1", "GPU-a1"),  # nothing counts after what names nothing
        ("GPU-b1", "GPU-b1"),
        ("GPU-b", "GPU-b1"),
        ("MIG-c2,0", "MIG-c2 GPU-a1"),
        ("MIG-GPU-c/7/0", "MIG-c1"),  # as MIG devices were called before driver 470
        ("2", "MIG-c1 MIG-c2"),
        ("GPU-c", "MIG-c1 MIG-c2"),
    ],
)
def test_the_variable_is_read_as_cuda_reads_it(
    visible: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
):
    install(monkeypatch, Card("GPU-a1"), Card("GPU-b1"), SPLIT)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [gpu.uuid for gpu in gpus.gpus()] == expected.split()


def test_a_gpu_that_shares_the_machines_memory_is_one(monkeypatch: pytest.MonkeyPatch):
    """Its memory is `[N/A]` in nvidia-smi's table, and so is whether it can be split."""
    install(monkeypatch, Card("GPU-a", total=None, name="NVIDIA GB10"))
    (gpu,) = gpus.gpus()
    assert (gpu.name, gpu.total, gpu.free) == ("NVIDIA GB10", None, None)


def test_the_settings_torch_and_a_lost_gpu_leave_none(monkeypatch: pytest.MonkeyPatch):
    install(monkeypatch, Card("GPU-a"))
    assert len(gpus.gpus()) == 1
    monkeypatch.setenv("ADASPEC_DEVICE", "cpu")
    assert gpus.gpus() == []
    monkeypatch.delenv("ADASPEC_DEVICE")
    install(monkeypatch, Card("GPU-a"), torch="2.13.0+cpu")
    assert gpus.gpus() == []
    install(monkeypatch, Card("GPU-a", lost=True))
    assert gpus.gpus() == []


def test_without_a_driver_there_are_none(monkeypatch: pytest.MonkeyPatch):
    """The real pynvml: this fails to find the library, or says what is there."""
    monkeypatch.setattr(gpus, "version", lambda _: "2.13.0")
    assert all(gpu.uuid.startswith(("GPU-", "MIG-")) for gpu in gpus.gpus())
