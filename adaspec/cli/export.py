"""A draft of a run, for others to serve."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from adaspec import AdaspecError, environment, runs, terminal
from adaspec.cli.arguments import RunName
from adaspec.exported import Export, Precision


def export(
    name: RunName,
    draft: Annotated[str, typer.Option(help="stock, reference, or a method.")],
    to: Annotated[Path, typer.Option(metavar="DIR", help="A new or an empty folder.")],
    gguf: Annotated[
        Precision | None,
        typer.Option(help="Also write draft.gguf for llama.cpp, in float32 or float16."),
    ] = None,
    with_target: Annotated[
        bool, typer.Option("--with-target", help="With --gguf: target.gguf, too.")
    ] = False,
    push: Annotated[
        str | None,
        typer.Option(
            metavar="REPO", help="Also upload it to the Hub, as OWNER/NAME; needs HF_TOKEN."
        ),
    ] = None,
) -> None:
    """Export a draft as a Hugging Face folder with a model card, verified before it is kept."""
    if with_target and gguf is None:
        raise AdaspecError("--with-target writes the target as GGUF: say --gguf f32 or f16.")
    run = runs.find(name)
    os.environ.update(environment.for_libraries())
    from adaspec import card, export, pushing

    if push:
        pushing.require(push)
    facts = export.export_draft(run, draft, to, gguf, with_target)
    again, greedy = facts.verified.acceptance, facts.verified.greedy
    terminal.say(
        f"{to.resolve()}: {draft}, read back and verified. Its logits are the run's, bit for bit; "
        f"acceptance is {again.alpha:.4f} on {again.prompts} prompts, "
        f"{again.tables:.4f} in the run's tables; greedy decoding gives the target's own text "
        f"on {greedy.prompts} prompts. README.md says how to serve it."
    )
    for sentence in _written(facts):
        terminal.say(sentence)
    for sentence in card.warnings(facts):
        terminal.warn(sentence)
    if push:
        terminal.say(pushing.push(to.resolve(), push))


def _written(facts: Export) -> Iterator[str]:
    """A sentence for every GGUF file: what was checked, and what rounding costs."""
    for file, gguf in facts.gguf.items():
        cost = ""
        if gguf.precision == "f16":
            cost = f" Rounding to float16 moves a logit by up to {gguf.apart:.2g}"
            if gguf.alpha is not None:
                cost += f"; acceptance is {gguf.alpha:.4f} with it"
            cost += "."
        rounded = ", rounded" if gguf.precision == "f16" else ""
        yield f"{file}: read back, its logits are the run's{rounded}, bit for bit.{cost}"
