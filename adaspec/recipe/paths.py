"""Paths in a recipe's plain content, `stage2.methods.adaspec.k`: what is there, and may be."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from adaspec import AdaspecError
from adaspec.recipe.schema import Recipe

ABSENT: Any = type("Absent", (), {"__repr__": lambda _: "ABSENT"})()  # None is a value
Content = dict[str, Any]
LONGEST = 200  # letters of a path


def at(content: Any, path: str) -> Any:
    """The value at a path, or ABSENT."""
    parts = path.split(".")
    while parts:
        key, parts = _key(content, parts)
        content = _get(content, key)
    return content


def put(content: Content, path: str, value: Any) -> None:
    """Set the value at a path. A parent that is missing, or is a plain value, becomes a mapping.

    Raises:
        AdaspecError: a list has no such position.
    """
    if len(path) > LONGEST:
        raise AdaspecError(f"{path[:60]}...: no field has so long a name.")
    node: Any = content
    key, parts = _key(node, path.split("."))
    while parts:
        child = _get(node, key)
        if not isinstance(child, dict | list):
            child = {}
            _set(node, key, child, path)
        node = child
        key, parts = _key(node, parts)
    _set(node, key, value, path)


def _key(node: Any, parts: list[str]) -> tuple[str, list[str]]:
    """The first key of a path, and what is left of it. A method's name may have dots."""
    if isinstance(node, dict):
        for count in range(len(parts), 1, -1):
            if (name := ".".join(parts[:count])) in node:
                return name, parts[count:]
    return parts[0], parts[1:]


def _get(node: Any, key: str) -> Any:
    if isinstance(node, dict):
        return node.get(key, ABSENT)
    if isinstance(node, list) and key.isdecimal() and int(key) < len(node):
        return node[int(key)]
    return ABSENT


def _set(node: Any, key: str, value: Any, path: str) -> None:
    if isinstance(node, dict):
        node[key] = value
    elif key.isdecimal() and int(key) <= len(node):
        node[int(key) : int(key) + 1] = [value]
    else:
        raise AdaspecError(f"{path}: the list has {len(node)} items, from 0: {key!r} is not one.")


# What a recipe's schema says


@cache
def describe(path: str) -> dict[str, Any]:
    """The JSON schema of the field at a path; empty where the recipe has none."""
    nodes = [_schema()]
    for part in path.split("."):
        nodes = _inside(nodes, part)
    merged: dict[str, Any] = {}
    for node in reversed(nodes):
        merged |= node
    return merged


def keys(location: tuple[str | int, ...]) -> list[str]:
    """Valid keys beside the one at a location of pydantic's, which also names sides of unions."""
    nodes = [_schema()]
    for part in location[:-1]:
        nodes = _inside(nodes, str(part)) or nodes
    options = [option for node in nodes for option in alternatives(node)]
    return [key for option in options for key in option.get("properties", {})]


def alternatives(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schemas that a node may stand for, references followed."""
    if "$ref" in node:
        node = _schema()["$defs"][node["$ref"].rpartition("/")[2]]
    yield node
    for option in node.get("anyOf", []):
        yield from alternatives(option)


def _inside(nodes: list[dict[str, Any]], part: str) -> list[dict[str, Any]]:
    inner = []
    for schema in (option for node in nodes for option in alternatives(node)):
        if part in schema.get("properties", {}):
            inner.append(schema["properties"][part])
        elif isinstance(schema.get("additionalProperties"), dict):
            inner.append(schema["additionalProperties"])
        elif isinstance(schema.get("items"), dict):
            inner.append(schema["items"])
    return inner


@cache
def _schema() -> dict[str, Any]:
    return Recipe.model_json_schema()
