"""Acceptance as servers would show it: a table a draft, settings down and rules across."""

from __future__ import annotations

import streamlit as st

from adaspec.analysis import engines, serving
from adaspec.runs import Report
from adaspec.runs.served import RULES
from app.shell import words


def run_serving(report: Report) -> None:
    """Folded: who serves by exact sampling at temperature 1 has read it in the report."""
    with st.expander("As a server drafts"):
        if not report.served:
            st.caption(f"It was not measured then: adaspec measure {report.run}")
            return
        for sentence in serving.flips(report):
            st.markdown(f":material/swap_vert: {words.plain(sentence)}")
        for name, rates in report.served.items():
            rows: dict[str, dict[str, str | float]] = {}
            for rate in rates:
                row = rows.setdefault(str(rate.setting), {name: str(rate.setting)})
                row[serving.WORDS[rate.rule]] = rate.value
            st.dataframe(
                list(rows.values()),
                column_config={
                    serving.WORDS[rule]: st.column_config.NumberColumn(
                        help=f"{what}. Default of {', '.join(engines.served_by(rule))}.",
                        format="%.4f",
                    )
                    for rule, what in RULES.items()
                },
                hide_index=True,
                key=f"served-{name}",
            )
        st.caption(
            f"At the tokens of the target's own text, sampled at temperature "
            f"{report.temperature:g}. Temperature, top-k and top-p are applied to both models. "
            "What that makes of speed: **Planner**."
        )
