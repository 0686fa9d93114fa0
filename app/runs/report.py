"""The final table of a run: what every draft achieved, and its cost."""

from __future__ import annotations

from typing import Any

import streamlit as st

from adaspec import runs, tabular
from adaspec.analysis import methods, tabulated
from adaspec.report import DEFINITIONS
from adaspec.runs import DraftReport, Report, Run, Unreadable
from adaspec.tabular import Table
from app.runs.serving import run_serving
from app.shared import reading
from app.shared.downloads import file_button, table_buttons
from app.shared.reading import View
from app.shell import link, words

_BUDGET = {
    "steps": ("steps", "optimiser steps", "localized"),
    "sequences": ("sequences", "sequences read", "localized"),
    "selected_tokens": ("tokens trained", "response tokens trained on", "localized"),
    "teacher_forwards": ("teacher forwards", "sequences through a frozen model", "localized"),
    "seconds": ("seconds", "wall-clock seconds on the machine above", "%.1f"),
}

_VIEWS = ("tokens", "filter", "replay", "compare", "ablation", "planner")


def run_report(report: Report, run: Run) -> None:
    """The highest acceptance in words, and the table of them all."""
    st.header("Result", anchor=False)
    drafts = report.drafts
    best = max(drafts, key=lambda draft: draft.alpha.generated)
    st.markdown(_in_words(drafts, best))
    _checks(report)
    st.dataframe(
        [_row(draft, draft is best) for draft in drafts],
        column_config=_columns(),
        hide_index=True,
        key="report",
    )
    answers = f", and on {words.counted(report.tokens.dataset, 'token')} of the data set's answers"
    if not report.tokens.dataset:
        answers = ""
    st.caption(
        f"Acceptance on {words.counted(report.tokens.generated, 'token')} that the "
        f"target generated{report.at_temperature} from "
        f"{words.counted(report.prompts, 'held-out prompt')}{answers}. "
        "KL in nats per token. Tested α, tokens a pass and the speed-up over "
        f"plain decoding: at draft length γ = {report.speculation.gamma}, temperature "
        f"{report.speculation.temperature:g}, batch 1, on the machine above."
    )
    if report.answers:
        st.caption(f":material/edit_note: {report.answers}")
    for trimmed in report.trimmed:
        st.caption(f":material/content_cut: {words.plain(str(trimmed))}")
    if room := _room(run, best):
        st.caption(f":material/vertical_align_top: {words.plain(room)}")
    run_serving(report)


def _room(run: Run, best: DraftReport) -> str:
    """How far the best draft is from the run's ceiling, or why that cannot be read; empty where it
    has none."""
    try:
        ceiling = runs.read_ceiling(run)
    except Unreadable as error:
        return str(error)
    return ceiling.room(best.name, best.alpha.generated) if ceiling else ""


def _checks(report: Report) -> None:
    """Warnings about doubtful numbers, above them."""
    for draft in report.drafts:
        for remark in draft.remarks:
            st.warning(f"**{words.plain(draft.name)}**: {remark}", icon=":material/trending_down:")
    if report.checks is None:
        return
    null_test = report.checks.null_test
    if null_test.passed:
        st.caption(f":material/check_circle: {null_test.message}")
    else:
        st.error(null_test.message, icon=":material/error:")


def run_no_report(view: View) -> None:
    """Why a run that has a report does not show it."""
    reason = reading.why_not(lambda: runs.read_report(view.run))
    remedy = f"To remake it: adaspec measure {view.id}"
    st.info(words.plain(f"{reason} {remedy}"), icon=":material/info:")


def run_downloads(view: View, report: Report) -> None:
    """The report as one page, and its tables."""
    name = f"report-{view.id}"
    tables = tabulated.of_report(report)
    with st.container(horizontal=True, key="run-downloads"):
        file_button(
            "Report",
            lambda: _page(view, report, tables),
            f"{name}.html",
            "What the drafts reached and cost, and the recipe, as one HTML page, offline.",
        )
        table_buttons(tables, name, key="run-tables")


def _page(view: View, report: Report, tables: list[Table]) -> str:
    best = max(report.drafts, key=lambda draft: draft.alpha.generated)
    says = [f"Run {view.id}, target {report.target}, measured on {report.device}."]
    low, high = best.alpha.generated_ci
    says.append(
        f"Highest acceptance: {best.name}, {best.alpha.generated:.4f} (95 % interval {low:.4f} – "
        f"{high:.4f})."
    )
    says += [f"{draft.name}: {remark}" for draft in report.drafts for remark in draft.remarks]
    says += map(str, report.trimmed)
    if report.checks:
        says.append(report.checks.null_test.message)
    if room := _room(view.run, best):
        says.append(room)
    texts = {"Recipe": reading.recipe_text(view), "Note": view.notes.note}
    written = {heading: text for heading, text in texts.items() if text}
    return tabular.page(view.name, tables, says, written)


def run_views(view: View) -> None:
    """Links to its tokens and decodings."""
    if not view.run.examples_file.is_file():
        return
    recipe = reading.recipe(view)
    several = recipe is not None and methods.has_several(recipe)
    with st.container(horizontal=True, key="run-views"):
        for name in _VIEWS:
            if name == "ablation" and not several:
                continue
            st.page_link(
                link.page(name),
                label=name.capitalize(),
                icon=f":material/{link.PAGES[name]}:",
                query_params={"run": view.id},
            )


def _in_words(drafts: list[DraftReport], best: DraftReport) -> str:
    """The largest acceptance, whose intervals overlap, and whether the comparison is fair."""
    low, high = best.alpha.generated_ci
    near = [
        draft.name
        for draft in drafts
        if draft is not best and draft.same_as != best.name and draft.alpha.generated_ci[1] >= low
    ]
    text = (
        f"Highest acceptance: **{words.plain(best.name)}**, "
        f"{words.fixed(best.alpha.generated)} "
        f"(95 % interval {words.fixed(low)} – {words.fixed(high)}). "
    )
    if near:
        others = words.listed(near)
        text += f"Its interval overlaps that of {others}: only a paired comparison can tell. "
    return text + _fairness(drafts) + _kept(drafts)


def _kept(drafts: list[DraftReport]) -> str:
    """Which drafts are not from the last step, and why."""
    kept = {draft.name: draft.budget.kept for draft in drafts}
    steps = [
        f"{words.plain(name)} {words.count(step)}"
        for name, step in kept.items()
        if step is not None
    ]
    if not steps:
        return ""
    return " The kept step has the highest exact acceptance on the validation prompts: " + (
        f"{', '.join(steps)}."
    )


def _fairness(drafts: list[DraftReport]) -> str:
    """Whether the drafts were trained on equal budgets, in words."""
    groups: dict[tuple[float, float], list[str]] = {}
    for draft in drafts:
        budget = draft.budget
        if budget.steps:
            groups.setdefault((budget.steps, budget.sequences), []).append(draft.name)
    if len(groups) < 2:
        text = "All drafts were trained for the same number of steps and sequences."
    else:
        parts = [
            f"{words.counted(steps, 'step')} and {words.counted(sequences, 'sequence')} for "
            f"{words.listed(names)}"
            for (steps, sequences), names in groups.items()
        ]
        text = f"**Budgets differ**: {'; '.join(parts)}."
    dependent: dict[str, list[str]] = {}
    for draft in drafts:
        for other in draft.needs:
            dependent.setdefault(other, []).append(draft.name)
    for other, names in dependent.items():
        verb = "needs" if len(names) == 1 else "need"
        text += f" {words.listed(names)} also {verb} the training of {words.plain(other)}."
    return text


def _row(draft: DraftReport, is_best: bool) -> dict[str, Any]:
    alpha = draft.alpha
    name = draft.name + (f" = {draft.same_as}" if draft.same_as else "")
    return {
        "draft": f"★ {name}" if is_best else name,
        "generated": alpha.generated,
        "interval": " – ".join(map(words.fixed, alpha.generated_ci)),
        "dataset": alpha.dataset,
        "kl": draft.kl,
        "reverse_kl": draft.reverse_kl,
        "top1": draft.top1,
        "tested": alpha.tested,
        "block_efficiency": draft.block_efficiency,
        "speedup": draft.speedup.measured,
        **{key: getattr(draft.budget, key) for key in _BUDGET},
        "needs": ", ".join(draft.needs),
    }


def _columns() -> dict[str, Any]:
    """Every column's heading, format and definition."""

    def number(label: str, help_text: str, form: str = "%.4f") -> Any:
        return st.column_config.NumberColumn(label, help=help_text, format=form)

    return {
        "draft": st.column_config.TextColumn(
            "draft",
            help="★ marks the highest acceptance, = the same training under two names. The stock "
            "draft is the small model before any distillation.",
            pinned=True,
        ),
        "generated": number("exact α", DEFINITIONS["alpha.generated"]),
        "interval": st.column_config.TextColumn(
            "95 % interval", help=DEFINITIONS["alpha.generated_ci"]
        ),
        "dataset": number("α data set", DEFINITIONS["alpha.dataset"]),
        "kl": number("KL", DEFINITIONS["kl"]),
        "reverse_kl": number("reverse KL", DEFINITIONS["reverse_kl"]),
        "top1": number("top-1", DEFINITIONS["top1"]),
        "tested": number("tested α", DEFINITIONS["alpha.tested"]),
        "block_efficiency": number("tokens a pass", DEFINITIONS["block_efficiency"], "%.3f"),
        "speedup": number("speed-up", DEFINITIONS["speedup.measured"], "%.2f ×"),
        **{
            key: number(label, f"Budget: {text}, by this training alone", form)
            for key, (label, text, form) in _BUDGET.items()
        },
        "needs": st.column_config.TextColumn("needs", help=DEFINITIONS["needs"]),
    }
