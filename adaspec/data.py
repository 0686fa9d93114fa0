"""Examples: rows -> prompt + response -> token ids with a mask of the response.

Rows come from the built-in stories, from files (JSONL, CSV, Parquet, TXT) or from a Hugging Face
Hub data set. What counts as response is decided by character offsets in the joined text, because a
separately tokenised prompt can end in other tokens than the same prompt with its response.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from adaspec import AdaspecError
from adaspec.recipe import Data, Holdout, Rows, nearest
from adaspec.stories import stories

Row = dict[str, Any]
FIELD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Example:
    """Token ids of prompt + response + EOS; the first `prompt_length` are the prompt."""

    ids: np.ndarray
    prompt_length: int

    @property
    def response_length(self) -> int:
        return len(self.ids) - self.prompt_length


@dataclass(frozen=True)
class Dataset:
    """What a run trains and measures on, and what was dropped on the way.

    Attributes:
        train, evaluation: examples, in the order of their rows.
        dropped: rows whose response was empty, or became empty by truncation.
        truncated: rows that were cut at `max_length`.
    """

    train: list[Example]
    evaluation: list[Example]
    dropped: int
    truncated: int

    @property
    def hash(self) -> str:
        """Of all token ids and prompt lengths: equal data, whatever it was read from."""
        digest = hashlib.sha256()
        for split in (self.train, self.evaluation):
            for example in split:
                digest.update(np.int64(example.prompt_length).tobytes())
                digest.update(example.ids.astype(np.int64).tobytes())
            digest.update(b"split")
        return digest.hexdigest()[:16]


class Batch(NamedTuple):
    """Right-padded sequences.

    Attributes:
        input_ids: [batch, length] token ids.
        attention_mask: [batch, length], 1 on real tokens.
        predicts: [batch, length] bool; True where the *next* token is a response token, which is
            where the distributions of that response token are read.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    predicts: torch.Tensor

    def to(self, device: torch.device) -> Batch:
        return Batch(*(tensor.to(device) for tensor in self))

    @property
    def next_ids(self) -> torch.Tensor:
        """[rows] the response tokens, in the order of `predicts`' rows."""
        return self.input_ids.roll(-1, dims=1)[self.predicts]

    @property
    def sequence_of_row(self) -> torch.Tensor:
        """[rows] which sequence of the batch each response token belongs to."""
        return self.predicts.nonzero()[:, 0]


def collate(examples: list[Example]) -> Batch:
    """Pad on the right. The pad id is irrelevant: it is never attended to, never predicted."""
    length = max(len(example.ids) for example in examples)
    ids = torch.zeros(len(examples), length, dtype=torch.long)
    mask = torch.zeros(len(examples), length, dtype=torch.long)
    predicts = torch.zeros(len(examples), length, dtype=torch.bool)
    for i, example in enumerate(examples):
        size = len(example.ids)
        ids[i, :size] = torch.from_numpy(example.ids)
        mask[i, :size] = 1
        # A first token has no predecessor to predict it from.
        predicts[i, max(example.prompt_length - 1, 0) : size - 1] = True
    return Batch(ids, mask, predicts)


def batches(examples: list[Example], size: int) -> Iterator[list[Example]]:
    """Consecutive groups of at most `size`."""
    for start in range(0, len(examples), size):
        yield examples[start : start + size]


def prepare(data: Data, tokenizer: Any, seed: int) -> Dataset:
    """Read, template and tokenise both splits.

    Raises:
        AdaspecError: rows cannot be read, a field is missing, a split has no usable row.
    """
    train_rows, evaluation_rows = read_splits(data, seed)
    train = list(encode(train_rows, data, tokenizer))
    evaluation = list(encode(evaluation_rows, data, tokenizer))
    kept = {
        "train": [example for example, _ in train if example],
        "evaluation": [example for example, _ in evaluation if example],
    }
    for split, examples in kept.items():
        if not examples:
            raise AdaspecError(
                f"Data: every row of the {split} split lost its whole response at max_length="
                f"{data.max_length}. Raise data.max_length or shorten data.prompt."
            )
    everything = train + evaluation
    return Dataset(
        **kept,
        dropped=sum(example is None for example, _ in everything),
        truncated=sum(cut for _, cut in everything),
    )


def encode(rows: list[Row], data: Data, tokenizer: Any) -> Iterator[tuple[Example | None, bool]]:
    """Every row as an example, None where no response is left, and whether it was truncated.

    A token that covers both the end of the prompt and the start of the response counts as
    response. EOS closes every sequence, also a truncated one, so that drafts learn to stop.
    """
    eos = tokenizer.eos_token_id
    for start in range(0, len(rows), 1000):  # the tokenizer is parallel within a call
        pairs = [render(row, data) for row in rows[start : start + 1000]]
        texts = tokenizer(
            [prompt + response for prompt, response in pairs], return_offsets_mapping=True
        )
        for (prompt, _), ids, offsets in zip(
            pairs, texts["input_ids"], texts["offset_mapping"], strict=True
        ):
            if ids and ids[-1] == eos and offsets[-1][0] == offsets[-1][1]:
                ids, offsets = ids[:-1], offsets[:-1]  # the tokenizer's own EOS; ours follows
            prompt_length = sum(end <= len(prompt) for _, end in offsets)
            kept = ids[: data.max_length - 1]
            example = None
            if len(kept) > prompt_length:
                example = Example(np.array([*kept, eos], dtype=np.int64), prompt_length)
            yield example, len(kept) < len(ids)


def render(row: Row, data: Data) -> tuple[str, str]:
    """(prompt, response) of one row.

    Raises:
        AdaspecError: a template names a field that the row does not have.
    """
    prompt = _fill(data.prompt[-1], row)
    for template in data.prompt[:-1]:
        if all(str(_field(row, name)).strip() for name in FIELD.findall(template)):
            prompt = _fill(template, row)
            break
    response = _fill(data.response, row)
    for old, new in data.replace.items():
        response = response.replace(old, new)
    return prompt, response


def _fill(template: str, row: Row) -> str:
    # Not str.format: a template must not reach attributes of what it is given.
    return FIELD.sub(lambda match: str(_field(row, match[1])), template)


def _field(row: Row, name: str) -> Any:
    if name not in row:
        have = [key for key in row if key != "__where__"]
        raise AdaspecError(
            f"{row.get('__where__', 'Data')}: no field {name!r} (it has {', '.join(have)})."
            f"{nearest(name, have)} Fields are named in data.prompt and data.response."
        )
    return "" if row[name] is None else row[name]


def read_splits(data: Data, seed: int) -> tuple[list[Row], list[Row]]:
    """Training and evaluation rows, limits applied.

    Raises:
        AdaspecError: as `read`, or a split is empty.
    """
    train = read(data.train, "data.train")
    if isinstance(data.evaluation, Holdout):
        order = random.Random(f"holdout-{seed}").sample(range(len(train)), len(train))
        count = max(1, round(len(train) * data.evaluation.holdout))
        held = set(order[:count])
        evaluation = [row for i, row in enumerate(train) if i in held]
        train = [row for i, row in enumerate(train) if i not in held]
    else:
        evaluation = read(data.evaluation, "data.evaluation")
    train, evaluation = train[: data.limit], evaluation[: data.evaluation_limit]
    for split, rows in (("train", train), ("evaluation", evaluation)):
        if not rows:
            raise AdaspecError(f"Data: the {split} split is empty. Check data.{split}.")
    return train, evaluation


def read(rows: Rows, where: str) -> list[Row]:
    """All rows of one source.

    Raises:
        AdaspecError: file and line for a fault in a file; what to do offline for the Hub.
    """
    if rows.stories is not None:
        return list(stories(rows.stories, rows.seed))
    if rows.file is not None:
        return read_file(rows.file, where)
    return _read_hub(rows, where)


def read_file(path: Path, where: str = "data") -> list[Row]:
    """Rows of a JSONL, CSV, Parquet or TXT file (TXT: one row a line, field `text`).

    Raises:
        AdaspecError: the file and the line, and what was expected there.
    """
    readers = {".jsonl": _jsonl, ".csv": _csv, ".parquet": _parquet, ".txt": _txt}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise AdaspecError(f"{where}: {path}: expected a file ending in {', '.join(readers)}")
    if not path.is_file():
        raise AdaspecError(f"{where}: no file {path}")
    try:
        return list(reader(path))
    except UnicodeDecodeError as error:
        raise AdaspecError(f"{path}: not UTF-8 text at byte {error.start}") from None
    except OSError as error:
        raise AdaspecError(f"{path}: cannot be read: {error}") from None


def _jsonl(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise AdaspecError(f"{path}, line {number}: not JSON: {error.msg}") from None
            if not isinstance(row, dict):
                raise AdaspecError(f"{path}, line {number}: expected an object with fields")
            yield row | {"__where__": f"{path}, line {number}"}


def _csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        try:
            for row in reader:
                if None in row or None in row.values():
                    raise AdaspecError(
                        f"{path}, line {reader.line_num}: not {len(reader.fieldnames or [])} "
                        "columns like the header"
                    )
                yield row | {"__where__": f"{path}, line {reader.line_num}"}
        except csv.Error as error:
            raise AdaspecError(f"{path}, line {reader.line_num}: not CSV: {error}") from None


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except pyarrow.ArrowException:
        raise AdaspecError(f"{path}: not a Parquet file") from None
    for number, row in enumerate(table.to_pylist(), 1):
        yield row | {"__where__": f"{path}, row {number}"}


def _txt(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield {"text": line.rstrip("\n"), "__where__": f"{path}, line {number}"}


def _read_hub(rows: Rows, where: str) -> list[Row]:
    import datasets

    try:
        table = datasets.load_dataset(
            rows.hub, rows.config, split=rows.split, revision=rows.revision
        )
    except ValueError as error:  # an unknown configuration or split: the library names the valid
        raise AdaspecError(f"{where}: {rows.hub}: {_first_line(error)}") from None
    except Exception as error:  # the Hub client's errors share no base class
        raise AdaspecError(
            f"{where}: cannot fetch {rows.hub} from the Hugging Face Hub "
            f"({type(error).__name__}). Offline, download it elsewhere and pass "
            f"--set {where}=FILE.jsonl"
        ) from None
    return [
        row | {"__where__": f"{rows.hub} {rows.split}, row {i}"} for i, row in enumerate(table, 1)
    ]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
