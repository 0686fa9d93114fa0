"""The `adaspec` command: everything a page can do, from a terminal."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from adaspec import explain, is_users, recipe, runs

app = typer.Typer(
    help="Train draft models for speculative decoding, and measure them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console()
errors = Console(stderr=True, soft_wrap=True)

RecipeName = Annotated[str, typer.Argument(metavar="RECIPE", help="A name or a YAML file.")]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="An id, its start, or a folder.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Override a field: stage2.k=0.3"),
]


@app.command("recipes")
def list_recipes() -> None:
    """List the bundled recipes."""
    view = Table()
    for heading in ("recipe", "target", "draft", "about"):
        view.add_column(heading, overflow="fold")
    for name in recipe.names():
        one = recipe.load(name)
        view.add_row(name, _origin(one.target), _origin(one.draft), one.about)
    console.print(view)


def _origin(spec: recipe.ModelSpec | None) -> str:
    if spec is None:
        return ""
    return " or ".join(spec.source) if spec.source else "new"


@app.command()
def run(
    name: RecipeName,
    run_dir: Annotated[Path | None, typer.Option(help="The run folder.")] = None,
    overrides: Set = None,
    new: Annotated[bool, typer.Option("--new", help="Never go on with an earlier run.")] = False,
) -> None:
    """Train everything a recipe names and measure it.

    Stopped at any moment, the same command goes on from the last checkpoint.
    """
    chosen = recipe.load(name, overrides)
    # Threads that sleep while they wait: spinning ones starve each other beside the studio.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")  # its retries; the failure we report
    from adaspec import pipeline, report  # torch and transformers take seconds to load

    accelerator = pipeline.make_accelerator(chosen)
    quiet = not accelerator.is_main_process
    columns = (
        TextColumn("{task.description:>18}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(quiet=quiet)) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: runs.Stage, row: dict[str, float | int]) -> None:
            if stage.name not in tasks:
                tasks[stage.name] = bars.add_task(stage.name, total=stage.steps, note="")
            note = f"loss {row['loss']:.4f}" if "loss" in row else ""
            if "tokens_per_s" in row:
                note += f"  {row['tokens_per_s']:,.0f} tokens/s"
            bars.update(tasks[stage.name], completed=row["step"], note=note)

        finished = pipeline.execute(
            chosen, run_dir, fresh=new, accelerator=accelerator, on_progress=show
        )
    if quiet:
        return
    if finished.report_file.exists():
        console.print(report.tables(runs.read_report(finished)))
    console.print(f"Run folder: {finished.path}", soft_wrap=True)


@app.command("report")
def show_report(
    name: RunName,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Print the table of a finished run."""
    from adaspec import report

    content = runs.read_report(runs.find(name))
    if as_json:
        print(json.dumps(content, indent=1))
    else:
        console.print(report.tables(content))


def main() -> None:
    """Run a command; every fault is one line on standard error and exit code 2."""
    try:
        app(standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        fail("Interrupted. The same command goes on from the last checkpoint.", 130)
    except typer.TyperException as error:  # a wrong option or argument
        fail(getattr(error, "format_message", error.__str__)())
    except Exception as error:
        if not is_users(error):
            raise
        fail(explain(error))


def fail(message: str, code: int = 2) -> NoReturn:
    """Say it in one line and leave."""
    errors.print("error:", style="red", end=" ")
    errors.print(message, markup=False, highlight=False)
    sys.exit(code)


if __name__ == "__main__":
    main()
