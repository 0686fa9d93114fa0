"""A run's metrics in trackio: every step of every training, once."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from adaspec import AdaspecError, runs, tracking
from adaspec.runs import Run

EXAMPLE = Run(runs.EXAMPLES["example"])
Logged = list[tuple[str, int, dict[str, Any]]]


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Logged:
    """What a stand-in for trackio was given: run, step, measures."""
    rows: Logged = []

    def init(**asked: Any) -> Any:
        def log(metrics: dict[str, Any], step: int) -> None:
            rows.append((asked["name"], step, metrics))

        return SimpleNamespace(log=log)

    trackio = ModuleType("trackio")
    trackio.__spec__ = ModuleSpec("trackio", None)
    trackio.init, trackio.finish = init, lambda: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "trackio", trackio)
    return rows


def test_every_step_of_every_training(logged: Logged) -> None:
    sent = tracking.track(EXAMPLE, "adaspec")
    metrics = runs.read_metrics(EXAMPLE)
    for training in ("reference", "adaspec"):
        rows = [(step, row) for name, step, row in logged if name == f"tiny-{training}"]
        assert sent[f"tiny-{training}"] == len(rows) == len(metrics[training])
        for (step, row), known in zip(rows, metrics[training], strict=True):
            assert step == known.step
            assert row.get("loss") == known.loss
            assert row.get("alpha") == known.alpha
            assert None not in row.values()
    assert "tiny-replays" not in sent  # no training


def test_by_trackio_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    trackio = pytest.importorskip("trackio", reason="the extra is not installed")
    sent = tracking.track(EXAMPLE, "adaspec")
    names = {run.name for run in trackio.Api().runs("adaspec")}
    assert names == set(sent)


def test_what_cannot_be_sent_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path / "run")
    with pytest.raises(AdaspecError, match="no metrics yet"):
        tracking.track(run, "adaspec")
    monkeypatch.setattr(tracking, "find_spec", lambda name: None)
    with pytest.raises(AdaspecError, match=r'pip install "adaspec\[trackio\]"'):
        tracking.track(EXAMPLE, "adaspec")
