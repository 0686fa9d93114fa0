"""The rows of a data set, before any tokenizer. Loads no torch, so that pages can show them.

Rows come from the built-in stories, from files (JSONL, CSV, Parquet, TXT), uploaded ones among
them, or from a Hugging Face Hub data set. Templates turn a row into a prompt and a response.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from adaspec import AdaspecError, files, runs
from adaspec.recipe import Chat, Data, Holdout, Rows, nearest
from adaspec.stories import stories

Row = dict[str, Any]
Message = dict[str, str]
"""`role` and `content`, as chat templates take them."""
FIELD = re.compile(r"\{(\w+)\}")
WHERE = "__where__"
REMOTE = ("hf://", "https://", "zip://", "gzip://")  # where a data set may have its files
"""The key of a row that says which file and line it came from."""
PARQUET_ROWS = 1000
"""Rows of a Parquet file in memory at a time."""

ROLES = ("system", "user", "assistant")

UPLOAD_BYTES = 200 * 2**20
UPLOAD_ROWS = 1_000_000

MOST_LETTERS = 1_000_000
"""Of a prompt or a response: twice what the longest sequences hold."""


def columns(row: Row) -> list[str]:
    """Those that a template can name."""
    return [name for name in row if name != WHERE and FIELD.fullmatch(f"{{{name}}}")]


def render(row: Row, data: Data) -> tuple[str, str]:
    """(prompt, response) of one row.

    Raises:
        AdaspecError: a template names a field that the row does not have, or a text would have more
            than `MOST_LETTERS`.
    """
    prompt = _fill(data.prompt[-1], row)
    for template in data.prompt[:-1]:
        if _has_all(template, row):
            prompt = _fill(template, row)
            break
    response = _fill(data.response, row)
    for old, new in data.replace.items():
        _require_short(len(response) + response.count(old) * (len(new) - len(old)), row)
        response = response.replace(old, new)
    return prompt, response


def conversation(row: Row, data: Data) -> list[Message]:
    """The row as a conversation, for recipes with `data.chat`: the response, if any, is last.

    Raises:
        AdaspecError: as `render`.
    """
    prompt, response = render(row, data)
    chat, messages = data.chat or Chat(), []
    if chat.system is not None:
        messages.append({"role": "system", "content": _fill(chat.system, row)})
    for turn in chat.turns:
        if _has_all(turn.user, row) and _has_all(turn.assistant, row):
            messages.append({"role": "user", "content": _fill(turn.user, row)})
            messages.append({"role": "assistant", "content": _fill(turn.assistant, row)})
    if chat.messages is not None:
        messages += _messages(row, chat.messages)
    messages.append({"role": "user", "content": prompt})
    if data.response:
        messages.append({"role": "assistant", "content": response})
    _require_short(sum(len(message["content"]) for message in messages), row)
    return messages


def _messages(row: Row, name: str) -> list[Message]:
    """What a column has of a conversation; nothing where it is empty."""
    said = _field(row, name) or []
    fits = isinstance(said, list) and all(
        isinstance(message, dict)
        and message.get("role") in ROLES
        and isinstance(message.get("content"), str)
        for message in said
    )
    if not fits:
        raise AdaspecError(
            f"{row.get(WHERE, 'Data')}: {name} is not a list of messages, each with a `role` "
            f"({', '.join(ROLES)}) and a text as `content`: look at data.chat.messages."
        )
    return [{"role": message["role"], "content": message["content"]} for message in said]


def for_any_text(chat: Chat) -> Chat:
    """What of it names no column, and so holds for texts that are not rows."""
    system = None if chat.system is None or FIELD.search(chat.system) else chat.system
    turns = (turn for turn in chat.turns if not FIELD.search(turn.user + turn.assistant))
    return Chat(system=system, turns=tuple(turns))


def _has_all(template: str, row: Row) -> bool:
    """Whether none of its fields is empty."""
    return all(str(_field(row, name)).strip() for name in FIELD.findall(template))


def _fill(template: str, row: Row) -> str:
    # Not str.format: a template must not reach attributes of its values.
    values = {name: str(_field(row, name)) for name in FIELD.findall(template)}
    _require_short(len(template) + sum(len(values[name]) for name in FIELD.findall(template)), row)
    return FIELD.sub(lambda match: values[match[1]], template)


def _require_short(letters: int, row: Row) -> None:
    """Before it is made: a few replacements, each of what the last has put in, fill any memory."""
    if letters > MOST_LETTERS:
        raise AdaspecError(
            f"{row.get(WHERE, 'Data')}: a text of {letters:,} letters, and {MOST_LETTERS:,} are "
            "the most: look at data.prompt, data.response, data.replace and data.chat."
        )


def _field(row: Row, name: str) -> Any:
    if name not in row:
        have = [key for key in row if key != WHERE]
        raise AdaspecError(
            f"{row.get(WHERE, 'Data')}: no field {name!r} (it has {', '.join(have)})."
            f"{nearest(name, have)} Fields are named in data.prompt, data.response and data.chat."
        )
    return "" if row[name] is None else row[name]


def read_splits(data: Data, seed: int) -> tuple[list[Row], list[Row]]:
    """Training and evaluation rows, limits applied.

    Raises:
        AdaspecError: as `read`, or a split is empty.
    """
    train = read(data.train, "data.train") if data.train else []
    if isinstance(data.evaluation, Holdout):
        order = random.Random(f"holdout-{seed}").sample(range(len(train)), len(train))
        held = set(order[: held_out(len(train), data.evaluation)])
        evaluation = [row for i, row in enumerate(train) if i in held]
        train = [row for i, row in enumerate(train) if i not in held]
    else:
        evaluation = read(data.evaluation, "data.evaluation")
    _require_rows(data, len(train), len(evaluation))
    return train[: data.limit], evaluation[: data.evaluation_limit]


def count_splits(data: Data) -> tuple[int, int]:
    """How many rows `read_splits` gives, of stories and local files; none of them is kept.

    Raises:
        AdaspecError: as `read_splits`.
    """
    train = _count(data.train, "data.train") if data.train else 0
    if isinstance(data.evaluation, Holdout):
        evaluation = held_out(train, data.evaluation)
        train -= evaluation
    else:
        evaluation = _count(data.evaluation, "data.evaluation")
    _require_rows(data, train, evaluation)
    return min(train, data.limit or train), min(evaluation, data.evaluation_limit or evaluation)


def _require_rows(data: Data, train: int, evaluation: int) -> None:
    for split, count in (("train", train), ("evaluation", evaluation)):
        if count < 1 and (split == "evaluation" or data.train):
            raise AdaspecError(f"Data: the {split} split is empty. Check data.{split}.")


def held_out(count: int, holdout: Holdout) -> int:
    """How many of so many rows are held out."""
    return max(1, round(count * holdout.holdout))


def _count(rows: Rows, where: str) -> int:
    if rows.stories is not None:
        return rows.stories
    if rows.path is not None:
        return sum(1 for _ in scan_file(rows.path, where))
    return len(_read_hub(rows, where))


def read(rows: Rows, where: str) -> list[Row]:
    """All rows of one source.

    Raises:
        AdaspecError: file and line for a fault in a file; what to do offline for the Hub.
    """
    if rows.stories is not None:
        return list(stories(rows.stories, rows.seed))
    if rows.path is not None:
        return read_file(rows.path, where)
    return _read_hub(rows, where)


def read_file(path: Path, where: str = "data") -> list[Row]:
    """All rows of a JSONL, CSV, Parquet or TXT file (TXT: a row for each line, field `text`).

    Raises:
        AdaspecError: as `scan_file`.
    """
    return list(scan_file(path, where))


def scan_file(path: Path, where: str = "data") -> Iterator[Row]:
    """The rows of a file, read lazily, so that the first few of many can be shown.

    Raises:
        AdaspecError: the file and the line, and what was expected there.
    """
    if path.suffix.lower() not in READERS:
        raise AdaspecError(f"{where}: {path}: expected a file ending in {', '.join(READERS)}")
    if not files.is_file(path):
        raise AdaspecError(f"{where}: no file {path}")
    yield from _scan(path, str(path), path.suffix.lower())


def _scan(path: Path, name: str, suffix: str) -> Iterator[Row]:
    """Rows of a file, called `name` in messages; `__where__` of each is its line there."""
    try:
        yield from READERS[suffix](path, name)
    except UnicodeDecodeError as error:
        raise AdaspecError(f"{name}: not UTF-8 text at byte {error.start}") from None
    except OSError as error:
        raise AdaspecError(f"{name}: cannot be read: {error}") from None


def _jsonl(path: Path, name: str) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:  # also: a number of 5,000 digits
                reason = getattr(error, "msg", str(error))
                raise AdaspecError(f"{name}, line {number}: not JSON: {reason}") from None
            if not isinstance(row, dict):
                raise AdaspecError(f"{name}, line {number}: expected an object with fields")
            yield row | {WHERE: f"{name}, line {number}"}


def _csv(path: Path, name: str) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        try:
            for row in reader:
                if None in row or None in row.values():
                    raise AdaspecError(
                        f"{name}, line {reader.line_num}: not {len(reader.fieldnames or [])} "
                        "columns like the header"
                    )
                yield row | {WHERE: f"{name}, line {reader.line_num}"}
        except csv.Error as error:
            raise AdaspecError(f"{name}, line {reader.line_num}: not CSV: {error}") from None


def _parquet(path: Path, name: str) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(PARQUET_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield row | {WHERE: f"{name}, row {number}"}
    except pyarrow.ArrowException:
        raise AdaspecError(f"{name}: not a Parquet file") from None


def _txt(path: Path, name: str) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield {"text": line.rstrip("\n"), WHERE: f"{name}, line {number}"}


READERS: dict[str, Callable[[Path, str], Iterator[Row]]] = {
    ".jsonl": _jsonl,
    ".csv": _csv,
    ".parquet": _parquet,
    ".txt": _txt,
}


def store_upload(name: str, content: bytes) -> Path:
    """Store an uploaded file once all its rows have been read without a fault.

    Args:
        name: its name on the sender's machine. Only its ending matters.

    Returns:
        Its path. Equal content under an equal name is stored once.

    Raises:
        AdaspecError: too large, too many rows or none, or not the format its name claims.
    """
    given = Path(name.replace("\\", "/"))
    suffix = given.suffix.lower()
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", given.stem).strip("-")[:40] or "data"
    shown = stem + suffix
    if suffix not in READERS:
        raise AdaspecError(f"An upload's name must end in {', '.join(READERS)}.")
    if len(content) > UPLOAD_BYTES:
        raise AdaspecError(f"{shown} is larger than {UPLOAD_BYTES >> 20} MB: split it.")
    path = runs.home() / "uploads" / f"{hashlib.sha256(content).hexdigest()[:16]}-{shown}"
    with runs.atomic_file(path) as new:
        new.write_bytes(content)
        count = sum(1 for _ in islice(_scan(new, shown, suffix), UPLOAD_ROWS + 1))
        if count > UPLOAD_ROWS:
            raise AdaspecError(f"{shown} has more than {UPLOAD_ROWS:,} rows: split it.")
        if not count:
            raise AdaspecError(f"{shown} has no rows.")
    return path


def _read_hub(rows: Rows, where: str) -> list[Row]:
    import datasets

    # Without the scheme, a folder of that name would be read instead.
    place = f"hf://datasets/{rows.hub}"
    try:
        builder = datasets.load_dataset_builder(place, rows.config, revision=rows.revision)
        _check_files(builder.config.data_files or {})
        builder.download_and_prepare()
        table = builder.as_dataset(split=rows.split)
    except ValueError as error:  # an unknown configuration or split: the library names the valid
        raise AdaspecError(f"{where}: {rows.hub}: {_first_line(error)}") from None
    except Exception as error:  # the Hub client's errors share no base class
        raise AdaspecError(
            f"{where}: cannot fetch {rows.hub} from the Hugging Face Hub "
            f"({type(error).__name__}). Offline, download it elsewhere and pass "
            f"--set {where}=FILE.jsonl"
        ) from None
    return [row | {WHERE: f"{rows.hub} {rows.split}, row {i}"} for i, row in enumerate(table, 1)]


def _check_files(splits: Mapping[str, Iterable[str]]) -> None:
    """A data set names its files itself, and may name one of this machine.

    Raises:
        FileNotFoundError: it does; as if there were none, since its author may be asking whether
            there is.
    """
    parts = [part for paths in splits.values() for path in paths for part in path.split("::")]
    if not all(part.startswith(REMOTE) for part in parts):
        raise FileNotFoundError


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
