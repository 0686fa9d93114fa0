"""JSON schemas of what the browser reads as it lies on disk; its types are made from them.

`python -m app.shared.schemas FOLDER` writes them, as `make browser` does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from adaspec.speculation.trace import Trace

MODELS: dict[str, type[BaseModel]] = {"trace": Trace}


def schemas() -> dict[str, str]:
    """File name -> its text."""
    return {f"{name}.json": _schema(model) for name, model in MODELS.items()}


def _schema(model: type[BaseModel]) -> str:
    schema = model.model_json_schema(mode="serialization")
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, text in schemas().items():
        (Path(sys.argv[1]) / name).write_text(text, encoding="utf-8")
