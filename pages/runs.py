"""Runs: every run there is, and one of them in full, live while it is trained."""

import streamlit as st

from app import reading, start
from app.components.run_detail import run_detail
from app.components.run_list import run_list

LIVE, IDLE = 2.0, 10.0  # seconds between looks at what runs, and for runs started elsewhere


def drawn(views: list[reading.View]) -> list[tuple[str, str]]:
    """What decides how the page is built: the runs, and the state of each."""
    return [(view.id, view.word) for view in views]


def show_list(before: list[tuple[str, str]], chosen: str) -> None:
    views = reading.views()
    if drawn(views) != before:
        st.rerun()
    if clicked := run_list(views, chosen):
        st.query_params["run"] = clicked
        st.rerun()


def show_run(identity: str) -> None:
    view = next((view for view in reading.views() if view.id == identity), None)
    if view is None:
        st.rerun()
    run_detail(view)


def show_header(busy: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Runs", anchor=False, width="stretch")
        if st.button(
            "Start tiny",
            icon=":material/play_arrow:",
            type="primary",
            disabled=busy,
            help="One run at a time: wait until the one in progress ends."
            if busy
            else "Train the recipe tiny on this machine: a reference and three drafts in about "
            "4 minutes. It goes on when you close the page.",
        ):
            st.query_params["run"] = start.start("tiny")
            st.rerun()


everything = reading.views()
show_header(reading.live(everything))
if everything:
    shown, complaint = reading.choose(everything, st.query_params.get("run"))
    if complaint:
        st.warning(complaint, icon=":material/link_off:")
    else:
        st.query_params["run"] = shown.id
    pace = LIVE if reading.live(everything) else IDLE
    st.fragment(show_list, run_every=pace)(drawn(everything), shown.id)
    st.space("small")
    st.fragment(show_run, run_every=LIVE if shown.live else None)(shown.id)
else:
    st.info("No runs yet. Start the first one above, or with: adaspec run tiny")
