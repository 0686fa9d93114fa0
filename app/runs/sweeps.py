"""The open run's recipe again, over k or over seeds: what it takes, then jobs in the queue."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from adaspec import AdaspecError, recipe, runs
from adaspec.recipe import Recipe
from app.runs.actions import attempt, complaint
from app.shared import calibration, reading, submission
from app.shared.reading import View
from app.shell import access, link, words

RATIOS = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
SEEDS = list(range(10))
_SWEPT = "swept"  # in the session's state: run -> where Ablation finds the jobs, and how many


class Cell(NamedTuple):
    """One job of a sweep; `seconds` None where nobody knows."""

    recipe: Recipe
    state: str
    seconds: float | None

    @property
    def is_new(self) -> bool:
        return not self.state


def run_sweep(view: View) -> None:
    """Choose ks and seeds, see the jobs and their total, and queue them."""
    chosen = reading.recipe(view)
    if chosen is None or chosen.stage2 is None or not access.person().may_start:
        return
    with st.expander("Sweep over k or seeds", icon=":material/grid_view:"):
        with st.container(horizontal=True):
            ratios = st.multiselect(
                "k",
                RATIOS,
                key=f"sweep-k-{view.id}",
                format_func=lambda ratio: f"{ratio:g}",
                placeholder="Only its own",
                help="Adds a method for each k to this recipe, with equal steps: Ablation then "
                "shows acceptance against k.",
                select_all=False,
            )
            seeds = st.multiselect(
                "Seeds",
                SEEDS,
                key=f"sweep-seeds-{view.id}",
                placeholder="Only its own",
                help="One job for each seed: Ablation then has intervals over seeds.",
                select_all=False,
            )
        if ratios or seeds:
            _offer(view, chosen, ratios, seeds)
        _done(view)
        complaint(f"sweep-{view.id}")


def _offer(view: View, chosen: Recipe, ratios: list[float], seeds: list[int]) -> None:
    try:
        cells = [_cell(each) for each in recipe.sweep(chosen, ratios, seeds)]
    except AdaspecError as error:
        st.error(words.plain(str(error)), icon=":material/error:")
        return
    st.dataframe(
        [
            {
                "job": cell.recipe.name,
                "seed": cell.recipe.seed,
                "methods": len(cell.recipe.stage2.methods) if cell.recipe.stage2 else 0,
                "takes": words.duration(cell.seconds) if cell.is_new else cell.state,
            }
            for cell in cells
        ],
        hide_index=True,
        key="sweep",
        alt="Jobs of the sweep",
    )
    new = [cell for cell in cells if cell.is_new]
    known = [cell.seconds for cell in new if cell.seconds is not None]
    total = words.duration(sum(known)) if len(known) == len(new) else "an unknown time"
    st.markdown(f"**{words.counted(len(new), 'job')}**, one after the other: **{total}** in all.")
    st.button(
        f"Queue {words.counted(len(new), 'job')}",
        key="queue-sweep",
        type="primary",
        icon=":material/playlist_add:",
        disabled=not new,
        on_click=attempt,
        args=(f"sweep-{view.id}", _queue, view.id, new, bool(ratios)),
    )


def _cell(chosen: Recipe) -> Cell:
    equal = submission.equal(chosen)
    expected = calibration.known(chosen)
    state = "trained already" if equal.finished else ("in the queue" if equal.live else "")
    return Cell(chosen, state, expected.seconds if expected else None)


def _queue(identity: str, cells: list[Cell], over_k: bool) -> None:
    """Put the jobs into the queue; those before one that is refused stay there."""
    owner = access.person().name
    jobs: list[str] = []
    try:
        for cell in cells:
            jobs.append(submission.start(cell.recipe, owner).id)
    finally:
        if jobs:
            run = jobs[0] if over_k else identity
            st.session_state[_SWEPT] = {identity: (run, len(jobs))}


def _done(view: View) -> None:
    swept = st.session_state.get(_SWEPT, {}).get(view.id)
    if not swept:
        return
    run, count = swept
    st.success(
        f"{words.counted(count, 'job')} queued. Ablation shows each once it has finished.",
        icon=":material/check:",
    )
    is_there = runs.Run(runs.runs_folder() / run).report_file.is_file()
    if run == view.id or is_there:
        st.page_link(
            link.page("ablation"),
            label="Ablation over them",
            icon=f":material/{link.PAGES['ablation']}:",
            query_params={"run": run},
        )
    else:
        st.page_link(
            link.page("runs"),
            label="Watch the first of them",
            icon=f":material/{link.PAGES['runs']}:",
            query_params={"run": run},
        )
