"""Arguments and options that several verbs share."""

from __future__ import annotations

from typing import Annotated

import typer

from adaspec import AdaspecError, estimate, least
from adaspec.recipe import Recipe

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
Anyway = Annotated[
    bool, typer.Option("--anyway", help="Start even if this machine seems too small for it.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]


def require_room(recipe: Recipe, *, anyway: bool) -> None:
    """Refuse what this machine cannot do, unless its owner says otherwise.

    Raises:
        AdaspecError: with the figure.
    """
    if not anyway and (reason := least.refusal(recipe, estimate.known(recipe))):
        raise AdaspecError(f"{reason} To try all the same: --anyway")


def names(text: str | None) -> list[str] | None:
    """The names of a list like `A,B`; None where the option is absent."""
    return None if text is None else [name for name in text.split(",") if name]
