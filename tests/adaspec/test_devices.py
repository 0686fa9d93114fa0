"""The whole way on every device that is there: training, measurement, decoding, own text, export.

Other tests pin digits and ask for the CPU. Here a GPU's drafts are compared with a CPU's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.state import AcceleratorState

from adaspec import export, inference, pipeline, recipe, runs
from adaspec.runs import Run

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(scope="module", params=DEVICES)
def run(
    request: pytest.FixtureRequest,
    content: dict[str, Any],
    finished_run: Run,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Run]:
    """A finished run of one recipe on each device, whose models are then opened there too."""
    if request.param == "cpu":
        yield finished_run
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADASPEC_DEVICE", "auto")
        patch.setenv("ADASPEC_HOME", str(tmp_path_factory.mktemp("home")))
        AcceleratorState._reset_state(reset_partial_state=True)
        yield pipeline.execute(recipe.parse(content))
    AcceleratorState._reset_state(reset_partial_state=True)


def test_drafts_are_about_those_of_a_cpu(run, finished_run) -> None:
    """In bf16 exact acceptance on the data set's answers to 0.01, and the null test passes."""
    ours, theirs = runs.read_report(run), runs.read_report(finished_run)
    for draft, expected in zip(ours.drafts, theirs.drafts, strict=True):
        assert draft.alpha.dataset == pytest.approx(expected.alpha.dataset, abs=0.01)
        assert draft.budget.selected_tokens == expected.budget.selected_tokens
    assert ours.checks is not None
    assert ours.checks.null_test.passed


def test_own_text_is_read_and_continued(run) -> None:
    models = inference.open_run(run)
    assert models.device.type == ("cpu" if os.environ["ADASPEC_DEVICE"] == "cpu" else "cuda")
    text = inference.read_text(models, "Ada has 2", " apples.", ["stock", "adaspec"])
    assert len(text.columns["kl@adaspec"]) == len(text.ids) - text.response_from
    trace = inference.speculate(
        models, "Ada has 2", "adaspec", gamma=3, temperature=0, max_new_tokens=8, seed=1
    )
    assert trace.rounds


def test_a_draft_is_exported_and_read_back(run, tmp_path: Path) -> None:
    export.export_draft(run, "adaspec", tmp_path / "draft")
    assert (tmp_path / "draft" / "model.safetensors").is_file()
