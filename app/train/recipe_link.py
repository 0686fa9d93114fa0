"""A recipe in a link: what it starts from, and what was changed since, as `adaspec run` takes it.

`?recipe=tiny&k=0.3&set=stage1.epochs=5`; `?from=RUN` starts from a run's recipe.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from adaspec import recipe
from adaspec.recipe import Recipe, paths

K = "stage2.k"
LONGEST = 6000  # characters; servers refuse longer addresses
_INNER = ("", "data", "stage0", "stage1", "stage2", "evaluation")  # told key by key


def changes(start: Recipe, now: Recipe) -> dict[str, str]:
    """Path -> the new value as JSON, for all that differs."""
    old, new = start.model_dump(mode="json"), now.model_dump(mode="json")
    differences = _differences(old, new, now.model_dump(mode="json", exclude_unset=True), "")
    return {path: json.dumps(value, ensure_ascii=False) for path, value in differences}


def changed(start: Recipe, values: Iterable[tuple[str, str]]) -> Recipe:
    """The recipe with these values, each JSON or, where it is not, text.

    Raises:
        AdaspecError: the result is no recipe.
    """
    content = start.model_dump(mode="json", exclude_unset=True)
    for path, text in values:
        paths.put(content, path, _value(text))
    return recipe.parse(content)


def _differences(old: Any, new: Any, short: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Paths and new values; `short` is `new` without the defaults that nobody has set."""
    if old == new:
        return
    if path in _INNER and isinstance(old, dict) and isinstance(new, dict):
        for key in new:
            inner = f"{path}.{key}".lstrip(".")
            yield from _differences(old[key], new[key], short.get(key, new[key]), inner)
    else:
        yield path, short


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
