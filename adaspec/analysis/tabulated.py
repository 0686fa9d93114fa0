"""The tables of what `adaspec.analysis` says and of a report, to take away."""

from __future__ import annotations

from typing import Any

import pandas as pd

from adaspec import glossary
from adaspec.analysis.measures import MEASURES
from adaspec.analysis.outcome import Outcome
from adaspec.analysis.results import Ablation, Comparison, Compute, Significance
from adaspec.analysis.sheet import Sheet
from adaspec.runs import Report
from adaspec.runs.report import Measured
from adaspec.tabular import Column, Table

_REACHED = {
    "draft": Column("draft"),
    "alpha": Column("α", 4, ("alpha_low", "alpha_high")),
    "alpha_dataset": Column("α data set", 4),
    "alpha_tested": Column("α tested", 4, ("alpha_tested_low", "alpha_tested_high")),
    "block_efficiency": Column("τ", 3, ("block_efficiency_low", "block_efficiency_high")),
    "kl": Column("KL (nats)", 4),
    "top1": Column("top-1", 4),
    "speedup": Column("speed-up", 2, ("speedup_low", "speedup_high")),
}
_COST = {
    "draft": Column("draft"),
    "steps": Column("steps"),
    "sequences": Column("sequences"),
    "selected_tokens": Column("tokens trained"),
    "teacher_forwards": Column("teacher forwards"),
    "seconds": Column("seconds", 1),
    "needs": Column("needs"),
}
_IN_ALL = {
    **{name: column for name, column in _COST.items() if name != "needs"},
    "tflops": Column("TFLOP in all", 4),
    "total_seconds": Column("seconds in all", 1),
    "needs": Column("needs"),
}
_ALPHA = "α: exact acceptance, the mean of Σ min(p, q) over the target's own text"
_ADJUSTED = (
    "p: two-sided, by a t-test over prompts and seeds; Holm: p and interval adjusted for all "
    "comparisons by the same measure."
)
_INTERVALS = "In brackets: 95 % bootstrap intervals over prompts."


def of_report(report: Report) -> list[Table]:
    """What every draft of a run reached, and what it cost."""
    speculation = report.speculation
    decoding = (
        f"α tested, τ (tokens a target pass) and the speed-up at γ = {speculation.gamma}, "
        f"temperature {speculation.temperature:g}, batch 1, on {report.device}."
    )
    where = (
        f"{report.tokens.generated:,} tokens{report.at_temperature} after {report.prompts:,} "
        "held-out prompts"
    )
    caption = f"{_ALPHA}, {where}. {decoding} {_INTERVALS}"
    return [
        Table(
            "drafts", caption, _REACHED, [_reached(draft.name, draft) for draft in report.drafts]
        ),
        Table(
            "cost",
            f"{_OWN} {report.answers or ''}".strip(),
            _COST,
            [_cost(draft.name, draft) for draft in report.drafts],
        ),
    ]


_OWN = "What the training of each draft took, without that of the drafts it needs."


def of_comparison(comparison: Comparison) -> list[Table]:
    """What every draft reached and cost, and the paired differences."""
    labels = {draft.draft: draft.label for draft in comparison.drafts}
    measures = {measure.name: measure for measure in MEASURES}
    baseline = labels[comparison.baseline]
    differences = [
        {
            "draft": labels[row.draft],
            "baseline": labels[row.baseline],
            "measure": row.label,
            "difference": row.value * measures[row.measure].factor,
            "low": row.ci[0] * measures[row.measure].factor,
            "high": row.ci[1] * measures[row.measure].factor,
            "unit": measures[row.measure].unit,
            "verdict": row.verdict,
            "budget": row.budget.says,
            "fair": row.budget.fair,
            "prompts": row.prompts,
            **_adjusted(row.adjusted, measures[row.measure].factor),
        }
        for row in comparison.differences
    ]
    return [
        Table(
            "drafts",
            f"{_ALPHA}, {comparison.tokens.generated:,} tokens after {comparison.prompts:,} "
            f"held-out prompts. {_INTERVALS}",
            _REACHED,
            [_reached(draft.label, draft) for draft in comparison.drafts],
        ),
        Table(
            "cost",
            f"{_OWN} In all: {glossary.TERMS['compute'].text}",
            _IN_ALL,
            [_cost(draft.label, draft) | _bill(draft.compute) for draft in comparison.drafts],
        ),
        Table(
            "differences",
            f"Draft minus {baseline}, on the same prompts. {_INTERVALS} {_ADJUSTED}",
            {
                "draft": Column("draft"),
                "measure": Column("measure"),
                "difference": Column("difference", 3, ("low", "high")),
                "unit": Column("unit"),
                "verdict": Column("verdict"),
                "p": Column("p", 4),
                "holm": Column("Holm", 4, ("holm_low", "holm_high")),
                "budget": Column("budget"),
            },
            differences,
        ),
    ]


def of_ablation(summary: Ablation) -> list[Table]:
    """What every method reached and cost over the seeds, and each of its seeds."""
    seeds = ", ".join(map(str, summary.seeds))
    methods, differences, by_seed = [], [], []
    for method in summary.methods:
        methods.append(
            {
                "method": method.label,
                "made": method.made,
                "alpha": method.alpha.mean,
                "alpha_low": method.alpha.ci[0],
                "alpha_high": method.alpha.ci[1],
                "kl": method.kl,
                "top1": method.top1,
                "block_efficiency": method.block_efficiency,
                "speedup": method.speedup.median,
                "steps": method.steps,
                "sequences": method.sequences,
                "seconds": method.seconds,
                "total_steps": method.total.steps,
                "total_sequences": method.total.sequences,
                "total_seconds": method.total.seconds,
                **_bill(method.compute),
            }
        )
        by_seed += [
            {"method": method.label, "seed": seed, "run": run, "alpha": alpha, "speedup": speedup}
            for seed, run, alpha, speedup in zip(
                summary.seeds,
                summary.runs,
                method.alpha.by_seed,
                method.speedup.by_seed,
                strict=True,
            )
        ]
        differences += [
            {
                "method": method.label,
                "baseline": baseline,
                "difference": 100 * row.value,
                "low": 100 * row.low,
                "high": 100 * row.high,
                "verdict": row.verdict,
                "fair": row.budget.fair,
                "budget": row.budget.says,
                **_adjusted(row.adjusted, 100),
            }
            for baseline, row in method.difference.items()
        ]
    over = f"over seeds {seeds} and {summary.prompts:,} prompts"
    return [
        Table(
            "methods",
            f"{_ALPHA}, {over}. In brackets: 95 % bootstrap intervals. Sequences in all: "
            "with the reference's training, where a method needs one. TFLOP and seconds: "
            + glossary.TERMS["compute"].text,
            {
                "method": Column("method"),
                "made": Column("made of"),
                "alpha": Column("α", 4, ("alpha_low", "alpha_high")),
                "kl": Column("KL (nats)", 4),
                "top1": Column("top-1", 4),
                "block_efficiency": Column("τ", 3),
                "speedup": Column("speed-up", 2),
                "sequences": Column("sequences"),
                "total_sequences": Column("sequences in all"),
                "tflops": Column("TFLOP in all", 4),
                "total_seconds": Column("seconds in all", 1),
            },
            methods,
        ),
        Table(
            "differences",
            "Method minus baseline in exact acceptance, in percentage points on the same prompts, "
            f"{over}. In brackets: 95 % bootstrap intervals. {_ADJUSTED}",
            {
                "method": Column("method"),
                "baseline": Column("baseline"),
                "difference": Column("difference (points)", 2, ("low", "high")),
                "verdict": Column("verdict"),
                "p": Column("p", 4),
                "holm": Column("Holm", 4, ("holm_low", "holm_high")),
                "budget": Column("budget"),
            },
            differences,
        ),
        Table(
            "seeds",
            "Exact acceptance and speed-up of every seed.",
            {
                "method": Column("method"),
                "seed": Column("seed"),
                "run": Column("run"),
                "alpha": Column("α", 4),
                "speedup": Column("speed-up", 2),
            },
            by_seed,
        ),
    ]


def of_outcome(content: Outcome) -> list[Table]:
    """What differs between two recipes, and what each reached."""
    first, second = content.runs
    return [
        Table(
            "settings",
            f"Fields in which the recipes of runs {first} and {second} differ.",
            {"field": Column("field"), "first": Column(first), "second": Column(second)},
            [setting.model_dump() for setting in content.settings],
        ),
        Table(
            "reached",
            f"{_ALPHA}. {_INTERVALS} {content.verdict}",
            {
                "draft": Column("draft"),
                "run": Column("run"),
                "alpha": Column("α", 4, ("alpha_low", "alpha_high")),
            },
            [
                {"draft": draft.name, "run": run, "alpha": alpha}
                | dict(zip(("alpha_low", "alpha_high"), interval, strict=True))
                for draft in content.drafts
                for run, alpha, interval in (
                    (first, draft.first, draft.first_ci),
                    (second, draft.second, draft.second_ci),
                )
                if interval
            ],
        ),
    ]


def of_sheet(content: Sheet) -> list[Table]:
    """The sections of a verdict, every line with its mark."""
    columns = {
        "what": Column("what"),
        "value": Column("value"),
        "mark": Column("mark"),
        "how": Column("how"),
    }
    return [
        Table(name, "", columns, [line.model_dump() for line in lines])
        for name, lines in content.sections.items()
    ]


def of_tokens(ranked: pd.DataFrame, caption: str) -> Table:
    """What `tokens.ranked_tokens` gives."""
    columns = {
        "seq": Column("example"),
        "pos": Column("position"),
        "text": Column("token"),
        "class": Column("class"),
        "kl": Column("KL (nats)", 3),
        "delta": Column("ΔL (nats)", 3),
        "kept": Column("kept"),
        "weight": Column("weight", 3),
        "entropy": Column("entropy (nats)", 3),
        "dispute": Column("dispute (nats)", 3),
    }
    there = {name: column for name, column in columns.items() if name in ranked}
    names = [str(name) for name in ranked]
    rows = [dict(zip(names, row, strict=True)) for row in ranked.itertuples(index=False)]
    return Table("tokens", caption, there, rows)


def _reached(name: str, draft: Measured) -> dict[str, Any]:
    alpha, speedup = draft.alpha, draft.speedup
    return {
        "draft": name,
        "alpha": alpha.generated,
        **_ends("alpha", alpha.generated_ci),
        "alpha_dataset": alpha.dataset,
        "alpha_tested": alpha.tested,
        **_ends("alpha_tested", alpha.tested_ci),
        "alpha_drafted": alpha.drafted,
        **_ends("alpha_drafted", alpha.drafted_ci),
        "block_efficiency": draft.block_efficiency,
        **_ends("block_efficiency", draft.block_efficiency_ci),
        "kl": draft.kl,
        "reverse_kl": draft.reverse_kl,
        "top1": draft.top1,
        "gamma": speedup.gamma,
        "speedup": speedup.measured,
        **_ends("speedup", speedup.measured_ci),
    }


def _ends(name: str, interval: tuple[float, float] | None) -> dict[str, float | None]:
    low, high = interval or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}


def _bill(compute: Compute | None) -> dict[str, float | None]:
    if compute is None:
        return {"tflops": None, "total_seconds": None}
    return {"tflops": compute.flops / 1e12, "total_seconds": compute.seconds}


def _adjusted(found: Significance | None, factor: float) -> dict[str, Any]:
    """As columns of a difference; None where it was not computed."""
    if found is None:
        return dict.fromkeys(("p", "holm", "holm_low", "holm_high", "holm_verdict"))
    return {
        "p": found.p,
        "holm": found.holm,
        "holm_low": found.ci[0] * factor,
        "holm_high": found.ci[1] * factor,
        "holm_verdict": found.verdict,
    }


def _cost(name: str, draft: Measured) -> dict[str, Any]:
    return {"draft": name, **vars(draft.budget), "needs": " ".join(draft.needs)}
