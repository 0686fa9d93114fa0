"""Arguments and options that several verbs share."""

from __future__ import annotations

from typing import Annotated

import typer

RecipeName = Annotated[
    str, typer.Argument(metavar="RECIPE", help="A bundled recipe's name, or a YAML file.")
]
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id, the start of one, or a run folder.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Override a field: stage2.k=0.3"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]


def names(text: str | None) -> list[str] | None:
    """The names of a list like `A,B`; None where the option is absent."""
    return None if text is None else [name for name in text.split(",") if name]
