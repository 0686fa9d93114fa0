"""The browser's JSON schemas: of files and results (`adaspec.schemas`), and of views of pages.

`python -m app.schemas FOLDER`. The browser's types are generated from them (`make browser`).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from adaspec import schemas
from adaspec.views import AtlasView, OwnPrompt, OwnText, TokenView
from app.classroom.room import Question, Told

VIEWS: dict[str, Any] = {
    "atlas_view": AtlasView,
    "own_prompt": OwnPrompt,
    "own_text": OwnText,
    "token_view": TokenView,
    "question": Question,
    "told": Told,
}


def write(folder: Path) -> None:
    """Write one file for each contract and view: NAME.json."""
    schemas.write(folder)
    for name, view in VIEWS.items():
        schemas.write_schema(folder, name, TypeAdapter(view).json_schema(mode="serialization"))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
