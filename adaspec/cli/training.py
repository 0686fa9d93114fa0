"""In this process: train a recipe, or measure a finished run again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from adaspec import environment, recipe, runs, terminal
from adaspec.cli.analysis import print_ablation
from adaspec.cli.arguments import Anyway, Overrides, RecipeName, RunName, require_room


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
    recipes = [recipe.load(cell, overrides) for cell in names]
    for chosen in recipes:
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
    if len(names) > 1 and not quiet:
        _print_families(recipes, finished)


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
