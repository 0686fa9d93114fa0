"""Damaged run folders: every file that is read without a model, damaged in every way that fits it.

A damaged run may be refused in a line, or shown as far as it can be. It never ends in a traceback,
takes no time, and disturbs no other run.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from adaspec import runs

IDENTITY = "01M80AAAAAAAAAAAAAAAAAA8K2"
Damage = Callable[[Path], None]
FILES = (
    *("run.json", "recipe.yaml", "report.json", "events.jsonl", "metrics.jsonl", "name.txt"),
    *("notes.json", "ceiling.json"),
    *("replays/speed.json", "replays/checks.json", "replays/adaspec/0.json", "log.txt"),
    *("drafts/adaspec/training.json", "tokens/contexts.parquet", "tokens/adaspec.parquet"),
    *("tokens/adaspec@25.parquet", "tokens/examples.parquet", "tokens/vocabulary.parquet"),
    *("tokens/sequences.parquet", "tokens", "replays", "replays/adaspec", "drafts", "models"),
)
VALUES: tuple[Any, ...] = (None, True, -1, 10**30, 0.5, "", "x" * 5000, [], [[]], {}, {"a": 1})


@dataclass(frozen=True)
class Harm:
    """One file or folder, and what happens to it."""

    path: str
    name: str
    do: Damage

    def __str__(self) -> str:
        return f"{self.path} {self.name}"


def harms() -> Iterator[Harm]:
    for path in FILES:
        for name, do in EVERY.items():
            yield Harm(path, name, do)
        kind = Path(path).suffix
        if kind == ".json":
            yield from (Harm(path, name, do) for name, do in _json(path))
        if kind == ".jsonl":
            yield from (Harm(path, name, do) for name, do in _lines(path))
        if kind == ".parquet":
            yield from (Harm(path, name, do) for name, do in _tables(path))
        if kind == ".yaml":
            yield from (Harm(path, name, do) for name, do in _yaml())


def copy(folder: Path) -> runs.Run:
    """The bundled example as another run: files are linked, so that none may be written into."""
    shutil.copytree(runs.EXAMPLES["example"], folder)
    state = json.loads((folder / "run.json").read_text())
    replace(folder / "run.json", json.dumps(state | {"id": folder.name}).encode())
    return runs.Run(folder)


def replace(path: Path, content: bytes) -> None:
    gone(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def gone(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _truncated(path: Path) -> None:
    if path.is_file():
        replace(path, path.read_bytes()[: path.stat().st_size // 2])


def _instead(make: Callable[[Path], Any]) -> Damage:
    def do(path: Path) -> None:
        gone(path)
        make(path)

    return do


def _unreadable_name(path: Path) -> None:
    path.parent.joinpath(os.fsdecode(b"\xff\x1b[31m.json")).write_bytes(b"{}")


EVERY: dict[str, Damage] = {
    "gone": gone,
    "empty": lambda path: replace(path, b""),
    "truncated": _truncated,
    "binary": lambda path: replace(path, bytes(range(256)) * 64),
    "utf16": lambda path: replace(path, "{}".encode("utf-16")),
    "folder": _instead(lambda path: (path / "in").mkdir(parents=True)),
    "fifo": _instead(os.mkfifo),
    "loop": _instead(lambda path: path.symlink_to(path)),
    "zero": _instead(lambda path: path.symlink_to("/dev/zero")),
    "nowhere": _instead(lambda path: path.symlink_to("/nowhere")),
    "deep": lambda path: replace(path, b"[" * 100_000),
    "html": lambda path: replace(path, b"<!doctype html><script>alert(1)</script>"),
    "neighbour": _unreadable_name,
}


def _json(path: str) -> Iterator[tuple[str, Damage]]:
    original = runs.EXAMPLES["example"] / path
    content = json.loads(original.read_text()) if original.exists() else {}
    for text in ("null", "[]", "{}", '"x"', "1", '{"version": 99}', '{"version": "2"}', "NaN"):
        yield text, lambda path, text=text: replace(path, text.encode())
    for key in content:
        yield f"without {key}", lambda path, key=key: _change(path, key)
        for value in VALUES:
            yield (
                f"{key}={str(value)[:20]}",
                lambda path, key=key, value=value: _change(path, key, value),
            )
    yield "more", lambda path: _change(path, "surprise", 1)


def _change(path: Path, key: str, *value: Any) -> None:
    if not path.is_file():
        return
    content = json.loads(path.read_text())
    content.pop(key, None)
    if value:
        content[key] = value[0]
    replace(path, json.dumps(content).encode())


def _lines(path: str) -> Iterator[tuple[str, Damage]]:
    first = (runs.EXAMPLES["example"] / path).read_bytes().splitlines()[0]
    content = json.loads(first)
    rows = {
        "torn": first[: len(first) // 2],
        "a list": b"[1]",
        "a newer version": json.dumps(content | {"version": 99}).encode(),
        "numbers": b"1\n2\n3",
        "long": b'{"a": "' + b"x" * 10_000_000 + b'"}',
    }
    for key in content:
        for value in (None, "x", -1, [], 10**30):
            rows[f"{key}={value}"] = json.dumps(content | {key: value}).encode()
    for name, row in rows.items():
        yield (
            name,
            lambda path, row=row: replace(path, path.read_bytes() + row + b"\n" + first + b"\n"),
        )


def _tables(path: str) -> Iterator[tuple[str, Damage]]:
    def rewritten(change: Callable[[pa.Table], pa.Table]) -> Damage:
        def do(path: Path) -> None:
            table = change(pq.read_table(path))
            gone(path)
            pq.write_table(table, path)

        return do

    yield "fewer rows", rewritten(lambda table: table.slice(0, len(table) // 2))
    yield "no rows", rewritten(lambda table: table.slice(0, 0))
    yield "rows twice", rewritten(lambda table: pa.concat_tables([table, table]))
    yield "backwards", rewritten(lambda table: table.take(list(range(len(table)))[::-1]))
    yield "nulls", rewritten(_nulls)
    for name in pq.read_schema(runs.EXAMPLES["example"] / path).names:
        yield f"without {name}", rewritten(lambda table, name=name: table.drop_columns([name]))
        yield f"text in {name}", rewritten(lambda table, name=name: _column(table, name, "x"))
        yield f"huge {name}", rewritten(lambda table, name=name: _huge(table, name))
    others = [other for other in FILES if other.endswith(".parquet") and other != path]
    for other in others:
        content = (runs.EXAMPLES["example"] / other).read_bytes()
        yield f"is {other}", lambda path, content=content: replace(path, content)


def _nulls(table: pa.Table) -> pa.Table:
    columns = [pa.nulls(len(table), field.type) for field in table.schema]
    return pa.table(columns, schema=table.schema)


def _column(table: pa.Table, name: str, value: Any) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.set_column(at, name, pa.array([value] * len(table)))


def _huge(table: pa.Table, name: str) -> pa.Table:
    """Ids far outside the vocabulary, infinite numbers."""
    at, field = table.schema.get_field_index(name), table.schema.field(name)
    if pa.types.is_integer(field.type):
        column = pa.array([2**31 - 1] * len(table), field.type)
    elif pa.types.is_floating(field.type):
        column = pa.array([float("nan")] * len(table), field.type)
    else:
        return table
    return table.set_column(at, field, column)


def _yaml() -> Iterator[tuple[str, Damage]]:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
        for before, name in zip("abcdefghi", "bcdefghij", strict=True)
    )
    for name, text in {
        "a bomb": bomb,
        "another recipe": "name: x\ntarget: assets:tiny/target\n",
        "an unknown key": "surprise: 1\n",
        "a list": "- 1\n",
        "zero steps": "stage1: {batch: 0, lr: 1}\n",
    }.items():
        yield name, lambda path, text=text: replace(path, text.encode())
