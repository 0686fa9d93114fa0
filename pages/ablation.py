"""Ablation: the methods of one recipe over its seeds, what each cost and reached."""

import streamlit as st

from adaspec import AdaspecError, figures, runs
from adaspec.analysis import ablation, tabulated
from adaspec.analysis.methods import has_several
from adaspec.analysis.seeds import SeedRun, more_seeds, next_seed
from adaspec.tabular import spreadsheet
from app.ablation import view as ablation_view
from app.ablation.board import ablation_board, standalone
from app.shared import figure
from app.shared.downloads import file_button, table_buttons
from app.shared.pickers import pick_run
from app.shell import link, words


def one_seed(seed_runs: list[SeedRun]) -> None:
    """What is missing, and how to get it."""
    (only,) = seed_runs
    name = only.run.id
    st.info(
        f"There is one seed of this recipe, {only.seed}: the intervals are over prompts alone. "
        "Intervals over seeds need more of them: "
        f"`{more_seeds(seed_runs)}`",
        icon=":material/casino:",
    )
    seed = next_seed(seed_runs)
    st.page_link(
        link.page("train"),
        label=f"Train seed {seed}",
        icon=":material/model_training:",
        query_params={"from": name, "set": f"seed={seed}"},
    )


def pick_baseline(preferred: str, labels: dict[str, str]) -> str:
    return link.choice(
        "Baseline",
        "baseline",
        list(labels),
        default=preferred,
        format_func=labels.__getitem__,
        help="Differences are *method − baseline*, on the same prompts.",
    )


st.title("Ablation", anchor=False)
st.markdown("The methods of one recipe over its seeds: what each cost, and what it reached.")
try:
    with st.container(horizontal=True, key="ablation-choice"):
        run = pick_run()
        if not has_several(runs.read_recipe(run)):
            st.info("The recipe of this run has one method: nothing to compare.")
            st.stop()
        seed_runs = ablation_view.seeds(run)
        plain = ablation_view.summary(seed_runs)
        labels = {method.name: method.label for method in plain.methods}
        baseline = pick_baseline(plain.baselines[0], labels)
        cost = link.choice(
            "Cost",
            "cost",
            list(figures.COSTS),
            format_func=figures.COSTS.__getitem__,
            help="What the training of a method took, with the reference's where it needs one.",
        )
    if len(seed_runs) == 1:
        one_seed(seed_runs)
    summary = ablation_view.summary(seed_runs, baseline)
    view = ablation_view.view(seed_runs, summary, baseline)
    charts = ablation_view.drawn(seed_runs, baseline, cost)
    st.markdown(words.plain(view["intro"]))
    for name, chart in charts.items():
        figure.show(chart, key=f"ablation-{name}")
    st.caption(words.plain(ablation_view.over_k(summary)))
    ablation_board(view, key="ablation-board")
    with st.container(horizontal=True, vertical_alignment="center", key="ablation-downloads"):
        file_button(
            "Report",
            lambda: standalone(view, charts),
            f"ablation-{run.id}.html",
            "These figures and tables as one HTML page, offline.",
        )
        file_button(
            "Figures",
            lambda: figure.archive(figures.of_ablation(summary, baseline, cost)),
            f"ablation-{run.id}-figures.zip",
            "Every figure as SVG, PNG and HTML.",
        )
        file_button(
            "CSV",
            lambda: spreadsheet(ablation.frame(summary)),
            f"ablation-{run.id}.csv",
            "One row a method, every number in a column of its own.",
        )
        name = f"ablation-{run.id}"
        table_buttons(tabulated.of_ablation(summary), name, key="ablation-tables-menu")
        st.page_link(
            link.page("compare"),
            label="Compare this run's drafts token by token",
            icon=":material/compare_arrows:",
            query_params={"run": run.id},
        )
except AdaspecError as error:
    link.complain(str(error))
