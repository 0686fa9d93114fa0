"""Tokens: one text, token by token, where the draft disagrees with the target and what is kept."""

from typing import Any

import streamlit as st

from adaspec import AdaspecError, tokens
from adaspec.runs import Run
from adaspec.tokens import Source
from app.shared import token_view
from app.shared.pickers import pick_roles, pick_run, pick_source
from app.shared.token_view import Roles
from app.shell import link
from app.tokens.downloads import example_downloads, text_download
from app.tokens.examples import example_list
from app.tokens.heatmap import STATE, token_heatmap
from app.tokens.own_text import own_text
from app.tokens.state import forget_tokens, from_link, into_link

EXAMPLES, OWN = "Examples", "Your own text"


def pick_example(run: Run, source: Source, roles: Roles, k: int) -> int:
    wanted = link.number("example", 0, len(tokens.examples(run, source)) - 1)
    seq = example_list(run, source, roles, k, None if wanted is None else int(wanted))
    st.query_params["example"] = str(seq)
    return seq


def show(view: dict[str, Any], text: str, k: int) -> dict[str, Any]:
    """The heatmap; the state in which the viewer left it.

    Args:
        text: tells it from other texts, whose tokens a link does not mean.
    """
    forget_tokens(text)
    asked = from_link(view["rows"], view["timeline"]) | {"k": k}
    state = token_heatmap(view, asked, key="tokens")
    into_link(state)
    return state


st.title("Tokens", anchor=False)
with st.container(horizontal=True, key="token-roles"):
    run = pick_run()
    source = pick_source()
    roles = pick_roles(run)
ratio = link.number("k", 0, 1)
k = STATE["k"] if ratio is None else round(1000 * ratio)
left, right = st.columns((1, 2.9), gap="medium")
try:
    with left:
        what = link.choice("Text", "of", [EXAMPLES, OWN], label_visibility="collapsed")
        if what == OWN:
            answer = own_text(run, source, roles)
        else:
            seq = pick_example(run, source, roles, k)
    with right:
        if what == EXAMPLES:
            view = token_view.example(run, source, seq, roles)
            state = show(view, f"{run.path}/{source}/{seq}", k)
            example_downloads(run, source, seq, view, state)
        elif answer:
            view = token_view.text(run, source, answer, roles)
            text_download(view, show(view, str(answer.ids), k))
except AdaspecError as error:
    link.complain(str(error))
