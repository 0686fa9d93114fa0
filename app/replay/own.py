"""The viewer's own prompt: decoded in the viewer's browser where the pair is small, else by the
server.
"""

from __future__ import annotations

import zlib
from typing import Any

import streamlit as st

from adaspec import AdaspecError, runs
from adaspec.recipe import TARGET, Decoding
from adaspec.runs import Run
from adaspec.speculation.document import token_ids
from adaspec.speculation.trace import Trace
from adaspec.views import Engine, OwnPrompt, replay_view
from adaspec.views.browser_script import script, style
from adaspec.views.replay_view import STATE
from app.replay.downloads import replay_downloads
from app.replay.player import OWN, replay_player
from app.replay.prompt import HERE, Asked, ask_server, follow_gamma, own_prompt
from app.replay.state import from_link, into_link
from app.shared import local, view_state
from app.shell import link

_GAMMA = "replay-gamma"
_NAME = "replay_own"
_own = st.components.v2.component(_NAME, css=style(_NAME), js=script(_NAME))


@st.fragment  # another prompt runs this alone, and not the page
def own_replay(run: Run, draft: str) -> None:
    """The fields, and the replay of what they ask for."""
    try:
        _own_replay(run, draft)
    except AdaspecError as error:  # the page does not hear of it when it does not run
        link.complain(str(error))


def _own_replay(run: Run, draft: str) -> None:
    asked = own_prompt(run, draft)
    identity = f"{run.path.name}/own/{zlib.crc32(asked.model_dump_json().encode())}"
    here, why = local.engine_here(run, [draft], HERE)
    title = replay_view.own_title(run, draft)
    if here:
        decode_here(run, asked, here, identity, title, _GAMMA)
        return
    st.caption(f"Decoded on the server. {why}")
    if trace := ask_server(run, asked):
        shown = replay_view.own(run, trace, identity, title) | {"choosing": True}
        state = from_link(identity, trace)
        state = replay_player(
            shown, state, key="replay", on_gamma_change=follow_gamma("replay", _GAMMA)
        )
        into_link(state)
        replay_downloads(run, shown, state)


def decode_here(
    run: Run, asked: Asked, here: Engine, identity: str, title: str, widget: str
) -> None:
    """What is asked for, decoded in the viewer's browser and replayed.

    Args:
        identity, title: of the replay.
        widget: key of the draft length's.
    """
    view = OwnPrompt(
        id=identity,
        title=title,
        target=TARGET,
        draft=asked.draft,
        prompt=asked.prompt,
        decoding=Decoding(**asked.model_dump(include=set(Decoding.model_fields))),
        seed=asked.seed,
        engine=here,
        clicks=local.clicks(HERE),
        choosing=True,
    )
    follow = follow_gamma(HERE, widget)
    asked_for = from_link(identity)
    state = view_state.show(
        _own, view.model_dump(), asked_for, STATE, OWN, HERE, on_gamma_change=follow
    )
    into_link(state)
    if content := local.wanted(HERE, identity):
        trace = _trace(run, content, asked)
        replay_downloads(run, replay_view.own(run, trace, identity, title), state)


def _trace(run: Run, content: Any, asked: Asked) -> Trace:
    """What a browser says that it decoded, checked as a file's content is.

    Raises:
        AdaspecError: it is none.
    """
    facts = runs.read_state(run).facts
    try:
        trace = Trace.model_validate(content)
        if not facts or max(token_ids(trace)) >= facts.shared_vocabulary:
            raise ValueError
    except ValueError:  # a ValidationError is one
        raise AdaspecError("The browser sent no replay: decode the prompt again.") from None
    return trace.model_copy(update={"target": TARGET, "draft": asked.draft})
