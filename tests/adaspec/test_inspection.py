"""Drafts that others trained: measured, replayed and exported, or refused before any work."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as t
from safetensors.torch import load_file
from tokenizers.normalizers import Lowercase
from transformers import AutoTokenizer

from adaspec import (
    AdaspecError,
    allowed,
    doctor,
    estimate,
    export,
    gguf_files,
    inspection,
    models,
    pipeline,
    recipe,
    replays,
    runs,
    tokens,
)
from adaspec.analysis import comparison, drafts
from adaspec.cli import main
from adaspec.recipe import plan
from adaspec.runs import Run

SIZE = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24}
GROUPED = SIZE | {"num_key_value_heads": 1, "head_dim": 8, "max_position_embeddings": 512}
Make = Callable[[int, int], Any]
"""(rows of the head, layers) -> a model."""
FAMILIES: dict[str, Make] = {
    "pythia": lambda rows, layers: t.GPTNeoXForCausalLM(
        t.GPTNeoXConfig(vocab_size=rows, num_hidden_layers=layers, **SIZE)
    ),
    "phi": lambda rows, layers: t.PhiForCausalLM(
        t.PhiConfig(vocab_size=rows, num_hidden_layers=layers, **SIZE)
    ),
    "codegen": lambda rows, layers: t.CodeGenForCausalLM(
        t.CodeGenConfig(vocab_size=rows, n_embd=16, n_layer=layers, n_head=4, rotary_dim=4)
    ),
    "gpt2": lambda rows, layers: t.GPT2LMHeadModel(
        t.GPT2Config(vocab_size=rows, n_embd=16, n_layer=layers, n_head=2)
    ),
    "opt": lambda rows, layers: t.OPTForCausalLM(
        t.OPTConfig(
            vocab_size=rows,
            hidden_size=16,
            word_embed_proj_dim=16,
            ffn_dim=24,
            num_hidden_layers=layers,
            num_attention_heads=2,
        )
    ),
    "qwen3": lambda rows, layers: t.Qwen3ForCausalLM(
        t.Qwen3Config(vocab_size=rows, num_hidden_layers=layers, **GROUPED)
    ),
    "gemma3": lambda rows, layers: t.Gemma3ForCausalLM(
        t.Gemma3TextConfig(vocab_size=rows, num_hidden_layers=layers, sliding_window=16, **GROUPED)
    ),
    "mistral": lambda rows, layers: t.MistralForCausalLM(
        t.MistralConfig(vocab_size=rows, num_hidden_layers=layers, sliding_window=16, **GROUPED)
    ),
    "olmo2": lambda rows, layers: t.Olmo2ForCausalLM(
        t.Olmo2Config(vocab_size=rows, num_hidden_layers=layers, **SIZE)
    ),
    "llama": lambda rows, layers: t.LlamaForCausalLM(
        t.LlamaConfig(vocab_size=rows, num_hidden_layers=layers, **GROUPED)
    ),
}
DRAFT_OF = dict.fromkeys(FAMILIES) | {"phi": "codegen"}
"""The family of a target's draft, where it is another one, as in the paper."""
FEW = [
    "evaluation.prompts=3",
    "evaluation.max_new_tokens=6",
    "evaluation.bootstrap=100",
    "evaluation.speculation={prompts: 2, timed: 1, gammas: [1], gamma: 2, max_new_tokens: 6}",
]
PROMPTS = "Ada has 12 apples.\nBen eats 3 pears and\nHow many are left?\n"


@pytest.fixture(scope="module")
def tokenizer(small_models: Path) -> Any:
    return AutoTokenizer.from_pretrained(small_models / "target")


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    (tmp_path / "prompts.txt").write_text(PROMPTS)
    return tmp_path / "prompts.txt"


def save(folder: Path, family: str, tokenizer: Any, *, rows: int = 0, layers: int = 1) -> str:
    """A model on disk, sharp enough to disagree with others."""
    torch.manual_seed(layers)
    model = FAMILIES[family](rows or len(tokenizer), layers)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(8)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def with_pad(tokenizer: Any) -> Any:
    """As the published scripts leave a target's."""
    padded = AutoTokenizer.from_pretrained(tokenizer.name_or_path)
    padded.add_special_tokens({"pad_token": "[PAD]"})
    return padded


def chosen(target: str, given: list[str], **options: Any) -> recipe.Recipe:
    content = inspection.content(target, given, **options)
    for setting in FEW:
        recipe.override(content, setting)
    return recipe.anchored(recipe.parse(content))


def inspected(target: str, given: list[str], folder: Path, **options: Any) -> Run:
    return pipeline.execute(chosen(target, given, **options), folder)


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "codegen"])
def test_pairs_of_any_family_are_inspected_replayed_and_exported(
    family: str, tokenizer: Any, home: Path, tmp_path: Path, prompts: Path
) -> None:
    """The target's own text decides; the null test, that nothing of the family breaks it."""
    target = save(tmp_path / "big", family, tokenizer, layers=2)
    small = save(tmp_path / "small", DRAFT_OF[family] or family, tokenizer)
    run = inspected(target, [small], tmp_path / "run", prompts=prompts)
    report = runs.read_report(run)
    assert [draft.name for draft in report.drafts] == ["small"]
    assert report.checks
    assert report.checks.null_test.passed
    assert 0 < report.draft("small").alpha.generated < 1
    assert report.draft("small").alpha.dataset is None
    assert report.tokens.dataset == 0
    assert [snapshot.name for snapshot in tokens.snapshots(run)] == ["small"]
    assert replays.drafts(run) == ["small"]
    assert replays.numbers(run, "small") == [0, 1]
    done = {name: steps[-1].step for name, steps in runs.read_metrics(run).items()}
    assert done == {stage.name: stage.steps for stage in runs.read_state(run).plan}
    if family != "llama":
        with pytest.raises(AdaspecError, match="only Llamas are written"):
            export.export_draft(run, "small", tmp_path / "exported", "f32")
    as_gguf = "f32" if family == "llama" else None
    exported = export.export_draft(run, "small", tmp_path / "exported", as_gguf)
    assert exported.training is None
    assert exported.verified.greedy.tokens > 0
    card = (tmp_path / "exported" / "README.md").read_text()
    assert "trained elsewhere and came as `small`" in card
    assert "stock draft" not in card
    assert str(tmp_path) not in card


def shared(run: Run) -> int:
    facts = runs.read_state(run).facts
    assert facts
    return facts.shared_vocabulary


def test_a_pad_that_one_side_lacks_is_padding_to_the_other(
    tokenizer: Any, home: Path, tmp_path: Path, prompts: Path
) -> None:
    """Whether the draft has no row of its id, or a row without a word; and padded heads beside."""
    own = len(tokenizer)
    target = save(tmp_path / "big", "llama", with_pad(tokenizer), rows=own + 1, layers=2)
    given = [
        save(tmp_path / "bare", "llama", tokenizer),
        save(tmp_path / "padded", "pythia", tokenizer, rows=own + 20),
    ]
    run = inspected(target, given, tmp_path / "run", prompts=prompts)
    assert shared(run) == own
    alone = inspected(target, given[1:], tmp_path / "alone", prompts=prompts)
    assert shared(alone) == own + 1
    assert AutoTokenizer.from_pretrained(run.model("bare")).pad_token != "[PAD]"
    assert export.export_draft(alone, "padded", tmp_path / "exported").shared_vocabulary == own + 1


def test_a_gguf_draft_beside_a_folder_is_the_draft_it_was_made_of(
    tokenizer: Any, home: Path, tmp_path: Path, prompts: Path
) -> None:
    """In a folder with others' files, and with a padded head, whose rows GGUF names."""
    rows = len(tokenizer) + 20
    target = save(tmp_path / "big", "llama", tokenizer, rows=rows, layers=2)
    small = save(tmp_path / "small", "llama", tokenizer, rows=rows)
    model = FAMILIES["llama"](rows, 1)
    model.load_state_dict(load_file(tmp_path / "small" / "model.safetensors"))
    for precision in ("f32", "f16"):
        file = tmp_path / "small" / f"{precision}.gguf"
        gguf_files.write(model, tokenizer, "small", file, precision)
    given = [small, *(f"{precision}={small}/{precision}.gguf" for precision in ("f32", "f16"))]
    run = inspected(target, given, tmp_path / "run", prompts=prompts)
    report = runs.read_report(run)
    assert report.draft("f32").alpha == report.draft("small").alpha
    assert report.draft("f16").alpha != report.draft("small").alpha
    assert report.draft("f16").alpha.generated == pytest.approx(
        report.draft("small").alpha.generated, abs=1e-2
    )
    assert shared(run) == rows
    facts = runs.read_state(run).facts
    assert facts
    assert "GGUF, opened in float32" in str(facts)
    assert set(replays.drafts(run)) == {"small", "f32", "f16"}
    alone = inspected(f"{small}/f32.gguf", [target], tmp_path / "alone", prompts=prompts)
    assert runs.read_report(alone).draft("big").alpha.generated > 0


def test_a_word_that_one_side_lacks_is_another_tokenizer(
    tokenizer: Any, small_models: Path
) -> None:
    """Only what the tokenizer treats apart from text may be missing: words are text."""
    wordy = AutoTokenizer.from_pretrained(small_models / "target")
    wordy.add_tokens(["apples"])
    big = models.Opened(FAMILIES["llama"](len(wordy), 2), wordy, "big")
    small = models.Opened(FAMILIES["llama"](len(wordy), 1), tokenizer, "small")
    with pytest.raises(AdaspecError, match=rf"id {len(tokenizer)} is 'apples' to the target and "):
        models.shared_vocabulary(big, small)


def test_one_vocabulary_split_in_two_ways_is_refused_at_the_first_difference(
    tokenizer: Any, small_models: Path
) -> None:
    other = AutoTokenizer.from_pretrained(small_models / "target")
    other.backend_tokenizer.normalizer = Lowercase()
    p, q = (
        models.Opened(FAMILIES["llama"](len(tokenizer), 1), each, name)
        for each, name in ((tokenizer, "big"), (other, "small"))
    )
    with pytest.raises(AdaspecError, match=r"differently, at token 0 into 'A' for the target and"):
        models.shared_vocabulary(p, q)


def refusal(arguments: list[str], monkeypatch: Any, capsys: Any) -> str:
    """The one line of `adaspec inspect`."""
    monkeypatch.setattr("sys.argv", ["adaspec", "inspect", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return str(line)


def test_what_cannot_be_inspected_is_refused_before_any_work(
    small_models: Path, home: Path, tmp_path: Path, prompts: Path, monkeypatch: Any, capsys: Any
) -> None:
    target, stock = (str(small_models / name) for name in ("target", "stock"))
    other = models.train_tokenizer(["quite other words here"] * 9, 280)
    save(tmp_path / "other", "llama", other)
    config = t.MambaConfig(vocab_size=300, hidden_size=16, num_hidden_layers=1)
    t.MambaForCausalLM(config).save_pretrained(tmp_path / "mamba")
    AutoTokenizer.from_pretrained(target).save_pretrained(tmp_path / "mamba")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "one.csv").write_text("question\nHow many?\n")
    asked = ["--prompts", str(prompts)]
    for arguments, expected in (
        ([target, str(tmp_path / "other"), *asked], "Target and draft have different tokenizers: "),
        ([target, str(tmp_path / "mamba"), *asked], "MambaForCausalLM cannot go back"),
        ([str(tmp_path / "mamba"), stock, *asked], "MambaForCausalLM cannot go back"),
        ([target, "./nowhere", *asked], "drafts.nowhere: no model folder or .gguf file ./nowhere"),
        ([target, f"a={stock}", f"a={stock}"], "another draft is called a"),
        ([target, f"stock={stock}"], "draft name 'stock' is taken"),
        ([target, stock, "--data", str(prompts)], "pass it as --prompts"),
        ([target, stock, "--prompts", str(tmp_path / "empty.txt")], "has no rows"),
        (
            [target, stock, *asked, "--data", str(tmp_path / "one.csv")],
            "--data or --prompts: one",
        ),
        ([target, stock, *asked, "--set", "stage1.lr=1"], "stage1 distils a draft: give `draft`"),
    ):
        line = refusal(arguments, monkeypatch, capsys)
        assert expected in line, line
    assert runs.all_runs() == runs.examples()


def test_names_come_from_sources_and_no_two_are_alike(tmp_path: Path) -> None:
    (tmp_path / "a=b").mkdir()
    given = ["x=org/one", "org/one", "else/one", "hub:org/two.gguf", "run/models/stock"]
    given.append("assets:english/stock")
    named = inspection.content("org/target", [*given, str(tmp_path / "a=b")])["drafts"]
    assert named == {
        "x": "org/one",
        "one": "org/one",
        "one-2": "else/one",
        "two": "hub:org/two.gguf",
        "models-stock": "run/models/stock",
        "english-stock": "assets:english/stock",
        "a-b": str(tmp_path / "a=b"),
    }


def test_printed_it_is_a_recipe_that_asks_for_the_same(
    small_models: Path, home: Path, tmp_path: Path, prompts: Path, monkeypatch: Any, capsys: Any
) -> None:
    """What `submit` queues finds the run that `inspect` made, and the other way round."""
    target, stock = (str(small_models / name) for name in ("target", "stock"))
    arguments = [target, f"mine={stock}", "--prompts", str(prompts)]
    monkeypatch.setattr("sys.argv", ["adaspec", "inspect", *arguments, "--print"])
    main()
    (tmp_path / "printed.yaml").write_text(capsys.readouterr().out)
    content = inspection.content(target, [f"mine={stock}"], prompts=prompts)
    assert recipe.load(str(tmp_path / "printed.yaml")) == recipe.anchored(recipe.parse(content))


@pytest.fixture(scope="module")
def mixed(content: dict[str, Any], small_models: Path, tmp_path_factory: Any) -> Run:
    """A draft of somebody else's beside those that the run trains."""
    given = {"theirs": str(small_models / "stock")}
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv("ADASPEC_HOME", str(tmp_path_factory.mktemp("home")))
    try:
        return pipeline.execute(recipe.parse(content | {"drafts": given}))
    finally:
        monkeypatch.undo()


def test_a_given_draft_stands_beside_those_that_are_trained(mixed: Run, finished_run: Run) -> None:
    state, report = runs.read_state(mixed), runs.read_report(mixed)
    names = [draft.name for draft in runs.read_report(finished_run).drafts]
    assert state.drafts == [draft.name for draft in report.drafts] == [*names, "theirs"]
    theirs, stock = report.draft("theirs"), report.draft("stock")
    assert theirs.alpha == stock.alpha  # they are the same weights
    assert theirs.budget.steps == 0
    assert not theirs.remarks
    ours = runs.read_report(finished_run)
    assert report.draft("adaspec").alpha == ours.draft("adaspec").alpha
    assert tokens.timeline(mixed, "theirs") == [tokens.Snapshot.of("theirs")]
    planned = plan.trainings(recipe.read(mixed.recipe_file.read_text()), 30)
    together = plan.snapshots_together(runs.read_recipe(mixed), planned)
    assert sorted(name for group in together for name in group) == sorted(
        snapshot.name for snapshot in tokens.snapshots(mixed)
    )
    assert not doctor.examine(mixed)


def test_what_others_spent_is_not_taken_for_nothing(mixed: Run) -> None:
    chosen_drafts = drafts.entries([mixed])
    compared = comparison.compare([mixed], ["adaspec", "theirs"], "theirs")
    (against,) = [
        each
        for each in compared.differences
        if each.draft == "adaspec" and each.measure == "alpha.generated"
    ]
    assert not against.budget.fair
    assert against.budget.says == "what the training of theirs took is not known here"
    assert all("at another cost" not in verdict for verdict in compared.verdicts)
    assert comparison.default_baseline(chosen_drafts).table != "theirs"


def test_an_inspection_is_foreseen_from_one_like_it(
    tokenizer: Any, home: Path, tmp_path: Path, prompts: Path
) -> None:
    target = save(tmp_path / "big", "llama", tokenizer, layers=2)
    small = save(tmp_path / "small", "llama", tokenizer)
    planned = chosen(target, [small], prompts=prompts)
    assert estimate.known(planned) is None
    run = pipeline.execute(planned)
    foreseen = estimate.known(planned)
    assert foreseen
    assert run.id in foreseen.source
    assert 0 < foreseen.seconds < 60
    assert foreseen.cache_bytes == 0
    whole = sum(file.stat().st_size for file in run.path.rglob("*") if file.is_file())
    assert 0.5 * whole < foreseen.disk < 3 * whole
    assert pipeline.execute(planned) == run  # it is found, not done again
    pipeline.measure_again(run)
    assert runs.read_report(run).draft("small")


def test_a_reference_makes_the_filter_work(
    tokenizer: Any, home: Path, tmp_path: Path, prompts: Path
) -> None:
    target = save(tmp_path / "big", "llama", tokenizer, layers=2)
    given = [save(tmp_path / f"draft-{n}", "llama", tokenizer, layers=n) for n in (1, 3)]
    run = inspected(target, given[:1], tmp_path / "run", prompts=prompts, reference=given[1])
    assert [snapshot.name for snapshot in tokens.snapshots(run)] == ["reference", "draft-1"]
    kept = tokens.entries(run, "generated", "draft-1", "batch") <= 400
    assert 0.2 < kept.mean() < 0.6


def test_a_changed_draft_is_not_taken_for_the_one_that_was_measured(
    tokenizer: Any, home: Path, tmp_path: Path, prompts: Path
) -> None:
    target = save(tmp_path / "big", "llama", tokenizer, layers=2)
    small = save(tmp_path / "small", "llama", tokenizer)
    run = inspected(target, [small], tmp_path / "run", prompts=prompts)
    shutil.rmtree(small)
    save(Path(small), "llama", tokenizer, layers=3)
    with pytest.raises(AdaspecError, match=r"The draft small of run .* changed since it began"):
        pipeline.measure_again(run)


def test_a_stranger_may_name_no_more_as_a_draft_than_as_a_target() -> None:
    content = inspection.content("org/target", ["mine=/etc/secret", "org/draft"])
    asked = recipe.parse(content)
    assert allowed.faults(asked) == {"drafts.mine.source": allowed.MODEL}
    assert allowed.confined(asked).drafts["draft"].source == ("hub:org/draft",)


def test_a_recipe_without_given_drafts_is_the_one_it_was(content: dict[str, Any]) -> None:
    """Runs from before there were any are found, and gone on with."""
    written = recipe.parse(content)
    assert recipe.parse(content | {"drafts": {}}).hash == written.hash
    assert recipe.parse(content | {"drafts": {"a": "b"}}).hash != written.hash
    weights = {key: {"weight", "softness", "gamma"} for key in content["stage2"]["methods"]}
    new = {"name": True, "about": True, "gpus": True, "drafts": True, "stage1": {"pool"}}
    new |= {"evaluation": {"settings", "temperature"}, "stage2": {"methods": weights}}
    new |= {"data": {"chat", "responses", "answers"}}
    new |= {"target": {"vocabulary"}, "draft": {"vocabulary"}}
    assert recipe.digest(written.model_dump(mode="json", exclude=new)) == written.hash
    asked = content["evaluation"] | {"settings": [{"temperature": 0.5}]}
    assert recipe.parse(content | {"evaluation": asked}).hash != written.hash
