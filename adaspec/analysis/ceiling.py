"""What a draft of this size can reach at all: a draft of another run, trained long on much text.

Its acceptance is kept with a run (`ceiling.json`), whose figures draw it as a line. The two must
have been measured alike; they may have been trained on other rows.
"""

from __future__ import annotations

from collections.abc import Iterable

from adaspec import AdaspecError, runs
from adaspec.analysis.drafts import Entry, entries, find
from adaspec.analysis.identity import measured_apart
from adaspec.recipe import STOCK
from adaspec.runs import CEILING, Ceiling, Run


def found(run: Run, other: Run, draft: str | None = None) -> Ceiling:
    """What a draft of another run is as the ceiling of a run's drafts.

    Args:
        draft: its name; by default the one that is accepted most.

    Raises:
        AdaspecError: target, size of the draft or held-out prompts differ, or there is no such
            draft.
    """
    if reason := measured_apart(run, other):
        raise AdaspecError(reason)
    offered = [entry for entry in entries([other]) if entry.table != STOCK]
    if not offered:
        raise AdaspecError(f"Run {other.id} trained no draft.")
    chosen = find(offered, draft) if draft else max(offered, key=_alpha)
    report = runs.read_report(other)
    took = [chosen.report.budget, *(report.draft(name).budget for name in chosen.report.needs)]
    return Ceiling(
        run=other.id,
        name=runs.read_state(other).name,
        draft=chosen.table,
        alpha=chosen.report.alpha.generated,
        alpha_ci=chosen.report.alpha.generated_ci,
        sequences=sum(budget.sequences for budget in took),
    )


def put(run: Run, ceiling: Ceiling | None) -> None:
    """Keep it with the run, or take away the one that it has.

    Raises:
        AdaspecError: a bundled example.
    """
    if run.is_example:
        raise AdaspecError("A bundled example takes no ceiling: copy it into the runs first.")
    if ceiling:
        CEILING.write(run.ceiling_file, ceiling)
    else:
        run.ceiling_file.unlink(missing_ok=True)


def first(chosen: Iterable[Run]) -> Ceiling | None:
    """That of the first run that has one: those that are compared have one target."""
    return next((each for run in chosen if (each := runs.read_ceiling(run))), None)


def _alpha(entry: Entry) -> float:
    return entry.report.alpha.generated
