"""Before training: which recipes there are, and what one will take."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from adaspec import AdaspecError, least, recipe, terminal
from adaspec import estimate as estimates
from adaspec.cli.arguments import Json, Overrides, RecipeName


def list_recipes() -> None:
    """List the bundled recipes."""
    recipes = {name: recipe.load(name) for name in recipe.names()}
    rows = [
        (name, _origin(content.target), _origin(content.draft), content.about)
        for name, content in recipes.items()
    ]
    terminal.console.print(terminal.listing(("recipe", "target", "draft", "about"), rows))


def _origin(spec: recipe.ModelSpec | None) -> str:
    if spec is None:
        return ""
    return " or ".join(spec.source) if spec.source else "new"


def estimate(
    name: RecipeName,
    overrides: Overrides = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Take trial steps even if earlier runs are known.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Estimate a recipe's time, disk and memory, from earlier runs or from a few trial steps."""
    chosen = recipe.load(name, overrides)
    if reason := least.refusal(chosen):
        raise AdaspecError(reason)
    expected = None if calibrate else estimates.known(chosen)
    if expected is None:
        terminal.note("Taking a few steps ...")
        expected = estimates.calibrate(chosen)
    if as_json:
        print(expected.model_dump_json(indent=1))
    else:
        memory, disk = "unknown: --calibrate measures it", estimates.size(expected.disk)
        if expected.memory is not None:
            memory = estimates.size(expected.memory)
        if expected.cache_bytes:
            shared = estimates.size(expected.cache_bytes)
            disk += f", and {shared} shared by all runs of this target and data"
        terminal.say(f"time    {timedelta(seconds=round(expected.seconds))}")
        terminal.say(f"disk    {disk}")
        terminal.say(f"memory  {memory}")
        terminal.say(expected.source)
    for lack in estimates.lacks(expected):
        terminal.warn(lack)
