"""The open run and another: what differs in their recipes, and what became of it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from adaspec import AdaspecError
from adaspec.analysis import tabulated
from adaspec.analysis.outcome import Outcome, Reached, outcome
from adaspec.runs import Run
from adaspec.turns import once
from app.shared import reading
from app.shared.downloads import table_buttons
from app.shared.pickers import named
from app.shared.reading import View
from app.shell import link, words

AGAINST = "against"  # query parameter: the other run's id


def run_against(view: View, views: list[View]) -> None:
    """A choice of another run, and the two tables once there is one."""
    asked = st.query_params.get_all(AGAINST)
    others = reading.offered(
        views, lambda other: other.id != view.id and other.run.recipe_file.is_file(), asked
    )
    if not others or not view.run.recipe_file.is_file():
        return
    st.subheader("Compare two recipes", anchor=False)
    chosen = link.choice(
        "With",
        AGAINST,
        ["", *others],
        format_func=lambda run: named(others[run]) if run else "Choose a run",
        help="Shows the fields in which the two recipes differ, and what each reached.",
        width=360,
    )
    if not chosen:
        return
    other = others[chosen]
    try:
        content = _outcome(view.run, other.run, (_stamps(view), _stamps(other)))
    except AdaspecError as error:
        link.complain(str(error))
        return
    _settings(content, named(view), named(other))
    _reached(content, named(view), named(other))
    table_buttons(
        tabulated.of_outcome(content), f"recipes-{view.id}-{other.id}", key="against-tables"
    )


def _stamps(view: View) -> object:
    files = (view.run.recipe_file, view.run.report_file, view.run.contexts_file)
    return tuple(reading.stamp(file) for file in files)


@once(16)
def _outcome(first: Run, second: Run, _stamps: object) -> Outcome:
    return outcome(first, second)


def _settings(content: Outcome, first: str, second: str) -> None:
    if not content.settings:
        st.markdown("The recipes are the same.")
        return
    st.dataframe(
        [
            {
                "field": setting.field,
                first: setting.first or words.NOTHING,
                second: setting.second or words.NOTHING,
            }
            for setting in content.settings
        ],
        hide_index=True,
        key="settings",
        alt="Fields that differ",
    )


def _reached(content: Outcome, first: str, second: str) -> None:
    if content.drafts:
        st.dataframe(
            [_row(draft, first, second) for draft in content.drafts],
            hide_index=True,
            key="reached",
            alt="Exact acceptance of every draft",
        )
        st.caption("Exact acceptance on the target's own text, with its 95 % interval.")
    if not content.compared:
        st.info(words.plain(content.verdict), icon=":material/balance:")
        return
    st.markdown(f"**{words.plain(content.verdict)}**")
    run, other = content.runs
    st.page_link(
        link.page("compare"),
        label="Compare their drafts",
        icon=f":material/{link.PAGES['compare']}:",
        query_params={"run": run, "with": other},
    )


def _row(draft: Reached, first: str, second: str) -> dict[str, Any]:
    return {
        "draft": draft.name,
        first: _interval(draft.first, draft.first_ci),
        second: _interval(draft.second, draft.second_ci),
    }


def _interval(value: float | None, interval: tuple[float, float] | None) -> str:
    if interval is None:
        return words.NOTHING
    return f"{words.fixed(value)} ({' – '.join(map(words.fixed, interval))})"
