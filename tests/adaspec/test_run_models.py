"""Where a run's models are, and which of them browsers may run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from adaspec import ASSETS, AdaspecError, run_models, runs
from adaspec.models import load_weights, weights_hash
from adaspec.recipe import TARGET
from adaspec.runs import Run

PAIRS = sorted(path.parents[1] for path in ASSETS.glob("*/stock/tokenizer.json"))


@pytest.fixture
def copied(tmp_path: Path) -> Run:
    shutil.copytree(runs.EXAMPLES["example"], tmp_path / "run")
    return Run(tmp_path / "run")


def change(run: Run, **changed: object) -> None:
    state = json.loads(run.state_file.read_text())
    run.state_file.write_text(json.dumps(state | changed))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda folder: folder.name)
@pytest.mark.parametrize("role", ["target", "stock"])
def test_a_files_hash_is_that_of_the_opened_model(pair: Path, role: str) -> None:
    model = load_weights(pair / role, "cpu")
    assert run_models.file_hash(pair / role) == weights_hash(model)


@pytest.mark.parametrize("run", runs.EXAMPLES.values(), ids=runs.EXAMPLES)
def test_browsers_run_every_model_of_the_bundled_runs(run: Path) -> None:
    folders = run_models.for_browsers(Run(run))
    assert list(folders) == [TARGET, *run_models.snapshot_folders(Run(run))]
    eos = AutoTokenizer.from_pretrained(folders[TARGET]).eos_token_id
    assert run_models.end_of_text(Run(run), folders[TARGET]) == eos


def test_a_target_that_changed_is_none_of_the_runs(copied: Run) -> None:
    hashes = json.loads(copied.state_file.read_text())["hashes"]
    change(copied, hashes=hashes | {"target": "0" * 16})
    with pytest.raises(AdaspecError, match="assets:tiny/target, is not the same any more"):
        run_models.for_browsers(copied)


@pytest.mark.parametrize("source", ["owner/model", "/etc", "assets:../assets/nothing", "random"])
def test_a_target_elsewhere_is_for_the_server(copied: Run, source: str) -> None:
    change(copied, sources={"target": source})
    with pytest.raises(AdaspecError, match="only the server can open it"):
        run_models.for_browsers(copied)


def test_a_target_that_the_run_trained_is_its_own(copied: Run) -> None:
    shutil.copytree(ASSETS / "tiny/target", copied.path / "models/target")
    models = json.loads(copied.state_file.read_text())["models"]
    change(copied, models=models | {"target": "models/target"}, sources={})
    assert run_models.for_browsers(copied)[TARGET] == copied.path / "models/target"


@pytest.mark.parametrize(
    ("content", "fault"), [("{}", None), ('{"eos_token": null}', None), ("{", "is damaged")]
)
def test_what_ends_a_text(copied: Run, content: str, fault: str | None) -> None:
    folder = copied.path / "models/stock"
    (folder / "tokenizer_config.json").write_text('{"eos_token": {"content": "<|endoftext|>"}}')
    assert run_models.end_of_text(copied, folder) == 0
    (folder / "tokenizer_config.json").write_text(content)
    if fault:
        with pytest.raises(AdaspecError, match=fault):
            run_models.end_of_text(copied, folder)
    else:
        assert run_models.end_of_text(copied, folder) is None
