"""Exported drafts, as those who serve them meet them; and that nothing unchecked is ever left."""

from __future__ import annotations

import copy
import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import HfHubHTTPError
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from adaspec import ASSETS, AdaspecError, cli, export, models, pushing, runs
from adaspec import card as card_module
from adaspec.exported import EXPORT
from adaspec.measurement import read_sequences
from adaspec.recipe import ModelSpec
from adaspec.runs import EXAMPLES, Run
from tests.comparisons import EXPORT_3, fields

TARGET = ASSETS / "tiny" / "target"
DRAFT = "adaspec"


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Two of them wait for each other where others need the cores: minutes instead of seconds."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's draft, by the command itself."""
    place = tmp_path_factory.mktemp("export") / "draft"
    with pytest.MonkeyPatch.context() as patch:
        assert command(patch, "example", DRAFT, place) is None
    return place


@pytest.fixture
def copied(tmp_path: Path) -> Run:
    """The example, to be changed."""
    shutil.copytree(
        EXAMPLES["example"], tmp_path / "run", ignore=shutil.ignore_patterns("snapshots")
    )
    return Run(tmp_path / "run")


def command(
    patch: pytest.MonkeyPatch, run: str, draft: str, place: Path, *options: str
) -> int | None:
    """`adaspec export`; its exit code if it is not 0."""
    patch.setattr(
        sys, "argv", ["adaspec", "export", run, "--draft", draft, "--to", str(place), *options]
    )
    try:
        cli.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return None


def change(run: Run, **values: Any) -> None:
    content = runs.read_state(run).model_dump(mode="json")
    for name, value in values.items():
        content[name] = content[name] | value if isinstance(value, dict) else value
    run.state_file.write_text(json.dumps(content))


def opened(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True, dtype=torch.float32)


def held_out(count: int) -> list[torch.Tensor]:
    examples = read_sequences(Run(EXAMPLES["example"]).sequences_file)["generated"][:count]
    return [torch.tensor(one.ids[None, : one.prompt_length]) for one in examples]


def report_of(draft: str) -> dict[str, Any]:
    return runs.read_report(Run(EXAMPLES["example"])).draft(draft).model_dump(mode="json")


def facts_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "adaspec.json").read_bytes())
    return content


def card_of(folder: Path) -> str:
    return (folder / "README.md").read_text()


def table(card: str, heading: str) -> dict[str, list[str]]:
    """The rows of the table under a heading, by their first cell."""
    part = card.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in part.splitlines() if line.startswith("|")][2:]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in rows]
    return {first.strip(" `"): [one.strip() for one in rest] for first, *rest in cells}


# What it is


def test_the_fields_of_its_description_stay(folder) -> None:
    """Another field, or one less, is a new version."""
    exported = EXPORT.read(folder / "adaspec.json")
    assert exported.draft == DRAFT
    new = {".serving", ".serving.transformers", ".serving.head_sizes", ".gguf"}
    assert fields(facts_of(folder)) == fields(json.loads(EXPORT_3.read_bytes())) | new
    assert EXPORT.read(EXPORT_3).serving is None


def test_a_hugging_face_folder_with_the_runs_own_draft(folder) -> None:
    assert {file.name for file in folder.iterdir()} == {
        "README.md",
        "adaspec.json",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o644}
    tokenizer, before = (AutoTokenizer.from_pretrained(at) for at in (folder, TARGET))
    assert tokenizer(models.PROBE) == before(models.PROBE)
    ours, theirs = opened(folder), opened(EXAMPLES["example"] / "drafts" / DRAFT)
    for prompt in held_out(4):
        assert torch.equal(ours(prompt).logits, theirs(prompt).logits)
    found = facts_of(folder)
    assert found["weights"] == models.weights_hash(theirs)
    assert found["target"]["weights"] == models.weights_hash(opened(TARGET))


def test_transformers_decodes_with_it_as_the_checks_say(folder) -> None:
    """The same text as the target alone, and one pass of the target for each of ours."""
    target, draft = opened(TARGET), opened(folder)
    draft.generation_config.num_assistant_tokens = 4
    draft.generation_config.num_assistant_tokens_schedule = "constant"
    draft.generation_config.assistant_confidence_threshold = 0.0
    passes = 0

    def counted(*_: Any) -> None:
        nonlocal passes
        passes += 1

    tokens, said = 0, facts_of(folder)["verified"]["greedy"]
    for prompt in held_out(said["prompts"]):
        plain = {"do_sample": False, "max_new_tokens": 96, "pad_token_id": 0}
        mask = torch.ones_like(prompt)
        alone = target.generate(prompt, attention_mask=mask, **plain)
        hook = target.register_forward_hook(counted)
        both = target.generate(prompt, attention_mask=mask, assistant_model=draft, **plain)
        hook.remove()
        assert torch.equal(alone, both)
        tokens += alone.shape[1] - prompt.shape[1]
    assert (tokens, passes) == (said["tokens"], said["passes"])
    assert passes < tokens / 2


def serve(card: str, folder: Path, target: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What the card's own lines of Python print; they draft four tokens, however sure."""
    (code,) = re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)
    code = code.replace('"DRAFT"', repr(str(folder))).replace('"TARGET"', repr(str(target)))
    capsys.readouterr()
    names: dict[str, Any] = {}
    exec(code, names)
    settings = names["draft"].generation_config
    assert settings.num_assistant_tokens == 4
    assert settings.num_assistant_tokens_schedule == "constant"
    assert settings.assistant_confidence_threshold == 0.0
    return capsys.readouterr().out.strip()


def alone(target: Path) -> str:
    tokenizer, model = AutoTokenizer.from_pretrained(target), opened(target)
    ids = tokenizer("Ada has 12 apples and eats 3.", return_tensors="pt").input_ids
    text: str = tokenizer.decode(model.generate(ids, do_sample=False, max_new_tokens=64)[0])
    return text.strip()


def test_the_cards_own_commands(folder, capsys) -> None:
    card = card_of(folder)
    assert serve(card, folder, TARGET, capsys) == alone(TARGET)
    (config,) = re.findall(r"vllm serve TARGET --speculative-config '(.*)'", card)
    expected = {"method": "draft_model", "model": "DRAFT", "num_speculative_tokens": 4}
    assert json.loads(config) == expected
    assert "here both have 512" in card
    assert f"takes transformers {export.TRANSFORMERS} or newer" in card
    assert "the target's have 40, the draft's have 12" in card
    assert (
        "--speculative-num-steps 4 --speculative-eagle-topk 1 --speculative-num-draft-tokens 5"
        in card
    )
    assert "--spec-type draft-simple --spec-draft-n-max 4" in card


def test_a_pair_that_vllm_takes_has_no_warning(folder) -> None:
    facts = EXPORT.read(folder / "adaspec.json")
    assert len(card_module.warnings(facts)) == 1  # its heads
    usable = facts.serving.model_copy(update={"head_sizes": (64, 128)})
    assert card_module.warnings(facts.model_copy(update={"serving": usable})) == []


@pytest.mark.parametrize(
    ("repo", "token", "said"),
    [
        ("draft", "", "write OWNER/NAME"),
        ("a/../b", "", "write OWNER/NAME"),
        ("a/b..c", "", "Cannot have"),
        ("own/draft", "", "there is no token"),
        ("own/draft", "hf_wrong", "the Hub cannot be reached"),
    ],
)
def test_what_cannot_be_pushed_is_not_exported(
    repo, token, said, tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))  # where a token would be
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "hf" / "token"))
    monkeypatch.setenv("HF_TOKEN", token)
    assert command(monkeypatch, "example", DRAFT, tmp_path / "draft", "--push", repo) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: --push {repo}: ")
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "draft").exists()


def test_an_export_is_pushed_with_its_card(folder, monkeypatch) -> None:
    calls = []
    monkeypatch.setattr(HfApi, "whoami", lambda self: {})
    monkeypatch.setattr(
        HfApi, "create_repo", lambda self, repo, exist_ok: f"https://huggingface.co/{repo}"
    )
    monkeypatch.setattr(HfApi, "upload_folder", lambda self, **what: calls.append(what))
    pushing.require("own/draft")
    assert pushing.push(folder, "own/draft") == "https://huggingface.co/own/draft"
    assert (calls[0]["repo_id"], calls[0]["folder_path"]) == ("own/draft", folder)


@pytest.mark.parametrize(("status", "said"), [(401, "does not know this token"), (403, "may not")])
def test_what_the_hub_refuses_is_said_in_a_line(status, said, monkeypatch) -> None:
    def refuse(self: HfApi) -> None:
        response = SimpleNamespace(status_code=status, headers={}, request=None)
        raise HfHubHTTPError("long\nwords", response=response)

    monkeypatch.setattr(HfApi, "whoami", refuse)
    with pytest.raises(AdaspecError, match=said):
        pushing.require("own/draft")


def test_the_card_says_what_the_report_says(folder) -> None:
    measured, found, card = report_of(DRAFT), facts_of(folder), card_of(folder)
    report = runs.read_report(Run(EXAMPLES["example"]))
    assert found["measured"] == measured
    assert found["definitions"] == report.definitions
    rows = table(card, "What was measured")
    alpha = measured["alpha"]
    low, high = alpha["generated_ci"]
    definition = report.definitions["alpha.generated"]
    assert rows["alpha.generated"] == [
        f"{alpha['generated']:.4f}",
        f"{low:.4f} to {high:.4f}",
        definition,
    ]
    assert rows["alpha.dataset"][0] == f"{alpha['dataset']:.4f}"
    assert rows["kl"][0] == f"{measured['kl']:.4f}"
    assert rows["kl"][2] == report.definitions["kl"].replace("|", "\\|")
    assert rows["speedup.measured"][0] == f"{measured['speedup']['measured']:.4f}"
    reached = [f"{one['reached']:.4f}" for one in measured["positions"]]
    assert rows["positions.reached"][:2] == [", ".join(reached), ""]
    left_out = {"budget", "needs", "alpha.generated_ci"}
    assert set(rows) == set(report.definitions) - left_out
    costs = table(card, "What it cost")
    keys = ("steps", "sequences", "selected_tokens", "teacher_forwards", "seconds")
    for name in ("reference", DRAFT):
        assert costs[name] == [f"{report_of(name)['budget'][key]:,.0f}" for key in keys]
    method = table(card, "How it was checked")
    state = runs.read_state(Run(EXAMPLES["example"]))
    assert method["data, as token ids"] == [f"`{state.hashes['data']}`"]
    assert method["target's weights"] == [f"`{state.hashes['target']}`"]
    assert state.facts.torch in method["trained with"][0]
    for text in (
        "| selector | `top_delta`, k = 0.4 of the response tokens |",
        "| objective | `forward_kl`",
        "200 built-in arithmetic stories (seed 21)",
        "`assets:tiny/stock`, and take its licence",
        f"{report.prompts} held-out prompts",
        f"{report.tokens.generated:,} tokens that the target generated",
    ):
        assert text in card, text


def test_another_names_training_and_the_stock_draft_say_so(tmp_path, monkeypatch) -> None:
    """The one goes into an empty folder, the other into a new one; the target came as GGUF."""
    real = export.open_run

    def quantized(run: Run) -> Any:
        models = real(run)
        models.target.is_quantized, models.target.quantization_method = True, "gguf"
        return models

    monkeypatch.setattr(export, "open_run", quantized)
    (tmp_path / "distillspec").mkdir()
    for name, sentence in (
        ("distillspec", "Its weights are those of `reference`"),
        ("stock", "It is the stock draft, `assets:tiny/stock`, before any distillation."),
    ):
        found = export.export_draft(Run(EXAMPLES["example"]), name, tmp_path / name)
        card = card_of(tmp_path / name)
        assert sentence in card
        assert found.measured.model_dump(mode="json") == report_of(name)
        assert f"{report_of(name)['alpha']['generated']:.4f}" in card
        same = "reference" if name == "distillspec" else "stock"
        expected = opened(EXAMPLES["example"] / "models" / same)
        assert models.weights_hash(opened(tmp_path / name)) == models.weights_hash(expected)
        assert "selector" in card if found.training else "selector" not in card


def test_a_padded_vocabulary_is_named_and_no_path_of_this_machine(copied, tmp_path, capsys) -> None:
    padded = opened(TARGET)
    padded.resize_token_embeddings(700)
    with torch.no_grad():
        padded.get_output_embeddings().weight[512:] = 0
    padded.save_pretrained(tmp_path / "padded")
    AutoTokenizer.from_pretrained(TARGET).save_pretrained(tmp_path / "padded")
    where = str(tmp_path / "padded")
    change(copied, sources={"target": where}, hashes={"target": models.weights_hash(padded)})
    found = export.export_draft(copied, DRAFT, tmp_path / "draft")
    assert (found.target.vocab_size, found.vocab_size) == (700, 512)
    card = card_of(tmp_path / "draft")
    assert "here the target has 700 and the draft 512" in card
    assert "llama.cpp refuses this pair" in card
    assert "one to the other by text" in " ".join(card.split())
    assert serve(card, tmp_path / "draft", tmp_path / "padded", capsys) == alone(TARGET)
    assert "`padded`" in card
    for text in (card, (tmp_path / "draft" / "adaspec.json").read_text()):
        assert str(tmp_path) not in text
        assert str(ASSETS) not in text


# What is never left


def tamper(patch: pytest.MonkeyPatch, change: Callable[[Path], None]) -> None:
    """Change what was written before it is read back."""
    real = export._open

    def opening(folder: Path) -> Any:
        if folder.name == "new":
            change(folder)
        return real(folder)

    patch.setattr(export, "_open", opening)


def a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][3] *= 1.001
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def a_missing_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def the_configuration(folder: Path) -> None:
    content = json.loads((folder / "config.json").read_bytes())
    content["rope_parameters"]["rope_theta"] = 500.0
    (folder / "config.json").write_text(json.dumps(content))


def the_tokenizer(folder: Path) -> None:
    content = json.loads((folder / "tokenizer.json").read_bytes())
    words = content["model"]["vocab"]
    words["A"], words["B"] = words["B"], words["A"]
    (folder / "tokenizer.json").write_text(json.dumps(content))


def a_torn_file(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:-1000])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (a_weight, r"check of the logits and is not kept: they differ by up to [0-9.e-]+ from"),
        (a_missing_weight, "check of the logits"),
        (the_configuration, "check of the logits"),
        (the_tokenizer, "check of loading and is not kept: Target and draft have different"),
        (a_torn_file, "check of loading and is not kept: draft: .* is not a usable model"),
    ],
)
def test_what_was_written_wrong_is_not_kept(changed, said, tmp_path, monkeypatch, capsys) -> None:
    tamper(monkeypatch, changed)
    assert command(monkeypatch, "example", DRAFT, tmp_path / "draft") == 2
    assert re.search(said, one_line(capsys))
    assert list(tmp_path.iterdir()) == []


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    out, errors = capsys.readouterr()
    assert out == ""
    (line,) = (one for one in errors.strip().splitlines() if one.startswith("error:"))
    assert "Traceback" not in errors
    return line


def test_a_draft_that_is_not_the_measured_one_is_not_kept(copied, tmp_path) -> None:
    """Its logits are the run's own; the run's tables are of another model."""
    shutil.copy(
        copied.model("stock") / "model.safetensors", copied.model(DRAFT) / "model.safetensors"
    )
    with pytest.raises(AdaspecError, match="check of acceptance") as raised:
        export.export_draft(copied, DRAFT, tmp_path / "to" / "draft")
    alphas = re.findall(r"0\.\d{4}", str(raised.value))
    overlaps = {
        name: export.tokens.column(copied, "generated", "overlap", name)[:2800].mean()
        for name in ("stock", DRAFT)
    }
    np.testing.assert_allclose(
        [float(one) for one in alphas[:2]], list(overlaps.values()), atol=1e-4
    )
    assert list((tmp_path / "to").iterdir()) == []


def test_a_decoder_that_loses_is_not_kept(tmp_path, monkeypatch) -> None:
    real = export.speculate

    def sampled(target, draft, prompt, decoding, **more):
        return real(target, draft, prompt, decoding.model_copy(update={"temperature": 1}), **more)

    monkeypatch.setattr(export, "speculate", sampled)
    with pytest.raises(AdaspecError, match=r"check of greedy decoding .* after \d+ tokens"):
        export.export_draft(Run(EXAMPLES["example"]), DRAFT, tmp_path / "draft")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def with_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's draft and target in float16, by the command itself."""
    place = tmp_path_factory.mktemp("gguf") / "draft"
    with pytest.MonkeyPatch.context() as patch:
        asked = ("--gguf", "f16", "--with-target")
        assert command(patch, "example", DRAFT, place, *asked) is None
    return place


@torch.no_grad()
def test_as_gguf_it_is_the_pair_rounded_and_says_what_that_costs(with_gguf, folder) -> None:
    found = EXPORT.read(with_gguf / "adaspec.json")
    assert set(found.gguf) == {"draft.gguf", "target.gguf"} < set(found.files)
    for file, real in (("draft.gguf", folder), ("target.gguf", TARGET)):
        read = models.open_model(ModelSpec(source=(str(with_gguf / file),)), [], 0, "draft")
        apart, texts = 0.0, read_sequences(Run(EXAMPLES["example"]).sequences_file)["generated"]
        plain = opened(real)
        for example in texts[: export.FEW]:
            ids = torch.from_numpy(example.ids)[None]
            apart = max(apart, float((read.model(ids).logits - plain(ids).logits).abs().max()))
        assert 0 < apart < 0.1
        assert found.gguf[file].apart == pytest.approx(apart, rel=1e-3)
    draft, target = found.gguf["draft.gguf"], found.gguf["target.gguf"]
    assert draft.alpha == pytest.approx(found.verified.acceptance.alpha, abs=1e-3)
    assert draft.alpha != found.verified.acceptance.alpha
    assert target.alpha is None
    card = card_of(with_gguf)
    assert "Both models are in this folder as GGUF in float16." in card
    assert f"acceptance of the rounded draft is\n{draft.alpha:.4f}" in card
    assert "convert_hf_to_gguf.py" not in card
    assert "llama.cpp refuses this pair" not in card


def test_a_gguf_that_is_not_the_draft_is_not_kept(tmp_path, monkeypatch) -> None:
    """The stock draft's weights, written in place of its own."""
    real = export.gguf_files.write
    stock = opened(Run(EXAMPLES["example"]).model("stock"))

    def mistaken(model, tokenizer, name, file, precision):
        real(stock, tokenizer, name, file, precision)

    monkeypatch.setattr(export.gguf_files, "write", mistaken)
    with pytest.raises(AdaspecError, match=r"check of draft\.gguf as f32 .* beyond rounding"):
        export.export_draft(Run(EXAMPLES["example"]), DRAFT, tmp_path / "draft", "f32")
    assert list(tmp_path.iterdir()) == []


def test_a_gguf_whose_tokenizer_splits_otherwise_is_not_kept(tmp_path, monkeypatch) -> None:
    real = export.gguf_files.write

    def unmerged(model, tokenizer, name, file, precision):
        other = copy.deepcopy(tokenizer)
        content = json.loads(other.backend_tokenizer.to_str())
        del content["model"]["merges"][100:]
        other._tokenizer = other.backend_tokenizer.from_str(json.dumps(content))
        real(model, other, name, file, precision)

    monkeypatch.setattr(export.gguf_files, "write", unmerged)
    with pytest.raises(AdaspecError, match=r"check of draft\.gguf as f32 .* differently"):
        export.export_draft(Run(EXAMPLES["example"]), DRAFT, tmp_path / "draft", "f32")


KILLED = """
import os, signal, sys
from pathlib import Path
from adaspec import export, runs
export.verify = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
export.export_draft(runs.Run(runs.EXAMPLES["example"]), "adaspec", Path(sys.argv[1]))
"""


def test_killed_it_leaves_no_folder_and_the_next_one_clears_up(tmp_path) -> None:
    place = tmp_path / "draft"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(place)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not place.exists()
    assert len(list(tmp_path.glob(".draft.*.adaspec-new"))) == len(list(tmp_path.iterdir())) == 1
    export.export_draft(Run(EXAMPLES["example"]), DRAFT, place)
    assert [path.name for path in tmp_path.iterdir()] == ["draft"]


# What is refused


def unfinished(run: Run) -> None:
    change(run, state="interrupted")


def target_gone(run: Run) -> None:
    change(run, sources={"target": "./nowhere"})


def target_changed(run: Run) -> None:
    change(run, hashes={"target": "0" * 16})


def draft_gone(run: Run) -> None:
    shutil.rmtree(run.model(DRAFT))


def fewer_words(run: Run) -> None:
    change(run, facts={"shared_vocabulary": 511})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (unfinished, "is interrupted: export takes a draft of a finished run."),
        (target_gone, "target: no model folder or .gguf file ./nowhere."),
        (target_changed, "changed since it was trained with"),
        (draft_gone, "draft: no model folder"),
        (
            fewer_words,
            "check of the vocabulary and is not kept: it shares 512 tokens, the run's 511",
        ),
    ],
)
def test_a_run_that_cannot_be_exported(changed, said, copied, monkeypatch, capsys) -> None:
    changed(copied)
    place = copied.path.parent / "to"
    assert command(monkeypatch, str(copied.path), DRAFT, place) == 2
    assert said in one_line(capsys)
    assert not place.exists()


def test_wrong_words(tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("kept")
    (tmp_path / "file").write_text("kept")
    for draft, place, said in (
        ("tv", "new", "No draft 'tv': run .* has stock, reference, distillspec, .*, adaspec"),
        (DRAFT, "full", "full is not an empty folder: choose another --to."),
        (DRAFT, "file", "file is not an empty folder"),
        (DRAFT, "file/new", "Cannot export to .*file"),
    ):
        assert command(monkeypatch, "example", draft, tmp_path / place) == 2
        assert re.search(said, one_line(capsys))
    assert command(monkeypatch, "example", DRAFT, tmp_path / "new", "--with-target") == 2
    assert "say --gguf f32 or f16" in one_line(capsys)
    assert command(monkeypatch, "example", DRAFT, tmp_path / "new", "--gguf", "q4") == 2
    assert "q4" in one_line(capsys)
    assert (tmp_path / "full" / "mine").read_text() == (tmp_path / "file").read_text() == "kept"
    assert not (tmp_path / "new").exists()
