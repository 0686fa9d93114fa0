"""Opening a target or a draft, and the two halves every model is used in: body and head.

The body turns token ids into last hidden states, the head turns hidden states into logits. Keeping
them apart lets training send only response positions through the head, in chunks. Models load from
safetensors or GGUF only, and never run code of their own (`trust_remote_code=False`).
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from types import MethodType
from typing import Any, TypeVar

import torch
from huggingface_hub import snapshot_download
from safetensors.torch import load_model
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, trainers
from tokenizers.models import BPE
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)
from transformers.models.codegen.modeling_codegen import CodeGenAttention
from transformers.utils.logging import disable_progress_bar

from adaspec import AdaspecError, files, gguf_files
from adaspec.data import Batch
from adaspec.precision import product
from adaspec.recipe import ASSET, HUB, PACKAGE, ModelSpec, NewModel, bundled_path
from adaspec.runs.draft_vocabulary import (
    DRAFT_VOCABULARY,
    DRAFT_VOCABULARY_FILE,
    DraftVocabulary,
)
from adaspec.trimming import TrimmedHead, trim, widen

disable_progress_bar()  # the command line draws its own

EOS = "<|endoftext|>"
SMALL = 20_000_000  # parameters
WANTED = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]  # of a model on the Hub
NEW = "random weights"
"""The source of a model with random weights."""
LAYER = re.compile(r"\.(layers|h|blocks)\.(\d+)\.")
T = TypeVar("T")
PROBE = "Ada has 12 apples, λ → ∞;\n\tfür 東京 🙂 x==y"


@dataclass(frozen=True)
class Opened:
    """A model ready to use, its tokenizer, and which of the recipe's sources it came from.

    Attributes:
        format: what its file is, where that is not the weights in full.
    """

    model: Any
    tokenizer: Any
    source: str
    format: str = ""


def hidden_rows(model: Any, batch: Batch) -> Tensor:
    """Last hidden states that predict the response tokens: [rows, hidden], by sequence, position.

    Only the body runs; prompts never reach the head. No mask is passed: padding comes last, where
    no real token sees it, and without one attention takes its fastest path.
    """
    hidden = model.base_model(input_ids=batch.input_ids, use_cache=False).last_hidden_state
    rows: Tensor = hidden.flatten(0, 1).index_select(0, batch.rows)
    return rows


def head(model: Any, vocabulary: int | None = None) -> Callable[[Tensor], Tensor]:
    """The map from hidden states [rows, hidden] to float32 logits [rows, vocabulary].

    Bias and soft-cap are included; ids from `vocabulary` on are cut off, so that a softmax over
    the result is renormalised over the ids that target and draft share. A trimmed head's logits
    are -inf at the ids that it has not.
    """
    projection = model.get_output_embeddings()
    softcap = getattr(model.config, "final_logit_softcapping", None)
    kept = kept_ids(model, vocabulary)
    count = vocabulary if kept is None else len(kept)

    def logits(hidden: Tensor) -> Tensor:
        bias = None if projection.bias is None else projection.bias[:count]
        out = linear_float32(hidden, projection.weight[:count], bias)
        if softcap:
            out = torch.tanh(out / softcap) * softcap
        return out if kept is None else widen(out, kept, vocabulary or width(model))

    return logits


def width(model: Any) -> int:
    """How many token ids its logits have, padding included."""
    projection = model.get_output_embeddings()
    if isinstance(projection, TrimmedHead):
        return projection.vocabulary.of
    rows: int = projection.weight.shape[0]
    return rows


def kept_ids(model: Any, vocabulary: int | None = None) -> Tensor | None:
    """[kept] the ids below `vocabulary` that a trimmed head has rows for; None of a whole head."""
    projection = model.get_output_embeddings()
    if not isinstance(projection, TrimmedHead):
        return None
    kept = projection.kept
    if vocabulary is None or vocabulary >= projection.vocabulary.of:
        return kept  # without asking the device
    return kept[kept < vocabulary]


def draft_vocabulary(model: Any) -> DraftVocabulary | None:
    """What a trimmed head has rows for; None of a whole head."""
    projection = model.get_output_embeddings()
    return projection.vocabulary if isinstance(projection, TrimmedHead) else None


def linear_float32(hidden: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`hidden @ weight.T + bias` in float32, whatever the precision of the three.

    Rounded to bf16, a logit of 16 is off by up to 0.06: greedy decoding would meet ties that are
    none, and gradients near alpha = 1 would be rounding.
    """
    with torch.autocast(hidden.device.type, enabled=False):
        if hidden.is_cuda and not torch.is_grad_enabled():
            out = product(hidden, weight.T)
            return out if bias is None else out.add_(bias)
        wide = None if bias is None else bias.float()
        return torch.nn.functional.linear(hidden.float(), weight.float(), wide)


def load_weights(folder: Path, device: torch.device, dtype: torch.dtype = torch.float32) -> Any:
    """A model that a run has saved, frozen."""
    model = _load(folder, dtype)
    return fast_attention(model).to(device).eval().requires_grad_(False)


def save_weights(model: Any, folder: Path) -> None:
    """Write a model as `load_weights` reads it: a Hugging Face folder, and what a trimmed head has
    rows for.
    """
    model.save_pretrained(folder)
    if vocabulary := draft_vocabulary(model):
        DRAFT_VOCABULARY.write(folder / DRAFT_VOCABULARY_FILE, vocabulary)


def _load(folder: str | Path, dtype: torch.dtype, gguf: str | None = None) -> Any:
    """The model in a folder, or on the Hub; of a GGUF file there, whatever lies beside it."""
    if gguf is None and (Path(folder) / DRAFT_VOCABULARY_FILE).is_file():
        return _load_trimmed(Path(folder), dtype)
    return AutoModelForCausalLM.from_pretrained(
        folder,
        gguf_file=gguf,
        dtype=dtype,
        trust_remote_code=False,
        use_safetensors=True if gguf is None else None,
    )


def _load_trimmed(folder: Path, dtype: torch.dtype) -> Any:
    """Transformers knows no head with fewer rows than its configuration has ids."""
    vocabulary = DRAFT_VOCABULARY.read(folder / DRAFT_VOCABULARY_FILE)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    model = trim(AutoModelForCausalLM.from_config(config, dtype=dtype), vocabulary)
    load_model(model, folder / "model.safetensors")
    return model


def fast_attention(model: Any) -> Any:
    """The model with fused attention, if its class materialises the attention scores.

    CodeGen stores [batch, heads, length, length] in float32 several times over, which is most of
    the memory of its training. Torch's fused attention is the same function.
    """
    for module in model.modules():
        if isinstance(module, CodeGenAttention):
            module._attn = MethodType(_fused_attention, module)
            model.config._attn_implementation = "sdpa"  # no mask if causal is enough
    return model


def _fused_attention(
    self: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None = None
) -> tuple[Tensor, None]:
    """In place of `CodeGenAttention._attn`."""
    attended = torch.nn.functional.scaled_dot_product_attention(
        query.to(value.dtype),
        key.to(value.dtype),
        value,
        attention_mask,
        is_causal=attention_mask is None and query.shape[-2] > 1,
    )
    return attended, None


def check_head(model: Any, name: str) -> None:
    """Body, then head, must be the model.

    Raises:
        AdaspecError: the architecture does something between the two that `head` does not do, or it
            does not run.
    """
    ids = torch.arange(4, device=model.device)[None]
    try:
        with torch.no_grad():
            whole = model(input_ids=ids).logits[0].float()
            halves = head(model)(model.base_model(input_ids=ids).last_hidden_state[0])
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # every architecture fails in its own way
        raise AdaspecError(
            f"{name}: {type(model).__name__} does not run here ({_first_line(error)}). "
            "Choose another architecture."
        ) from None
    if whole.shape != halves.shape or not torch.allclose(whole, halves, rtol=1e-2, atol=1e-2):
        raise AdaspecError(
            f"{name}: {type(model).__name__} changes its logits after the head in a way this "
            "version does not support. Choose another architecture."
        )


def require_attention(model: Any) -> None:
    """
    Raises:
        AdaspecError: the model keeps a running state, which no rejected proposal can be taken from.
    """
    if model._is_stateful:  # as transformers calls it
        raise AdaspecError(
            f"{type(model).__name__} cannot go back when tokens are rejected: it keeps a "
            "running state of what it read. Choose a model with attention in every layer."
        )


def open_model(spec: ModelSpec, texts: Iterable[str], seed: int, where: str) -> Opened:
    """The model a recipe asks for, in float32, dropout off.

    Args:
        texts: what a new model's tokenizer is trained on when the recipe names none.
        seed: of a new model's weights.
        where: the recipe's field, for messages.

    Raises:
        AdaspecError: no source can be opened; each is named with its reason.
    """
    if spec.new:
        tokenizer = open_tokenizer(spec, texts, where)
        return Opened(new_llama(spec.new, tokenizer, seed), tokenizer, NEW)
    opened = _first(spec, lambda source: _open(source, where))
    if draft_vocabulary(opened.model) and (spec.layers or spec.vocabulary):
        field = "layers" if spec.layers else "vocabulary"
        raise AdaspecError(
            f"{where}.{field}: the vocabulary of {opened.source} is trimmed already, and it is "
            "used as it is: leave the field out, or cut the model that it was made of."
        )
    if spec.layers is not None:
        return replace(opened, model=prune(opened.model, spec.layers))
    return opened


def open_tokenizer(spec: ModelSpec, texts: Iterable[str], where: str) -> Any:
    """The tokenizer of the model that a recipe asks for, without its weights.

    Args, Raises: as `open_model`.
    """
    if spec.new and not spec.tokenizer:
        return train_tokenizer(texts, spec.new.vocabulary)
    if spec.new and spec.tokenizer:
        return _tokenizer_at(spec.tokenizer, f"{where}.new.tokenizer")
    return _first(spec, lambda source: _tokenizer_at(source, where))


def _tokenizer_at(source: str, where: str) -> Any:
    location, file = _locate(source, where)
    with _opening(source, location, where):
        return _open_tokenizer(location, file)


def _first(spec: ModelSpec, opening: Callable[[str], T]) -> T:
    """What can be opened of the first source that there is.

    Raises:
        AdaspecError: of none; each is named with its reason.
    """
    reasons = []
    for source in spec.source:
        try:
            return opening(source)
        except AdaspecError as error:
            reasons.append(str(error))
    raise AdaspecError(" ".join(reasons))


def _open(source: str, where: str) -> Opened:
    location, file = _locate(source, where)
    with _opening(source, location, where):
        model = _load(location, torch.float32, file)
        require_attention(model)
        tokenizer = _open_tokenizer(location, file)
    if file:  # dequantised on loading; these two would make saving refuse
        model.config.__dict__.pop("quantization_config", None)
        model.hf_quantizer = None
    fast_attention(model).eval()
    check_head(model, source)
    return Opened(model, tokenizer, source, "GGUF, opened in float32" if file else "")


@contextmanager
def _opening(source: str, location: str, where: str) -> Iterator[None]:
    """What goes wrong while a model or a tokenizer is opened, in a line that names the source."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # transformers, the Hub client and safetensors share no base class
        if isinstance(error, AdaspecError) or files.is_folder(Path(location)):
            raise AdaspecError(
                f"{where}: {source} is not a usable model: {_first_line(error)}"
            ) from None
        raise AdaspecError(
            f"{where}: cannot fetch {source} from the Hugging Face Hub ({type(error).__name__}). "
            f"Check the id; offline, pass --set {where}.source=FOLDER with a downloaded model."
        ) from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _locate(source: str, where: str) -> tuple[str, str | None]:
    """(folder or Hub id, GGUF file name or None)."""
    if source.startswith(ASSET):
        return str(bundled_path(source)), None
    if source.startswith(PACKAGE):
        package, _, file = source.removeprefix(PACKAGE).partition("/")
        module = importlib.util.find_spec(package)
        if not module or not module.origin:
            raise AdaspecError(f"{where}: the Python package {package} is not installed.")
        return str(Path(module.origin).parent), file
    if source.startswith(HUB):
        return _on_hub(source.removeprefix(HUB), where), None
    path = Path(source)
    if path.suffix == ".gguf" and files.is_file(path):
        return str(path.parent), path.name
    if files.is_folder(path):
        if not (path / "config.json").exists():
            raise AdaspecError(f"{where}: {source} has no config.json: not a model folder.")
        return source, None
    if source.startswith((".", "/", "~")) or source.count("/") > 1 or path.suffix == ".gguf":
        raise AdaspecError(f"{where}: no model folder or .gguf file {source}.")
    return source, None


def _on_hub(name: str, where: str) -> str:
    """The Hub id; or the folder that it is downloaded to, where transformers would open a folder of
    that name instead.
    """
    if not files.exists(Path(name)):
        return name
    with _opening(HUB + name, HUB + name, where):
        try:
            return snapshot_download(name, allow_patterns=WANTED, ignore_patterns="*/*")
        except (OSError, ValueError):  # as transformers puts it
            raise OSError from None


def _open_tokenizer(location: str, file: str | None) -> Any:
    if file:
        tokenizer = gguf_files.open_tokenizer(Path(location, file))
    else:
        tokenizer = AutoTokenizer.from_pretrained(location, trust_remote_code=False)
    if not tokenizer.is_fast:
        raise AdaspecError(
            f"{location}: its tokenizer is not 'fast': it reports no character offsets."
        )
    if tokenizer.eos_token_id is None:
        raise AdaspecError(f"{location}: its tokenizer has no end-of-sequence token.")
    return tokenizer


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Any:
    """A byte-level BPE tokenizer: any text round-trips, every digit is a token of its own."""
    tokenizer = Tokenizer(BPE())
    tokenizer.normalizer = normalizers.Sequence([])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=EOS, pad_token=EOS)


def new_llama(spec: NewModel, tokenizer: Any, seed: int) -> Any:
    """A small Llama with random weights that depend on the seed alone."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=spec.hidden,
        num_hidden_layers=spec.layers,
        num_attention_heads=spec.heads,
        intermediate_size=spec.feed_forward,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config).eval()


def prune(model: Any, layers: tuple[int, ...]) -> Any:
    """A copy of the model that keeps only these layers, in this order; the rest is unchanged.

    Raises:
        AdaspecError: a layer the model does not have.
    """
    count = model.config.num_hidden_layers
    if wrong := [layer for layer in layers if not 0 <= layer < count]:
        raise AdaspecError(f"draft.layers: {wrong[0]} is not a layer; it has 0 to {count - 1}.")
    config = AutoConfig.for_model(**model.config.to_dict() | {"num_hidden_layers": len(layers)})
    if getattr(config, "layer_types", None):
        config.layer_types = [model.config.layer_types[layer] for layer in layers]
    position = {old: new for new, old in enumerate(layers)}
    state = {}
    for name, tensor in model.state_dict().items():
        match = LAYER.search(name)
        if match is None:
            state[name] = tensor
        elif int(match[2]) in position:
            new = f".{match[1]}.{position[int(match[2])]}."
            state[name[: match.start()] + new + name[match.end() :]] = tensor
    pruned = AutoModelForCausalLM.from_config(config, dtype=model.dtype)
    pruned.load_state_dict(state)
    pruned.tie_weights()
    return fast_attention(pruned).eval()


def shared_vocabulary(target: Opened, draft: Opened) -> int:
    """How many token ids, from 0, mean the same to both models.

    Embeddings are often padded beyond the tokenizer (Qwen2.5: 151,936 or 152,064 rows for one
    tokenizer), so the count is the smaller of the two heads' rows. A special token that one of the
    two does not know, such as the `[PAD]` that fine-tuning scripts add, is padding to the other.

    Raises:
        AdaspecError: an id stands for different tokens, or a text is split differently; says which.
    """
    p, q = target.tokenizer, draft.tokenizer
    shared = min(width(target.model), width(draft.model))
    words_p, words_q = (
        {
            i: word
            for word, i in each.get_vocab().items()
            if i < shared and word != gguf_files.padding(i)
        }
        for each in (p, q)
    )
    special = {
        i for each in (p, q) for i, token in each.added_tokens_decoder.items() if token.special
    }
    for i in sorted(words_p.keys() | words_q.keys()):
        only_one = (i in words_p) != (i in words_q)
        if words_p.get(i) != words_q.get(i) and not (only_one and i in special):
            raise _two_tokenizers(
                draft,
                f"id {i} is {words_p.get(i)!r} to the target and {words_q.get(i)!r} to the draft",
            )
    split_p, split_q = (each.convert_ids_to_tokens(each(PROBE)["input_ids"]) for each in (p, q))
    for i, (word_p, word_q) in enumerate(zip_longest(split_p, split_q)):
        if word_p != word_q:
            raise _two_tokenizers(
                draft,
                f"they split {PROBE!r} differently, at token {i} into {word_p!r} for the target "
                f"and {word_q!r} for the draft",
            )
    return shared


def _two_tokenizers(draft: Opened, difference: str) -> AdaspecError:
    return AdaspecError(
        f"Target and draft have different tokenizers: {difference}. Speculative decoding needs "
        f"one tokenizer: choose a draft of the target's family in place of {draft.source}."
    )


@contextmanager
def threads_for(model: Any) -> Iterator[None]:
    """The number of threads the model decodes fastest with: one for a small model."""
    before = torch.get_num_threads()
    if parameters(model) < SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def context_length(model: Any) -> int | None:
    """The most tokens a model takes, or None if its configuration does not say."""
    config = model.config
    for name in ("max_position_embeddings", "n_positions"):
        if length := getattr(config, name, None):
            return int(length)
    return None


def weights_hash(model: Any) -> str:
    """A hash of the name, shape and bytes of every parameter and buffer."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def parameters(model: Any) -> int:
    """The number of parameters; tied weights count once."""
    sizes: list[int] = [parameter.numel() for parameter in model.parameters()]
    return sum(sizes)
