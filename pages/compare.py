"""Compare: drafts of one target side by side, with their budgets first."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from adaspec import AdaspecError, figures, runs
from adaspec.analysis import comparison, tabulated
from adaspec.analysis.drafts import Entry, entries, find
from adaspec.analysis.methods import has_several
from adaspec.runs import Run
from adaspec.tabular import spreadsheet
from adaspec.views import compare_view
from adaspec.views.compare_view import MODES
from app.compare import board as compare_board
from app.compare import lanes as compare_lanes
from app.compare.atlas import atlas as compare_atlas
from app.compare.choice import budget_warning, pick_baseline, pick_drafts, pick_runs
from app.compare.state import board_from_link, lanes_from_link
from app.compare.verdict import SHEET, open_sheet, pick_view, verdict_sheet
from app.shared import figure, view_state
from app.shared.downloads import file_button, table_buttons
from app.shell import link


def lanes(chosen: list[Run], picked: list[Entry], baseline: str, top: DeltaGenerator) -> None:
    """One prompt, draft by draft.

    Args:
        top: where to say what a link asks for in vain.
    """
    st.header("One prompt, draft by draft", anchor=False)
    texts = compare_view.prompts(picked)
    if not texts:
        names = " and ".join(dict.fromkeys(one.run.id for one in picked))
        st.info(
            "No prompt was decoded by all of these drafts with the same settings and uniforms: "
            f"adaspec measure does it for {names}.",
            icon=":material/info:",
        )
        return
    with st.container(horizontal=True, key="compare-lanes-choice"):
        mode = link.choice("Lanes", "lanes", list(MODES), format_func=MODES.__getitem__)
        seq = link.choice(
            "Prompt", "prompt", list(range(len(texts))), format_func=lambda n: f"#{n}  {texts[n]}"
        )
    view = compare_view.lanes(chosen, picked, mode, seq, baseline)
    with top:
        asked = lanes_from_link(view)
    state = compare_lanes.compare_lanes(view, asked, key="compare-lanes")
    view_state.into_link(state, compare_lanes.STATE)


def all_drafts(choice: DeltaGenerator, top: DeltaGenerator) -> None:
    """Drafts beside each other.

    Args:
        choice: where to choose them.
        top: as in `lanes`.
    """
    with choice:
        chosen, refused = pick_runs()
        offered = entries(chosen)
        picked = pick_drafts(offered)
        baseline = pick_baseline(picked).key
    for reason in refused:
        link.complain(reason)
    numbers = compare_view.numbers(chosen, picked, baseline)
    budget_warning(offered, numbers.budgets)
    view = compare_view.board(chosen, picked, numbers)
    with top:
        asked = board_from_link(view)
    compare_board.compare_tables(view, key="compare-tables")
    charts = compare_view.drawn(chosen, picked, baseline)
    figure.show_in_pairs(charts, "compare")
    lost = compare_atlas(picked, find(picked, baseline))
    state = compare_board.compare_tokens(view, asked, key="compare-board")
    view_state.into_link(state, compare_view.STATE)
    lanes(chosen, picked, baseline, top)
    name = "-".join(["compare", *(run.id for run in chosen)])
    with st.container(horizontal=True, vertical_alignment="center", key="compare-downloads"):
        file_button(
            "Report",
            lambda: compare_view.standalone(view, state, charts, figure.bundle(), lost),
            f"{name}.html",
            "This comparison as one HTML page: tables, figures and tokens, offline.",
        )
        file_button(
            "Figures",
            lambda: figure.archive(figures.of_comparison(numbers, picked)),
            f"{name}-figures.zip",
            "Every figure as SVG, PNG and HTML, also KL against overlap of each draft.",
        )
        file_button(
            "CSV",
            lambda: spreadsheet(comparison.table(numbers)),
            f"{name}.csv",
            "One row a draft, and one row a paired difference.",
        )
        table_buttons(tabulated.of_comparison(numbers), name, key="compare-tables-menu")
        open_sheet()
        if has_several(runs.read_recipe(chosen[0])):
            st.page_link(
                link.page("ablation"),
                label="Methods over seeds",
                icon=":material/science:",
                query_params={"run": chosen[0].id},
                help="All methods of this recipe against their cost, with every seed there is.",
            )


st.title("Compare", anchor=False)
top = st.container()
choice = st.container(horizontal=True, key="compare-choice")
try:
    with choice:
        view = pick_view()
    if view == SHEET:
        verdict_sheet(choice)
    else:
        all_drafts(choice, top)
except AdaspecError as error:
    link.complain(str(error))
