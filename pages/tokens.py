"""Tokens: one text, token by token, where the draft disagrees with the target and what is kept."""

from typing import Any

import streamlit as st

from adaspec import AdaspecError, tokens
from adaspec.runs import Run
from adaspec.tokens import Source
from adaspec.views import TokenView, token_view
from adaspec.views.token_view import STATE, Roles
from app.shared import local
from app.shared.pickers import pick_roles, pick_run, pick_source
from app.shell import link
from app.tokens.downloads import example_downloads, text_download
from app.tokens.every_token import JUMPS, token_list
from app.tokens.examples import example_list
from app.tokens.heatmap import token_heatmap
from app.tokens.own_text import HERE, ask_server, own_text, own_view, read_here
from app.tokens.state import forget_tokens, from_link, into_link

EXAMPLES, TOKENS, OWN = "Examples", "Every token", "Your own text"
MOST_TOKENS = 2000  # of a text of one's own: see adaspec.inference


def pick_example(run: Run, source: Source, roles: Roles, k: int) -> int:
    wanted = link.number("example", 0, len(tokens.examples(run, source)) - 1)
    seq = example_list(run, source, roles, k, None if wanted is None else int(wanted))
    st.query_params["example"] = str(seq)
    return seq


def show(view: TokenView, text: str, k: int) -> dict[str, Any]:
    """The heatmap; the state in which the viewer left it.

    Args:
        text: tells it from other texts, whose tokens a link does not mean.
    """
    state = token_heatmap(view, asked_of(text, view.rows, view.timeline, k), key="tokens")
    into_link(state)
    return state


def asked_of(text: str, rows: int, timeline: list[str], k: int) -> dict[str, Any]:
    forget_tokens(text)
    return from_link(rows, timeline) | {"k": k}


st.title("Tokens", anchor=False)
with st.container(horizontal=True, key="token-roles"):
    run = pick_run()
    source = pick_source(run)
    roles = pick_roles(run)
ratio = link.number("k", 0, 1)
k = STATE["k"] if ratio is None else round(1000 * ratio)
left, right = st.columns((1, 2.9), gap="medium")
try:
    with left:
        what = link.choice("Text", "of", [EXAMPLES, TOKENS, OWN], label_visibility="collapsed")
        if what == OWN:
            asked = own_text(run, source, roles)
            here, why = local.engine_here(run, asked.snapshots, HERE)
            if not here:
                st.caption(f"Read on the server. {why}")
                answer = ask_server(run, asked)
        elif what == TOKENS:
            seq = token_list(run, source, roles, k, st.query_params.get("by", STATE["by"]))
        else:
            seq = pick_example(run, source, roles, k)
    with right:
        if what != OWN:
            view = token_view.example(run, source, seq, roles)
            jumps = st.session_state.get(JUMPS, 0)
            # Under another id, a token that was asked for is gone to.
            view = view.model_copy(update={"id": f"{view.id}/{jumps}"})
            state = show(view, f"{run.path}/{source}/{seq}", k)
            example_downloads(run, source, seq, view, state)
        elif here:
            timeline = token_view.way(run, roles.draft)
            link_state = asked_of(asked.identity(run), MOST_TOKENS, timeline, k)
            state, read = read_here(run, source, roles, asked, here, link_state)
            into_link(state)
            if read:
                text_download(read, state)
        elif answer:
            view = own_view(run, source, roles, asked, answer)
            text_download(view, show(view, asked.identity(run), k))
except AdaspecError as error:
    link.complain(str(error))
