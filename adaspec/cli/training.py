"""In this process: train a recipe, or measure a finished run again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from adaspec import environment, inspection, recipe, runs, terminal
from adaspec.cli.analysis import print_ablation
from adaspec.cli.arguments import Anyway, Overrides, RecipeName, RunName, require_room

SOURCE = "a folder, a .gguf file or a Hub id"


def run(
    name: RecipeName,
    run_dir: Annotated[Path | None, typer.Option(help="Where to put the run folder.")] = None,
    overrides: Overrides = None,
    new: Annotated[bool, typer.Option("--new", help="Never resume an earlier run.")] = False,
    anyway: Anyway = False,
) -> None:
    """Train everything a recipe names and measure it; for a matrix, all its recipes.

    After an interruption, the same command resumes from the last checkpoint.
    """
    names = recipe.cells(name) or [name]
    if run_dir and len(names) > 1:
        terminal.fail(
            f"{name} is {len(names)} recipes, and --run-dir is for one run: leave it out, or name "
            "one recipe."
        )
    _execute([recipe.load(cell, overrides) for cell in names], run_dir, new=new, anyway=anyway)


def inspect(
    target: Annotated[str, typer.Argument(metavar="TARGET", help=f"The target: {SOURCE}.")],
    drafts: Annotated[
        list[str],
        typer.Argument(metavar="DRAFT...", help="Drafts: as the target, or NAME=SOURCE."),
    ],
    data: Annotated[
        Path | None, typer.Option(help="Prompts and answers: the first two columns of a file.")
    ] = None,
    prompts: Annotated[
        Path | None, typer.Option(help="Prompts alone: the first column, or a TXT's lines.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(metavar="MODEL", help="A reference, to take ΔL against it.")
    ] = None,
    run_dir: Annotated[Path | None, typer.Option(help="Where to put the run folder.")] = None,
    overrides: Overrides = None,
    new: Annotated[bool, typer.Option("--new", help="Never resume an earlier run.")] = False,
    anyway: Anyway = False,
    show: Annotated[
        bool, typer.Option("--print", help="Print the recipe instead: for submit, or to edit.")
    ] = False,
) -> None:
    """Measure drafts that you have against their target: a run that trains nothing.

    Pages show it as any other run. A file of text is JSONL, CSV, Parquet or TXT; without one, the
    drafts are measured on bundled school problems.
    """
    content = inspection.content(target, drafts, data=data, prompts=prompts, reference=reference)
    for setting in overrides or []:
        recipe.override(content, setting)
    chosen = recipe.anchored(recipe.parse(content))
    if show:
        print(chosen.yaml(), end="")
        return
    _execute([chosen], run_dir, new=new, anyway=anyway)


def _execute(
    recipes: list[recipe.Recipe], run_dir: Path | None, *, new: bool, anyway: bool
) -> None:
    """Run recipes one after the other, and print what they reached."""
    for chosen in recipes:
        if new or not has_begun(chosen, run_dir):
            require_room(chosen, anyway=anyway)
    os.environ.update(environment.for_libraries())
    from adaspec import pipeline, precision  # torch and transformers take seconds to load

    finished = []
    for chosen in recipes:
        accelerator = precision.make_accelerator(chosen)
        quiet = not accelerator.is_main_process
        with terminal.progress(quiet=quiet) as show:
            run = pipeline.execute(
                chosen, run_dir, fresh=new, accelerator=accelerator, on_progress=show
            )
        finished.append(run)
        if quiet:
            continue
        if run.report_file.exists():
            terminal.console.print(terminal.report(runs.read_report(run)))
        terminal.say(f"Run folder: {run.path}")
    if len(recipes) > 1 and not quiet:
        _print_families(recipes, finished)


def has_begun(chosen: recipe.Recipe, folder: Path | None) -> bool:
    """Whether there is a run to resume or to show, which has most of its room already."""
    if folder:
        return folder.exists()
    return runs.newest(chosen, "running", "interrupted", "failed", "finished") is not None


def _print_families(recipes: list[recipe.Recipe], finished: list[runs.Run]) -> None:
    """An ablation for every group of runs that differ only in their seed."""
    families: dict[str, list[runs.Run]] = {}
    for chosen, run in zip(recipes, finished, strict=True):
        families.setdefault(chosen.family, []).append(run)
    for family in families.values():
        if len(family) > 1:
            terminal.say(f"\n{runs.read_state(family[0]).name} and its other seeds")
            print_ablation(family)


def measure(name: RunName) -> None:
    """Recompute a finished run's token tables and report from the models it has kept."""
    run = runs.find(name)
    os.environ.update(environment.for_libraries())
    from adaspec import pipeline

    with terminal.progress() as show:
        pipeline.measure_again(run, show)
    terminal.say(str(run.contexts_file.parent))
