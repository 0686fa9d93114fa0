"""What a server logged, pasted or uploaded, over what the run predicts."""

from __future__ import annotations

import streamlit as st

from adaspec import AdaspecError, figures
from adaspec.analysis import server_log
from adaspec.analysis.planner import Plan
from adaspec.analysis.server_log import LARGEST, WHAT, Held
from adaspec.runs import Report
from app.shared import figure
from app.shell import words

PASTED = 200_000  # letters; a longer one is uploaded


def run_log(plan: Plan, report: Report, gamma: int) -> None:
    """The log's place, and what it says. It is not part of the link.

    Args:
        gamma: the server's draft length, where its log does not say it.
    """
    st.header("Your server's log", anchor=False)
    pasted: str = st.text_area("Pasted", key="planner-log", height=150, max_chars=PASTED, help=WHAT)
    with st.popover("Or a file", icon=":material/upload_file:"):
        given = st.file_uploader(
            "A log", key="planner-log-file", max_upload_size=LARGEST // 1_000_000
        )
    if given and not pasted.strip():
        pasted = given.getvalue().decode("utf-8", "replace")
    if not pasted.strip():
        st.caption(f"{WHAT} It is not kept, and in no link.")
        return
    try:
        held = server_log.hold(server_log.parse(pasted), plan, report, gamma)
    except AdaspecError as error:
        st.error(words.plain(str(error)), icon=":material/error:")
        return
    _held(held)


def _held(held: Held) -> None:
    for sentence in held.says:
        st.markdown(words.plain(sentence))
    if chart := figures.of_log(held):
        figure.show(figures.specification(chart), key="planner-log-figure")
    rows = [
        {"": f"{held.log.engine}'s log", "α": held.alpha, "tokens a pass": held.tokens},
        *(
            {"": each.name, "α": each.alpha, "tokens a pass": each.tokens}
            for each in held.predictions
        ),
    ]
    st.dataframe(
        rows,
        column_config={
            "α": st.column_config.NumberColumn(format="%.3f"),
            "tokens a pass": st.column_config.NumberColumn(format="%.2f"),
        },
        hide_index=True,
        key="planner-log-table",
    )
