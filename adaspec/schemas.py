"""The contracts of files and results as JSON schemas: `python -m adaspec.schemas FOLDER`.

With those of the browser's views: `app.schemas`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from adaspec import runs
from adaspec.analysis.results import ABLATION, COMPARISON
from adaspec.exported import EXPORT
from adaspec.runs.contract import Contract
from adaspec.runs.draft_vocabulary import DRAFT_VOCABULARY, LEFT_OUT
from adaspec.runs.served import SERVED
from adaspec.speculation.trace import TRACE

CONTRACTS: dict[str, Contract[Any]] = {
    "run": runs.STATE,
    "event": runs.EVENTS,
    "step": runs.METRICS,
    "notes": runs.NOTES,
    "training": runs.TRAINED,
    "checkpoint": runs.CHECKPOINT,
    "best": runs.BEST,
    "speed": runs.SPEED,
    "trace": TRACE,
    "report": runs.REPORT,
    "checks": runs.CHECKS,
    "served": SERVED,
    "draft_vocabulary": DRAFT_VOCABULARY,
    "left_out": LEFT_OUT,
    "ceiling": runs.CEILING,
    "comparison": COMPARISON,
    "ablation": ABLATION,
    "export": EXPORT,
}
"""What one file, one line of a file or one `--json` holds -> how it is read and written."""


def write(folder: Path) -> None:
    """Write one file for each contract: NAME.json."""
    for name, contract in CONTRACTS.items():
        write_schema(folder, name, contract.schema())


def write_schema(folder: Path, name: str, schema: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(schema, indent=2, ensure_ascii=False)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
