"""What a recipe may read where others than the machine's owner ask for it.

On a studio that others can reach, data comes from uploads, the Hub, the built-in stories and the
folders that the owner lists; models from this installation, the Hub and listed folders. What lies
elsewhere is neither opened nor told apart from what is not there: a name is judged as it is written
and, in a folder that is listed, by where its links lead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from adaspec import ASSETS, runs
from adaspec.recipe import ASSET, HUB, PACKAGE, TARGET, ModelSpec, Recipe, Rows, bundled_path
from adaspec.settings import settings

DATA = "Not a file that this studio opens: upload it, or ask for its folder (ADASPEC_DATA_FOLDERS)."
DATA_SET = "Not the id of a data set on the Hub: it is OWNER/NAME."
MODEL = "Not a model that this studio opens: ask for its folder (ADASPEC_MODEL_FOLDERS)."
NOT_LISTED = "Not a model that this studio fetches from the Hub: ask for it (ADASPEC_HUB)."

_HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)


def faults(recipe: Recipe) -> dict[str, str]:
    """Path of a field -> why it is not allowed."""
    return dict(_faults(recipe))


def confined(recipe: Recipe) -> Recipe:
    """The recipe with `hub:` before Hub ids, so that no folder of such a name is opened instead."""
    return recipe.with_specs(_confined)


def may_read(file: Path) -> bool:
    """Whether a data file may be opened, links in its path followed."""
    return _within(file, (runs.home() / "uploads", ASSETS, *settings().data_folders))


def _faults(recipe: Recipe) -> Iterator[tuple[str, str]]:
    for name in ("train", "evaluation"):
        rows = getattr(recipe.data, name)
        if isinstance(rows, Rows) and rows.path and not may_read(rows.path):
            yield f"data.{name}.file", DATA
        if isinstance(rows, Rows) and rows.hub and not _HUB_ID.fullmatch(rows.hub):
            yield f"data.{name}.hub", DATA_SET
    for name, spec in recipe.specs.items():
        for source in spec.source:
            if reason := _model_fault(source):
                yield f"{name}.source", reason
        if spec.tokenizer and (reason := _model_fault(spec.tokenizer)):
            yield f"{name}.tokenizer", reason


def _model_fault(source: str) -> str:
    if source == TARGET:
        return ""
    name = source.removeprefix(HUB)
    if _HUB_ID.fullmatch(name):
        patterns = settings().hub
        listed = not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
        return "" if listed else NOT_LISTED
    if source.startswith(ASSET):
        fits = _within(bundled_path(source), (ASSETS,))
    elif source.startswith(PACKAGE):
        fits = _is_in_package(source.removeprefix(PACKAGE))
    else:
        fits = Path(source).is_absolute() and _within(Path(source), settings().model_folders)
    return "" if fits else MODEL


def _is_in_package(place: str) -> bool:
    """`MODULE/FILE`. Of a module with a dot, looking for it would run the code of its parent."""
    module, _, file = place.partition("/")
    path = PurePosixPath(file)
    return module.isidentifier() and not path.is_absolute() and ".." not in path.parts


def _confined(spec: ModelSpec) -> ModelSpec:
    places = {"source": tuple(map(_on_hub, spec.source))}
    return spec.model_copy(
        update=places | {"tokenizer": spec.tokenizer and _on_hub(spec.tokenizer)}
    )


def _on_hub(source: str) -> str:
    return f"{HUB}{source}" if source != TARGET and _HUB_ID.fullmatch(source) else source


def _within(path: Path, folders: Iterable[Path]) -> bool:
    try:
        real = path.resolve()
        return any(real.is_relative_to(folder.resolve()) for folder in folders)
    except (OSError, RuntimeError, ValueError):  # a loop of links, a name that no file has
        return False
