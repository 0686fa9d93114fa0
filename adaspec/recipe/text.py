"""YAML that a stranger may have written, as plain content: bounded, or refused in a line.

Plain means mappings with text as keys, lists, text, numbers, booleans and null. A date is text.
Aliases are allowed as long as what they stand for, written out, stays small: nine lines of them can
otherwise make a billion values.
"""

from __future__ import annotations

from typing import Any

import yaml

from adaspec import AdaspecError

LARGEST = 256 * 1024
"""Bytes of a recipe."""
DEEPEST = 32
"""Levels of nesting."""
MOST = 20_000
"""Values, with aliases written out."""

PLAIN = {f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "null", "bool")}
NUMBERS = {f"tag:yaml.org,2002:{name}" for name in ("int", "float")}
KEYS = {f"tag:yaml.org,2002:{name}" for name in ("str", "merge")}  # merge: the key `<<`


class _Loader(yaml.CSafeLoader):
    """YAML's plain values, dates excepted."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def parse(text: str) -> Any:
    """What a YAML document says; None where it is empty.

    Raises:
        AdaspecError: it is not YAML, or larger, deeper or other than plain. The message begins with
            the line where there is one: `line 3: not valid YAML (...)`.
    """
    if len(text) > LARGEST or len(text.encode("utf-8", "replace")) > LARGEST:
        raise AdaspecError(f"it has more than {LARGEST:,} bytes")
    loader = None
    try:
        _require_shallow(text)
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _require_plain(node, (), {})
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        mark, problem = (getattr(error, name, None) for name in ("problem_mark", "problem"))
        where = f"line {mark.line + 1}: " if mark else ""
        reason = f" ({problem})" if problem else ""
        raise AdaspecError(f"{where}not valid YAML{reason}") from None
    except UnicodeEncodeError:
        raise AdaspecError("it has characters that are not text") from None
    except ValueError as error:  # !!int x
        raise AdaspecError(f"not valid YAML: {error}") from None
    finally:
        if loader:
            loader.dispose()


def _require_shallow(text: str) -> None:
    """Before it is composed, which is recursive, in C."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, _Loader)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise _refusal(event, f"nested more than {DEEPEST} levels deep")
        if number > 3 * MOST:
            raise _refusal(event, f"more than {MOST:,} values")


def _require_plain(node: yaml.Node, above: tuple[int, ...], sizes: dict[int, int]) -> int:
    """How many values a node stands for, with aliases written out.

    Args:
        above: identities of the nodes that it lies in.
        sizes: of the nodes seen so far, by identity; an alias is the very node it stands for.
    """
    if id(node) in above:
        raise _refusal(node, "an alias of what it lies in")
    if id(node) in sizes:
        return sizes[id(node)]
    if len(above) > DEEPEST:  # through aliases
        raise _refusal(node, f"nested more than {DEEPEST} levels deep")
    within = (*above, id(node))
    size = 1
    if isinstance(node, yaml.MappingNode):
        _require_keys(node)
        inner = [value for _, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        inner = node.value
    else:
        _require_value(node)
        inner = []
    if inner and node.tag not in PLAIN:
        raise _refusal(node, f"{node.tag.rpartition(':')[2]} is not a recipe's kind of value")
    for value in inner:
        size += _require_plain(value, within, sizes)
        if size > MOST:
            raise _refusal(node, f"more than {MOST:,} values")
    sizes[id(node)] = size
    return size


def _require_keys(node: yaml.MappingNode) -> None:
    keys = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _refusal(key, "a key is a word")
        if key.tag not in KEYS:
            raise _refusal(key, f"a key is a word: write '{key.value[:80]}' in quotes")
        if key.value in keys:
            raise _refusal(key, f"{key.value[:80]!r} is there twice")
        keys.add(key.value)


def _require_value(node: yaml.Node) -> None:
    if node.tag in NUMBERS and len(node.value) > 100:
        raise _refusal(node, "a number of more than 100 characters")
    if node.tag not in PLAIN | NUMBERS:
        raise _refusal(node, f"{node.tag.rpartition(':')[2]} is not a recipe's kind of value")


def _refusal(node: yaml.Node | yaml.Event, reason: str) -> AdaspecError:
    where = f"line {node.start_mark.line + 1}: " if node.start_mark else ""
    return AdaspecError(f"{where}{reason}")
