"""What a token id stands for: its bytes, however a tokenizer writes them.

A token need not be a whole character, so bytes are the only faithful form; concatenated, they are
the text that was encoded. Loads no torch.
"""

from __future__ import annotations

import json
import re
from typing import Any, Literal, NamedTuple

Class = Literal["digits", "words", "punctuation", "whitespace", "code", "special", "bytes"]
CLASSES: dict[Class, str] = {
    "digits": "with a digit in it",
    "words": "with a letter in it, of any script, and no digit",
    "punctuation": "only punctuation of prose: . , : ; ! ? quotes, brackets, dashes",
    "whitespace": "only spaces, tabs and line ends",
    "code": "other signs: operators, currency, symbols",
    "special": "added by the tokenizer, such as the end of the sequence",
    "bytes": "part of a character",
}
_FALLBACK = re.compile(r"<0x([0-9A-F]{2})>")
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


def classify(piece: Piece) -> Class:
    """The one class of `CLASSES` that a token belongs to."""
    if piece.special:
        return "special"
    try:
        text = piece.data.decode()
    except UnicodeDecodeError:
        return "bytes"
    if not text.strip():
        return "whitespace"
    if any(character.isdigit() for character in text):
        return "digits"
    if any(character.isalpha() for character in text):
        return "words"
    return "punctuation" if set(text.strip()) <= _PROSE else "code"


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
