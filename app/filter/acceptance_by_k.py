"""What the filter ratio brought: acceptance against k, where a run has trained several."""

from __future__ import annotations

from typing import Any

import streamlit as st

from adaspec import AdaspecError, runs
from adaspec.recipe import trainings
from adaspec.runs import Run
from app.shared import charts


def acceptance_by_k(run: Run) -> None:
    """Draw it, or say how there would be something to draw."""
    st.subheader("Acceptance against k", anchor=False)
    series = _series(run)
    largest = max((len(points) for points in series.values()), default=0)
    if largest < 2:
        st.caption(
            "This run has selected with one k only. Give methods of their own k on the Train page, "
            "for instance adaspec-0.2 and adaspec-0.6, and their acceptance stands here."
        )
        return
    st.plotly_chart(charts.by_ratio(series), config={"displayModeBar": False}, key="by-ratio")
    st.caption(
        "Exact acceptance on target-generated text with its 95 % bootstrap interval over prompts. "
        "Drafts of one line differ in k alone; k = 1 keeps every token."
    )


def _series(run: Run) -> dict[str, list[dict[str, Any]]]:
    """What the drafts have in common but k -> name, k and acceptance, by k."""
    try:
        report, recipe = runs.read_report(run), runs.read_recipe(run)
    except AdaspecError:
        return {}
    facts = runs.read_state(run).facts
    found: dict[str, list[dict[str, Any]]] = {}
    measured = {draft.name: draft.alpha for draft in report.drafts}
    for one in trainings(recipe, facts.training_rows) if facts else []:
        if one.method and one.k is not None and one.name in measured:
            common = one.method.model_dump(exclude={"k"})
            label = f"{common['selector']}, {common['objective']}, from {common['start']}, "
            label += f"budget: {common['budget']}"
            point = {"name": one.name, "k": one.k, **measured[one.name].model_dump()}
            found.setdefault(label, []).append(point)
    return {label: sorted(points, key=lambda one: one["k"]) for label, points in found.items()}
