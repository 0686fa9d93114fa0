"""Where a recipe comes from: bundled files and matrices, YAML, overrides. Errors are one line."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from adaspec import ASSETS, AdaspecError, files
from adaspec.recipe import paths, text
from adaspec.recipe.schema import ModelSpec, Recipe, Rows

RECIPES = ASSETS / "recipes"


def names() -> list[str]:
    """Every bundled recipe; a matrix has one per cell, such as `paper/gsm8k-pythia-3epoch`."""
    stems = [path.stem for path in sorted(RECIPES.glob("*.yaml"))]
    return [name for stem in stems for name in cells(stem) or [stem]]


def cells(name: str) -> list[str]:
    """The recipes of a bundled matrix, or of a part of it, in order; none if it is neither.

    A part names some of its values: `conditions-tiny/long` is that length with every seed.
    """
    stem, _, part = name.partition("/")
    path = RECIPES / f"{stem}.yaml"
    matrix = _read(path).get("matrix") if files.is_file(path) else None
    every = _cells(matrix) if matrix else []
    if part in every:
        return []
    values = set(part.split("-")) if part else set()
    return [f"{stem}/{cell}" for cell in every if values <= set(cell.split("-"))]


def load(name: str, overrides: list[str] | None = None) -> Recipe:
    """The recipe of this name, or in this YAML file, with `a.b=c` overrides applied.

    Raises:
        AdaspecError: no such recipe, not YAML, or not a valid recipe.
    """
    if name.endswith((".yaml", ".yml")):
        content = _read(Path(name))
    else:
        stem, _, cell = name.partition("/")
        if name not in names():
            raise AdaspecError(f"No recipe {name!r}.{nearest(name, names())} See: adaspec recipes")
        content = _read(RECIPES / f"{stem}.yaml")
        if cell:
            content = _cell(content, cell)
    content.setdefault("name", name)
    for setting in overrides or []:
        override(content, setting)
    return anchored(parse(content))


def read(content: str) -> Recipe:
    """The recipe that `Recipe.yaml` wrote."""
    return parse(text.parse(content))


def anchored(recipe: Recipe) -> Recipe:
    """Local paths made absolute: a job reads the same files as the shell it was submitted from."""
    data, train, evaluation = recipe.data, recipe.data.train, recipe.data.evaluation
    if train and train.file and not train.bundled:
        train = train.model_copy(update={"file": train.file.absolute()})
    if isinstance(evaluation, Rows) and evaluation.file and not evaluation.bundled:
        evaluation = evaluation.model_copy(update={"file": evaluation.file.absolute()})
    rows = {"evaluation": evaluation} | ({"train": train} if train else {})
    moved = recipe.model_copy(update={"data": data.model_copy(update=rows)})
    return moved.with_specs(_anchored_model)


def _anchored_model(spec: ModelSpec) -> ModelSpec:
    if not spec.source:
        return spec
    return spec.model_copy(update={"source": tuple(map(_absolute, spec.source))})


def _absolute(source: str) -> str:
    return str(Path(source).absolute()) if files.exists(Path(source)) else source


def parse(content: dict[str, Any]) -> Recipe:
    """A recipe from its plain form; every error in one line.

    Raises:
        AdaspecError: names the field, what is wrong with it, and the nearest valid key.
    """
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part)[:60] for part in first["loc"]) or "recipe"
        reason = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            reason = "no such key." + nearest(str(first["loc"][-1]), paths.keys(first["loc"]))
        more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise AdaspecError(f"Recipe: {where}: {reason}{more}") from None


def nearest(word: str, known: list[str]) -> str:
    """` Did you mean 'x'?` or nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


def override(content: dict[str, Any], setting: str) -> None:
    """Set what `--set a.b=c` says.

    Raises:
        AdaspecError: it has no value, or no such field is there to be set.
    """
    path, equals, value = setting.partition("=")
    if not equals or not path:
        raise AdaspecError(f"--set {setting!r}: write FIELD=VALUE, for instance stage2.k=0.3")
    paths.put(content, path, _value(value))


def _value(setting: str) -> Any:
    """A YAML value; `{question}`, which YAML takes for a mapping, is a template and stays text."""
    try:
        value = text.parse(setting)
    except AdaspecError:
        return setting
    template = isinstance(value, dict) and value and all(inner is None for inner in value.values())
    return setting if template else value


def _read(path: Path) -> dict[str, Any]:
    try:
        written = files.read_text(path, text.LARGEST)
    except FileNotFoundError:
        raise AdaspecError(f"No recipe file {path}. Bundled ones: adaspec recipes") from None
    except AdaspecError as error:
        raise AdaspecError(f"Recipe file {path} {error}") from None
    try:
        content = text.parse(written)
    except AdaspecError as error:
        raise AdaspecError(f"{path}, {error}") from None
    if not isinstance(content, dict):
        raise AdaspecError(f"{path}: a recipe is a YAML mapping (target: ..., draft: ...)")
    return content


# A matrix is written once: `matrix.axes` is a list of {value: fragment}, `matrix.cells` holds
# fragments for combinations of values ("gsm8k-pythia"). A cell's recipe is the file's own fields,
# then its axis values' fragments, then every combination it contains, merged key by key.


def _cells(matrix: dict[str, Any]) -> list[str]:
    cells = [""]
    for axis in matrix["axes"]:
        cells = [f"{cell}-{value}".lstrip("-") for cell in cells for value in axis]
    return cells


def _cell(content: dict[str, Any], cell: str) -> dict[str, Any]:
    matrix = content.pop("matrix")
    chosen = cell.split("-")
    for axis, value in zip(matrix["axes"], chosen, strict=True):
        content = _merge(content, axis[value])
    for combination, fragment in matrix["cells"].items():
        if set(combination.split("-")) <= set(chosen):
            content = _merge(content, fragment)
    return content


def _merge(base: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in extra.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged
