"""Replay: speculative decoding step by step, with every decision explained."""

import streamlit as st

from adaspec import AdaspecError
from app.replay import view as replay_view
from app.replay.choice import drafts, pick_draft, pick_prompt, pick_run
from app.replay.downloads import replay_downloads
from app.replay.player import replay_player
from app.replay.prompt import replay_prompt
from app.replay.state import from_link, into_link
from app.shell import link

STORED, OWN = "run", "own"
NAMES = {STORED: "the run's prompts", OWN: "your own prompt"}

st.title("Replay", anchor=False)
try:
    with st.container(horizontal=True, key="replay-roles"):
        run = pick_run()
        draft = pick_draft(run)
        of = link.choice("Text", "of", list(NAMES), format_func=NAMES.__getitem__)
        there = drafts(run)
        seq = pick_prompt(run, draft) if of == STORED and there else None
    view = None
    if of == OWN:
        trace = replay_prompt(run, draft)
        view = trace and replay_view.own(run, trace)
    elif seq is None:
        name = run.path.name
        st.info(
            f"This run has no replays: adaspec measure {name} makes them.", icon=":material/info:"
        )
    else:
        view = replay_view.stored(run, draft, seq)
    if view:
        state = replay_player(view, from_link(view), key="replay")
        into_link(state)
        replay_downloads(run, view, state)
except AdaspecError as error:
    link.complain(str(error))
