"""What drafts reached: a run's report, comparisons of drafts, ablations over seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adaspec import runs, terminal
from adaspec.cli.arguments import Json, RunName, names

if TYPE_CHECKING:
    from adaspec.figures import Figure

ToFolder = Annotated[
    Path | None,
    typer.Option("--to", metavar="DIR", help="Write every figure there as SVG, PNG and HTML."),
]


def report(name: RunName, as_json: Json = False) -> None:
    """Print the report of a finished run."""
    content = runs.read_report(runs.find(name))
    if as_json:
        print(runs.REPORT.dump(content).decode())
    else:
        terminal.console.print(terminal.report(content))


def compare(
    run_names: Annotated[list[str], typer.Argument(metavar="RUN...", help="Runs of one target.")],
    drafts: Annotated[
        str | None, typer.Option(help="Only these: A,B; RUN/A if not of the first run.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="What to take differences from; by default the fairest.")
    ] = None,
    to: ToFolder = None,
    as_json: Json = False,
) -> None:
    """Compare drafts of one target: budgets first, then paired differences on the same prompts."""
    from adaspec.analysis import comparison
    from adaspec.analysis.results import COMPARISON

    chosen, wanted = _runs(run_names), names(drafts)
    content = comparison.compare(chosen, wanted, baseline)
    if to:
        from adaspec import figures
        from adaspec.analysis.drafts import choose, entries

        _write(figures.of_comparison(content, choose(entries(chosen), wanted)), to)
    elif as_json:
        print(COMPARISON.dump(content).decode())
    else:
        terminal.console.print(terminal.comparison(content))


def ablation(
    run_names: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="Of one run, all other seeds are added."),
    ],
    against: Annotated[
        str | None, typer.Option(help="Drafts to compare the others with: A,B.")
    ] = None,
    to: ToFolder = None,
    as_json: Json = False,
) -> None:
    """Compare a recipe's methods over its seeds: one row per method, with intervals over seeds."""
    print_ablation(_runs(run_names), names(against), as_json=as_json, to=to)


def print_ablation(
    chosen: list[runs.Run],
    against: list[str] | None = None,
    *,
    as_json: bool = False,
    to: Path | None = None,
) -> None:
    from adaspec.analysis import ablation, seeds
    from adaspec.analysis.results import ABLATION

    (first, *others) = chosen
    family = seeds.of(chosen) if others else seeds.relatives(first)
    summary = ablation.summary(family, against)
    if to:
        from adaspec import figures

        _write(figures.of_ablation(summary), to)
    elif as_json:
        print(ABLATION.dump(summary).decode())
    else:
        terminal.console.print(terminal.ablation(summary))


def _write(charts: dict[str, Figure], folder: Path) -> None:
    from adaspec import figures

    for path in figures.write(charts, folder):
        terminal.say(str(path))


def _runs(run_names: list[str]) -> list[runs.Run]:
    return list(dict.fromkeys(map(runs.find, run_names)))
