"""What a run's models say of a text, as `adaspec.inference` hands it from process to process.

A decoding is a `Trace`. Loads no torch.
"""

from __future__ import annotations

from adaspec.runs.contract import Count, Part


class Likeliest(Part):
    """A model's likeliest tokens of every row.

    Attributes:
        id: [rows, TOP]; a vocabulary of fewer is filled up with -1.
        p: [rows, TOP] the model's own probabilities of them.
    """

    id: list[list[int]]
    p: list[list[float]]


class TextRows(Part):
    """What the token tables would hold of a text.

    Attributes:
        ids: [tokens] of prompt and response.
        response_from: position in ids of the first response token that has a row; the rows are of
            the tokens from there on.
        columns: `entropy`, `p`, and `COLUMN@SNAPSHOT` for the columns of `tokens.SNAPSHOT`; each
            [rows]. Entropy and KL in nats.
        top: of `target` and of each snapshot.
    """

    ids: list[int]
    response_from: Count
    columns: dict[str, list[bool] | list[int] | list[float]]
    top: dict[str, Likeliest]
