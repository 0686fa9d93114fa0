"""Llamas as GGUF files, for llama.cpp: what its own converter would write, and how they split text.

llama.cpp's `convert_hf_to_gguf.py` knows a tokenizer by a hash of what it makes of one text, and
refuses those that it was not told of, such as all that are trained here. Here a tokenizer is known
by its parts. Read from llama.cpp as llama-cpp-python 0.3.36 brings it: `conversion/llama.py`,
`src/llama-vocab.cpp`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gguf
import numpy as np
from tokenizers import pre_tokenizers
from torch import Tensor
from transformers import AutoTokenizer, LlamaForCausalLM

from adaspec import AdaspecError
from adaspec.exported import Precision

FLOATS = {"f32": np.float32, "f16": np.float16}
FILE_TYPES = {"f32": gguf.LlamaFileType.ALL_F32, "f16": gguf.LlamaFileType.MOSTLY_F16}
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False)
SPLITS = {
    "gpt-2": pre_tokenizers.Sequence([BYTES]),
    "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), BYTES]),
}
"""`tokenizer.ggml.pre`, and how llama.cpp then splits text before it merges: what we can write."""


def write(model: Any, tokenizer: Any, name: str, file: Path, precision: Precision) -> None:
    """Write a model and its tokenizer.

    Args:
        model: on the CPU, in float32.
        precision: of matrices; vectors are float32 always, as llama.cpp has them.

    Raises:
        AdaspecError: it is no Llama or tokenizer that can be written; says why.
    """
    split = require(model, tokenizer)
    writer = gguf.GGUFWriter(file, gguf.MODEL_ARCH_NAMES[gguf.MODEL_ARCH.LLAMA])
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(name)
    writer.add_file_type(FILE_TYPES[precision])
    _add_shape(writer, model.config)
    _add_tokenizer(writer, tokenizer, split, model.config.vocab_size)
    for tensor_name, tensor in _tensors(model):
        with np.errstate(over="ignore"):  # refused below
            numbers = tensor.numpy().astype(FLOATS[precision] if tensor.ndim > 1 else np.float32)
        if not np.isfinite(numbers).all():
            raise AdaspecError(f"{name} has weights that {precision} cannot hold: take f32.")
        writer.add_tensor(tensor_name, numbers)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def require(model: Any, tokenizer: Any) -> str:
    """The name of the tokenizer's split in `SPLITS`.

    Raises:
        AdaspecError: the two cannot be written; says why.
    """
    for why in _faults(model, tokenizer):
        raise AdaspecError(f"No GGUF is written of this {type(model).__name__}: {why}.")
    return next(name for name, split in SPLITS.items() if _parts(split) == _split(tokenizer))


def open_tokenizer(file: Path) -> Any:
    """The tokenizer in a GGUF file.

    transformers 5.23 takes a tokenizer.json beside the file instead, so it is shown the file alone;
    and it does not know "smollm", whose digits are pieces of their own.
    """
    with TemporaryDirectory() as folder:
        (Path(folder) / file.name).symlink_to(file.resolve())
        tokenizer = AutoTokenizer.from_pretrained(
            folder, gguf_file=file.name, trust_remote_code=False
        )
    field = gguf.GGUFReader(file).get_field(gguf.Keys.Tokenizer.PRE)
    if field and (split := SPLITS.get(field.contents())):
        tokenizer.backend_tokenizer.pre_tokenizer = split
    return tokenizer


def padding(i: int) -> str:
    """The word of an id that has a row in the embedding and no token."""
    return f"[PAD{i}]"


def _faults(model: Any, tokenizer: Any) -> Iterator[str]:
    """Why the two cannot be written, the first first."""
    if type(model) is not LlamaForCausalLM:
        yield "only Llamas are written"
        return
    config = model.config
    rope = config.rope_parameters["rope_type"]
    if rope != "default":
        yield f"its rotary positions are scaled ({rope})"
    if config.hidden_act != "silu" or config.attention_bias or config.mlp_bias:
        yield "it has biases, or another activation than SiLU"
    if len(tokenizer) > config.vocab_size:
        yield f"its tokenizer has {len(tokenizer):,} tokens, and it {config.vocab_size:,}"
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    parts = content["model"]
    if parts["type"] != "BPE" or parts["byte_fallback"] or parts["ignore_merges"]:
        yield "its tokenizer is not byte-level BPE"
    elif content["normalizer"] not in (None, {"type": "Sequence", "normalizers": []}):
        yield "its tokenizer changes text before it splits it"
    elif _split(tokenizer) not in map(_parts, SPLITS.values()):
        yield f"its tokenizer splits text in a way that is neither of {', '.join(SPLITS)}"
    elif tokenizer("")["input_ids"] not in ([], [tokenizer.bos_token_id]):
        yield "its tokenizer puts special tokens around a text"


def _split(tokenizer: Any) -> list[Any]:
    return _parts(tokenizer.backend_tokenizer.pre_tokenizer)


def _parts(split: Any) -> list[Any]:
    """The steps of a pre-tokenizer, without what changes offsets alone."""
    content = json.loads(split.__getstate__()) if split else {}
    steps = content.get("pretokenizers", [content])
    return [{key: step[key] for key in step if key != "trim_offsets"} for step in steps]


def _add_shape(writer: gguf.GGUFWriter, config: Any) -> None:
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)


def _add_tokenizer(writer: gguf.GGUFWriter, tokenizer: Any, split: str, rows: int) -> None:
    """
    Args:
        rows: of the embedding; those without a token are padding.
    """
    words = {i: word for word, i in tokenizer.get_vocab().items()}
    added = tokenizer.added_tokens_decoder
    kinds = {
        i: gguf.TokenType.CONTROL if token.special else gguf.TokenType.USER_DEFINED
        for i, token in added.items()
    }
    kinds |= {i: gguf.TokenType.UNUSED for i in range(rows) if i not in words}
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(split)
    writer.add_token_list([words.get(i, padding(i)) for i in range(rows)])
    writer.add_token_types([kinds.get(i, gguf.TokenType.NORMAL) for i in range(rows)])
    writer.add_token_merges([" ".join(merge) for merge in merges])
    for add, token in (
        (writer.add_bos_token_id, tokenizer.bos_token_id),
        (writer.add_eos_token_id, tokenizer.eos_token_id),
        (writer.add_unk_token_id, tokenizer.unk_token_id),
        (writer.add_pad_token_id, tokenizer.pad_token_id),
    ):
        if token is not None:
            add(token)
    writer.add_add_bos_token(bool(tokenizer("")["input_ids"]))
    if isinstance(tokenizer.chat_template, dict):
        items = tokenizer.chat_template.items()
        writer.add_chat_template([{"name": name, "template": text} for name, text in items])
    elif tokenizer.chat_template:
        writer.add_chat_template(tokenizer.chat_template)


def _tensors(model: Any) -> Iterator[tuple[str, Tensor]]:
    """Names and tensors as llama.cpp has them; its rotary positions turn neighbours, not halves."""
    config = model.config
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        if count := heads.get(name.split(".")[-2]):
            tensor = tensor.unflatten(0, (count, 2, -1)).transpose(1, 2).flatten(0, 2)
        known = names.get_name(name, try_suffixes=(".weight",))
        assert known, name
        yield known, tensor
