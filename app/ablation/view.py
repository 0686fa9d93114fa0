"""An ablation as the Ablation page's component in the browser takes it.

The numbers are those of `adaspec.analysis.ablation`; here come the looks of its methods and the
choices.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from adaspec import tokens
from adaspec.analysis import ablation
from adaspec.analysis.identity import handle
from adaspec.analysis.results import Ablation, Method
from adaspec.analysis.seeds import SeedRun, relatives
from adaspec.runs import Run
from app.shared import reading
from app.shell import theme

COSTS = {  # of `total` in a method's summary
    "sequences": "sequences in all",
    "steps": "steps in all",
    "seconds": "seconds in all",
}


def seeds(run: Run) -> list[SeedRun]:
    """`seeds.relatives`, once for all viewers until a run begins, ends or goes.

    Raises:
        AdaspecError: the run is not finished.
    """
    there = tuple((view.id, view.word) for view in reading.board().views)
    return list(_seeds(run, there))


@lru_cache(maxsize=16)
def _seeds(run: Run, _there: object) -> tuple[SeedRun, ...]:
    return tuple(relatives(run))


def summary(found: list[SeedRun], baseline: str | None = None) -> Ablation:
    """`ablation.summary` against its own baselines and another, once for all viewers.

    Raises:
        AdaspecError: a run has no report, or its token tables are gone.
    """
    stamps = tuple((tokens.stamp(one.run), one.run.report_file.stat().st_mtime_ns) for one in found)
    return _summary(tuple(found), baseline, stamps)


@lru_cache(maxsize=32)
def _summary(found: tuple[SeedRun, ...], baseline: str | None, _stamps: object) -> Ablation:
    plain = ablation.summary(list(found))
    if baseline is None or baseline in plain.baselines:
        return plain
    return ablation.summary(list(found), [*plain.baselines, baseline])


def view(found: list[SeedRun], numbers: Ablation, baseline: str, cost: str) -> dict[str, Any]:
    """What `browser/compare/ablation.js` reads.

    Args:
        numbers: the `summary` of these runs.
    """
    stamps = [tokens.stamp(one.run) for one in found]
    return {
        "id": f"{[handle(one.run) for one in found]}/{baseline}/{cost}/{stamps}",
        "summary": numbers.model_dump(mode="json"),
        "baseline": baseline,
        "cost": {"name": cost, "label": COSTS[cost]},
        "looks": {method.name: _look(method) for method in numbers.methods},
    }


def _look(method: Method) -> dict[str, str]:
    look = theme.look(method.table)
    return {
        "label": method.label,
        "colour": look.colour,
        "glyph": theme.GLYPHS[look.marker],
    }
