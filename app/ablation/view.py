"""An ablation as the Ablation page's component in the browser takes it.

The numbers are those of `adaspec.analysis.ablation`; here come the looks of its methods and the
choices.
"""

from __future__ import annotations

from typing import Any

from adaspec import drawing, figures, runs, tokens
from adaspec.analysis import ablation
from adaspec.analysis.results import Ablation, Method
from adaspec.analysis.seeds import SeedRun, relatives
from adaspec.recipe import base_name
from adaspec.runs import Run
from adaspec.runs.contract import stamp
from adaspec.turns import once
from app.shared import reading
from app.shell import words


def seeds(run: Run) -> list[SeedRun]:
    """`seeds.relatives`, once for all viewers until a run begins, ends or goes.

    Raises:
        AdaspecError: the run is not finished.
    """
    there = tuple((view.id, view.word) for view in reading.board().views)
    return list(_seeds(run, there))


@once(16)
def _seeds(run: Run, _there: object) -> tuple[SeedRun, ...]:
    return tuple(relatives(run))


def summary(seed_runs: list[SeedRun], baseline: str | None = None) -> Ablation:
    """`ablation.summary` against its own baselines and another, once for all viewers.

    Raises:
        AdaspecError: a run has no report, or its token tables are gone.
    """
    return _summary(tuple(seed_runs), baseline, _stamps(seed_runs))


def _stamps(seed_runs: list[SeedRun]) -> object:
    return tuple(
        (tokens.stamp(member.run), stamp(member.run.report_file), runs.read_ceiling(member.run))
        for member in seed_runs
    )


@once(32)
def _summary(seed_runs: tuple[SeedRun, ...], baseline: str | None, _stamps: object) -> Ablation:
    plain = ablation.summary(list(seed_runs))
    if baseline is None or baseline in plain.baselines:
        return plain
    return ablation.summary(list(seed_runs), [*plain.baselines, baseline])


def drawn(seed_runs: list[SeedRun], baseline: str, cost: str) -> dict[str, dict[str, Any]]:
    """The figures of an ablation, once for all viewers; not to be changed.

    Args:
        cost: one of `figures.COSTS`.
    """
    return _drawn(tuple(seed_runs), baseline, cost, _stamps(seed_runs))


@once(32)
def _drawn(
    seed_runs: tuple[SeedRun, ...], baseline: str, cost: str, stamps: object
) -> dict[str, dict[str, Any]]:
    charts = figures.of_ablation(_summary(seed_runs, baseline, stamps), baseline, cost)
    return {name: figures.specification(chart) for name, chart in charts.items()}


def view(seed_runs: list[SeedRun], numbers: Ablation, baseline: str) -> dict[str, Any]:
    """What `browser/compare/ablation.js` reads.

    Args:
        numbers: the `summary` of these runs.
    """
    stamps = [tokens.stamp(member.run) for member in seed_runs]
    return {
        "id": f"{[member.run.id for member in seed_runs]}/{baseline}/{stamps}",
        "intro": _intro(numbers),
        "summary": numbers.model_dump(mode="json"),
        "baseline": baseline,
        "looks": {method.name: _look(method) for method in numbers.methods},
    }


def _intro(numbers: Ablation) -> str:
    recipe, seeds = base_name(numbers.recipe), numbers.seeds
    return (
        f"{recipe} · seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))} · target "
        f"{numbers.target} · exact acceptance on the target's own text after "
        f"{words.count(numbers.prompts)} held-out prompts"
    )


def over_k(numbers: Ablation) -> str:
    """Which methods the figure against k has, or how it would have some."""
    if not numbers.by_k:
        return (
            "No methods of this recipe differ in k alone. Give several of them a k of their own, "
            "for instance adaspec-k20 with k: 0.2 and adaspec-k70 with k: 0.7."
        )
    labels = {method.name: method.label for method in numbers.methods}
    return ". ".join(
        f"{series.made}: "
        + ", ".join(f"{labels[point.name]} (k = {point.k:g})" for point in series.points)
        for series in numbers.by_k
    )


def _look(method: Method) -> dict[str, str]:
    look = drawing.look(method.table)
    return {
        "label": method.label,
        "colour": look.colour,
        "glyph": drawing.GLYPHS[look.marker],
    }
