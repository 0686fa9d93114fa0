"""The token tables' contract: their columns, with a version in the Parquet schema's metadata.

Read as every other file of a run folder is: checked, or refused in a line. Files written before
versions were numbered are of version 1. Apart from the other contracts, since Arrow takes half a
second to load.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from adaspec.runs.contract import MEASURE, Unreadable

TOP = 5
"""Tokens of every distribution that are stored: its likeliest."""
ROW_GROUP = 1 << 16
"""Rows a Parquet row group, so that one sequence is read in milliseconds."""

_VERSION = b"adaspec.version"


def _schema(version: int, **columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()), metadata={_VERSION: str(version)})


_TOP_IDS, _TOP_PROBABILITIES = pa.list_(pa.int32(), TOP), pa.list_(pa.float32(), TOP)
CONTEXTS = _schema(
    1,
    source=pa.dictionary(pa.int8(), pa.string()),
    seq=pa.int32(),
    pos=pa.int32(),
    token=pa.int32(),
    entropy=pa.float32(),
    p=pa.float32(),
    top=_TOP_IDS,
    top_p=_TOP_PROBABILITIES,
)
SNAPSHOT = _schema(
    1,
    kl=pa.float32(),
    reverse_kl=pa.float32(),
    overlap=pa.float32(),
    q=pa.float32(),
    rank=pa.int32(),
    agree=pa.bool_(),
    top=_TOP_IDS,
    top_q=_TOP_PROBABILITIES,
)
EXAMPLES = _schema(
    1,
    source=pa.dictionary(pa.int8(), pa.string()),
    seq=pa.int32(),
    tokens=pa.int32(),
    prompt=pa.string(),
    response=pa.string(),
)
VOCABULARY = _schema(1, id=pa.int32(), data=pa.binary(), special=pa.bool_())
SEQUENCES = _schema(
    1,
    source=pa.string(),
    seq=pa.int32(),
    prompt=pa.list_(pa.int32()),
    response=pa.list_(pa.int32()),
)
ANSWERS = _schema(
    1,
    response=pa.list_(pa.int32()),
    seconds=pa.float32(),  # its share of its batch's
    passes=pa.float32(),  # likewise: of the target, over the whole batch
)


def count_rows(path: Path, schema: pa.Schema) -> int:
    """Rows of a table.

    Raises:
        Unreadable: it is not there, damaged, or of another version.
    """
    with _open(path, schema) as file:
        return int(file.metadata.num_rows)


def read_table(path: Path, schema: pa.Schema, columns: Iterable[str] | None = None) -> pa.Table:
    """A whole table, or some of its columns.

    Raises:
        Unreadable: it is not there, damaged, or of another version.
    """
    with _open(path, schema) as file:
        return _whole(path, file.read(columns=None if columns is None else list(columns)))


def read_rows(
    path: Path, schema: pa.Schema, columns: Iterable[str] | None, start: int, end: int
) -> pa.Table:
    """Rows from start to end, of the row groups that hold them and no others.

    Raises:
        Unreadable: it is not there, damaged, of another version, or has fewer rows.
    """
    with _open(path, schema) as file:
        if end > file.metadata.num_rows:
            raise _damaged(path, f"{file.metadata.num_rows} rows where {end} are wanted")
        groups: list[int] = []
        first = before = 0
        for group in range(file.num_row_groups):
            after = before + file.metadata.row_group(group).num_rows
            if before < end and after > start:
                if not groups:
                    first = before
                groups.append(group)
            before = after
        names = None if columns is None else list(columns)
        rows = file.read_row_groups(groups, columns=names)
        return _whole(path, rows).slice(start - first, end - start)


@contextmanager
def _open(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetFile]:
    """A table's file, its columns and version checked; damage inside is reported alike."""
    if not path.is_file():
        raise Unreadable(path, f"is not there: {MEASURE}")
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            _require(path, file.schema_arrow, schema)
            yield file
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(path, str(error).partition("\n")[0]) from None


def _whole(path: Path, table: pa.Table) -> pa.Table:
    for name, column in zip(table.column_names, table.columns, strict=True):
        if column.null_count:
            raise _damaged(path, f"{column.null_count} rows without {name}")
    return table


def _require(path: Path, stored: pa.Schema, schema: pa.Schema) -> None:
    stamp, newest = (stored.metadata or {}).get(_VERSION, b"1"), int(schema.metadata[_VERSION])
    version = int(stamp) if stamp.isdigit() and len(stamp) < 10 else 0
    if version > newest:
        text = f"is of a newer version, and this adaspec reads up to {newest}: update it."
        raise Unreadable(path, text)
    if version < newest:
        raise _damaged(path, f"version {version}")
    for field in schema:
        column = stored.get_field_index(field.name)
        if column < 0 or not _alike(stored.field(column).type, field.type):
            raise _damaged(path, f"no column {field.name} of {field.type}")


def _alike(stored: pa.DataType, wanted: pa.DataType) -> bool:
    """Equal types; Arrow reads a dictionary back as one of int32."""
    if pa.types.is_dictionary(stored) and pa.types.is_dictionary(wanted):
        return bool(stored.value_type == wanted.value_type)
    return bool(stored == wanted)


def _damaged(path: Path, reason: str) -> Unreadable:
    return Unreadable(path, f"is damaged ({reason}). {MEASURE}")
