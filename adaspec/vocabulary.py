"""What a token id stands for: its bytes, however a tokenizer writes them.

A token need not be a whole character, so bytes are the only faithful form; concatenated, they are
the text that was encoded. Loads no torch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

Class = Literal[
    "number", "word start", "word middle", "name", "punctuation", "line end", "space", "symbol",
    "special", "bytes",
]  # fmt: skip
CLASSES: dict[Class, str] = {
    "number": "with a digit in it",
    "word start": "the first token of a word, of any script",
    "word middle": "what follows in the same word",
    "name": "the first token of a word that has a capital inside a sentence",
    "punctuation": "only punctuation of prose: . , : ; ! ? quotes, brackets, dashes",
    "line end": "only white space, and a new line in it",
    "space": "other white space",
    "symbol": "other signs: operators, currency, symbols",
    "special": "added by the tokenizer, such as the end of the sequence",
    "bytes": "part of a character",
}
_FALLBACK = re.compile(r"<0x([0-9A-F]{2})>")
_OPENS = set('.!?:\n"“«¿¡([…')  # a capital after them says nothing
_PROSE = set(".,:;!?'\"()[]…–—-‘’“”«»¿¡。，、：；！？「」（）")


class Piece(NamedTuple):
    """One token of a vocabulary.

    Attributes:
        id: the token's.
        data: its bytes, UTF-8 where it is whole characters.
        special: whether the tokenizer treats it separately from text.
    """

    id: int
    data: bytes
    special: bool

    @property
    def text(self) -> str:
        """For a terminal; an incomplete character becomes a replacement character."""
        return self.data.decode(errors="replace")


def pieces(tokenizer: Any) -> list[Piece]:
    """Every token of a fast tokenizer, by id."""
    decoder = json.dumps(json.loads(tokenizer.backend_tokenizer.to_str()).get("decoder"))
    added = tokenizer.added_tokens_decoder
    tokens = []
    for word, identity in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]):
        if identity in added:
            tokens.append(Piece(identity, word.encode(), added[identity].special))
        elif '"ByteLevel"' in decoder:
            data = b"".join(_BYTE_OF.get(letter, letter.encode()) for letter in word)
            tokens.append(Piece(identity, data, False))
        elif '"ByteFallback"' in decoder and (byte := _FALLBACK.fullmatch(word)):
            tokens.append(Piece(identity, bytes.fromhex(byte[1]), False))
        elif "\u2581" in decoder or "\\u2581" in decoder:  # SentencePiece's sign for a space
            tokens.append(Piece(identity, word.replace("\u2581", " ").encode(), False))
        else:
            tokens.append(Piece(identity, tokenizer.decode([identity]).encode(), False))
    return tokens


def _byte_level() -> dict[str, bytes]:
    """GPT-2's spelling of bytes: printable ones as they are, the others from U+0100 on."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    table = {chr(byte): bytes([byte]) for byte in plain}
    return table | {chr(0x100 + i): bytes([byte]) for i, byte in enumerate(others)}


_BYTE_OF = _byte_level()


def classify(piece: Piece, before: str = "") -> Class:
    """The one class of `CLASSES` that a token belongs to.

    Args:
        before: the text that it follows; empty where the text begins. Its last letters tell a
            word's start from its middle, and a name from the beginning of a sentence.
    """
    if piece.special:
        return "special"
    try:
        text = piece.data.decode()
    except UnicodeDecodeError:
        return "bytes"
    word = text.strip()
    if not word:
        return "line end" if "\n" in text else "space"
    if any(character.isdigit() for character in word):
        return "number"
    if any(character.isalpha() for character in word):
        return _word(text, before)
    return "punctuation" if set(word) <= _PROSE else "symbol"


def _word(text: str, before: str) -> Class:
    if before[-1:].isalpha() and (text[0].isalpha() or text[0] in "'’"):  # don't: don, 't
        return "word middle"
    word = text.lstrip()
    sentence = before.rstrip(" \t")[-1:]
    inside = sentence and sentence not in _OPENS
    return "name" if inside and word[0].isupper() and word != "I" else "word start"


def classes(tokens: Sequence[Piece], ids: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Of each token, in order, its class's number in `CLASSES`.

    What a token follows is the token before it: enough for all but a space that is a token alone.

    Args:
        tokens: the vocabulary, by id.
        ids: [tokens] of consecutive texts.
        first: [tokens] whether a text begins there.
    """
    before = np.where(first, -1, np.roll(ids, 1)).astype(np.int64)
    pairs, where = np.unique(np.stack([before, ids.astype(np.int64)]), axis=1, return_inverse=True)
    numbers = {name: number for number, name in enumerate(CLASSES)}
    of_pair = [
        numbers[classify(tokens[token], tokens[previous].text if previous >= 0 else "")]
        for previous, token in pairs.T.tolist()
    ]
    return np.array(of_pair, dtype=np.int64)[where.reshape(-1)]


def whole_characters(parts: list[bytes]) -> dict[int, str]:
    """Position of every part that is not whole characters -> the character(s) it belongs to.

    Args:
        parts: the bytes of consecutive tokens.
    """
    characters: dict[int, str] = {}
    open_parts: list[int] = []
    for position in range(len(parts)):
        open_parts.append(position)
        joined = b"".join(parts[i] for i in open_parts)
        try:
            text = joined.decode()
        except UnicodeDecodeError as error:
            if error.reason != "unexpected end of data":  # never becomes a character
                open_parts = []
            continue
        if len(open_parts) > 1:
            characters |= dict.fromkeys(open_parts, text)
        open_parts = []
    return characters
