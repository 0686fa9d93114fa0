"""A draft tried out on the viewer's own prompt: its text as the viewer's browser decodes it."""

from __future__ import annotations

import zlib

import streamlit as st

from adaspec import AdaspecError
from adaspec.recipe import TARGET, Decoding
from adaspec.runs import Run
from adaspec.views import OwnPrompt
from adaspec.views.browser_script import script, style
from app.replay.prompt import own_prompt
from app.shared import local
from app.shell import link

_NAME = "replay_trial"
_TOKENS = 400  # by default: a text that one sees being written
_trial = st.components.v2.component(_NAME, css=style(_NAME), js=script(_NAME))


@st.fragment  # another prompt runs this alone, and not the page
def try_draft(run: Run, draft: str) -> None:
    """The fields, and the text; where browsers do not run the pair, what to do instead."""
    try:
        _try_draft(run, draft)
    except AdaspecError as error:  # the page does not hear of it when it does not run
        link.complain(str(error))


def _try_draft(run: Run, draft: str) -> None:
    here, why = local.engine_here(run, [draft], _NAME)
    if here is None:
        st.info(
            f"A draft is tried in the viewer's browser. {why} Choose the text *your own prompt*: "
            "the server decodes it.",
            icon=":material/info:",
        )
        return
    asked = own_prompt(run, draft, _NAME, _TOKENS)
    view = OwnPrompt(
        id=f"{run.path.name}/try/{zlib.crc32(asked.model_dump_json().encode())}",
        title="",
        target=TARGET,
        draft=draft,
        prompt=asked.prompt,
        decoding=Decoding(**asked.model_dump(include=set(Decoding.model_fields))),
        seed=asked.seed,
        engine=here,
        clicks=local.clicks(_NAME),
    )
    _trial(data={"view": view.model_dump()}, key=_NAME, on_fault_change=lambda: None)
