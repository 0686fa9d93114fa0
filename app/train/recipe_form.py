"""A recipe as a form holds it: plain content in which any value may be half typed.

`open_recipe` makes content of a recipe, `check` a recipe of content, or says which field is wrong.
Content is the recipe's YAML as a dictionary, but for the methods: those are rows of their own that
can be renamed or left out. Knows no Streamlit; labels, choices and defaults are the recipe's own.
"""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import yaml
from pydantic import ValidationError

from adaspec import AdaspecError, recipe
from adaspec.recipe import Recipe, Stage2, paths
from adaspec.recipe.paths import ABSENT, Content, alternatives, describe
from adaspec.selection import SELECTORS
from adaspec.weighting import WEIGHTS

Kind = Literal["text", "lines", "number", "numbers", "json", "choice"]

METHODS = "stage2.methods"
STAGES = ("stage0", "stage1", "stage2")
ORIGINS = ("stories", "file", "hub", "holdout")  # of rows
SPLITS = ("data.train", "data.evaluation")


@dataclass(frozen=True)
class Field:
    """One value of the recipe that the form shows.

    Attributes:
        path: where it is in the content: `stage1.lr`, `stage2.methods.3.k`.
        note: what helps beside the recipe's own description.
        empty: what it means to leave it empty, where the default does not say.
    """

    path: str
    label: str
    kind: Kind = "number"
    note: str = ""
    empty: str = ""

    @property
    def help(self) -> str:
        """The recipe's description of it, and its name there."""
        name = re.sub(r"methods\.\d+", "methods.NAME", self.path)
        description = _sentence(describe(self.path).get("description", ""))
        return " ".join(filter(None, (description, self.note, f"In YAML: `{name}`")))

    @property
    def default(self) -> str:
        """The value it takes when left empty, as it would be typed."""
        return shown(describe(self.path).get("default", ABSENT), self.kind)

    @property
    def choices(self) -> list[str]:
        offered = list(alternatives(describe(self.path)))
        options = next((list(kind["enum"]) for kind in offered if "enum" in kind), [])
        return (
            ["none", *options] if any(kind.get("type") == "null" for kind in offered) else options
        )


WORDS = {  # of the choices that are not words already
    "objective": {
        "forward_kl": "forward KL(p‖q)",
        "reverse_kl": "reverse KL(q‖p)",
        "jensen_shannon": "Jensen–Shannon",
        "total_variation": "total variation",
        "neg_log_overlap": "−log overlap",
        "lk_hybrid": "LK hybrid: KL → total variation by overlap",
    },
    "selector": {name: selector.label for name, selector in SELECTORS.items()},
    "weight": {"none": "those selected alike"}
    | {name: weight.label for name, weight in WEIGHTS.items()},
    "to": {"none": "itself: it stays"},
    "keep": {"last": "the last weights", "best": "the best weights"},
    "pool": {"batch": "the batch", "micro_batch": "each micro-batch"},
    "loss": {"published": "sum ÷ all tokens", "mean_selected": "mean of selected"},
    "start": {"stock": "stock draft", "reference": "reference"},
    "responses": {
        "data": "the data's answers",
        "target": "the target's own",
        "both": "both of them",
    },
    "budget": {
        "steps": "equal steps",
        "data": "1/k times the data",
        "published": "as published",
    },
}


WORDS["to"] |= WORDS["objective"]


def word(path: str, choice: str) -> str:
    """A choice of a field in words."""
    return WORDS.get(path.rpartition(".")[2], {}).get(choice, choice)


# Content


def open_recipe(recipe: Recipe) -> Content:
    """The content that a form starts with."""
    content = recipe.model_dump(mode="json", exclude_unset=True)
    if content.get("stage2"):
        methods = content["stage2"]["methods"].items()
        content["stage2"]["methods"] = {
            str(number): {"name": name, "train": True, **method}
            for number, (name, method) in enumerate(methods)
        }
    return content


def plain(content: Content) -> dict[str, Any]:
    """The content as a recipe's YAML has it: methods by name, without those left out."""
    copied = copy.deepcopy(content)
    rows = [row for row in method_rows(copied).values() if row.pop("train")]
    if copied.get("stage2"):
        copied["stage2"]["methods"] = {row.pop("name"): row for row in rows}
    return copied


def method_rows(content: Content) -> dict[str, dict[str, Any]]:
    """Number -> method, with its `name` and whether to `train` it."""
    stage = content.get("stage2")
    return stage["methods"] if stage else {}


def add_method(content: Content, name: str, method: Mapping[str, Any]) -> None:
    """One more method; a name that is taken gets a number."""
    rows = method_rows(content)
    taken = {row["name"] for row in rows.values()}
    free = next(candidate for candidate in _numbered(name) if candidate not in taken)
    number = max(map(int, rows), default=-1) + 1
    rows[str(number)] = {"name": free, "train": True, **method}


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 1
    while True:
        number += 1
        yield f"{name}-{number}"


def at(content: Any, path: str) -> Any:
    """The value at a path, or ABSENT."""
    value = paths.at(content, path)
    is_origin = path.rpartition(".")[2] in ORIGINS
    return ABSENT if is_origin and value is None else value


def put(content: Content, path: str, value: Any) -> None:
    """Set the value at a path; ABSENT takes it away. Nothing happens where its parent is gone."""
    above, _, last = path.rpartition(".")
    parent = at(content, above) if above else content
    if isinstance(parent, list):
        if int(last) < len(parent):
            paths.put(content, path, "" if value is ABSENT else value)
    elif isinstance(parent, dict):
        if value is not ABSENT:
            paths.put(content, path, value)
        elif last in ORIGINS:  # where rows come from is known by the key that is there
            parent[last] = None
        elif "train" in parent and last == "name":
            parent[last] = ""
        else:
            parent.pop(last, None)


def origin(rows: Any) -> str:
    """Which of ORIGINS the rows of a split come from; `nothing` where there are none."""
    if not rows or rows is ABSENT:
        return "nothing"
    return next((origin for origin in ORIGINS if origin in rows), "stories")


# What is typed


def shown(value: Any, kind: Kind) -> str:
    """A value as it would be typed."""
    if value is ABSENT:
        return ""
    if value is None:
        return "" if kind in ("text", "lines") else "none"
    if kind == "json":
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if kind == "numbers" and isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def typed(text: str, kind: Kind) -> Any:
    """What a typed text means. One without a meaning stays as it is, for `check` to report."""
    if kind == "choice":
        return None if text == "none" else text
    if kind == "lines":
        return text
    text = text.strip()
    if not text:
        return ABSENT
    if kind == "number":
        return _number(text)
    if text.lower() == "none" and kind != "text":
        return None
    if kind == "numbers":
        return [_number(part.strip()) for part in text.strip("[]").split(",") if part.strip()]
    if kind == "json":
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _number(text: str) -> Any:
    if text.lower() == "none":
        return None
    for kind in (int, float):
        try:
            value = kind(text)
            if math.isfinite(value):
                return value
        except (ValueError, OverflowError):
            continue
    return text


def read_yaml(text: str) -> Recipe:
    """The recipe that somebody has typed.

    Raises:
        AdaspecError: where it stops being YAML, or the field that is wrong.
    """
    try:
        content = recipe.text.parse(text)
    except AdaspecError as error:
        raise AdaspecError(f"Not a recipe, {error}.") from None
    if not isinstance(content, dict):
        raise AdaspecError("A recipe is a YAML mapping: target: ..., draft: ...")
    return recipe.parse(content)


def write_yaml(content: Content) -> str:
    """The content as YAML: that of the recipe where it is one."""
    recipe = check(content).recipe
    return recipe.yaml() if recipe else _dump(plain(content))


def _dump(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


# What is wrong


@dataclass(frozen=True)
class Checked:
    """Content, checked.

    Attributes:
        recipe: None while anything is wrong.
        errors: path -> what is wrong there; a fault of the whole has an empty path.
    """

    recipe: Recipe | None
    errors: dict[str, str]


def check(content: Content) -> Checked:
    """The recipe that the content describes, or every fault with the field it belongs to."""
    errors = dict(_unnamed(content)) | dict(_unsaid(content))
    recipe = None
    try:
        recipe = Recipe.model_validate(plain(content))
    except ValidationError as error:
        for fault in error.errors():
            path = _path(fault["loc"], content)
            if path is not None and not any(known.startswith(f"{path}.") for known in errors):
                errors.setdefault(path, _reason(fault["msg"]))
    return Checked(None if errors else recipe, errors)


def errors_at(errors: dict[str, str], path: str) -> list[str]:
    """What is wrong with a field or inside it."""
    return [text for key, text in errors.items() if key == path or key.startswith(f"{path}.")]


def _unnamed(content: Content) -> Iterator[tuple[str, str]]:
    """Names that no method may have."""
    seen: set[str] = set()
    for number, row in method_rows(content).items():
        name = row.get("name", "")
        if name in seen:
            yield f"{METHODS}.{number}.name", "Another method has this name."
        seen.add(name)
        try:
            Stage2.model_validate({"lr": 1, "methods": {name: {}}})
        except ValidationError as error:
            yield f"{METHODS}.{number}.name", _reason(error.errors()[0]["msg"])


def _unsaid(content: Content) -> Iterator[tuple[str, str]]:
    """What only the form knows to be missing, in clearer words than the recipe's."""
    for split in SPLITS:
        rows = at(content, split)
        if origin(rows) != "nothing" and rows.get(origin(rows)) is None:
            yield f"{split}.{origin(rows)}", "This is needed."
    for which in ("target", "draft"):
        if at(content, f"{which}.source") == []:
            yield f"{which}.source", "This is needed."
    draft = content.get("draft") or {}
    if draft.get("source") == [recipe.TARGET] and not draft.get("layers"):
        yield "draft.layers", "Say which of the target's layers to keep: 0, 1, 29"
    if not any(row["train"] for row in method_rows(content).values()) and content.get("stage2"):
        yield METHODS, "Choose at least one method to train."


def _path(location: tuple[int | str, ...], content: Content) -> str | None:
    """Where in the content a fault of the recipe lies; None for a fault of a union's other side."""
    parts = list(map(str, location))
    if parts[:2] == ["data", "evaluation"] and len(parts) > 2:
        held_out = origin(content["data"]["evaluation"]) == "holdout"
        if (parts[2] == "Holdout") != held_out:
            return None
        del parts[2]
    if parts[:2] == ["stage2", "methods"] and len(parts) > 2:
        rows = method_rows(content).items()
        parts[2] = next(number for number, row in rows if row["train"] and row["name"] == parts[2])
    return ".".join(parts)


def _reason(message: str) -> str:
    """Pydantic's message in a form's words."""
    text = message.removeprefix("Value error, ").replace("Input should be", "Must be")
    text = re.sub(r", unable to parse.*", "", text)
    return _sentence("This is needed" if text == "Field required" else text)


def _sentence(text: str) -> str:
    return text and text[0].upper() + text[1:].removesuffix(".") + "."
