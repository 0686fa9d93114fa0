"""Replay: speculative decoding step by step, with every decision explained."""

import streamlit as st

from adaspec import AdaspecError
from app.explorable.button import explorable_button
from app.replay.choice import drafts, pick_draft, pick_prompt
from app.replay.own import own_replay
from app.replay.recorded import pick_variation, recorded_replay
from app.replay.trial import try_draft
from app.shared.pickers import pick_run
from app.shell import link

STORED, OWN, TRY = "run", "own", "try"
NAMES = {STORED: "the run's prompts", OWN: "your own prompt", TRY: "your own prompt, live"}

st.title("Replay", anchor=False)
try:
    with st.container(horizontal=True, vertical_alignment="bottom", key="replay-roles"):
        run = pick_run()
        draft = pick_draft(run)
        of = link.choice("Text", "of", list(NAMES), format_func=NAMES.__getitem__)
        there = drafts(run)
        seq = pick_prompt(run, draft) if of == STORED and there else None
        variation = None if seq is None else pick_variation(run, draft, seq)
    if of == OWN:
        own_replay(run, draft)
    elif of == TRY:
        try_draft(run, draft)
    elif seq is None or variation is None:
        name = run.path.name
        st.info(
            f"This run has no replays: adaspec measure {name} makes them.", icon=":material/info:"
        )
    else:
        recorded_replay(run, draft, seq, variation)
    explorable_button(run)
except AdaspecError as error:
    link.complain(str(error))
