"""Small real parts that many tests share: models on disk, a recipe of seconds, a finished run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, Page

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["ADASPEC_DEVICE"] = "cpu"  # digits are a CPU's; test_devices.py has the others
os.environ["OMP_NUM_THREADS"] = "1"  # of the processes that tests start
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # read when Triton is imported, which transformers does

from adaspec import models, recipe, runs
from adaspec.recipe import NewModel
from adaspec.stories import stories
from tests.studio import CHROMIUM, browser, faultless

torch.set_num_threads(1)  # models this small are slower on two
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")  # no test fails because others work on the machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that drives a browser and fails is tried once more, since a busy machine draws late;
    the summary counts those. What is broken fails twice.
    """
    for item in items:
        if isinstance(item, pytest.Function) and "chromium" in item.fixturenames:
            item.add_marker(pytest.mark.flaky(reruns=1))


TARGET = NewModel(vocabulary=300, hidden=32, layers=2, heads=2, feed_forward=48)
STOCK = NewModel(vocabulary=300, hidden=16, layers=1, heads=2, feed_forward=24)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of one's own."""
    monkeypatch.setenv("ADASPEC_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def small_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `target` and `stock`: random, sharp enough to disagree, one tokenizer."""
    folder = tmp_path_factory.mktemp("models")
    rows = stories(200, seed=5)
    tokenizer = models.train_tokenizer([row["question"] + row["answer"] for row in rows], 300)
    for name, spec, seed in (("target", TARGET, 1), ("stock", STOCK, 2)):
        model = models.new_llama(spec, tokenizer, seed)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim == 2:
                    parameter.mul_(4)
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    return folder


@pytest.fixture(scope="session")
def content(small_models: Path) -> dict[str, Any]:
    """A recipe of a few seconds, as plain content to be changed and parsed."""
    return {
        "name": "mini",
        "checkpoint_every": 3,
        "target": str(small_models / "target"),
        "draft": str(small_models / "stock"),
        "data": {
            "train": {"stories": 30, "seed": 1},
            "evaluation": {"stories": 6, "seed": 2},
            "prompt": "{question}\n",
            "response": "{answer}",
            "max_length": 220,
        },
        "stage1": {"batch": 6, "epochs": 1, "lr": 3e-3},
        "stage2": {
            "batch": 6,
            "epochs": 1,
            "lr": 3e-3,
            "methods": {
                "distillspec": {"selector": "all", "budget": "steps"},
                "distillspec-data": {"selector": "all", "budget": "data"},
                "adaspec": {"selector": "top_delta", "budget": "published"},
            },
        },
        "evaluation": {
            "prompts": 6,
            "max_new_tokens": 12,
            "batch": 4,
            "monitor": 3,
            "every": 3,
            "bootstrap": 200,
            "speculation": {"prompts": 3, "max_new_tokens": 8, "timed": 2, "gammas": [1, 2]},
        },
    }


@pytest.fixture(scope="session")
def mini(content: dict[str, Any]) -> recipe.Recipe:
    return recipe.parse(content)


@pytest.fixture(scope="session")
def finished_run(mini: recipe.Recipe, tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    """A finished run in `<home>/runs/<ULID>`. Read only: copy it before changing anything."""
    from adaspec import pipeline
    from adaspec.speculation import speed

    idle = runs.Business(load=0.1, cpus=2, others=0.0)  # whatever else this machine is doing
    home = tmp_path_factory.mktemp("home")
    before = os.environ.get("ADASPEC_HOME")
    os.environ["ADASPEC_HOME"] = str(home)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(speed, "watch", lambda: lambda: idle)
            return pipeline.execute(mini)
    finally:
        os.environ.pop("ADASPEC_HOME")
        if before is not None:
            os.environ["ADASPEC_HOME"] = before


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    with browser() as opened:
        yield opened


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    with faultless(chromium) as opened:
        yield opened
