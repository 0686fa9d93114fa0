"""A draft of a run, for others to serve."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from adaspec import environment, runs, terminal
from adaspec.cli.arguments import RunName


def export(
    name: RunName,
    draft: Annotated[str, typer.Option(help="stock, reference, or a method.")],
    to: Annotated[Path, typer.Option(metavar="DIR", help="A new or an empty folder.")],
    push: Annotated[
        str | None,
        typer.Option(
            metavar="REPO", help="Also upload it to the Hub, as OWNER/NAME; needs HF_TOKEN."
        ),
    ] = None,
) -> None:
    """Export a draft as a Hugging Face folder with a model card, verified before it is kept."""
    run = runs.find(name)
    os.environ.update(environment.for_libraries())
    from adaspec import card, export, pushing

    if push:
        pushing.require(push)
    facts = export.export_draft(run, draft, to)
    again, greedy = facts.verified.acceptance, facts.verified.greedy
    terminal.say(
        f"{to.resolve()}: {draft}, read back and verified. Its logits are the run's, bit for bit; "
        f"acceptance is {again.alpha:.4f} on {again.prompts} prompts, "
        f"{again.tables:.4f} in the run's tables; greedy decoding gives the target's own text "
        f"on {greedy.prompts} prompts. README.md says how to serve it."
    )
    for sentence in card.warnings(facts):
        terminal.warn(sentence)
    if push:
        terminal.say(pushing.push(to.resolve(), push))
