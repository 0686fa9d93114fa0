"""What differs between two recipes, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from adaspec.recipe.paths import ABSENT
from adaspec.recipe.schema import Recipe


class Differing(NamedTuple):
    """A field that two recipes do not have alike.

    Attributes:
        path: as `--set` takes it: `stage2.methods.adaspec.k`.
        first, second: plain values; ABSENT where a recipe has no such field.
    """

    path: str
    first: Any
    second: Any


def differences(first: Recipe, second: Recipe) -> list[Differing]:
    """The fields that differ, defaults written out, in the order of the schema.

    Names and descriptions do not count. A mapping that one of them lacks is one difference.
    """
    texts = {"name", "about"}
    one, other = (recipe.model_dump(mode="json", exclude=texts) for recipe in (first, second))
    return list(_differing(one, other))


def _differing(first: Any, second: Any, path: str = "") -> Iterator[Differing]:
    if isinstance(first, dict) and isinstance(second, dict):
        for key in dict.fromkeys([*first, *second]):
            inner = f"{path}.{key}".lstrip(".")
            yield from _differing(first.get(key, ABSENT), second.get(key, ABSENT), inner)
    elif first != second:
        yield Differing(path, first, second)
