"""Drafts of one target side by side: what each cost and reached, and the paired differences.

The numbers of a draft are its report's. The differences are made here, on the same prompts for
both. Runs that do not agree are refused with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from adaspec import glossary, runs, tokens
from adaspec.analysis import ceiling, compute, fairness
from adaspec.analysis.drafts import Entry, choose, entries, find
from adaspec.analysis.identity import identity
from adaspec.analysis.measures import (
    MEASURES,
    ROUNDING,
    by_prompt,
    decoded_alike,
    floor,
    verdict,
    written,
)
from adaspec.analysis.results import (
    Agreement,
    Bootstrap,
    Budgets,
    ComparedDraft,
    ComparedRun,
    Comparison,
    Difference,
    MissingPartner,
    Significance,
)
from adaspec.analysis.significance import Estimate, adjusted, estimated, table_of
from adaspec.analysis.verdicts import verdicts
from adaspec.recipe import STOCK
from adaspec.report import DEFINITIONS
from adaspec.resampling import paired
from adaspec.runs import Ceiling, Run
from adaspec.tokens import GENERATED

EXPLANATIONS = DEFINITIONS | glossary.means(
    "difference",
    "verdict",
    "adjusted",
    "compute",
    "frontier",
    "agreement",
    "floor",
    "keep",
    "overlap",
)


def compare(
    chosen: list[Run], drafts: list[str] | None = None, baseline: str | None = None
) -> Comparison:
    """All numbers of the Compare page and of `adaspec compare`.

    Args:
        chosen: runs, at least one.
        drafts: names, `RUN/NAME` for another run than the first; by default all. The stock draft is
            always among them.
        baseline: what the differences are against; by default see `default_baseline`.

    Raises:
        AdaspecError: a run is not measured, two runs do not agree, or there is no such draft.
    """
    offered = entries(chosen)
    picked = choose(offered, drafts)
    against = find(picked, baseline) if baseline else default_baseline(picked)
    first, recipe = runs.read_report(chosen[0]), runs.read_recipe(chosen[0])
    resamples, seed = recipe.evaluation.bootstrap, recipe.seed
    compared = [_draft(entry) for entry in picked]
    differences = _adjusted(
        [
            pair
            for entry in picked
            if entry != against
            for pair in _differences(entry, against, resamples, seed)
        ]
    )
    most = ceiling.first(chosen)
    return Comparison(
        verdicts=[*verdicts(compared, differences), *_below(compared, most)],
        runs=[_run(run) for run in chosen],
        target=first.target,
        prompts=first.prompts,
        tokens=first.tokens,
        speculation=first.speculation,
        budgets=budgets(picked, offered),
        drafts=compared,
        baseline=against.key,
        differences=differences,
        frontier=compute.frontier(
            {
                draft.draft: (draft.compute.flops, draft.alpha.generated)
                for draft in compared
                if draft.compute
            }
        ),
        agreement=[_agreement(*pair) for pair in combinations(picked, 2)],
        floor={entry.key: below_floor(entry) for entry in picked},
        ceiling=most,
        notes=list(_notes(chosen, picked)),
        bootstrap=Bootstrap(resamples=resamples, seed=seed),
        definitions=EXPLANATIONS,
        command=_command(chosen, picked if picked != offered else None, against),
    )


def _below(compared: list[ComparedDraft], most: Ceiling | None) -> Iterator[str]:
    """How far the best of them is from what a draft of this size reached at all."""
    if most:
        best = max(compared, key=lambda draft: draft.alpha.generated)
        yield most.room(best.label, best.alpha.generated)


def _run(run: Run) -> ComparedRun:
    state = runs.read_state(run)
    return ComparedRun(
        run=run.id,
        id=state.id,
        name=state.name,
        device=runs.read_report(run).device,
        hashes=identity(run),
    )


def _draft(entry: Entry) -> ComparedDraft:
    """A draft's row of the report, under its name here."""
    return ComparedDraft(
        draft=entry.key,
        label=entry.label,
        name=entry.table,
        run=entry.run.id,
        compute=compute.bill(entry),
        **entry.report.model_dump(exclude={"name", "same_as"}),
    )


def _differences(
    entry: Entry, other: Entry, resamples: int, seed: int
) -> Iterator[tuple[Difference, Estimate]]:
    """By every measure by which there is something to compare."""
    budget = fairness.weigh(entry.cost, other.cost)
    decoded = decoded_alike(entry, other)
    for measure in MEASURES:
        if not measure.column and not decoded:
            continue
        first, second = by_prompt(entry, measure), by_prompt(other, measure)
        if not (first[1].sum() and second[1].sum()):
            continue
        value, low, high = paired(first, second, resamples, seed)
        outcome = verdict(value, low, high, measure.better)
        interval = ", ".join(written(end, measure) for end in (low, high))
        unit = measure.unit
        if measure.name != "block_efficiency":  # whose unit says what it is of
            unit += f" of {measure.label}"
        difference = Difference(
            draft=entry.key,
            baseline=other.key,
            measure=measure.name,
            label=measure.label,
            value=value,
            ci=(low, high),
            prompts=len(first[0]),
            verdict=outcome,
            budget=budget,
            says=f"{entry.label} − {other.label}: {written(value, measure)} {unit} [{interval}]: "
            f"{outcome} on the same prompts.",
        )
        yield difference, estimated(table_of(first, second))


def _adjusted(pairs: list[tuple[Difference, Estimate]]) -> list[Difference]:
    """Every difference with what it is as one of those by the same measure."""
    found: dict[tuple[str, str], Significance] = {}
    for measure in MEASURES:
        family = [pair for pair in pairs if pair[0].measure == measure.name]
        for (difference, _), each in zip(
            family, adjusted([test for _, test in family], measure.better), strict=True
        ):
            found[difference.draft, measure.name] = each
    return [
        difference.model_copy(update={"adjusted": found[difference.draft, difference.measure]})
        for difference, _ in pairs
    ]


def _agreement(entry: Entry, other: Entry) -> Agreement:
    first, second = (
        tokens.column(each.run, GENERATED, "agree", each.table).astype(bool)
        for each in (entry, other)
    )
    both, neither = int((first & second).sum()), int((~first & ~second).sum())
    return Agreement(
        drafts=(entry.key, other.key),
        both=both,
        first=int(first.sum()) - both,
        second=int(second.sum()) - both,
        none=neither,
    )


def below_floor(entry: Entry) -> int:
    """Tokens that contradict the bound: a measurement that cannot be right."""
    kl, beta = (
        tokens.column(entry.run, GENERATED, name, entry.table) for name in ("kl", "overlap")
    )
    return int((beta < floor(kl.astype(np.float64)) - ROUNDING).sum())


def _notes(chosen: list[Run], picked: list[Entry]) -> Iterator[str]:
    """What does not compare, or is in no draft's budget."""
    for run in chosen:
        business = runs.read_report(run).business
        if business and business.warning:
            yield f"Run {run.id}: {business.warning}"
        if answers := runs.read_report(run).answers:
            yield f"Run {run.id}: {answers}"
    if len(chosen) > 1:
        yield (
            "Speed-ups were measured run by run: they compare only where the machines are the same "
            "and were equally busy."
        )
    if not all(decoded_alike(picked[0], entry) for entry in picked):
        yield (
            "The runs were decoded on other prompts, with other settings or with other uniforms: "
            "tested acceptance and tokens a pass have no paired difference across them."
        )
    if len({_proposed(entry) for entry in picked}) > 1:
        yield (
            "Not all drafts propose the same token ids: the KL of each is over those that it does, "
            "and compares with no other's. Acceptance does."
        )


def _proposed(entry: Entry) -> int | None:
    """How many token ids a trimmed draft proposes."""
    parts = runs.read_report(entry.run).trimmed
    return next((part.ids for part in parts if entry.table in part.drafts), None)


def _command(chosen: list[Run], picked: list[Entry] | None, against: Entry) -> str:
    names = " ".join(run.id for run in chosen)
    drafts = f" --drafts {','.join(entry.key for entry in picked)}" if picked else ""
    return f"adaspec compare {names}{drafts} --baseline {against.key}"


def default_baseline(chosen: list[Entry]) -> Entry:
    """What the others are held against: the fairest that there is, else the stock draft, or the
    first."""
    fairest = fairness.default_baseline(entry.cost for entry in chosen)
    if fairest is None:
        return next((entry for entry in chosen if entry.table == STOCK), chosen[0])
    return find(chosen, fairest.key)


def budgets(chosen: list[Entry], offered: list[Entry]) -> Budgets:
    """Whether the chosen drafts cost the same, and which of the offered may be compared."""
    groups = fairness.by_size(entry.cost for entry in chosen)
    parts = [
        f"{group[0].steps:,.0f} steps and {group[0].sequences:,.0f} sequences for "
        f"{fairness.listed([draft.label for draft in group])}"
        for group in groups
    ]
    fair = fairness.fair_groups(entry.cost for entry in offered)
    return Budgets(
        warning=f"Budgets differ: {'; '.join(parts)}." if len(groups) > 1 else "",
        fair=[[draft.key for draft in group] for group in fair],
        missing=list(_missing(chosen, offered)),
    )


def _missing(chosen: list[Entry], offered: list[Entry]) -> Iterator[MissingPartner]:
    """Each method of a run once."""
    named = set()
    known = [entry.cost for entry in offered]
    for entry in chosen:
        stage2 = runs.read_recipe(entry.run).stage2
        lack = fairness.missing(entry.cost, known, stage2) if stage2 else None
        if lack and (entry.run, lack.setting) not in named:
            named.add((entry.run, lack.setting))
            yield MissingPartner(
                **lack._asdict(),
                run=entry.run.id,
                setting=lack.setting,
                command=f"adaspec run {entry.run.recipe_file} --set '{lack.setting}'",
            )


def sampled(total: int, most: int) -> np.ndarray:
    """Row numbers, at most so many, evenly spaced: rows are in order of prompts, so that every
    prompt has its share."""
    if total <= most:
        return np.arange(total)
    return np.arange(most) * total // most


# To take away


def table(comparison: Comparison) -> pd.DataFrame:
    """One row a draft, then one row a paired difference; every value in a column of its own."""
    rows = [{"kind": "draft"} | dict(flat(draft.model_dump())) for draft in comparison.drafts]
    columns = {"draft", "baseline", "measure", "value", "ci", "verdict"}
    for difference in comparison.differences:
        row = difference.model_dump(include=columns)
        row["comparison"] = difference.budget.model_dump()
        row["adjusted"] = difference.adjusted and difference.adjusted.model_dump()
        rows.append({"kind": "difference"} | dict(flat(row)))
    return pd.DataFrame(rows)


def flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Content as names and values: `alpha.tested`, `alpha.tested_ci.low`, `positions.1.reached`."""
    if name.endswith("needs"):
        yield name, " ".join(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, f"{name}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        ends = name.endswith("ci") and len(value) == 2
        first = name.endswith(("positions", "curve"))
        for number, inner in enumerate(value, int(first)):
            yield from flat(inner, f"{name}.{('low', 'high')[number] if ends else number}")
    else:
        yield name, value
