"""A trace for people: as a document that explains itself, and as lines for a terminal.

Loads no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from pydantic import ConfigDict, Field
from rich.text import Text

from adaspec import glossary
from adaspec.runs.contract import Count, Part
from adaspec.speculation.statistics import count
from adaspec.speculation.trace import Last, Proposal, Round, Trace
from adaspec.vocabulary import Piece

DEFINITIONS = glossary.means("u", "overlap", "keep", "alpha.tested", "block_efficiency") | {
    "p": "The probability of the token in the target, given the tokens before it.",
    "q": "The same in the draft; with temperature, top-k and top-p applied to both models, but in "
    "greedy decoding the models' own at temperature 1.",
    "accepted": "Null: not tested, because a guess before it was rejected.",
    "likeliest": "[token, p, q] of the five likeliest tokens of both models, and of this token.",
    "last": "The target's own token at a round's end: `residual` in place of a rejected guess, "
    "drawn from max(p − q, 0), scaled; `bonus` after the last accepted one, drawn from p.",
    "drawn_from": "[token, probability] of the five likeliest of what it was drawn from.",
    "draft_ms": "Wall-clock milliseconds of drafting a round's guesses.",
    "verify_ms": "Wall-clock milliseconds of the target's pass over them, with all its decisions.",
    "plain_ms": "Measured milliseconds a token of decoding with the target alone.",
}
MARKS = {  # kind -> before and after a token, style, meaning
    "accepted": ("", "", "green", "accepted"),
    "rejected": ("~", "~", "red strike", "rejected"),
    "untested": ("(", ")", "dim", "not tested: it came after a rejected one"),
    "residual": (">", "", "bold blue", "the target's own, in place of the rejected one"),
    "bonus": ("+", "", "bold magenta", "the target's own, after all were accepted"),
}


class Summary(Part):
    """What came of a decoding.

    Attributes:
        tokens: of the text.
        target_passes: rounds.
        drafted, tested, accepted: proposals.
        tested_alpha: None where nothing was tested.
        ms: wall-clock milliseconds.
        plain_ms: those of a token of plain decoding; None where it was not measured.
    """

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    tokens: Count
    target_passes: Count
    drafted: Count
    tested: Count
    accepted: Count
    tested_alpha: float | None = Field(alias="alpha.tested")
    block_efficiency: float
    ms: float
    plain_ms: float | None


class Document(Part):
    """All there is to know of a decoding: the content of `adaspec replay --json`.

    Attributes:
        tokens: id -> text, of every token that the trace names.
        definitions: what the fields mean.
    """

    version: Literal[1] = 1
    summary: Summary
    prompt: str
    text: str
    tokens: dict[int, str]
    trace: Trace
    definitions: dict[str, str]


def document(trace: Trace, pieces: Sequence[Piece]) -> Document:
    """A decoding as a file that explains itself."""
    return Document(
        summary=summary(trace),
        prompt=_joined(trace.prompt, pieces),
        text=_joined(trace.text, pieces),
        tokens={token: pieces[token].text for token in sorted(token_ids(trace))},
        trace=trace,
        definitions=DEFINITIONS,
    )


def summary(trace: Trace) -> Summary:
    """What came of it, counted."""
    counts = count([trace])
    accepted, rejected = int(counts.accepted[0]), int(counts.rejected[0])
    tested, rounds, tokens = accepted + rejected, len(trace.rounds), int(counts.tokens[0])
    return Summary(
        tokens=tokens,
        target_passes=rounds,
        drafted=int(counts.drafted[0]),
        tested=tested,
        accepted=accepted,
        tested_alpha=accepted / tested if tested else None,
        block_efficiency=tokens / rounds,
        ms=trace.ms,
        plain_ms=trace.plain_ms,
    )


def lines(trace: Trace, pieces: Sequence[Piece]) -> Iterator[Text]:
    """The decoding, a line a pass of the target, and what the marks mean."""
    yield Text.assemble(("prompt  ", "bold"), _safe(_joined(trace.prompt, pieces)))
    yield Text.assemble(("text    ", "bold"), _safe(_joined(trace.text, pieces)))
    yield Text()
    for number, each in enumerate(trace.rounds, 1):
        yield _line(number, each, pieces)
    yield Text()
    yield Text("  ").join(
        Text.assemble(_marked(kind, "token"), f" {MARKS[kind][3]}") for kind in MARKS
    )
    yield Text(_sentence(summary(trace)))


def kinds(decoded: Round) -> Iterator[tuple[Proposal | Last, str]]:
    """The proposals of a round and the target's own token, each with its kind, one of `MARKS`."""
    for proposal in decoded.proposals:
        yield proposal, {True: "accepted", False: "rejected", None: "untested"}[proposal.accepted]
    if decoded.last:
        yield decoded.last, decoded.last.kind


def _line(number: int, decoded: Round, pieces: Sequence[Piece]) -> Text:
    shown = [_marked(kind, repr(pieces[part.token].text)) for part, kind in kinds(decoded)]
    spent = f"  {decoded.tokens} in {decoded.draft_ms + decoded.verify_ms:.1f} ms"
    return Text.assemble((f"{number:4}  ", "dim"), Text(" ").join(shown), (spent, "dim"))


def _marked(kind: str, text: str) -> Text:
    before, after, style, _ = MARKS[kind]
    return Text(f"{before}{text}{after}", style=style)


def _sentence(counts: Summary) -> str:
    parts = [
        f"{counts.tokens} tokens in {counts.target_passes} passes of the target: "
        f"{counts.block_efficiency:.2f} tokens a pass."
    ]
    if counts.tested:
        parts.append(
            f"Of {counts.tested} proposals tested {counts.accepted} were accepted "
            f"({counts.tested_alpha:.1%}); {counts.drafted} were drafted."
        )
    parts.append(f"It took {counts.ms:.1f} ms.")
    if counts.plain_ms:
        plain = counts.plain_ms * counts.tokens
        ratio = plain / counts.ms
        slower = "" if ratio >= 1 else ", slower than without a draft"
        parts.append(
            f"Plain decoding takes {plain:.1f} ms for as many tokens: {ratio:.2f} x{slower}."
        )
    return " ".join(parts)


def _joined(ids: Iterable[int], pieces: Sequence[Piece]) -> str:
    return b"".join(pieces[token].data for token in ids).decode(errors="replace")


def _safe(text: str) -> str:
    """Without control characters, which a terminal would obey."""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text
    )


def token_ids(trace: Trace) -> set[int]:
    """Every token that a trace mentions."""
    ids = set(trace.prompt)
    for each in trace.rounds:
        for proposal in each.proposals:
            ids |= {proposal.token, *(likely[0] for likely in proposal.likeliest)}
        if each.last:
            ids |= {each.last.token, *(likely[0] for likely in each.last.likeliest)}
            ids |= {likely[0] for likely in each.last.drawn_from}
    return ids
