"""Speculative decoding, stored or live, pass by pass."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from adaspec import AdaspecError, environment, runs, terminal
from adaspec.cli.arguments import Json, RunName
from adaspec.glossary import TERMS


def replay(
    name: RunName,
    draft: Annotated[str | None, typer.Option(help="stock, adaspec, adaspec@25.")] = None,
    sequence: Annotated[int, typer.Option(min=0, help="The stored replay to print.")] = 0,
    prompt: Annotated[str | None, typer.Option(help="Decode this instead, now.")] = None,
    gamma: Annotated[int | None, typer.Option(help=f"{TERMS['gamma'].text} By default 4.")] = None,
    temperature: Annotated[
        float | None, typer.Option(help=f"{TERMS['temperature'].text} By default 1.")
    ] = None,
    top_k: Annotated[int | None, typer.Option(help=f"{TERMS['top_k'].text} By default 0.")] = None,
    top_p: Annotated[
        float | None, typer.Option(help=f"{TERMS['top_p'].text} By default 1.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the random draws, by default 0.")] = None,
    max_new_tokens: Annotated[int | None, typer.Option(help="At most, by default 64.")] = None,
    as_json: Json = False,
) -> None:
    """Print speculative decoding pass by pass: what was proposed, accepted, rejected and added.

    With --prompt, of a text that is decoded now; without it, of a replay that the run has stored.
    """
    from adaspec import replays, tokens
    from adaspec.speculation import document

    options = {
        "gamma": gamma,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "seed": seed,
        "max_new_tokens": max_new_tokens,
    }
    given: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    run = runs.find(name)
    if prompt is None:
        if given:
            option = next(iter(given)).replace("_", "-")
            raise AdaspecError(f"--{option} goes with --prompt: a stored replay has its own.")
        trace = replays.read(run, draft or replays.drafts(run)[-1], sequence)
        pieces = tokens.vocabulary(run)
    else:
        os.environ.update(environment.for_libraries())
        from adaspec import inference, vocabulary
        from adaspec.run_models import snapshot_folders

        models = inference.open_run(run)
        final = [name for name in snapshot_folders(run) if "@" not in name]
        trace = inference.speculate(models, prompt, draft or final[-1], **given)
        pieces = vocabulary.pieces(models.tokenizer)
    if as_json:
        print(document.document(trace, pieces).model_dump_json(indent=1))
        return
    for line in document.lines(trace, pieces):
        terminal.console.print(line, soft_wrap=True, highlight=False)
