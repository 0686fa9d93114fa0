"""The browser's types are made of what Python writes today."""

from __future__ import annotations

from pathlib import Path

from app import schemas
from tests.studio import ROOT


def test_the_browsers_schemas_are_fresh(tmp_path: Path) -> None:
    """`make schemas` writes them."""
    schemas.write(tmp_path)
    fresh = {file.name: file.read_text() for file in tmp_path.iterdir()}
    committed = (ROOT / "browser" / "schemas").glob("*.json")
    assert {file.name: file.read_text() for file in committed} == fresh
