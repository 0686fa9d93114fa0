"""Runs: every job and run there is, and one of them in full, live while it is trained."""

import random

import streamlit as st

from app.runs.actions import deletion
from app.runs.again import run_business
from app.runs.against import AGAINST, run_against
from app.runs.curves import COMPARED, run_curves
from app.runs.detail import run_facts, run_head, run_papers
from app.runs.list import run_list
from app.runs.notice import run_notice
from app.runs.report import run_downloads, run_no_report, run_report, run_views
from app.runs.start import run_start
from app.runs.sweeps import run_sweep
from app.shared import reading
from app.shared.reading import Board, View
from app.shell import link

# Seconds between looks: at the numbers of what runs, at its curves, and for what others begin. No
# multiples: of two parts that ask at the same moment Streamlit now and then forgets one.
NUMBERS, CURVES, IDLE = 2.0, 6.6, 10.0
SPREAD = 0.1  # the part by which viewers differ: those who came together shall not ask together


def drawn(board: Board) -> list[tuple[str, str, str]]:
    """What decides how the page is built: the runs, and the state of each."""
    return [(view.id, view.word, view.name) for view in board.views]


def refresh_numbers(before: list[tuple[str, str, str]], chosen: str, report: object) -> None:
    board = reading.board()
    if clicked := run_list(board, chosen):
        st.query_params[link.RUN] = clicked
        for name in (COMPARED, AGAINST):
            st.query_params.pop(name, None)
        st.rerun()
    # Only now: a run that was clicked just when something changed is opened all the same.
    if drawn(board) != before or reading.stamp(view_of(board, chosen).run.report_file) != report:
        st.rerun()
    st.space("small")
    run_head(view_of(board, chosen))
    run_notice(board, chosen)


def refresh_curves(chosen: str) -> None:
    board = reading.board()
    view = view_of(board, chosen)
    run_curves(view, board.views)
    run_papers(view)


def view_of(board: Board, identity: str) -> View:
    view = board.find(identity)
    if view is None:  # deleted meanwhile
        st.rerun()
    return view


own_pace = st.session_state.setdefault("pace", random.uniform(1 - SPREAD, 1 + SPREAD))
wanted = st.query_params.get(link.RUN)
board = reading.board(wanted)
run_start(board.views)
if board.views:
    deletion(board.views)
    shown, complaint = reading.choose(board.views, wanted, link.kept_run())
    if complaint:
        st.warning(complaint, icon=":material/link_off:")
    else:
        st.query_params[link.RUN] = shown.id
    link.keep_run(shown.id)
    pace = own_pace * (NUMBERS if board.live else IDLE)
    report = reading.stamp(shown.run.report_file)
    st.fragment(refresh_numbers, run_every=pace)(drawn(board), shown.id, report)
    if shown.state:
        run_facts(shown.state)
    if shown.report:
        run_report(shown.report, shown.run)
        run_business(shown, shown.report.business)
        run_downloads(shown, shown.report)
        run_views(shown)
    elif shown.run.report_file.is_file():
        run_no_report(shown)
    run_against(shown, board.views)
    run_sweep(shown)
    at_work = shown.word in reading.AT_WORK
    st.fragment(refresh_curves, run_every=own_pace * CURVES if at_work else None)(shown.id)
else:
    st.info("No runs yet. Train the first one above, or with: adaspec submit tiny")
