"""Copies of the example run without its weights, changed a little, to compare with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from adaspec import runs
from adaspec.runs import Run
from adaspec.runs.tables import EXAMPLES, VOCABULARY
from tests.views import ATTACK, HOSTILE

EXAMPLE = Run(runs.EXAMPLES["example"])
DATA = Path(__file__).parent / "data"
COMPARISON_2, COMPARISON_3, COMPARISON_4 = (
    DATA / f"comparison-version-{version}.json" for version in (2, 3, 4)
)
ABLATION_1, ABLATION_2 = (DATA / f"ablation-version-{version}.json" for version in (1, 2))
EXPORT_1, EXPORT_3 = (DATA / f"export-version-{version}.json" for version in (1, 3))


def fields(content: Any, path: str = "") -> set[str]:
    """Every field of JSON content as `drafts.alpha.tested`; those of all items of a list together.

    The keys of a mapping count as fields, too.
    """
    if isinstance(content, list):
        return set().union(*(fields(item, path) for item in content))
    if isinstance(content, dict):
        inner = (fields(value, f"{path}.{key}") for key, value in content.items())
        return {f"{path}.{key}" for key in content}.union(*inner)
    return set()


def copied(folder: Path, **state: Any) -> Run:
    """The example under another id, and with other fields of run.json."""
    skipped = shutil.ignore_patterns("snapshots", "*.safetensors", "*@*")
    shutil.copytree(EXAMPLE.path, folder, ignore=skipped)
    run = Run(folder)
    change_json(run.state_file, lambda it: it | {"id": folder.name} | state)
    return run


def change_json(path: Path, change: Callable[[Any], Any]) -> None:
    path.write_text(json.dumps(change(json.loads(path.read_text()))), encoding="utf-8")


def change_table(path: Path, name: str, change: Callable[[list[Any]], list[Any]]) -> None:
    table = pq.read_table(path)
    index = table.schema.get_field_index(name)
    values = pa.array(change(table[name].to_pylist()), table.schema.field(name).type)
    pq.write_table(table.set_column(index, table.schema.field(name), values), path)


def hash_changed(run: Run, name: str) -> None:
    change_json(run.state_file, lambda it: it | {"hashes": it["hashes"] | {name: "another"}})


def without(run: Run, draft: str) -> None:
    """As if the run had never trained this draft."""
    change_json(
        run.report_file,
        lambda it: it | {"drafts": [row for row in it["drafts"] if row["name"] != draft]},
    )


def before_decoding(run: Run) -> None:
    """As a run was before drafts were decoded with."""
    shutil.rmtree(run.path / "replays")
    change_json(run.report_file, lambda it: {key: it[key] for key in it if key != "speculation"})


def hostile(run: Run) -> None:
    """Tokens and prompts that would like to be markup, and a name that does."""
    pieces = pq.read_table(run.vocabulary_file).to_pydict()
    strange = [text.encode() for text in [*HOSTILE, "x" * 2000]] + [b"\xe2\x82", b"\x00\xff"]
    pieces["data"] = [strange[i % len(strange)] for i in range(len(pieces["id"]))]
    pq.write_table(pa.table(pieces, schema=VOCABULARY), run.vocabulary_file)
    texts = pq.read_table(run.examples_file).to_pydict()
    texts["prompt"] = [ATTACK + "$x^2$ :red[x]"] * len(texts["seq"])
    pq.write_table(pa.table(texts, schema=EXAMPLES), run.examples_file)
    change_json(run.state_file, lambda it: it | {"name": ATTACK})
