"""A verdict on one page: whether a draft is better than another, and all that this rests on.

Every number says where it is from: *measured* is what the run recorded or counted, *derived* what
follows from that by a formula that is named, *assumed* what nothing recorded shows.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Literal

import numpy as np

from adaspec import AdaspecError, __version__, glossary, replays, runs, tokens
from adaspec.analysis import ablation, compute
from adaspec.analysis.comparison import below_floor, default_baseline
from adaspec.analysis.drafts import Entry, entries, find
from adaspec.analysis.identity import identity
from adaspec.analysis.measures import signed
from adaspec.analysis.methods import made
from adaspec.analysis.results import Method, MethodDifference
from adaspec.analysis.seeds import SeedRun
from adaspec.analysis.significance import says, written
from adaspec.recipe import STOCK
from adaspec.runs import Run
from adaspec.runs.contract import Part
from adaspec.tokens import GENERATED

Mark = Literal["measured", "derived", "assumed"]
MARKS: dict[Mark, str] = {
    "measured": "recorded or counted by the run itself",
    "derived": "computed from what was measured, as is said beside it",
    "assumed": "taken to be so; nothing that was recorded shows it",
}


class Line(Part):
    """A number, or another fact, with where it is from.

    Attributes:
        how: what it is, or how it was made, in words.
        failed: whether it is a check that did not hold.
    """

    what: str
    value: str
    mark: Mark
    how: str
    failed: bool = False


class Sheet(Part):
    """A verdict and what it rests on.

    Attributes:
        title: what is held against what.
        draft, baseline: the names of both.
        difference: of which the claim is, over the seeds.
        claim: sentences, the verdict first.
        sections: name -> its lines, in order.
        commands: name -> what does it again.
        recipe: of the first seed, as YAML.
    """

    title: str
    draft: str
    baseline: str
    difference: MethodDifference
    claim: list[str]
    sections: dict[str, list[Line]]
    commands: dict[str, str]
    recipe: str


def sheet(seeds: list[SeedRun], draft: str | None = None, baseline: str | None = None) -> Sheet:
    """The verdict on a draft, over all seeds of its recipe.

    Args:
        draft: a name; by default the one of the highest mean acceptance, the baseline apart.
        baseline: what it is held against; by default the fairest that there is.

    Raises:
        AdaspecError: there is no such draft, or none but the baseline.
    """
    first = seeds[0].run
    offered = entries([first])
    against = find(offered, baseline) if baseline else default_baseline(offered)
    summary = ablation.summary(seeds, [against.names[0]])
    rivals = [method for method in summary.methods if method.difference]
    if draft:
        table = find(offered, draft).table
        rivals = [method for method in rivals if method.table == table]
    trained = [method for method in rivals if method.table != STOCK] or rivals
    if not trained:
        raise AdaspecError(f"{draft or first.path.name} is the baseline: name another --baseline.")
    ours = max(trained, key=lambda method: method.alpha.mean)
    theirs = next(method for method in summary.methods if method.table == against.table)
    (difference,) = ours.difference.values()
    both = [ours, theirs]
    pairs = [[find(entries([each.run]), method.table) for method in both] for each in seeds]
    run = runs.read_state(first)
    names = f"--draft {ours.name} --baseline {theirs.name}"
    recipe = runs.read_recipe(first)
    checks = list(_checks(pairs))
    return Sheet(
        title=f"{ours.label} against {theirs.label}, {recipe.name}",
        draft=ours.name,
        baseline=theirs.name,
        difference=difference,
        claim=[
            *_claim(ours, theirs, difference, summary.seeds, summary.prompts),
            *_warned(checks),
        ],
        sections={
            "reached": list(_reached(both, difference, summary.seeds)),
            "budgets": list(_budgets(both, pairs)),
            "settings": list(_settings(first, both)),
            "checks": checks,
            "provenance": list(_provenance(seeds)),
        },
        commands={
            "This page again": "adaspec verdict "
            f"{' '.join(shlex.quote(each.run.id) for each in seeds)} {names} --to verdict.html",
            "The runs again, from the recipe below": "\n".join(
                f"adaspec run recipe.yaml --set seed={each.seed}" for each in seeds
            ),
            "The same numbers for a program": f"adaspec ablation {run.id} --json",
        },
        recipe=recipe.yaml(),
    )


def _claim(
    ours: Method, theirs: Method, difference: MethodDifference, seeds: list[int], prompts: int
) -> Iterator[str]:
    value, low, high = (100 * each for each in (difference.value, difference.low, difference.high))
    over = f"{len(seeds)} seed{'s' * (len(seeds) > 1)} and {prompts:,} held-out prompts"
    size = f"{signed(value)} points of exact acceptance (95 % interval {signed(low)} to "
    words = {
        "ahead": f"{ours.label} is ahead of {theirs.label}",
        "behind": f"{ours.label} is behind {theirs.label}",
        "not told apart": f"{ours.label} and {theirs.label} are not told apart",
    }
    yield f"{words[difference.verdict]}: {size}{signed(high)}) over {over}."
    if found := difference.adjusted:
        yield (
            f"As one of {found.comparisons} comparisons with this baseline, by Holm: "
            f"{found.verdict}, {says(found.holm)}, interval {signed(100 * found.ci[0])} to "
            f"{signed(100 * found.ci[1])}."
        )
    cost = "Their budgets are fair" if difference.budget.fair else "Their budgets are not equal"
    yield f"{cost}: {difference.budget.says}."
    if len(seeds) == 1:
        yield (
            "One seed: this says which of the two drafts is better, not which method. Other seeds "
            "may turn it round."
        )


def _warned(checks: list[Line]) -> Iterator[str]:
    """What no reader of the claim may miss."""
    if failed := [line.what for line in checks if line.failed]:
        yield f"FAILED, so do not rely on this before it is explained: {'; '.join(failed)}."


def _reached(
    methods: list[Method], difference: MethodDifference, seeds: list[int]
) -> Iterator[Line]:
    alpha = glossary.TERMS["alpha.generated"].text
    for method in methods:
        name, (low, high) = method.label, method.alpha.ci
        yield Line(
            what=f"exact acceptance of {name}",
            value=f"{method.alpha.mean:.4f}",
            mark="measured",
            how=f"{alpha} Mean over the seeds.",
        )
        yield Line(
            what="its 95 % interval",
            value=f"[{low:.4f}, {high:.4f}]",
            mark="derived",
            how="By a bootstrap of seeds and prompts together.",
        )
        yield Line(
            what=f"speed-up of {name}",
            value=f"{method.speedup.median:.2f} ×",
            mark="measured",
            how=f"{glossary.TERMS['speedup.measured'].text} Median over the seeds.",
        )
        if method.block_efficiency is not None:
            yield Line(
                what=f"tokens a pass of {name}",
                value=f"{method.block_efficiency:.3f}",
                mark="measured",
                how=f"{glossary.TERMS['block_efficiency'].text} Mean over the seeds.",
            )
    yield Line(
        what="difference",
        value=points(difference.value, (difference.low, difference.high)),
        mark="derived",
        how=f"{glossary.TERMS['difference'].text} In points of exact acceptance.",
    )
    for seed, value in zip(seeds, difference.by_seed, strict=True):
        yield Line(
            what=f"difference of seed {seed}",
            value=f"{signed(100 * value)} points",
            mark="derived",
            how="The same of this seed alone.",
        )
    if found := difference.adjusted:
        yield Line(what="p", value=written(found.p), mark="derived", how=_term("p_value"))
        yield Line(
            what=f"p as one of {found.comparisons}",
            value=written(found.holm),
            mark="derived",
            how=_term("adjusted"),
        )
        yield Line(
            what="adjusted interval",
            value=points(None, found.ci),
            mark="derived",
            how=_term("adjusted"),
        )


def _budgets(methods: list[Method], pairs: list[list[Entry]]) -> Iterator[Line]:
    for place, method in enumerate(methods):
        name = method.label
        budget = pairs[0][place].report.budget
        yield Line(
            what=f"{name}: its own training",
            value=f"{method.steps:,} steps, {method.sequences:,} sequences, "
            f"{budget.selected_tokens:,} tokens trained, {budget.teacher_forwards:,} teacher "
            f"forwards, {method.seconds:,.1f} s",
            mark="measured",
            how=glossary.TERMS["budget"].text
            + (f" Trained before: {', '.join(method.needs)}." if method.needs else ""),
        )
        bill = compute.bill(pairs[0][place])
        if bill is None or method.compute is None:
            yield Line(
                what=f"{name}: in all", value="not known", mark="assumed", how="Trained elsewhere."
            )
            continue
        yield Line(
            what=f"{name}: in all",
            value=f"{compute.written(method.compute.flops)}, {method.compute.seconds:,.1f} s",
            mark="derived",
            how=_term("compute"),
        )
        for outlay in bill.outlays:
            yield Line(
                what=f"of which {outlay.what}",
                value=compute.written(outlay.flops)
                + (f", {outlay.seconds:,.1f} s" if outlay.seconds else ""),
                mark="derived",
                how=f"{outlay.passes} × 2 × {outlay.parameters:,} parameters × {outlay.tokens:,} "
                "tokens, of the first seed.",
            )
        for sentence in bill.assumed:
            yield Line(
                what=f"{name}: assumed",
                value=sentence,
                mark="assumed",
                how="The operations rest on it.",
            )


def _settings(run: Run, methods: list[Method]) -> Iterator[Line]:
    report, recipe = runs.read_report(run), runs.read_recipe(run)
    facts = runs.read_state(run).facts
    for method in methods:
        yield _recorded(method.label, made(method.name, recipe) or method.made, "its method")
    yield _recorded("target", report.target, "the model that verifies")
    if facts:
        yield _recorded("parameters", f"target {facts.target_parameters:,}, draft "
                        f"{facts.draft_parameters or 0:,}", "embeddings included")  # fmt: skip
        if facts.draft_vocabulary:
            yield _recorded("draft vocabulary", f"{facts.draft_vocabulary:,} of "
                            f"{facts.shared_vocabulary:,}", "token ids that are proposed, the most "
                            "frequent of the training rows")  # fmt: skip
        yield _recorded("training rows", f"{facts.training_rows:,}", "after those without response")
        yield _recorded("validation rows", f"{facts.validation_rows:,}", "read in training, by no "
                        "report; 0: the first test prompts were looked at")  # fmt: skip
        yield _recorded("precision", facts.precision, "of frozen models")
    yield _recorded(
        "held-out text",
        f"{report.tokens.generated:,} tokens after {report.prompts:,} prompts",
        "what the target wrote at temperature 1",
    )
    decoding = report.speculation
    yield _recorded(
        "decoding",
        f"γ = {decoding.gamma}, temperature {decoding.temperature:g}, {decoding.prompts} prompts, "
        f"{decoding.timed} of them timed",
        "of tokens a pass and speed-up",
    )
    yield _recorded("resamples", f"{recipe.evaluation.bootstrap:,}", "of the bootstrap")


def _recorded(what: str, value: str, how: str) -> Line:
    return Line(what=what, value=value, mark="measured", how=how)


def _checks(pairs: list[list[Entry]]) -> Iterator[Line]:
    """Of every seed."""
    several = len(pairs) > 1
    for seed_pair in pairs:
        run = seed_pair[0].run
        where = f" of {run.id}" if several else ""
        report = runs.read_report(run)
        yield (
            Line(
                what=f"null test{where}",
                value="passed" if report.checks.null_test.passed else "FAILED",
                mark="measured",
                how=report.checks.null_test.message,
                failed=not report.checks.null_test.passed,
            )
            if report.checks
            else Line(
                what=f"null test{where}",
                value="not done",
                mark="assumed",
                how="The run is from before the target drafted for itself: adaspec measure.",
            )
        )
        for entry in seed_pair:
            yield _kept(entry, where)
            yield _lossless(entry, where)
            below = below_floor(entry)
            yield Line(
                what=f"tokens of {entry.label} below the floor{where}",
                value=f"{below}" + ("" if below == 0 else ": FAILED"),
                mark="derived",
                how=glossary.TERMS["floor"].text,
                failed=below > 0,
            )
        if report.business and report.business.warning:
            yield Line(
                what=f"machine{where}",
                value="busy",
                mark="measured",
                how=report.business.warning,
            )


SAME_POINT = 0.005
"""How far rounding may move a mean overlap when it is measured again, in another precision."""


def _kept(entry: Entry, where: str) -> Line:
    """Whether the model that was measured is the one that was trained: the end of its curve against
    the token tables, on the same texts, where those were looked at in training."""
    what = f"kept = trained, {entry.label}{where}"
    facts, budget = runs.read_state(entry.run).facts, entry.report.budget
    curve = {
        step.step: step.alpha
        for step in runs.read_metrics(entry.run).get(entry.table, [])
        if step.alpha is not None
    }
    at = budget.kept if budget.kept is not None else max(curve, default=0)
    if facts is None or not budget.steps or at not in curve or facts.validation_rows:
        how = (
            "Nothing was trained."
            if not budget.steps
            else "A run keeps no model that measures otherwise than its curve did on its "
            "validation prompts; the figure is not recorded."
        )
        return Line(what=what, value="not shown again", mark="assumed", how=how)
    monitored = runs.read_recipe(entry.run).evaluation.monitor
    there = tokens.examples(entry.run, GENERATED)["tokens"].to_numpy()[:monitored].sum()
    overlap = tokens.column(entry.run, GENERATED, "overlap", entry.table)[:there]
    again = float(overlap.astype(np.float64).mean())
    same = abs(again - curve[at]) <= SAME_POINT
    return Line(
        what=what,
        value=f"{again:.4f} against {curve[at]:.4f}" + ("" if same else ": FAILED"),
        mark="derived",
        how=f"Exact acceptance on the first {monitored} held-out texts: of the token tables, and "
        f"of the training's curve at step {at}.",
        failed=not same,
    )


def _lossless(entry: Entry, where: str) -> Line:
    """Every recorded decision, decided again: accepted where u < min(1, p/q)."""
    wrong = decided = 0
    for number in replays.numbers(entry.run, entry.table):
        trace = replays.read(entry.run, entry.table, number)
        if trace.decoding.temperature == 0:
            continue  # p and q are the models' own there, by which nothing was decided
        for proposal in (each for played in trace.rounds for each in played.proposals):
            if proposal.u is not None and proposal.accepted is not None:
                decided += 1
                wrong += proposal.accepted != (proposal.u * proposal.q < proposal.p)
    return Line(
        what=f"decisions of {entry.label} by the lossless rule{where}",
        value=f"{decided - wrong:,} of {decided:,}" + ("" if wrong == 0 else ": FAILED"),
        mark="derived",
        how="Of the recorded replays: a guess is accepted where u < min(1, p/q), which leaves the "
        "target's distribution as it is.",
        failed=wrong > 0,
    )


def _provenance(seeds: list[SeedRun]) -> Iterator[Line]:
    for seed, run in seeds:
        state = runs.read_state(run)
        yield _recorded(f"seed {seed}", state.id, f"run, of {state.created:%Y-%m-%d}")
        for what, value in {
            **identity(run),
            "stock draft": state.hashes.get("stock draft", ""),
            "recipe": state.recipe_hash,
        }.items():
            if value:
                yield _recorded(f"hash of {what}, seed {seed}", value, "of its content")
        if facts := state.facts:
            yield _recorded(
                f"versions, seed {seed}",
                f"adaspec {facts.adaspec or 'not recorded'}, torch {facts.torch}, transformers "
                f"{facts.transformers}",
                f"on {facts.device}"
                + (f" with {facts.cpu_threads} threads" if facts.cpu_threads else ""),
            )
    yield _recorded("this page", f"adaspec {__version__}", "what computed it")


def _term(name: str) -> str:
    return glossary.TERMS[name].text


def points(value: float | None, ends: tuple[float, float]) -> str:
    """A difference of acceptance and its interval; or, without one, the interval alone."""
    low, high = (signed(100 * end) for end in ends)
    return (f"{signed(100 * value)} points " if value is not None else "") + f"[{low}, {high}]"
