"""A run's examples, token by token."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from adaspec import runs, terminal
from adaspec.cli.arguments import Json, RunName


def tokens(
    name: RunName,
    sequence: Annotated[int | None, typer.Option(min=0, help="The example to print.")] = None,
    source: Annotated[str, typer.Option(help="generated or dataset.")] = "generated",
    draft: Annotated[str | None, typer.Option(help="A snapshot: adaspec, adaspec@25.")] = None,
    order: Annotated[str, typer.Option(help="Of the list: hardest, improved, ...")] = "hardest",
    k: Annotated[float, typer.Option(min=0, max=1, help="The filter ratio.")] = 0.4,
    limit: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="How many examples to list.")
    ] = 10,
    as_json: Json = False,
) -> None:
    """List a run's examples, or print one token by token: KL, dL, and what is selected."""
    from adaspec import tokens

    run = runs.find(name)
    snapshots = [snapshot.name for snapshot in tokens.snapshots(run)]
    chosen = draft or snapshots[-1]
    thousandths = round(k * 1000)
    if sequence is None:
        table = tokens.ranking(run, source, order, chosen, k=thousandths).head(limit)
        columns = ["seq", "tokens", "score", "prompt", "response"]
    else:
        table = tokens.rows(run, source, sequence, snapshots, ["kl", "overlap", "q"])
        positions = tokens.find(run, source, sequence)
        texts = [piece.text for piece in tokens.vocabulary(run)]
        table.insert(1, "text", [texts[token] for token in table["token"]])
        table["delta"] = tokens.delta(run, source, chosen)[positions]
        table["kept"] = tokens.entries(run, source, chosen, "corpus")[positions] <= thousandths
        columns = ["pos", "text", "p", f"q@{chosen}", f"kl@{chosen}", "delta", "kept"]
    if as_json:
        print(table.to_json(orient="records", indent=1))
        return
    rows = [map(_cell, row) for row in table[columns].itertuples(index=False)]
    terminal.console.print(terminal.listing(columns, rows))


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "kept" if value else ""
    return f"{value:.4f}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
