"""What a recipe may read where others than the machine's owner ask for it.

On a studio that others can reach, data comes from uploads, the Hub, the built-in stories and the
folders that the owner lists; models from this installation, the Hub and listed folders. What lies
elsewhere is neither opened nor told apart from what is not there.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from adaspec import files, runs
from adaspec.recipe import TARGET, Recipe, Rows
from adaspec.settings import settings

BUNDLED = ("assets:", "package:")
DATA = "Not a file that this studio opens: upload it, or ask for its folder (ADASPEC_DATA_FOLDERS)."
MODEL = "Not a model that this studio opens: ask for its folder (ADASPEC_MODEL_FOLDERS)."
HUB = "Not a model that this studio fetches from the Hub: ask for it (ADASPEC_HUB)."


def faults(recipe: Recipe) -> dict[str, str]:
    """Path of a field -> why it is not allowed."""
    wrong = {}
    for name in ("train", "evaluation"):
        rows = getattr(recipe.data, name)
        if isinstance(rows, Rows) and rows.file and not may_read(rows.file):
            wrong[f"data.{name}.file"] = DATA
    for name in ("target", "draft"):
        spec = getattr(recipe, name)
        if not spec:
            continue
        for source in (*spec.source, *((spec.tokenizer,) if spec.tokenizer else ())):
            if reason := _model_fault(source):
                wrong[f"{name}.source"] = reason
    return wrong


def may_read(file: Path) -> bool:
    """Whether a data file may be opened, links in its path followed."""
    return _within(file, (runs.home() / "uploads", *settings().data_folders))


def _model_fault(source: str) -> str:
    if source == TARGET or source.startswith(BUNDLED):
        return ""
    if _is_hub_id(source) and not files.exists(Path(source)):
        patterns = settings().hub
        allowed = not patterns or any(fnmatchcase(source, pattern) for pattern in patterns)
        return "" if allowed else HUB
    return "" if _within(Path(source), settings().model_folders) else MODEL


def _is_hub_id(source: str) -> bool:
    """`OWNER/NAME` or `NAME`: no path that could lead anywhere else."""
    parts = source.split("/")
    return len(parts) <= 2 and all(part.strip(". ~") and "\\" not in part for part in parts)


def _within(path: Path, folders: Iterable[Path]) -> bool:
    try:
        real = path.resolve()
        return any(real.is_relative_to(folder.resolve()) for folder in folders)
    except (OSError, RuntimeError, ValueError):  # a loop of links, a name that no file has
        return False
