"""The runs of one recipe that differ in their seed alone."""

from __future__ import annotations

from typing import NamedTuple

from adaspec import AdaspecError, runs
from adaspec.recipe import cells, load
from adaspec.runs import Run


class SeedRun(NamedTuple):
    """A finished run of one seed."""

    seed: int
    run: Run


def relatives(run: Run) -> list[SeedRun]:
    """The finished runs of the same recipe, the newest of each seed, by seed.

    Raises:
        AdaspecError: the run is not finished.
    """
    family = runs.read_recipe(run).family
    newest: dict[int, Run] = {}
    for other in [run, *runs.all_runs()]:
        try:
            recipe = runs.read_recipe(other)
            state = runs.read_state(other)
        except AdaspecError:  # another version's
            continue
        if recipe.family == family and state.state == "finished" and recipe.stage2:
            newest.setdefault(recipe.seed, other)
    if not newest:
        raise AdaspecError(f"Run {run.path.name} has no drafts to compare, or is not finished.")
    return [SeedRun(seed, newest[seed]) for seed in sorted(newest)]


def of(chosen: list[Run]) -> list[SeedRun]:
    """Given runs with their seeds, in order.

    Raises:
        AdaspecError: they do not belong together, or two have one seed.
    """
    recipes = [runs.read_recipe(run) for run in chosen]
    for run, recipe in zip(chosen[1:], recipes[1:], strict=True):
        if recipe.family != recipes[0].family:
            raise AdaspecError(
                f"{chosen[0].path.name} and {run.path.name} differ in more than their seed: "
                "adaspec compare sets them side by side."
            )
    pairs = zip(chosen, recipes, strict=True)
    seeds = sorted((SeedRun(recipe.seed, run) for run, recipe in pairs), key=lambda it: it.seed)
    if len({each.seed for each in seeds}) < len(seeds):
        raise AdaspecError("Two of these runs have the same seed: name one of them.")
    return seeds


def require_same_rows(seeds: list[SeedRun]) -> None:
    """Refuse what cannot be paired by prompt.

    Raises:
        AdaspecError: two of them were made from different rows.
    """
    first = seeds[0].run
    for _, run in seeds:
        if runs.read_state(run).hashes.get("data") != runs.read_state(first).hashes.get("data"):
            raise AdaspecError(
                f"{first.path.name} and {run.path.name} were made from different rows. "
                "A `holdout` changes with the seed: give data.evaluation rows of its own."
            )


def more_seeds(seeds: list[SeedRun]) -> str:
    """The command that trains another seed of these runs, or all those of a bundled matrix."""
    run = seeds[0].run
    recipe = runs.read_recipe(run)
    matrix = recipe.name.partition("/")[0]
    alike = [cell for cell in cells(matrix) if load(cell).family == recipe.family]
    if recipe.name in alike:
        values = [cell.partition("/")[2].split("-") for cell in alike]
        shared = "-".join(each[0] for each in zip(*values, strict=True) if len(set(each)) == 1)
        return f"adaspec run {matrix}" + (f"/{shared}" if shared else "")
    return f"adaspec run {run.recipe_file} --set seed={next_seed(seeds)}"


def next_seed(seeds: list[SeedRun]) -> int:
    """The smallest that there is no run of."""
    taken = {each.seed for each in seeds}
    return next(seed for seed in range(len(taken) + 1) if seed not in taken)
