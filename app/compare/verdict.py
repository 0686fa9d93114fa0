"""The verdict sheet: one draft of a run against another, and all that this rests on."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from adaspec.analysis import tabulated
from adaspec.analysis.comparison import default_baseline
from adaspec.analysis.drafts import entries, find
from adaspec.views import sheet_view
from app.compare.choice import BASELINE
from app.shared.downloads import file_button, table_buttons
from app.shared.pickers import pick_run
from app.shell import link

COMPARISON, SHEET = "all drafts", "verdict sheet"  # of VIEW, a query parameter
_VIEW = "of"


def pick_view() -> str:
    """What the page shows: a comparison, or the verdict on one draft."""
    return link.choice("View", _VIEW, [COMPARISON, SHEET], format_func=str.capitalize)


def open_sheet() -> None:
    """A button that leads from the comparison to the sheet."""
    st.button(
        "Verdict sheet",
        icon=":material/gavel:",
        help="The claim in a sentence and all that it rests on, over all seeds of the recipe: "
        "every number measured, derived or assumed. With a file to send to a reviewer.",
        on_click=lambda: st.session_state.update({f"link-{_VIEW}": SHEET}),
    )


def verdict_sheet(choice: DeltaGenerator) -> None:
    """Let a viewer choose a draft of a run and its baseline, and show the verdict.

    Args:
        choice: where to choose.

    Raises:
        AdaspecError: nothing was trained, or the runs of these seeds cannot be read together.
    """
    with choice:
        run = pick_run()
        offered = entries([run])
        labels = {entry.key: entry.label for entry in offered}
        baseline = link.choice(
            "Baseline",
            BASELINE,
            list(labels),
            default=default_baseline(offered).key,
            format_func=labels.__getitem__,
            help="What the draft is held against. At first it is the fairest there is.",
        )
        best = sheet_view.judged(run, None, baseline)
        first = find(offered, best.draft).key
        draft = link.choice(
            "Draft",
            "draft",
            [key for key in labels if key != baseline],
            default=first,
            format_func=labels.__getitem__,
            help="What is judged. At first it is the one of the highest exact acceptance.",
        )
    content = best if draft == first else sheet_view.judged(run, draft, baseline)
    name = f"verdict-{run.id}"
    with st.container(horizontal=True, vertical_alignment="center", key="compare-sheet-downloads"):
        file_button(
            "Sheet",
            lambda: sheet_view.standalone(content),
            f"{name}.html",
            "This sheet as one HTML page that works from disk and prints.",
        )
        file_button(
            "JSON",
            lambda: content.model_dump_json(indent=1),
            f"{name}.json",
            "The same for a program, as adaspec verdict --json has it.",
        )
        table_buttons(tabulated.of_sheet(content), name, key="compare-sheet-tables")
    st.html(sheet_view.fragment(content))
