"""What the browser is handed of a text, as models: its types are made of them (`app.schemas`)."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict  # typing's own tells pydantic too little before 3.12

from adaspec.recipe import Decoding
from adaspec.runs.contract import Part
from adaspec.views.metrics import Metric

Kind = Literal["f4", "u4", "u2", "u1"]


class Packed(Part):
    """A column of numbers, little endian."""

    type: Kind
    base64: str


class Piece(TypedDict, total=False):
    """A token's text, or its bytes in hexadecimal if it is not whole characters."""

    text: str
    bytes: str
    special: bool


class TextColumns(Part):
    """Of every token: its id, the sequence that it is of, and whether it is of a response."""

    id: Packed
    seq: Packed
    response: Packed


class Likeliest(Part):
    """A model's likeliest tokens and their probabilities, [rows, TOP]."""

    id: Packed
    p: Packed


class Drawn(Part):
    """How a snapshot is written and coloured, and its optimiser steps."""

    label: str
    colour: str
    step: int


class Played(TypedDict, total=False):
    """Role -> snapshot, of those that the run has."""

    stock: str
    reference: str
    draft: str
    rival: str


class Histogram(Part):
    """Counts in bins of equal width; `below` and `above` lie beyond its ends."""

    low: float
    high: float
    counts: list[int]
    below: int
    above: int


class TokenView(Part):
    """A text with all measures of its tokens; a column is of all rows, prompts included.

    Attributes:
        vocabulary: token id -> what is written for it.
        pieces: row -> the whole character that its token is a part of.
        columns: `column` or `column@snapshot` -> its values.
        top: model -> its likeliest tokens at every row.
        timeline: snapshots on the way to the draft, in order.
        corpus: metric -> its histogram over all tokens of the source.
        pools: pool -> what is kept of it, in a sentence.
        brief: whether what it is is told elsewhere, and nothing but the text can be changed.
    """

    id: str
    title: str
    rows: int
    tokens: TextColumns
    vocabulary: dict[str, Piece]
    pieces: dict[str, str]
    columns: dict[str, Packed]
    top: dict[str, Likeliest]
    snapshots: dict[str, Drawn]
    roles: Played
    timeline: list[str]
    metrics: tuple[Metric, ...]
    corpus: dict[str, Histogram]
    pools: dict[str, str]
    notes: list[str]
    brief: bool = False


# Where acceptance is lost


class AtlasCell(Part):
    """The tokens of a row and a column.

    Attributes:
        row, column: their numbers.
        text: points of acceptance.
        shade: how much of its colour it has, at most 1.
        sign: of what it is worth; a draft alone is behind in every cell.
        says: all of it in words.
        link: leads to the tokens, where there is a studio.
    """

    row: int
    column: int
    text: str
    shade: float
    sign: Literal["ahead", "behind"]
    says: str
    link: str


class AtlasView(Part):
    """A draft's acceptance, or a difference of two drafts', by two properties of tokens.

    Attributes:
        drafts: the key of the draft, and of the other one of a difference.
        axes: what the rows and the columns are of, in words.
        rows, columns: groups that have tokens, in order.
        lies: of every token of the board's sample, the numbers of its row and column.
    """

    id: str
    title: str
    says: str
    drafts: list[str]
    axes: tuple[str, str]
    rows: list[str]
    columns: list[str]
    cells: list[AtlasCell]
    lies: tuple[Packed, Packed]


# What the browser does by itself


class ModelFiles(Part):
    """Addresses of a model's files, relative to a page's."""

    config: str
    weights: str


class Engine(Part):
    """All that a browser needs to run some of a run's models; addresses are relative to a page's.

    Attributes:
        id: of these files: another one where one of them is.
        worker: address of the engine's script.
        tokenizer: address of the target's `tokenizer.json`, which all share.
        models: name -> files, the target's first.
        vocabulary: how many token ids, from 0, they share.
        eos: the token that ends a text.
    """

    id: str
    worker: str
    tokenizer: str
    models: dict[str, ModelFiles]
    vocabulary: int
    eos: int | None


class OwnPrompt(Part):
    """What a browser is to decode.

    Attributes:
        id, title: of the replay.
        clicks: how often it was asked for: what was stopped then begins anew.
        choosing: whether another draft length can be asked for.
    """

    id: str
    title: str
    target: str
    draft: str
    prompt: str
    decoding: Decoding
    seed: int
    engine: Engine
    clicks: int
    choosing: bool = False


class Kinds(Part):
    """Column -> how it is encoded, of the target and of other models; others are not shown."""

    target: dict[str, Kind]
    snapshot: dict[str, Kind]


class OwnText(Part):
    """What a browser is to read, and all of the view (`TokenView`) that does not depend on it.

    Attributes:
        new_tokens: the most that the target puts after a prompt without a response.
        clicks: as in `OwnPrompt`.
        least: model -> the least dL that is kept at each k, in thousandths, below 1.
    """

    id: str
    title: str
    prompt: str
    response: str
    new_tokens: int
    engine: Engine
    clicks: int
    snapshots: dict[str, Drawn]
    roles: Played
    timeline: list[str]
    metrics: tuple[Metric, ...]
    corpus: dict[str, Histogram]
    pools: dict[str, str]
    notes: list[str]
    kinds: Kinds
    least: dict[str, Packed]
