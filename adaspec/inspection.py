"""Recipes that train nothing: drafts that others trained, held against their target."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path
from typing import Any

from adaspec import AdaspecError, files, rows
from adaspec.recipe import ASSET, DRAFT_NAME, HUB, REFERENCE, STOCK, TARGET
from adaspec.recipe.paths import Content

PROMPTS = "assets:english/held-out.parquet"
"""What drafts are measured on where nobody says: school problems in words, with answers."""


_RESERVED = {STOCK, TARGET, REFERENCE}


def content(
    target: str,
    drafts: list[str],
    *,
    data: Path | None = None,
    prompts: Path | None = None,
    reference: str | None = None,
) -> Content:
    """A recipe's plain content.

    Args:
        target: a source, as `ModelSpec` takes it.
        drafts: sources, or `NAME=SOURCE`.
        data: a file of prompts and answers, the first two of its columns.
        prompts: a file of prompts, the first of its columns.
        reference: a source of the model that dL is taken against.

    Raises:
        AdaspecError: two files of text, or one that cannot be read; a name is there twice.
    """
    given = named(drafts)
    if reference is not None:
        given[REFERENCE] = reference
    return {
        "name": f"{_called(target)} inspected",
        "target": target,
        "drafts": given,
        "data": _data(data, prompts),
    }


def _data(data: Path | None, prompts: Path | None) -> dict[str, Any]:
    if data and prompts:
        raise AdaspecError("Give either --data or --prompts: one text to measure on.")
    if prompts:
        prompt, _ = _templates(prompts, "--prompts")
        return {"evaluation": {"file": str(prompts)}, "prompt": prompt, "response": ""}
    if data is None:
        return {"evaluation": {"file": PROMPTS}, "prompt": "{prompt}", "response": "{response}"}
    prompt, response = _templates(data, "--data")
    if not response:
        raise AdaspecError(f"--data: {data} has prompts and no answers: pass it as --prompts.")
    return {"evaluation": {"file": str(data)}, "prompt": f"{prompt}\n", "response": response}


def _templates(file: Path, option: str) -> tuple[str, str]:
    """Of a prompt and of a response; that one is empty where the file has one column."""
    first = next(rows.scan_file(file, option), None)
    columns = rows.columns(first) if first else []
    if not columns:
        raise AdaspecError(f"{option}: {file} has no rows with a column to name.")
    prompt, response, *_ = [f"{{{column}}}" for column in columns] + [""]
    return prompt, response


def named(drafts: list[str]) -> dict[str, str]:
    """Name -> source. Without a name, a draft is called after its source.

    Args:
        drafts: sources, or `NAME=SOURCE`.

    Raises:
        AdaspecError: a name is there twice.
    """
    named: dict[str, str] = {}
    unnamed = []
    for given in drafts:
        name, equals, source = given.partition("=")
        if not equals or files.exists(Path(given)):
            unnamed.append(given)
        elif name in named:
            raise AdaspecError(f"{given}: another draft is called {name}.")
        else:
            named[name] = source
    for source in unnamed:
        own, taken = _called(source), _RESERVED | named.keys()
        if own in _RESERVED:  # a run's own stock draft, say
            own = _called(f"{Path(source.removeprefix(ASSET)).parent.name}-{own}")
        numbered = (f"{own[:36]}-{number}" for number in count(2))
        named[own if own not in taken else next(name for name in numbered if name not in taken)] = (
            source
        )
    return named


def _called(source: str) -> str:
    """The last part of a source, as far as it can be a name."""
    last = Path(source.removeprefix(HUB).removeprefix(ASSET)).name.removesuffix(".gguf")
    name = re.sub(r"[^\w.-]+", "-", last).lstrip(".")[:40]
    return name if DRAFT_NAME.fullmatch(name) else "draft"
