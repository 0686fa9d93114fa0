"""The rows that a recipe would read: how many, the first of them, and what is wrong.

Rows on the Hub are not read before the run begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from adaspec import AdaspecError, allowed, rows
from adaspec.recipe import Data, Holdout, Rows, nearest
from adaspec.rows import FIELD, WHERE, Row
from adaspec.stories import stories
from adaspec.turns import once
from app.shell import access

MOST_LETTERS = 2_000_000  # of the rows that a page renders
MOST_STORIES = 100_000
FIRST = 200  # rows that are kept and rendered to see whether the templates fit


@dataclass(frozen=True)
class Look:
    """What was seen.

    Attributes:
        count, held_out: rows to train and to measure on; None where that is not known yet.
        columns: of the training rows; empty where they are not known.
        first: the first training rows; of those to measure on, where nothing is trained.
        pairs: their prompts and responses, where the templates fit.
        errors: path of a field -> what is wrong with it.
    """

    count: int | None = None
    held_out: int | None = None
    columns: list[str] = field(default_factory=list)
    first: list[Row] = field(default_factory=list)
    pairs: list[tuple[str, str]] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)


def look(content: dict[str, Any], *, may_read: bool, with_draft: bool) -> Look:
    """Look at the rows of a recipe's `data`, which may be half typed.

    Args:
        may_read: files of the server may be opened for this viewer.
        with_draft: the evaluation prompts must have text, for a target to go on from.
    """
    try:
        data = Data.model_validate(content)
    except ValidationError:
        return Look()  # the form says what is wrong
    errors: dict[str, str] = {}
    nothing: tuple[int, list[Row]] = (0, [])
    count, first = _seen(data.train, "data.train", may_read, errors) if data.train else nothing
    if isinstance(data.evaluation, Holdout):
        held, measured = rows.held_out(count or 0, data.evaluation), first
        count, held_out = (None, None) if count is None else (count - held, held)
    else:
        held_out, measured = _seen(data.evaluation, "data.evaluation", may_read, errors)
    if data.train is None:
        first = measured
    elif count == 0:
        errors["data.evaluation"] = "No row is left to train on."
    errors |= dict(_misfits(data, first, measured))
    pairs = [] if errors else _rendered(data, first, "data.train", errors)
    prompts = [] if errors else _rendered(data, measured, "data.evaluation", errors)
    own = data.responses == "target"
    if data.train and pairs and not own and not any(text.strip() for _, text in pairs):
        errors["data.response"] = "Every response is empty: there is nothing to learn."
    if with_draft and any(not prompt for prompt, _ in prompts):
        errors["data.prompt.0"] = (
            "A prompt is empty: drafts are measured on continuations of prompts."
        )
    return Look(
        _at_most(count, data.limit),
        _at_most(held_out, data.evaluation_limit),
        _columns(first),
        first,
        pairs,
        errors,
    )


def suggestion(columns: list[str]) -> tuple[str, str] | None:
    """Prompt and response templates that fit these columns; None where no column can be named."""
    usable = rows.columns(dict.fromkeys(columns))
    if not usable:
        return None
    prompt = f"{{{usable[0]}}}\n" if len(usable) > 1 else "Text: "
    return prompt, f"{{{usable[1] if len(usable) > 1 else usable[0]}}}"


def _seen(
    source: Rows, split: str, may_read: bool, errors: dict[str, str]
) -> tuple[int | None, list[Row]]:
    """How many rows a source has, and the first ones."""
    if source.stories is not None:
        if source.stories > MOST_STORIES:
            errors[f"{split}.stories"] = f"At most {MOST_STORIES:,}: after that, stories repeat."
        return source.stories, list(stories(min(source.stories, FIRST), source.seed))
    if source.path is None:
        return None, []
    if not may_read and not source.bundled:
        errors[f"{split}.file"] = "Files are only read for those who may start jobs."
        return None, []
    if not access.is_private() and not allowed.may_read(source.path):
        errors[f"{split}.file"] = allowed.DATA
        return None, []
    try:
        status = source.path.stat()
        return _file(source.path, status.st_mtime_ns, status.st_size)
    except AdaspecError as error:
        errors[f"{split}.file"] = str(error)
    except OSError:
        errors[f"{split}.file"] = "There is no such file here."
    return None, []


@once(32)
def _file(path: Path, changed: int, size: int) -> tuple[int, list[Row]]:
    count, first = 0, []
    for count, row in enumerate(rows.scan_file(path), 1):  # there may be a million of them
        if count <= FIRST:
            first.append(row)
    if not count:
        raise AdaspecError("The file has no rows.")
    return count, first


def _misfits(data: Data, first: list[Row], measured: list[Row]) -> Iterator[tuple[str, str]]:
    """Templates that name columns which the rows do not have."""
    columns = _columns(first)
    templates = {f"data.prompt.{i}": text for i, text in enumerate(data.prompt)}
    templates["data.response"] = data.response
    if data.chat:
        templates["data.chat.system"] = data.chat.system or ""
        templates["data.chat.messages"] = f"{{{data.chat.messages}}}" if data.chat.messages else ""
        for i, turn in enumerate(data.chat.turns):
            templates[f"data.chat.turns.{i}"] = turn.user + turn.assistant
    for path, template in templates.items():
        for name in FIELD.findall(template):
            if columns and name not in columns:
                hint = nearest(name, columns)
                yield path, f"There is no column {name!r}.{hint}"
            elif measured and name not in _columns(measured):
                yield "data.evaluation", f"These rows have no column {name!r}."


def _columns(some: list[Row]) -> list[str]:
    return [name for name in some[0] if name != WHERE] if some else []


def _rendered(
    data: Data, some: list[Row], split: str, errors: dict[str, str]
) -> list[tuple[str, str]]:
    pairs, letters = [], 0
    try:
        for row in some:
            pairs.append(rows.render(row, data))
            letters += sum(map(len, pairs[-1]))
            if data.chat:
                letters += sum(len(said["content"]) for said in rows.conversation(row, data))
            if letters > MOST_LETTERS:  # for every viewer of a link, signed in or not
                break
    except AdaspecError as error:  # a row without the column that the others have
        errors[split] = str(error)
        return []
    return pairs


def _at_most(count: int | None, limit: int | None) -> int | None:
    return count if count is None or limit is None else min(count, limit)
