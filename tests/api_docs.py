"""`python -m tests.api_docs`: writes docs/api.md from the docstrings of `adaspec.notebook`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from griffe import Class, DocstringSection, DocstringSectionKind, Function, Parameter, load

from tests.studio import ROOT

PAGE = ROOT / "docs/api.md"
FUNCTIONS = {"adaspec.open": "open_run", "adaspec.compare": "compare"}
CLASSES = ("OpenRun", "Text", "Replay", "Compared", "Shown")


def render() -> str:
    """The page."""
    module = load("adaspec.notebook", search_paths=[ROOT], docstring_parser="google")
    parts = [
        "# In a notebook",
        "<!-- Written by `make api` from the docstrings of adaspec/notebook.py. -->",
        # What is indented is a program.
        re.sub(r"(?m)(^    .*\n|^\n(?=    ))+", _program, module.docstring.value),
        "[notebook.ipynb](notebook.ipynb) does all of this with the bundled example run.",
    ]
    for called, name in FUNCTIONS.items():
        parts += [f"## `{called}{signature(module[name])}`", *body(module[name])]
    for name in CLASSES:
        parts += [f"## {name}", *body(module[name])]
        for member in module[name].members.values():
            if not member.name.startswith("_") and member.docstring:
                called = signature(member) if member.is_function else ""
                parts += [f"### `{member.name}{called}`", *body(member)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _program(lines: re.Match[str]) -> str:
    return f"\n```python\n{re.sub('(?m)^    ', '', lines[0]).strip()}\n```\n"


def signature(function: Function) -> str:
    """As a call is written: `(number=0, *, draft=None)`."""
    written: list[str] = []
    for parameter in function.parameters:
        kind = parameter.kind.value
        starred = any(part.startswith("*") for part in written)
        if kind == "keyword-only" and not starred:
            written.append("*")
        if parameter.name != "self":
            written.append(_written(parameter))
    return f"({', '.join(written)})"


def _written(parameter: Parameter) -> str:
    if parameter.kind.value == "variadic positional":
        return f"*{parameter.name}"
    if parameter.default is None:
        return parameter.name
    return f"{parameter.name}={parameter.default}".replace("'", '"')


def body(documented: Function | Class) -> Iterator[str]:
    """The docstring as Markdown."""
    for section in documented.docstring.parsed:
        yield _section(section)


def _section(section: DocstringSection) -> str:
    if section.kind is DocstringSectionKind.text:
        return str(section.value)
    if section.kind is DocstringSectionKind.raises:
        return "\n".join(f"Raises `{each.annotation}`: {_line(each)}" for each in section.value)
    return "\n".join(f"- `{each.name}`: {_line(each)}" for each in section.value)


def _line(each: object) -> str:
    return " ".join(each.description.split())  # type: ignore[attr-defined]


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
