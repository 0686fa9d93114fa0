"""The drafts of some runs, under the names that tell them apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from adaspec import AdaspecError, runs, tokens
from adaspec.analysis.fairness import Cost
from adaspec.analysis.identity import run_names, unlike
from adaspec.recipe import STOCK, Training, nearest, trainings
from adaspec.runs import DraftReport, Run
from adaspec.runs.contract import stamp


@dataclass(frozen=True)
class Entry:
    """A draft to compare.

    Attributes:
        key: what it is called here: its name, `RUN/NAME` where several runs are compared.
        label: the same for the eye: `distillspec = reference`.
        names: all its names in the run; `table` is the one its files have.
    """

    run: Run
    table: str
    names: tuple[str, ...]
    key: str
    label: str

    @property
    def report(self) -> DraftReport:
        """What its run's report says of it."""
        return runs.read_report(self.run).draft(self.table)

    @property
    def cost(self) -> Cost:
        """What its training took."""
        report = self.report
        training = plan_of(self.run).get(self.table)
        return Cost(
            name=self.table,
            key=self.key,
            label=self.label,
            steps=report.budget.steps,
            sequences=report.budget.sequences,
            batch=training.batch if training else 0,
            k=training.k if training else None,
            needs=tuple(report.needs),
        )


def plan_of(run: Run) -> dict[str, Training]:
    """Name -> training of a run; nothing where it has not opened its data."""
    return _plan(run, *(stamp(path) for path in (run.recipe_file, run.state_file)))


@lru_cache(maxsize=32)
def _plan(run: Run, *_stamps: tuple[int, int]) -> dict[str, Training]:
    """Read once, for YAML takes its time."""
    facts = runs.read_state(run).facts
    plan = trainings(runs.read_recipe(run), facts.training_rows) if facts else []
    return {training.name: training for training in plan}


def entries(chosen: list[Run]) -> list[Entry]:
    """Every draft of these runs, in the reports' order; what is the same model comes once.

    Raises:
        AdaspecError: a run has no report or no token tables, or two of them do not agree.
    """
    first, *others = chosen
    for other in others:
        if reason := unlike(first, other):
            raise AdaspecError(reason)
    offered: list[Entry] = []
    called = run_names(chosen)
    for run in chosen:
        for names in _names(run):
            table = names[-1]
            same = table == STOCK and any(
                entry.table == STOCK and _same_stock(entry.run, run) for entry in offered
            )
            if not same:
                key, label = _called(run, names, called if len(chosen) > 1 else {})
                offered.append(Entry(run, table, names, key, label))
    return offered


def _names(run: Run) -> list[tuple[str, ...]]:
    """The names of every draft, the one of its files last."""
    groups: dict[str, list[str]] = {}
    for draft in runs.read_report(run).drafts:
        groups.setdefault(draft.same_as or draft.name, []).append(draft.name)
    tokens.snapshots(run)  # or says that there are none
    return [(*(name for name in names if name != own), own) for own, names in groups.items()]


def _called(run: Run, names: tuple[str, ...], called: dict[Run, str]) -> tuple[str, str]:
    """Key and label of a draft; with its run's name where there are several."""
    label = " = ".join(names)
    if not called:
        return names[-1], label
    return f"{run.id}/{names[-1]}", f"{called[run]}/{label}"


def _same_stock(run: Run, other: Run) -> bool:
    first, second = (runs.read_state(each).hashes.get("stock draft") for each in (run, other))
    return first is not None and first == second


def choose(offered: list[Entry], wanted: list[str] | None) -> list[Entry]:
    """Those asked for, by any of their names, and the stock draft; by default all.

    Raises:
        AdaspecError: there is no such draft; says which there are.
    """
    if not wanted:
        return offered
    asked = [find(offered, name) for name in wanted]
    return [entry for entry in offered if entry.table == STOCK or entry in asked]


def find(offered: list[Entry], name: str) -> Entry:
    """The draft of this name; without a run before it, the first run's.

    Raises:
        AdaspecError: there is none.
    """
    for entry in offered:
        full = (f"{entry.run.id}/{alias}" for alias in entry.names)
        if name in (entry.key, *entry.names, *full):
            return entry
    known = [entry.key for entry in offered]
    raise AdaspecError(f"No draft {name!r}.{nearest(name, known)} There are {', '.join(known)}.")
