"""The token tables' contract: old ones open, damage is refused in a line."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adaspec import AdaspecError, measurement, tokens
from adaspec.runs import Run, Unreadable, tables
from tests.adaspec.runs.test_contract import OLD

SCHEMAS = {
    "examples": tables.EXAMPLES,
    "sequences": tables.SEQUENCES,
    "vocabulary": tables.VOCABULARY,
}
ROWS = {"examples": 400, "sequences": 400, "vocabulary": 512}


def old(name: str) -> Path:
    return OLD.path / "tokens" / f"{name}.parquet"


def stamped(path: Path, version: bytes) -> None:
    """The same table, saying that it is of another version."""
    table = pq.read_table(path)
    metadata = dict.fromkeys(tables.VOCABULARY.metadata, version)
    pq.write_table(table.replace_schema_metadata(metadata), path)


@pytest.mark.parametrize("name", SCHEMAS)
def test_tables_from_before_versions_open(name: str) -> None:
    assert not pq.read_schema(old(name)).metadata
    table = tables.read_table(old(name), SCHEMAS[name])
    assert (table.num_rows, table.column_names) == (ROWS[name], SCHEMAS[name].names)
    assert tables.count_rows(old(name), SCHEMAS[name]) == ROWS[name]


@pytest.mark.parametrize("schema", [tables.VOCABULARY, tables.CONTEXTS, tables.SNAPSHOT])
def test_what_is_written_has_its_version(schema: pa.Schema, tmp_path: Path) -> None:
    with measurement._table(tmp_path / "t.parquet", schema):
        pass
    assert pq.read_schema(tmp_path / "t.parquet").metadata.items() >= schema.metadata.items()
    assert tables.count_rows(tmp_path / "t.parquet", schema) == 0


def test_sequences_that_are_written_have_their_version(tmp_path: Path) -> None:
    sequences = measurement.read_sequences(old("sequences"))
    measurement.write_sequences(tmp_path / "s.parquet", sequences)
    written = pq.read_schema(tmp_path / "s.parquet").metadata
    assert written.items() >= tables.SEQUENCES.metadata.items()
    again = measurement.read_sequences(tmp_path / "s.parquet")
    assert [len(example.ids) for example in again["generated"]] == [
        len(example.ids) for example in sequences["generated"]
    ]


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        (b"2", "is of a newer version, and this adaspec reads up to 1: update it"),
        (b"0", r"is damaged \(version 0\)"),
        (b"one", r"is damaged \(version 0\)"),
        (b"9" * 5000, r"is damaged \(version 0\)"),
    ],
)
def test_another_version_is_refused(version: bytes, reason: str, tmp_path: Path) -> None:
    path = Path(shutil.copy(old("vocabulary"), tmp_path))
    stamped(path, version)
    with pytest.raises(Unreadable, match=reason):
        tables.read_table(path, tables.VOCABULARY)


def test_other_tables_are_refused_with_the_column_they_lack(tmp_path: Path) -> None:
    for name, schema in SCHEMAS.items():
        for other in SCHEMAS.keys() - {name}:
            with pytest.raises(Unreadable, match=rf"{other}.parquet is damaged \(no column"):
                tables.read_table(old(other), schema)
    wrong = pa.table({"id": ["a"], "data": [b"a"], "special": [True]})
    pq.write_table(wrong, tmp_path / "v.parquet")
    with pytest.raises(Unreadable, match=r"no column id of int32"):
        tables.read_table(tmp_path / "v.parquet", tables.VOCABULARY)


def test_a_table_with_fewer_rows_is_refused() -> None:
    assert tables.read_rows(old("sequences"), tables.SEQUENCES, ["seq"], 399, 400).num_rows == 1
    with pytest.raises(Unreadable, match=r"is damaged \(400 rows where 401 are wanted\)"):
        tables.read_rows(old("sequences"), tables.SEQUENCES, ["seq"], 399, 401)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(SCHEMAS)), data=st.data())
def test_torn_and_flipped_bytes_are_read_or_refused(name: str, data: Any, tmp_path: Path) -> None:
    content = bytearray(old(name).read_bytes())
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / f"{name}.parquet"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        tables.read_table(path, SCHEMAS[name])
    except Unreadable as error:
        refused = str(error)
    else:
        return
    assert refused.startswith(str(path))
    assert refused.isprintable()


def test_a_flipped_bit_in_a_value_is_noticed(tmp_path: Path) -> None:
    """Pages have checksums: a wrong number is not shown as if it were measured."""
    path = tmp_path / "sequences.parquet"
    measurement.write_sequences(path, measurement.read_sequences(old("sequences")))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(Unreadable, match=r"sequences.parquet is damaged \(.*\)\. adaspec measure"):
        tables.read_table(path, tables.SEQUENCES)


def test_a_run_without_tables_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(AdaspecError, match="has no token tables: adaspec measure"):
        tokens.vocabulary(Run(tmp_path))
    with pytest.raises(Unreadable, match=r"is not there: adaspec measure makes it anew\."):
        tables.read_table(tmp_path / "none.parquet", tables.VOCABULARY)
