"""Drafts of one target side by side: what each cost and reached, and the paired differences.

The numbers of a draft are its report's. The differences are made here, on the same prompts for
both: from the token tables, whose texts the target wrote and every draft was asked about, and from
the replays, which had the same uniforms. Runs are compared where target, tokenizer, data and
held-out texts are the same, and refused with the reason where they are not. Loads no torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from adaspec import AdaspecError, replays, resampling, runs, tokens
from adaspec.recipe import STOCK, Training, nearest
from adaspec.report import DEFINITIONS
from adaspec.resampling import Ratio
from adaspec.runs import Budget, DraftReport, Report, Run
from adaspec.runs.tables import SEQUENCES, VOCABULARY, read_table
from adaspec.speculation import statistics
from adaspec.tokens import GENERATED

ROUNDING = 1e-4  # of beta and KL in float32: a token this little below the floor is on it


class Measure(NamedTuple):
    """What two drafts are compared by.

    Attributes:
        name: as in the report.
        unit: of a difference, once it is multiplied by `factor`.
        better: the sign of an improvement.
        column: of the token tables; None where the replays say it.
    """

    name: str
    label: str
    unit: str
    factor: float
    digits: int
    better: int
    column: str | None


MEASURES = (
    Measure("alpha.generated", "exact acceptance", "points", 100, 2, 1, "overlap"),
    Measure("alpha.tested", "tested acceptance", "points", 100, 2, 1, None),
    Measure("block_efficiency", "block efficiency", "tokens a target pass", 1, 3, 1, None),
    Measure("kl", "KL", "nats", 1, 4, -1, "kl"),
    Measure("top1", "top-1 agreement", "points", 100, 2, 1, "agree"),
)
VERDICTS = {1: "ahead", -1: "behind", 0: "not told apart"}

EXPLANATIONS = DEFINITIONS | {
    "difference": "draft minus baseline on the same prompts, both resampled together, so that what "
    "makes a prompt hard for both cancels",
    "verdict": "ahead or behind where the 95 % interval leaves out 0, else not told apart",
    "agreement": "tokens of the target's own text by whose likeliest token is the target's: both "
    "drafts', one's alone, or neither's",
    "floor": "beta >= 1 - min(sqrt(KL / 2), sqrt(1 - exp(-KL))): Pinsker, Bretagnolle and Huber. "
    "No token can lie below it; far above it, KL says little of acceptance",
    "keep": "min(1, q / p): the probability that the draft's proposal is accepted, given that this "
    "very token comes out",
    "overlap": "beta = sum_x min(p, q): the acceptance probability before the token is known",
}


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


def handle(run: Run) -> str:
    """What a run is called in links and commands."""
    return "example" if run.is_example else run.path.name


# What there is, and what may be compared


def entries(chosen: list[Run]) -> list[Entry]:
    """Every draft of these runs, in the reports' order; what is the same model comes once.

    Raises:
        AdaspecError: a run has no report or no token tables, or two of them do not agree.
    """
    first, *others = chosen
    for other in others:
        if reason := unlike(first, other):
            raise AdaspecError(reason)
    found: list[Entry] = []
    for run in chosen:
        for names in _same(run):
            table = names[-1]
            again = any(_same_stock(one.run, run) for one in found if one.table == table == STOCK)
            if not again:
                key, label = _called(run, names, len(chosen) > 1)
                found.append(Entry(run, table, names, key, label))
    return found


def _same(run: Run) -> list[tuple[str, ...]]:
    """The names of every draft, the one of its files last."""
    groups: dict[str, list[str]] = {}
    for draft in _report(run).drafts:
        groups.setdefault(draft.same_as or draft.name, []).append(draft.name)
    tokens.snapshots(run)  # or says that there are none
    return [(*(one for one in names if one != own), own) for own, names in groups.items()]


def _called(run: Run, names: tuple[str, ...], several: bool) -> tuple[str, str]:
    label = " = ".join(names)
    if not several:
        return names[-1], label
    return f"{handle(run)}/{names[-1]}", f"{short(run)}/{label}"


def short(run: Run) -> str:
    """A run's id, short enough to stand before a draft's name."""
    return "example" if run.is_example else f"…{run.path.name[-4:]}"


def _same_stock(one: Run, other: Run) -> bool:
    first, second = (runs.read_state(run).hashes.get("stock draft") for run in (one, other))
    return first is not None and first == second


def unlike(one: Run, other: Run) -> str | None:
    """Why two runs cannot be compared, in one line; None where they can.

    Raises:
        AdaspecError: one of them has no token tables.
    """
    for what, of in _IDENTITY.items():
        if of(one) != of(other):
            return (
                f"Runs {handle(one)} and {handle(other)} cannot be compared: {what}. "
                "Acceptance depends on it as much as on the draft."
            )
    return None


def _hash(name: str) -> Callable[[Run], object]:
    return lambda run: runs.read_state(run).hashes.get(name) or run.path


def _target(run: Run) -> object:
    """Of the weights that were measured: where stage 0 trained the target, its own."""
    state = runs.read_state(run)
    if folder := state.models.get("target"):
        files = sorted((run.path / folder).glob("*.safetensors"))
        return [_file_hash(file, file.stat().st_mtime_ns) for file in files]
    return _hash("target")(run)


@lru_cache(maxsize=32)
def _file_hash(path: Path, _stamp: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def identity(run: Run) -> dict[str, str]:
    """Hashes of all that must be equal: target and data as they were opened, and what was read."""
    texts, words = run.sequences_file, run.vocabulary_file
    return {
        **{name: runs.read_state(run).hashes.get(name, "") for name in ("target", "data")},
        "tokenizer": _content_hash(words, VOCABULARY, *_stamp(run, words)),
        "held-out texts": _content_hash(texts, SEQUENCES, *_stamp(run, texts)),
    }


def _stamp(run: Run, path: Path) -> tuple[int, int]:
    if not path.is_file():
        tokens.snapshots(run)  # says so
    status = path.stat()
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=32)
def _content_hash(path: Path, schema: pa.Schema, *_stamps: int) -> str:
    """Of a table's values; the file's bytes also change with the program that wrote them."""
    digest = hashlib.sha256()
    for column in read_table(path, schema).columns:
        values = column.combine_chunks()
        if pa.types.is_list(values.type):
            digest.update(pc.list_value_length(values).to_numpy().tobytes())
            digest.update(values.flatten().to_numpy().tobytes())
        else:
            digest.update(repr(values.to_pylist()).encode())
    return digest.hexdigest()[:16]


_IDENTITY: dict[str, Callable[[Run], object]] = {
    "their targets differ": _target,
    "their data differ": _hash("data"),
    "their tokenizers differ": lambda run: identity(run)["tokenizer"],
    "their held-out prompts, or what the target said after them, differ": (
        lambda run: identity(run)["held-out texts"]
    ),
}


def _report(run: Run) -> Report:
    return runs.read_report(run)


# What is chosen


def choose(offered: list[Entry], wanted: list[str] | None) -> list[Entry]:
    """Those asked for, by any of their names, and the stock draft; by default all.

    Raises:
        AdaspecError: there is no such draft; says which there are.
    """
    if not wanted:
        return offered
    found = [find(offered, one) for one in wanted]
    return [one for one in offered if one.table == STOCK or one in found]


def find(offered: list[Entry], name: str) -> Entry:
    """The draft of this name; without a run before it, the first run's.

    Raises:
        AdaspecError: there is none.
    """
    for one in offered:
        if name == one.key or name in _names(one):
            return one
    known = [one.key for one in offered]
    raise AdaspecError(f"No draft {name!r}.{nearest(name, known)} There are {', '.join(known)}.")


def _names(one: Entry) -> list[str]:
    return [*one.names, *(f"{handle(one.run)}/{name}" for name in one.names)]


def default_baseline(chosen: list[Entry]) -> Entry:
    """What the others are held against.

    Of drafts with equal steps and sequences, those that select tokens before others, the one that
    trained on most tokens; else the stock draft.
    """
    groups = _fair_groups(chosen)
    if not groups:
        return next(one for one in chosen if one.table == STOCK)
    group = max(groups, key=lambda some: any(_ratio(one) for one in some))
    return max(group, key=lambda one: _budget(one).selected_tokens)


def _budget(one: Entry) -> Budget:
    return report_row(one).budget


def report_row(one: Entry) -> DraftReport:
    """What its run's report says of a draft."""
    return _report(one.run).draft(one.table)


# Budgets


def _size(one: Entry) -> tuple[float, float]:
    budget = _budget(one)
    return budget.steps, budget.sequences


def _fair_groups(some: list[Entry]) -> list[list[Entry]]:
    """Trained drafts with equal steps and sequences, two or more together."""
    groups: dict[tuple[float, float], list[Entry]] = {}
    for one in some:
        if one.table != STOCK:
            groups.setdefault(_size(one), []).append(one)
    return [group for group in groups.values() if len(group) > 1]


def fairness(one: Entry, other: Entry) -> dict[str, Any]:
    """Whether `one` cost what `other` did: `fair`, and `says`, in words."""
    if untrained := [each.label for each in (one, other) if each.table == STOCK]:
        return {"fair": False, "says": f"{_listed(untrained)} was not trained"}
    says = []
    for what, mine, others in zip(("steps", "sequences"), _size(one), _size(other), strict=True):
        says.append(f"equal {what}" if mine == others else f"{_times(mine, others)} the {what}")
    fair = _size(one) == _size(other)
    says = ["equal steps and sequences"] if fair else says
    if needs := [name for name in report_row(one).needs if name != other.table]:
        says.append(f"and {_listed(needs)} trained before")
    return {"fair": fair, "says": ", ".join(says)}


def _times(one: float, other: float) -> str:
    return f"{one / other:.3g} times"


def budgets(chosen: list[Entry], offered: list[Entry]) -> dict[str, Any]:
    """Whether the chosen drafts cost the same, and who may be compared with whom.

    Returns:
        warning: what differs, in words; empty where nothing does.
        fair: keys of drafts with equal steps and sequences, of all that are offered.
        missing: for every draft without such a partner that was trained on all tokens, a method
            that would be one: `of`, `name`, `method`, `command`.
    """
    groups: dict[tuple[float, float], list[str]] = {}
    for one in chosen:
        if one.table != STOCK:
            groups.setdefault(_size(one), []).append(one.label)
    parts = [
        f"{steps:,.0f} steps and {sequences:,.0f} sequences for {_listed(labels)}"
        for (steps, sequences), labels in groups.items()
    ]
    return {
        "warning": f"Budgets differ: {'; '.join(parts)}." if len(groups) > 1 else "",
        "fair": [[one.key for one in group] for group in _fair_groups(offered)],
        "missing": list(_missing(chosen, offered)),
    }


def _listed(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _missing(chosen: list[Entry], offered: list[Entry]) -> Iterator[dict[str, Any]]:
    told = set()
    for one in chosen:
        training = _training(one)
        if training is None or training.k is None or _partners(one, offered):
            continue
        recipe = runs.read_recipe(one.run)
        wide = recipe.stage2 is not None and training.batch != recipe.stage2.batch
        name, budget = ("distillspec-data", "data") if wide else ("distillspec", "steps")
        method: dict[str, Any] = {"selector": "all", "budget": budget}
        if wide and recipe.stage2 and training.k != recipe.stage2.k:
            method["k"] = training.k
        if (one.run, str(method)) not in told:
            told.add((one.run, str(method)))
            setting = f"stage2.methods.{name}={json.dumps(method)}"
            command = f"adaspec run {one.run.recipe_file} --set '{setting}'"
            yield {
                "of": one.key,
                "run": handle(one.run),
                "name": name,
                "method": method,
                "setting": setting,
                "command": command,
            }


def _partners(one: Entry, offered: list[Entry]) -> list[Entry]:
    return [
        other
        for other in offered
        if other.table != STOCK and _ratio(other) is None and _size(one) == _size(other)
    ]


def _ratio(one: Entry) -> float | None:
    """The filter ratio that it was trained with; None where it was trained on all tokens."""
    training = _training(one)
    return training.k if training else None


def _training(one: Entry) -> Training | None:
    """What the training was; None for the stock draft, which had none, and where it is unknown."""
    if one.table == STOCK or not one.run.budget_file(one.table).exists():  # taken away
        return None
    return runs.read_trained(one.run, one.table).training


# By prompt


def by_prompt(one: Entry, measure: Measure) -> Ratio:
    """What a measure is the ratio of."""
    if measure.column:
        return _tabled(one.run, one.table, measure.column, tokens.stamp(one.run))
    numbers = replays.numbers(one.run, one.table)
    stamps = [one.run.replay(one.table, seq).stat().st_mtime_ns for seq in numbers]
    counts = _counted(one.run, one.table, tuple(numbers), tuple(stamps))
    if measure.name == "block_efficiency":
        return counts.tokens, counts.rounds
    return counts.accepted, counts.accepted + counts.rejected


@lru_cache(maxsize=256)
def _tabled(run: Run, table: str, column: str, _stamp: object) -> Ratio:
    there = tokens.examples(run, GENERATED)
    starts = there["first"].to_numpy()
    values = tokens.column(run, GENERATED, column, table).astype(np.float64)
    return np.add.reduceat(values, starts - starts[0]), there["tokens"].to_numpy()


@lru_cache(maxsize=64)
def _counted(
    run: Run, table: str, numbers: tuple[int, ...], _stamps: tuple[int, ...]
) -> statistics.Counts:
    return statistics.count([replays.read(run, table, seq) for seq in numbers])


def decoded_alike(one: Entry, other: Entry) -> bool:
    """Whether both were replayed on the same prompts, with the same settings and uniforms."""
    numbers = replays.numbers(one.run, one.table)
    if not numbers or numbers != replays.numbers(other.run, other.table):
        return False
    if one.run == other.run:
        return True
    first, second = (replays.read(each.run, each.table, numbers[0]) for each in (one, other))
    return first.decoding == second.decoding and first.seed == second.seed


# The comparison


def compare(
    chosen: list[Run], drafts: list[str] | None = None, baseline: str | None = None
) -> dict[str, Any]:
    """All numbers of the Compare page and of `adaspec compare`; plain, for JSON.

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
    first, recipe = _report(chosen[0]), runs.read_recipe(chosen[0])
    resamples, seed = recipe.evaluation.bootstrap, recipe.seed
    return {
        "runs": [
            {"run": handle(run), "id": runs.read_state(run).id, "name": runs.read_state(run).name}
            | {"device": _report(run).device, "hashes": identity(run)}
            for run in chosen
        ],
        "target": first.target,
        "prompts": first.prompts,
        "tokens": first.tokens.model_dump(),
        "speculation": first.speculation.model_dump(mode="json"),
        "budgets": budgets(picked, offered),
        "drafts": [_draft(one) for one in picked],
        "baseline": against.key,
        "differences": [
            found
            for one in picked
            if one != against
            for measure in MEASURES
            if (found := _difference(one, against, measure, resamples, seed))
        ],
        "agreement": [_agreement(*pair) for pair in combinations(picked, 2)],
        "floor": {one.key: _below_floor(one) for one in picked},
        "notes": list(_notes(chosen, picked)),
        "bootstrap": {"resamples": resamples, "seed": seed},
        "definitions": EXPLANATIONS,
        "command": _command(chosen, picked if picked != offered else None, against),
    }


def _draft(one: Entry) -> dict[str, Any]:
    """A draft's row of the report, under its name here."""
    row = report_row(one).model_dump(mode="json", exclude={"name", "same_as"})
    named = {"draft": one.key, "label": one.label, "name": one.table, "run": handle(one.run)}
    return named | row


def _difference(
    one: Entry, other: Entry, measure: Measure, resamples: int, seed: int
) -> dict[str, Any] | None:
    """None where there is nothing to compare."""
    if not measure.column and not decoded_alike(one, other):
        return None
    first, second = by_prompt(one, measure), by_prompt(other, measure)
    if not (first[1].sum() and second[1].sum()):
        return None
    value, low, high = resampling.paired(first, second, resamples, seed)
    sign = 0 if low <= 0 <= high else int(np.sign(value)) * measure.better
    found = {
        "draft": one.key,
        "baseline": other.key,
        "measure": measure.name,
        "label": measure.label,
        "value": value,
        "ci": (low, high),
        "prompts": len(first[0]),
        "verdict": VERDICTS[sign],
        "budget": fairness(one, other),
    }
    return found | {"says": _sentence(one, other, measure, found)}


def _sentence(one: Entry, other: Entry, measure: Measure, found: dict[str, Any]) -> str:
    """`adaspec − stock: +8.92 points [+8.60, +9.24]: ahead on the same prompts.`"""
    value = written(found["value"], measure)
    low, high = (written(end, measure) for end in found["ci"])
    unit = (
        measure.unit
        if measure.name == "block_efficiency"
        else (f"{measure.unit} of {measure.label}")
    )
    return (
        f"{one.label} − {other.label}: {value} {unit} [{low}, {high}]: {found['verdict']} on the "
        "same prompts."
    )


def written(value: float, measure: Measure) -> str:
    """A difference with its sign, in the measure's unit."""
    return f"{value * measure.factor:+.{measure.digits}f}".replace("-", "−")


def _agreement(one: Entry, other: Entry) -> dict[str, Any]:
    first, second = (
        tokens.column(each.run, GENERATED, "agree", each.table).astype(bool)
        for each in (one, other)
    )
    both, neither = int((first & second).sum()), int((~first & ~second).sum())
    return {
        "drafts": (one.key, other.key),
        "both": both,
        "first": int(first.sum()) - both,
        "second": int(second.sum()) - both,
        "none": neither,
    }


def floor(kl: np.ndarray) -> np.ndarray:
    """The smallest beta that a token with this KL(p || q) can have."""
    kl = np.maximum(kl, 0.0)
    lowest: np.ndarray = 1 - np.minimum(np.sqrt(kl / 2), np.sqrt(1 - np.exp(-kl)))
    return lowest


def _below_floor(one: Entry) -> int:
    """Tokens that contradict the bound: a measurement that cannot be right."""
    kl, beta = (tokens.column(one.run, GENERATED, name, one.table) for name in ("kl", "overlap"))
    return int((beta < floor(kl.astype(np.float64)) - ROUNDING).sum())


def _notes(chosen: list[Run], picked: list[Entry]) -> Iterator[str]:
    """What does not compare."""
    if len(chosen) > 1:
        yield (
            "Speed-ups were measured run by run: they compare only where the machines are the same "
            "and were equally busy."
        )
    if not all(decoded_alike(picked[0], one) for one in picked):
        yield (
            "The runs were decoded on other prompts, with other settings or with other uniforms: "
            "tested acceptance and tokens a pass have no paired difference across them."
        )


def _command(chosen: list[Run], picked: list[Entry] | None, against: Entry) -> str:
    names = " ".join(handle(run) for run in chosen)
    drafts = f" --drafts {','.join(one.key for one in picked)}" if picked else ""
    return f"adaspec compare {names}{drafts} --baseline {against.key}"


# Tokens


def sampled(total: int, most: int) -> np.ndarray:
    """Row numbers, at most so many, evenly spaced: rows are in order of prompts, so that every
    prompt has its share."""
    if total <= most:
        return np.arange(total)
    return np.arange(most) * total // most


# To take away


def table(comparison: dict[str, Any]) -> pd.DataFrame:
    """One row a draft, then one row a paired difference; every value in a column of its own."""
    rows = [{"kind": "draft"} | dict(flat(draft)) for draft in comparison["drafts"]]
    for found in comparison["differences"]:
        row = {key: found[key] for key in ("draft", "baseline", "measure", "value", "ci")}
        row |= {"verdict": found["verdict"], "comparison": found["budget"]}
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
