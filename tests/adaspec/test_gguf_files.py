"""GGUF files that we write, as transformers reads them: the same model, and the same token ids.

`make llama-check` has llama.cpp read them.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, NamedTuple

import gguf
import pytest
import torch
import transformers as t
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import normalizers, pre_tokenizers, processors

from adaspec import AdaspecError, gguf_files, models
from adaspec.recipe import ModelSpec

WORDS = ["  12  apples\n\n34", "a1 22 333  x ", "don't we'll\t\tsee ½ Ⅷ", "the  then 10 100"]


def tokenizer_of(split: str, template: Any = None) -> Any:
    """With merges of spaces, which the two splits leave in other pieces."""
    tokenizer = models.train_tokenizer(WORDS * 40, 330)
    tokenizer.backend_tokenizer.pre_tokenizer = gguf_files.SPLITS[split]
    tokenizer.add_tokens(["<think>"])
    tokenizer.chat_template = template
    return tokenizer


def llama(tokenizer: Any, **changes: Any) -> Any:
    """Of every count another number, so that none is taken for another."""
    torch.manual_seed(3)
    shape = {
        "vocab_size": len(tokenizer) + 5,
        "hidden_size": 48,
        "head_dim": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 40,
        "rms_norm_eps": 3e-6,
        "max_position_embeddings": 640,
        "rope_parameters": {"rope_type": "default", "rope_theta": 500_000.0},
        "tie_word_embeddings": False,
    }
    model = t.LlamaForCausalLM(t.LlamaConfig(**shape | changes)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(6).add_(0.01 * torch.randn_like(parameter))
    return model


def opened(file: Path) -> models.Opened:
    return models.open_model(ModelSpec(source=(str(file),)), [], 0, "draft")


class Written(NamedTuple):
    """A model, its tokenizer, the file of the two, and what is read of it."""

    model: Any
    tokenizer: Any
    file: Path
    read: models.Opened


@pytest.fixture(scope="module", params=gguf_files.SPLITS)
def written(request: Any, tmp_path_factory: Any) -> Written:
    tokenizer = tokenizer_of(request.param, "{% for m in messages %}{{ m['content'] }}{% endfor %}")
    model = llama(tokenizer)
    file = tmp_path_factory.mktemp("gguf") / "model.gguf"
    gguf_files.write(model, tokenizer, "some", file, "f32")
    tokenizer_of("smollm").save_pretrained(file.parent)  # which must not be taken for the file's
    return Written(model, tokenizer, file, opened(file))


@torch.no_grad()
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("precision", ["f32", "f16"])
def test_read_back_it_is_the_model_but_for_rounding(
    tmp_path: Path, precision: Any, tied: bool
) -> None:
    tokenizer = tokenizer_of("smollm")
    model = llama(tokenizer, tie_word_embeddings=tied)
    gguf_files.write(model, tokenizer, "some", tmp_path / "x.gguf", precision)
    rounded = copy.deepcopy(model)
    for parameter in rounded.parameters():
        if precision == "f16" and parameter.ndim == 2:
            parameter.copy_(parameter.half())
    ids = torch.randint(0, len(tokenizer), (2, 300))
    read = opened(tmp_path / "x.gguf")
    assert read.model.config.tie_word_embeddings == tied
    assert torch.equal(read.model(ids).logits, rounded(ids).logits)
    assert torch.equal(rounded(ids).logits, model(ids).logits) == (precision == "f32")
    assert models.shared_vocabulary(models.Opened(model, tokenizer, ""), read) == len(tokenizer) + 5


def test_rotary_rows_are_where_llama_cpp_has_them(written: Written) -> None:
    """Row 2 i + s of a head there is row i of its half s here."""
    stored = {tensor.name: tensor.data for tensor in gguf.GGUFReader(written.file).tensors}
    attention = written.model.model.layers[1].self_attn
    for name, weight, heads in (
        ("attn_q", attention.q_proj.weight, 4),
        ("attn_k", attention.k_proj.weight, 2),
    ):
        for head in range(heads):
            for half in range(2):
                for i in range(8):
                    ours = weight[16 * head + 8 * half + i].detach().numpy()
                    theirs = stored[f"blk.1.{name}.weight"][16 * head + 2 * i + half]
                    assert (ours == theirs).all()


@example("  12")
@example("\n\n34 <think>")
@example("<|endoftext|>a")
@given(st.text() | st.text("ab 1½Ⅷ\n\t'<|>", max_size=30))
def test_any_text_has_the_same_ids(written: Written, text: str) -> None:
    ids = written.tokenizer(text)["input_ids"]
    assert written.read.tokenizer(text)["input_ids"] == ids
    assert written.read.tokenizer.decode(ids) == written.tokenizer.decode(ids)


def test_the_two_splits_are_two() -> None:
    """Where a file's is not heeded, spaces before a number are cut otherwise."""
    one, other = (tokenizer_of(split)("  12")["input_ids"] for split in gguf_files.SPLITS)
    assert one != other


def test_what_llama_cpp_asks_for_is_there(written: Written) -> None:
    model, tokenizer, file, _ = written
    fields = {name: field.contents() for name, field in gguf.GGUFReader(file).fields.items()}
    assert fields["general.architecture"] == "llama"
    assert fields["general.name"] == "some"
    assert fields["llama.rope.freq_base"] == 500_000
    assert fields["llama.attention.key_length"] == fields["llama.attention.value_length"] == 16
    assert fields["tokenizer.ggml.model"] == "gpt2"
    split = gguf_files.SPLITS[fields["tokenizer.ggml.pre"]]
    assert tokenizer.backend_tokenizer.pre_tokenizer.__getstate__() == split.__getstate__()
    assert fields["tokenizer.ggml.eos_token_id"] == tokenizer.eos_token_id
    assert fields["tokenizer.ggml.add_bos_token"] is False
    assert fields["tokenizer.chat_template"] == tokenizer.chat_template
    kinds, words = fields["tokenizer.ggml.token_type"], fields["tokenizer.ggml.tokens"]
    think = tokenizer.convert_tokens_to_ids("<think>")
    assert len(kinds) == len(words) == model.config.vocab_size
    assert kinds[tokenizer.eos_token_id] == gguf.TokenType.CONTROL
    assert kinds[think] == gguf.TokenType.USER_DEFINED
    assert kinds[think - 1] == gguf.TokenType.NORMAL
    assert kinds[-1] == gguf.TokenType.UNUSED


def test_a_beginning_of_text_is_added_there_too(tmp_path: Path) -> None:
    tokenizer = tokenizer_of("gpt-2", {"default": "{{ a }}", "tools": "{{ b }}"})
    tokenizer.add_special_tokens({"bos_token": "<s>"})
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.bos_token_id)]
    )
    gguf_files.write(llama(tokenizer), tokenizer, "some", tmp_path / "x.gguf", "f32")
    fields = gguf.GGUFReader(tmp_path / "x.gguf").fields
    assert fields["tokenizer.ggml.add_bos_token"].contents() is True
    assert fields["tokenizer.ggml.bos_token_id"].contents() == tokenizer.bos_token_id
    assert fields["tokenizer.chat_template"].contents() == "{{ a }}"
    assert fields["tokenizer.chat_template.tools"].contents() == "{{ b }}"


def lowercased(tokenizer: Any) -> None:
    tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()


def in_words(tokenizer: Any) -> None:
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()


def unsplit(tokenizer: Any) -> None:
    tokenizer.backend_tokenizer.pre_tokenizer = None


def ended(tokenizer: Any) -> None:
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <|endoftext|>", special_tokens=[("<|endoftext|>", tokenizer.eos_token_id)]
    )


def with_more_words(tokenizer: Any) -> None:
    tokenizer.add_tokens([f"word-{i}" for i in range(9)])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lowercased, "its tokenizer changes text before it splits it"),
        (in_words, "its tokenizer splits text in a way that is neither of gpt-2, smollm"),
        (unsplit, "its tokenizer splits text in a way that is neither of gpt-2, smollm"),
        (ended, "its tokenizer puts special tokens around a text"),
        (with_more_words, r"its tokenizer has 292 tokens, and it 288"),
    ],
)
def test_a_tokenizer_that_llama_cpp_would_read_otherwise_is_refused(
    tmp_path: Path, change: Any, why: str
) -> None:
    tokenizer = tokenizer_of("smollm")
    model = llama(tokenizer)
    change(tokenizer)
    with pytest.raises(AdaspecError, match=rf"^No GGUF is written of this Llama\w+: {why}\.$"):
        gguf_files.write(model, tokenizer, "some", tmp_path / "x.gguf", "f32")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"attention_bias": True}, "it has biases"),
        ({"hidden_act": "gelu"}, "it has biases, or another activation than SiLU"),
        (
            {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}},
            r"its rotary positions are scaled \(linear\)",
        ),
    ],
)
def test_a_llama_that_the_loader_would_read_otherwise_is_refused(
    tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    tokenizer = tokenizer_of("smollm")
    with pytest.raises(AdaspecError, match=why):
        gguf_files.write(llama(tokenizer, **changes), tokenizer, "x", tmp_path / "x.gguf", "f32")


def test_other_models_are_refused() -> None:
    tokenizer = tokenizer_of("gpt-2")
    config = t.GPT2Config(vocab_size=len(tokenizer), n_embd=16, n_layer=1, n_head=2)
    with pytest.raises(AdaspecError, match="of this GPT2LMHeadModel: only Llamas are written"):
        gguf_files.require(t.GPT2LMHeadModel(config), tokenizer)


def test_weights_that_float16_cannot_hold_are_refused(tmp_path: Path) -> None:
    tokenizer = tokenizer_of("smollm")
    model = llama(tokenizer)
    model.lm_head.weight.data[0, 0] = 70_000
    with pytest.raises(AdaspecError, match="some has weights that f16 cannot hold: take f32"):
        gguf_files.write(model, tokenizer, "some", tmp_path / "x.gguf", "f16")
    gguf_files.write(model, tokenizer, "some", tmp_path / "x.gguf", "f32")
