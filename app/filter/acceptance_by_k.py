"""What the filter ratio brought: acceptance against k, where a run has trained several."""

from __future__ import annotations

from typing import Any

import streamlit as st

from adaspec import AdaspecError, figures, runs
from adaspec.analysis.methods import by_k
from adaspec.recipe import trainings
from adaspec.runs import Run
from app.shared import figure
from app.shell import words


def acceptance_by_k(run: Run) -> None:
    """Draw it, or say how there would be something to draw."""
    st.header("Acceptance against k", anchor=False)
    series = _series(run)
    if not series:
        st.caption(
            "No two drafts of this run differ in k alone. Give methods of their own k and the "
            "budget “equal steps” on the Train page, for instance adaspec-0.2 and adaspec-0.6, and "
            "their acceptance stands here."
        )
        return
    ceiling = runs.read_ceiling(run)
    chart = figures.over_k(series, runs.read_report(run).prompts, ceiling)
    figure.show(figures.specification(chart), key="by-ratio")
    st.caption(
        "Exact acceptance on target-generated text with its 95 % bootstrap interval over prompts. "
        "Drafts of one line differ in k alone; k = 1 keeps every token."
        + (f" {words.plain(str(ceiling))}." if ceiling else "")
    )


def _series(run: Run) -> dict[str, list[dict[str, Any]]]:
    """What the drafts have in common but k -> name, k and acceptance, by k."""
    try:
        report, recipe = runs.read_report(run), runs.read_recipe(run)
    except AdaspecError:
        return {}
    facts = runs.read_state(run).facts
    measured = {draft.name: draft.alpha.model_dump() for draft in report.drafts}
    plan = trainings(recipe, facts.training_rows) if facts else []
    return {
        f"{made}, {words.count(alike[0].sequences)} sequences": [
            {"name": training.name, "k": training.k or 1.0, **measured[training.name]}
            for training in alike
        ]
        for made, alike in by_k([training for training in plan if training.name in measured])
    }
