"""The door: what a studio that others can reach starts and measures, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit import config

from adaspec import AdaspecError, allowed, recipe
from adaspec.jobs import queue
from adaspec.recipe import ModelSpec, Recipe
from app.shared import calibration, submission
from app.train import samples


@pytest.fixture(autouse=True)
def secret(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.delenv("ADASPEC_PASSPHRASE", raising=False)
    (tmp_path / "secret.txt").write_text("secret\n" * 20)
    before = config.get_option("server.address")
    yield tmp_path / "secret.txt"
    config.set_option("server.address", before)


def of_file(file: Path) -> Recipe:
    content = (
        f"{{train: {file}, evaluation: {{holdout: 0.5}}, prompt: 'T: ', response: '{{text}}'}}"
    )
    return recipe.load("tiny", [f"data={content}"])


def test_a_shared_studio_neither_starts_nor_measures_what_is_not_for_everybody(
    secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []
    monkeypatch.setattr(calibration, "calibrate", lambda chosen: measured.append(chosen.name))
    config.set_option("server.address", "0.0.0.0")
    refused = []
    for file in (secret, secret.with_name("absent.txt")):
        for act in (lambda of: submission.start(of, "ada"), calibration.begin):
            with pytest.raises(AdaspecError) as reason:
                act(of_file(file))
            refused.append(str(reason.value))
    assert set(refused) == {f"data.train.file: {allowed.DATA}"}
    assert (queue.all_jobs(), measured) == ([], [])


def test_a_private_one_starts_it(secret: Path) -> None:
    config.set_option("server.address", "localhost")
    assert str(secret) in submission.start(of_file(secret), "ada").recipe


def test_a_second_click_on_a_shared_studio_starts_nothing_new() -> None:
    config.set_option("server.address", "0.0.0.0")
    chosen = recipe.load("tiny").model_copy(update={"target": ModelSpec(source=("own/model",))})
    job = submission.start(chosen, "ada")
    assert recipe.read(job.recipe).target.source == ("hub:own/model",)
    assert submission.start(chosen, "ada").id == job.id


@pytest.mark.parametrize("name", ["secret.txt", "absent.txt"])
def test_the_form_reads_no_such_rows(secret: Path, name: str) -> None:
    data = {"train": str(secret.with_name(name)), "evaluation": {"holdout": 0.5}}
    data |= {"prompt": ["Text: "], "response": "{text}"}
    config.set_option("server.address", "0.0.0.0")
    seen = samples.look(data, may_read=True, with_draft=True)
    assert (seen.first, seen.count, seen.errors) == ([], None, {"data.train.file": allowed.DATA})


def test_the_form_of_a_private_one_does(secret: Path) -> None:
    data = {"train": str(secret), "evaluation": {"holdout": 0.5}}
    data |= {"prompt": ["Text: "], "response": "{text}"}
    config.set_option("server.address", "localhost")
    assert samples.look(data, may_read=True, with_draft=True).count == 10
