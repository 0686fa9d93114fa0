"""What drafts reached: a run's report, comparisons of drafts, ablations over seeds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adaspec import AdaspecError, runs, terminal
from adaspec.cli.arguments import Json, RunName, names

if TYPE_CHECKING:
    from adaspec.analysis.seeds import SeedRun
    from adaspec.figures import Figure
    from adaspec.tabular import Table

ToFolder = Annotated[
    Path | None,
    typer.Option(
        "--to",
        metavar="DIR",
        help="Write there every figure as SVG, PNG and HTML, every table as CSV, LaTeX, Markdown.",
    ),
]

ToTables = Annotated[
    Path | None,
    typer.Option("--to", metavar="DIR", help="Write every table there: CSV, LaTeX, Markdown."),
]


def report(name: RunName, to: ToTables = None, as_json: Json = False) -> None:
    """Print the report of a finished run."""
    run = runs.find(name)
    content = runs.read_report(run)
    if to:
        from adaspec.analysis import tabulated

        _write({}, tabulated.of_report(content), to)
    elif as_json:
        print(runs.REPORT.dump(content).decode())
    else:
        terminal.console.print(terminal.report(content))
        if ceiling := runs.read_ceiling(run):
            best = max(content.drafts, key=lambda draft: draft.alpha.generated)
            terminal.say(f"\n{ceiling.room(best.name, best.alpha.generated)}")


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
        from adaspec.analysis import tabulated
        from adaspec.analysis.drafts import choose, entries

        charts = figures.of_comparison(content, choose(entries(chosen), wanted))
        _write(charts, tabulated.of_comparison(content), to)
    elif as_json:
        print(COMPARISON.dump(content).decode())
    else:
        terminal.console.print(terminal.comparison(content))


def differ(
    name: RunName,
    other: Annotated[str, typer.Argument(metavar="RUN", help="Another run.")],
    to: ToTables = None,
    as_json: Json = False,
) -> None:
    """Print what differs between the recipes of two runs, and what became of it."""
    from adaspec.analysis.outcome import outcome

    content = outcome(runs.find(name), runs.find(other))
    if to:
        from adaspec.analysis import tabulated

        _write({}, tabulated.of_outcome(content), to)
    elif as_json:
        print(content.model_dump_json(indent=1))
    else:
        terminal.console.print(terminal.outcome(content))


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


def ceiling(
    name: RunName,
    of: Annotated[
        str | None, typer.Option(metavar="RUN", help="A run trained long; '' for none.")
    ] = None,
    draft: Annotated[
        str | None, typer.Option(help="Its draft; by default the one accepted most.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what a draft of this size reached at all: a line in the figures of a run."""
    from adaspec.analysis import ceiling as analysis

    run = runs.find(name)
    if of is not None:
        analysis.put(run, analysis.found(run, runs.find(of), draft) if of else None)
    content = runs.read_ceiling(run)
    if as_json:
        print(runs.CEILING.dump(content).decode() if content else "null")
    else:
        terminal.say(f"{content}." if content else "no ceiling")


def plan(
    name: RunName,
    draft: Annotated[str | None, typer.Option(help="By default the one accepted most.")] = None,
    acceptance: Annotated[
        str | None,
        typer.Option(help='A rule and setting of the report: "greedy drafting, temperature 1".'),
    ] = None,
    alpha: Annotated[float | None, typer.Option(help="An acceptance rate of your own.")] = None,
    costs: Annotated[
        str,
        typer.Option(
            metavar="B:PLAIN:DRAFT:VERIFY@G,...",
            help="Your server's milliseconds by batch size, as 1:20:2:24@4: a plain pass, a "
            "drafted token, a pass over G + 1 tokens. By default the run's own.",
        ),
    ] = "",
    gamma: Annotated[
        int | None, typer.Option(help="The server's draft length, for --log and the settings.")
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(help="What vLLM, SGLang or llama.cpp logged, to hold against the run."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Does a draft pay on a server: speed-up by draft length and batch size, settings, its log."""
    from adaspec.analysis import engines, planner, server_log

    run = runs.find(name)
    content = planner.plan(run, draft, acceptance, alpha, costs, gamma)
    held = None
    if log:
        report = runs.read_report(run)
        held = server_log.hold(server_log.read(log), content, report, gamma)
    if as_json:
        print((held or content).model_dump_json(indent=1))
    else:
        terminal.console.print(terminal.plan(content, held))
        terminal.say(f"\nSettings for γ = {content.gamma}, to copy:")
        for engine in engines.ENGINES.values():
            terminal.say(f"\n{engine.name} ({engine.version})\n{engine.settings(content.gamma)}")
            if caution := engine.caution(content.acceptance):
                terminal.say(caution)


def print_ablation(
    chosen: list[runs.Run],
    against: list[str] | None = None,
    *,
    as_json: bool = False,
    to: Path | None = None,
) -> None:
    from adaspec.analysis import ablation
    from adaspec.analysis.results import ABLATION

    summary = ablation.summary(_family(chosen), against)
    if to:
        from adaspec import figures
        from adaspec.analysis import tabulated

        _write(figures.of_ablation(summary), tabulated.of_ablation(summary), to)
    elif as_json:
        print(ABLATION.dump(summary).decode())
    else:
        terminal.console.print(terminal.ablation(summary))


def power(
    run_names: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="Of one run, all other seeds are added."),
    ],
    seeds: Annotated[str | None, typer.Option(help="Numbers of seeds to plan for: 3,5.")] = None,
    prompts: Annotated[
        str | None, typer.Option(help="Numbers of held-out prompts to plan for: 32,128.")
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="Drafts to compare the others with: A,B.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how small a difference a design can tell, by how much those of earlier runs varied."""
    from adaspec.analysis import ablation
    from adaspec.analysis.power import PROMPTS, SEEDS

    summary = ablation.summary(
        _family(_runs(run_names)),
        names(against),
        (_numbers(seeds, "--seeds") or SEEDS, _numbers(prompts, "--prompts") or PROMPTS),
    )
    content = summary.power
    if content is None:
        raise AdaspecError(
            f"{summary.recipe} says nothing of how much differences vary: it takes two trained "
            "drafts and two held-out prompts."
        )
    if seeds and len(summary.seeds) == 1 and seeds != "1":
        raise AdaspecError(
            "One seed says nothing of how much seeds differ: train a second one, or leave out "
            "--seeds."
        )
    if as_json:
        print(content.model_dump_json(indent=1))
    else:
        terminal.console.print(terminal.power(content, summary.recipe))


def verdict(
    run_names: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="Of one run, all other seeds are added."),
    ],
    draft: Annotated[
        str | None, typer.Option(help="What is judged; by default the best there is.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="What it is held against; by default the fairest.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE.html", help="Write one page there.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether a draft is better than another, and all that this rests on, number by number."""
    from adaspec.analysis import sheet
    from adaspec.views import sheet_view

    if to and to.suffix != ".html":
        raise AdaspecError(f"--to takes a page's name, ending in .html: not {str(to)[:80]!r}.")
    content = sheet.sheet(_family(_runs(run_names)), draft, baseline)
    if to:
        runs.write_atomic(to, sheet_view.standalone(content).encode())
        terminal.say(str(to.resolve()))
    elif as_json:
        print(content.model_dump_json(indent=1))
    else:
        terminal.console.print(terminal.sheet(content))


def _numbers(text: str | None, option: str) -> list[int]:
    """Numbers from 1 to a million in a list like `3,5`; none where the option is absent.

    Raises:
        AdaspecError: one of them is none.
    """
    listed = names(text) or []
    if text is not None and not (
        listed and all(re.fullmatch("[1-9][0-9]{0,5}", name) for name in listed)
    ):
        raise AdaspecError(f"{option} takes numbers from 1 to 999999, as 3,5: not {text[:40]!r}.")
    return [int(name) for name in listed]


def _family(chosen: list[runs.Run]) -> list[SeedRun]:
    """Given runs with their seeds; of one, with all its other seeds."""
    from adaspec.analysis import seeds

    (first, *others) = chosen
    return seeds.of(chosen) if others else seeds.relatives(first)


def _write(charts: dict[str, Figure], tables: list[Table], folder: Path) -> None:
    from adaspec import tabular

    if charts:
        from adaspec import figures

        for path in figures.write(charts, folder):
            terminal.say(str(path))
    for path in tabular.write(tables, folder):
        terminal.say(str(path))


def _runs(run_names: list[str]) -> list[runs.Run]:
    return list(dict.fromkeys(map(runs.find, run_names)))
