"""Learn: a guided path through speculative decoding, each step a bet before its answer."""

import streamlit as st

from adaspec import AdaspecError
from app.learn import evidence
from app.learn.handout import handout
from app.learn.path import STEP, learn_path
from app.learn.view import learn_view
from app.shared.downloads import file_button
from app.shell import link

st.title("Learn", anchor=False)
try:
    view = learn_view()
    asked = link.number(STEP, 1, len(view.steps))
    number = int(asked or 1) if STEP in st.query_params else None
    exhibit = evidence.of_step(view.steps[number - 1].id).exhibit() if number else None
    learn_path(view.model_dump(mode="json"), number, exhibit)
    with st.container(horizontal=True, vertical_alignment="center", key="learn-downloads"):
        file_button(
            "Handout",
            lambda: handout(view),
            "learn-handout.html",
            "The path on paper: every step with its exercises, and a key at the end.",
        )
        st.link_button(
            "Losslessness lab",
            "lossless",
            icon=":material/experiment:",
            help="For those who teach it: break the rule, and see what comes of it and when a test "
            "notices.",
        )
except AdaspecError as error:
    link.complain(str(error))
