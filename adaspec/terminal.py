"""What the command line shows: its tables, its progress bars, its errors. All of it by rich.

Tables of figures fit a terminal of 80 columns.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from adaspec import runs
from adaspec.analysis import engines, serving
from adaspec.runs.served import RULES

if TYPE_CHECKING:
    from adaspec.analysis.outcome import Outcome
    from adaspec.analysis.planner import Plan
    from adaspec.analysis.results import (
        Ablation,
        Budgets,
        Comparison,
        Difference,
        MethodDifference,
        Power,
    )
    from adaspec.analysis.server_log import Held
    from adaspec.analysis.sheet import Sheet

Show = Callable[[runs.Stage, dict[str, float | int]], None]

console = Console()
errors = Console(stderr=True, soft_wrap=True)


def say(message: str) -> None:
    """Print a line as it is: not wrapped, and without markup."""
    console.print(message, soft_wrap=True, markup=False, highlight=False)


def note(message: str) -> None:
    """Print a remark on standard error, out of the way of what other programs read."""
    errors.print(message, markup=False, highlight=False)


def warn(message: str) -> None:
    errors.print("warning:", style="yellow", end=" ")
    note(message)


def fail(message: str, code: int = 2) -> NoReturn:
    """Print a one-line error and exit."""
    errors.print("error:", style="red", end=" ")
    note(message)
    sys.exit(code)


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Show]:
    """One bar for each stage; yields the function that takes every step of them."""
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
            figures = f"loss {row['loss']:.4f}" if "loss" in row else ""
            if "tokens_per_s" in row:
                figures += f"  {row['tokens_per_s']:,.0f} tokens/s"
            bars.update(tasks[stage.name], completed=row["step"], note=figures)

        yield show


# Lists


def listing(headings: Iterable[str], rows: Iterable[Iterable[str]], *, whole: str = "") -> Table:
    """A list of things, one a row; long texts are folded, except in the column `whole`."""
    table = Table()
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading == whole)
    for row in rows:
        table.add_row(*map(escape, row))
    return table


# Figures


def report(content: runs.Report) -> Group:
    """A report: acceptance, decoding, then what each draft cost.

    The largest acceptance is bold, whichever draft has it.
    """
    best = max(draft.alpha.generated for draft in content.drafts)
    acceptance = _figures("acceptance", "exact α", "95 % interval", "data set", "KL", "top-1")
    decoding = _figures("decoding", "tested", "drafted", "a pass", "speed-up", "95 % interval", "c")
    cost = _figures("budget", "steps", "sequences", "tokens", "teacher", "seconds", "needs")
    for draft in content.drafts:
        alpha, speed = draft.alpha, draft.speedup
        low, high = alpha.generated_ci
        value = f"{alpha.generated:.4f}"
        same = f"= {draft.same_as}" if draft.same_as else ""
        acceptance.add_row(
            f"{draft.name} {same}",
            f"[bold]{value}[/bold]" if alpha.generated == best else value,
            f"{low:.4f} – {high:.4f}",
            _digits(alpha.dataset, 4),
            _kl(draft.kl),
            f"{draft.top1:.3f}",
        )
        decoding.add_row(
            draft.name,
            _digits(alpha.tested, 4),
            _digits(alpha.drafted, 4),
            _digits(draft.block_efficiency, 3),
            f"{speed.measured:.2f} x",
            " – ".join(f"{end:.2f}" for end in speed.measured_ci),
            f"{speed.c:.2f}",
        )
        cost.add_row(
            draft.name,
            *_counts(draft.budget),
            same or ", ".join(draft.needs),
        )
    if own := content.answers:
        counts = (own.answers, own.tokens, own.answers)
        cells = [f"{count:,}" for count in counts]
        cost.add_row("own answers", "–", *cells, f"{own.seconds:,.0f}", "")
    size, settings = content.tokens, content.speculation
    prompts = min(content.prompts, settings.prompts)
    timed = min(content.prompts, settings.timed)
    answers = f", and over {size.dataset:,} tokens of the data set's own answers"
    if not size.dataset:
        answers = ""
    return Group(
        escape(f"{content.recipe} · run {content.run} · target {content.target}\n"),
        acceptance,
        f"\nExact α, the mean of Σ min(p, q): over {size.generated:,} tokens that the "
        f"target generated{content.at_temperature} from {content.prompts} held-out "
        f"prompts{answers}. KL (nats per token) "
        "and top-1 agreement are on the generated tokens.\n",
        decoding,
        f"\nSpeculative decoding from {prompts} of those prompts, gamma {settings.gamma}, "
        f"temperature {settings.temperature:g}: the accepted share of the tested tokens and of all "
        "drafted tokens; a pass: block efficiency, tokens of text a target pass. Speed-up over "
        f"plain decoding: both timed side by side on {timed} prompts, batch 1, {content.device}; "
        "c: time to draft a token, in plain target passes.\n",
        *_served(content),
        cost,
        "\nEach row is this training alone: tokens that contributed a gradient, sequences through "
        "a frozen model (target or reference). What it needs was trained before, at its own cost.",
        *([f"\n{content.answers}"] if content.answers else []),
        *(f"\n{trimmed}" for trimmed in content.trimmed),
        *([f"\n{content.checks.null_test.message}"] if content.checks else []),
        *([f"\n{warning}"] if content.business and (warning := content.business.warning) else []),
        *(f"\n{draft.name}: {remark}" for draft in content.drafts for remark in draft.remarks),
    )


def _served(content: runs.Report) -> Iterator[RenderableType]:
    """What a server would show, a table of all drafts: settings down, rules across."""
    if not content.served:
        yield (
            "Acceptance under servers' settings was not measured then: "
            f"adaspec measure {content.run}\n"
        )
        return
    table = _figures("as a server drafts", *serving.WORDS.values())
    for name, rates in content.served.items():
        for setting in dict.fromkeys(rate.setting for rate in rates):
            values = (rate.value for rate in rates if rate.setting == setting)
            table.add_row(f"{name} · {setting}", *(f"{value:.4f}" for value in values))
    yield table
    yield (
        "\nThe same tokens; temperature, top-k and top-p are applied to p and q. "
        + "; ".join(RULES.values())
        + ". Defaults: "
        + "; ".join(
            f"{serving.WORDS[rule]}: {', '.join(engines.served_by(rule))}" for rule in RULES
        )
        + ".\n"
    )
    yield from (f"{sentence}\n" for sentence in serving.flips(content))


def comparison(content: Comparison) -> Group:
    """What `analysis.comparison.compare` returns, budgets first."""
    labels = {draft.draft: draft.label for draft in content.drafts}
    names = ", ".join(f"{run.name} (run {run.id})" for run in content.runs)
    baseline = labels[content.baseline]
    parts: list[Text | Table] = [
        Text(f"{names}\ntarget {content.target}\n"),
        *(Text(sentence, style="bold") for sentence in content.verdicts),
        Text(""),
        _costs(content),
        *_in_all(content),
        *_budget_warnings(content.budgets),
        Text(""),
        _reached(content),
        Text(f"\nPaired differences: draft − {baseline}, on the same prompts", style="bold"),
    ]
    for draft in content.drafts:
        rows = [row for row in content.differences if row.draft == draft.draft]
        if rows:
            parts += [Text(f"\n{draft.label}: {rows[0].budget.says}"), _differences(rows)]
    parts += _as_several(content)
    return Group(*parts, *(Text(f"\n{note}") for note in content.notes))


def outcome(content: Outcome) -> Group:
    """What `analysis.outcome.outcome` returns: the recipes first."""
    rows = [
        (setting.field, *(text or "–" for text in (setting.first, setting.second)))
        for setting in content.settings
    ]
    reached = [
        (
            draft.name,
            _reached_of(draft.first, draft.first_ci),
            _reached_of(draft.second, draft.second_ci),
        )
        for draft in content.drafts
    ]
    same = Text("The recipes are the same.")
    return Group(
        listing(("field", *content.runs), rows, whole="field") if rows else same,
        *([listing(("exact α", *content.runs), reached)] if reached else []),
        Text(content.verdict, style="bold"),
    )


def _reached_of(value: float | None, interval: tuple[float, float] | None) -> str:
    return f"{value:.4f} [{interval[0]:.4f}, {interval[1]:.4f}]" if interval else "–"


def _budget_warnings(budgets: Budgets) -> list[Text]:
    lines = []
    if budgets.warning:
        lines.append(Text(f"\n{budgets.warning}", style="yellow"))
        for group in budgets.fair:
            lines.append(Text(f"Fair, with equal steps and sequences: {', '.join(group)}."))
    for partner in budgets.missing:
        heading = f"\nNothing here is a fair comparison for {partner.of}. To make one:"
        lines += [Text(heading, style="yellow"), Text(partner.command)]
    return lines


def _costs(content: Comparison) -> Table:
    headings = ("budget", "steps", "sequences", "tokens", "teacher", "seconds", "needs")
    table = _figures(*headings, tight=True)
    for draft in content.drafts:
        table.add_row(draft.label, *_counts(draft.budget), ", ".join(draft.needs))
    return table


def _in_all(content: Comparison) -> list[Text | Table]:
    """Everything that each draft needed, in one currency."""
    from adaspec.analysis.compute import written  # loads pyarrow

    table = _figures("in all", "compute", "seconds", "on the frontier", tight=True)
    for draft in content.drafts:
        bill = draft.compute
        table.add_row(
            draft.label,
            written(bill.flops) if bill else "–",
            f"{bill.seconds:,.0f}" if bill else "–",
            "yes" if draft.draft in content.frontier else "",
        )
    assumed = dict.fromkeys(
        sentence for draft in content.drafts if draft.compute for sentence in draft.compute.assumed
    )
    return [Text(""), table, *(Text(f"Assumed: {sentence}") for sentence in assumed)]


def _as_several(content: Comparison) -> list[Text | Table]:
    """Exact acceptance once more, adjusted for the number of drafts."""
    from adaspec.analysis.measures import MEASURES  # loads pandas
    from adaspec.analysis.measures import written as signed
    from adaspec.analysis.significance import written

    labels = {draft.draft: draft.label for draft in content.drafts}
    rows = [
        (row, row.adjusted)
        for row in content.differences
        if row.adjusted and row.measure == MEASURES[0].name
    ]
    if len(rows) < 2:
        return []
    table = _figures("adjusted", "points, 95 %", "p", "Holm", "verdict", tight=True)
    for row, adjusted in rows:
        low, high = (signed(end, MEASURES[0]) for end in adjusted.ci)
        table.add_row(
            labels[row.draft],
            escape(f"[{low}, {high}]"),
            written(adjusted.p),
            written(adjusted.holm),
            adjusted.verdict,
        )
    return [
        Text(
            "\nThe intervals above are each of one comparison alone. As one of "
            f"{len(rows)} in exact acceptance, by Holm:"
        ),
        table,
    ]


def _reached(content: Comparison) -> Table:
    headings = ("reached", "exact α", "tested", "a pass", "KL", "top-1", "speed-up")
    table = _figures(*headings, tight=True)
    for draft in content.drafts:
        table.add_row(
            draft.label,
            f"{draft.alpha.generated:.4f}",
            _digits(draft.alpha.tested, 4),
            _digits(draft.block_efficiency, 3),
            _kl(draft.kl),
            f"{draft.top1:.3f}",
            _digits(draft.speedup.measured, 2),
        )
    return table


def _differences(rows: list[Difference]) -> Table:
    from adaspec.analysis.measures import MEASURES, written  # loads pandas and pyarrow

    measures = {measure.name: measure for measure in MEASURES}
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    # Fixed widths, so that the columns of all drafts line up.
    for number, width in enumerate((19, 18, 19, 14)):
        justify: Any = "left" if number in (0, 3) else "right"
        table.add_column(width=width, justify=justify, no_wrap=True)
    for row in rows:
        measure = measures[row.measure]
        low, high = (written(end, measure) for end in row.ci)
        unit = "tokens" if measure.name == "block_efficiency" else measure.unit
        table.add_row(
            f"  {measure.label}",
            f"{written(row.value, measure)} {unit}",
            escape(f"[{low}, {high}]"),
            row.verdict,
        )
    return table


def ablation(summary: Ablation) -> Group:
    """What `analysis.ablation.summary` returns, the highest acceptance first."""
    from adaspec.analysis.compute import written  # loads pyarrow

    against = [f"− {name}" for name in summary.baselines]
    reached = _figures("method", "α", *against, "speed", "in all", fold=True)
    made_of = _figures("method", "α by seed", "compute", "made of", fold=True)
    made_of.columns[-1].justify = "left"
    for method in sorted(summary.methods, key=lambda method: -method.alpha.mean):
        differences = [method.difference.get(name) for name in summary.baselines]
        reached.add_row(
            method.name,
            f"{method.alpha.mean:.4f}",
            *(_points(difference) for difference in differences),
            f"{method.speedup.median:.2f}",
            f"{method.total.sequences:,}",
        )
        seeds = " ".join(f"{alpha:.4f}" for alpha in method.alpha.by_seed)
        in_all = written(method.compute.flops) if method.compute else "–"
        frontier = " *" if method.name in summary.frontier else ""
        made_of.add_row(method.name, seeds, in_all + frontier, method.made)
    seeds = ", ".join(map(str, summary.seeds))
    return Group(
        escape(f"{summary.recipe} · seeds {seeds} · target {summary.target}\n"),
        reached,
        f"\nα: exact acceptance on the target's own text after {summary.prompts} held-out "
        "prompts. Differences are in percentage points, on the same prompts, with 95 % intervals "
        "over seeds and prompts together, each of one comparison alone; p: adjusted for all "
        "comparisons (Holm). Speed: relative to plain decoding. In all: sequences read, including "
        "the reference's where it is needed.\n",
        made_of,
        "\nCompute: operations of everything the method needed; *: no other is above it at as "
        "little.",
        *([f"\n{sentence}" for sentence in summary.power.says] if summary.power else []),
        *(f"\n{note}" for note in summary.notes),
    )


def plan(content: Plan, held: Held | None) -> Group:
    """What `analysis.planner.plan` returns, and a server's log held against it."""
    by = content.acceptance
    where = "measured at batch 1 on " + content.device if content.measured else "as given"
    speeds = _figures("γ", *(f"batch {each.costs.batch}" for each in content.batches))
    breaks = _figures("γ", *(f"batch {each.costs.batch}" for each in content.batches))
    for gamma in range(1, len(content.positions) + 1):
        points = [each.at(gamma) if gamma <= len(each.curve) else None for each in content.batches]
        speeds.add_row(
            str(gamma), *(f"{point.speedup:.2f} x" if point else "–" for point in points)
        )
        breaks.add_row(
            str(gamma), *(_digits(point.break_even_alpha, 3) if point else "–" for point in points)
        )
    positions = _figures("i-th proposal", "α", "P", "EAL")
    for number, row in enumerate(content.positions, 1):
        positions.add_row(
            str(number), f"{row.passed:.3f}", f"{row.reached:.3f}", f"{row.length:.2f}"
        )
    return Group(
        escape(f"{content.draft} of run {content.run} · target {content.target}\n"),
        f"Acceptance: {escape(by.name)}, α = {by.alpha:.4f}. Costs: {escape(where)}.\n",
        *(f"{each.says}\n" for each in content.batches),
        "Speed-up over plain decoding (1 + EAL) / (γ c + v):\n",
        speeds,
        "\nBreak-even α; – where no acceptance pays:\n",
        breaks,
        "\nP: share of rounds that accept at least i; EAL: expected accepted length of rounds of i:"
        "\n",
        positions,
        *([_held(held)] if held else []),
    )


def _held(held: Held) -> Group:
    """A server's log over what was predicted."""
    series = {f"{held.log.engine}'s log": held.log.reached} | {
        each.name: each.reached for each in held.predictions
    }
    table = _figures("rounds that accept at least", *map(str, range(1, held.gamma + 1)), fold=True)
    for name, reached in series.items():
        if reached:
            table.add_row(escape(name), *(f"{share:.3f}" for share in reached))
    return Group("", table, "", *(f"{sentence}" for sentence in map(escape, held.says)))


def _points(difference: MethodDifference | None) -> str:
    if difference is None:
        return ""
    points = (100 * share for share in (difference.value, difference.low, difference.high))
    text = "{:+.2f}\n{:+.2f}…{:+.2f}".format(*points)
    if difference.adjusted:
        from adaspec.analysis.significance import written  # loads scipy

        text += f"\np {written(difference.adjusted.holm)}"
    return text


def power(content: Power, recipe: str) -> Group:
    """What designs tell, these runs' own first."""
    table = _figures("seeds", "prompts", "points told", f"as one of {content.comparisons}")
    for design in content.designs:
        table.add_row(
            f"{design.seeds}",
            f"{design.prompts:,}",
            f"{100 * design.told:.2f}",
            f"{100 * design.told_adjusted:.2f}",
        )
    return Group(
        escape(f"{recipe}: differences in exact acceptance that are told in 80 % of the cases\n"),
        table,
        *(f"\n{sentence}" for sentence in content.says),
    )


def sheet(content: Sheet) -> Group:
    """A verdict: the claim, then every number with its mark."""
    parts: list[RenderableType] = [Text(sentence, style="bold") for sentence in content.claim]
    for name, lines in content.sections.items():
        rows = [(line.what, line.value, line.mark) for line in lines]
        parts += [Text(f"\n{name}", style="bold"), listing(("what", "value", "mark"), rows)]
    for name, command in content.commands.items():
        parts.append(Text(f"\n{name}:\n{command}"))
    return Group(*parts)


def _counts(budget: runs.Budget) -> list[str]:
    counts = (budget.steps, budget.sequences, budget.selected_tokens, budget.teacher_forwards)
    return [f"{count:,}" for count in counts] + [f"{budget.seconds:,.0f}"]


def _digits(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _kl(value: float) -> str:
    return f"{value:.{3 if value < 10 else 1}f}"


def _figures(*headings: str, tight: bool = False, fold: bool = False) -> Table:
    """A table of figures, named on the left.

    Args:
        tight: less space between columns, for long names.
        fold: figures that do not fit take several lines, instead of being cut off.
    """
    padding = (0, 1, 0, 0) if tight else (0, 1)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=padding)
    for number, heading in enumerate(headings):
        table.add_column(
            heading,
            justify="right" if number else "left",
            no_wrap=not (fold and number),
            overflow="fold" if fold else "ellipsis",
        )
    return table
