"""One of the run's prompts: its replay, the same decoded anew with other settings, or a race of two
drafts on it.
"""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from adaspec import replays, tokens
from adaspec.recipe import Decoding
from adaspec.runs import Run
from adaspec.tokens import GENERATED
from adaspec.views import Engine, replay_view
from app.replay.choice import drafts
from app.replay.downloads import replay_downloads
from app.replay.own import decode_here
from app.replay.player import replay_player
from app.replay.prompt import GAMMA, HERE, TEMPERATURE, Asked, follow_gamma, setting
from app.replay.race import draft_race
from app.replay.state import from_link, into_link
from app.shared import local
from app.shell import link, words

_GAMMA, _TEMPERATURE = "replay-recorded-gamma", "replay-recorded-temperature"
_AGAINST = "against"  # the query parameter
_NOBODY = ""
_IN_POPOVER = {_GAMMA, _TEMPERATURE, f"link-{_AGAINST}"}


class Variation(NamedTuple):
    """How a prompt is to be decoded.

    Attributes:
        rival: the draft that races; empty: none does.
        here: what the viewer's browser decodes with; None where it does not.
    """

    rival: str
    decoding: Decoding
    here: Engine | None


def pick_variation(run: Run, draft: str, seq: int) -> Variation:
    """The draft that races, and sliders where the viewer's browser decodes."""
    decoding = replays.read(run, draft, seq).decoding
    here, why = local.engine_here(run, [draft], HERE)
    for key in _IN_POPOVER & st.session_state.keys():
        st.session_state[key] = st.session_state[key]  # it is drawn once the popover is opened
    with st.popover("Race, γ, temperature", icon=":material/tune:"):
        rival = _pick_rival(run, draft, seq)
        if here is None:
            st.caption(f"γ and temperature stay as recorded. {words.plain(why)}")
        elif not rival:
            decoding = _pick_settings(decoding)
    return Variation(rival, decoding, here)


def _pick_rival(run: Run, draft: str, seq: int) -> str:
    if st.query_params.get(_AGAINST) == draft:  # it was the rival, and was then chosen itself
        del st.query_params[_AGAINST]
    others = [name for name in drafts(run) if name != draft and seq in replays.numbers(run, name)]
    return link.choice(
        "Race against",
        _AGAINST,
        [_NOBODY, *others],
        format_func=lambda name: name or "nobody",
        help="Both drafts decode this prompt by the same clock, side by side.",
    )


def _pick_settings(recorded: Decoding) -> Decoding:
    gamma = GAMMA._replace(first=recorded.gamma, high=max(GAMMA.high, recorded.gamma))
    chosen = {
        "gamma": setting(gamma, _GAMMA, st.slider),
        "temperature": setting(
            TEMPERATURE._replace(first=recorded.temperature), _TEMPERATURE, st.slider
        ),
    }
    st.caption("Other than recorded, your browser decodes the prompt anew, with the same seed.")
    return recorded.model_copy(update=chosen)


def recorded_replay(run: Run, draft: str, seq: int, variation: Variation) -> None:
    """The prompt, as it is to be decoded."""
    rival, decoding, here = variation
    if rival:
        draft_race(run, draft, rival, seq)
        return
    trace = replays.read(run, draft, seq)
    if here is None or decoding == trace.decoding:
        view = replay_view.stored(run, draft, seq) | {"choosing": here is not None}
        state = from_link(view["id"], trace)
        follow = follow_gamma("replay", _GAMMA)
        state = replay_player(view, state, key="replay", on_gamma_change=follow)
        into_link(state)
        replay_downloads(run, view, state)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        settings = f"γ = {decoding.gamma}, temperature {decoding.temperature:g}"
        st.caption(f"Decoded anew: {settings}.", width="content")
        st.button("As recorded", on_click=_as_recorded, args=(trace.decoding,))
    asked = Asked(
        prompt=str(tokens.examples(run, GENERATED)["prompt"][seq]),
        draft=draft,
        seed=trace.seed,
        **decoding.model_dump(),
    )
    identity = f"{run.path.name}/{draft}/{seq}/{decoding.gamma}/{decoding.temperature:g}"
    decode_here(run, asked, here, identity, replay_view.stored_title(run, draft, seq), _GAMMA)


def _as_recorded(decoding: Decoding) -> None:
    st.session_state[_GAMMA] = decoding.gamma
    st.session_state[_TEMPERATURE] = decoding.temperature
