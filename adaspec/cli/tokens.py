"""A run's examples, token by token."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from adaspec import AdaspecError, runs, terminal
from adaspec.cli.arguments import Json, RunName
from adaspec.glossary import TERMS
from adaspec.recipe import REFERENCE


def tokens(
    name: RunName,
    sequence: Annotated[int | None, typer.Option(min=0, help="The example to print.")] = None,
    source: Annotated[str, typer.Option(help="generated or dataset.")] = "generated",
    draft: Annotated[str | None, typer.Option(help="A snapshot: adaspec, adaspec@25.")] = None,
    order: Annotated[str, typer.Option(help="Of the list: hardest, improved, ...")] = "hardest",
    k: Annotated[float, typer.Option(min=0, max=1, help=TERMS["k"].text)] = 0.4,
    limit: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="How many examples to list.")
    ] = 10,
    each: Annotated[bool, typer.Option("--each", help="List tokens, not examples.")] = False,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="AXIS=GROUP",
            help="With --each: only these: class=number, 'entropy=≥ 2 nats', position, context.",
        ),
    ] = None,
    rival: Annotated[
        str | None, typer.Option(help="With --each: a second draft, for the order disputed.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List a run's examples or its tokens, or print an example token by token: KL, dL, kept."""
    from adaspec import strata, tokens

    run = runs.find(name)
    snapshots = [snapshot.name for snapshot in tokens.snapshots(run)]
    chosen = draft or snapshots[-1]
    thousandths = round(k * 1000)
    if each:
        table = tokens.ranked_tokens(
            run,
            source,
            order,
            chosen,
            rival,
            by=chosen,
            k=thousandths,
            most=limit,
            among=strata.within(run, source, _cell_of(where or [])),
        )
        columns = [str(name) for name in table if name != "token"]
    elif sequence is None:
        table = tokens.ranking(run, source, order, chosen, k=thousandths).head(limit)
        columns = ["seq", "tokens", "score", "prompt", "response"]
    else:
        table = tokens.rows(run, source, sequence, snapshots, ["kl", "overlap", "q"])
        positions = tokens.find(run, source, sequence)
        texts = [piece.text for piece in tokens.vocabulary(run)]
        table.insert(1, "text", [texts[token] for token in table["token"]])
        columns = ["pos", "text", "p", f"q@{chosen}", f"kl@{chosen}"]
        if REFERENCE in snapshots:
            table["delta"] = tokens.delta(run, source, chosen)[positions]
            table["kept"] = tokens.entries(run, source, chosen, "corpus")[positions] <= thousandths
            columns += ["delta", "kept"]
    if as_json:
        print(table.to_json(orient="records", indent=1))
        return
    rows = [map(_cell, row) for row in table[columns].itertuples(index=False)]
    terminal.console.print(terminal.listing(columns, rows))


def _cell_of(where: list[str]) -> dict[str, str]:
    """Axis -> group.

    Raises:
        AdaspecError: one of them is no AXIS=GROUP.
    """
    pairs = [text.partition("=") for text in where]
    if wrong := [text for text, (_, sign, _) in zip(where, pairs, strict=True) if not sign]:
        raise AdaspecError(f"--where takes AXIS=GROUP, as class=number: not {wrong[0][:40]!r}.")
    return {axis: group for axis, _, group in pairs}


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "kept" if value else ""
    return f"{value:.4f}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
