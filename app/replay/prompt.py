"""The viewer's own prompt: the fields, and the answer of the models on the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import streamlit as st
from pydantic import BaseModel

from adaspec import tokens
from adaspec.runs import Run
from adaspec.speculation.trace import Trace
from adaspec.tokens import GENERATED
from app.shared import local, warm
from app.shared.live_answer import live_answer
from app.shared.written_text import written_text
from app.shell import link

HERE = "replay-here"
"""The key of what decodes in the browser."""


class Field(NamedTuple):
    """A setting of decoding: `name` in the link and in the request."""

    name: str
    label: str
    first: float
    low: float
    high: float
    step: float
    help: str


GAMMA = Field("gamma", "γ", 4, 1, 16, 1, "Draft length: tokens guessed before each pass.")
TEMPERATURE = Field(
    "temperature", "Temperature", 1.0, 0.0, 5.0, 0.1,
    "Of both models. 0 is greedy: always the likeliest token.",
)  # fmt: skip
FIELDS = (
    GAMMA,
    TEMPERATURE,
    Field("top_k", "Top-k", 0, 0, 1000, 1, "Only the k likeliest tokens of each model; 0: all."),
    Field(
        "top_p", "Top-p", 1.0, 0.01, 1.0, 0.05,
        "Only the smallest set of likeliest tokens of each model that reaches this probability.",
    ),
    Field("seed", "Seed", 0, 0, 1_000_000, 1, "The same seed gives the same decoding."),
    Field("max_new_tokens", "Tokens", 64, 1, 1000, 1, "The most tokens to decode."),
)  # fmt: skip


class Asked(BaseModel):
    """What is to be decoded: as `adaspec.inference.speculate` takes it."""

    prompt: str
    draft: str
    gamma: int
    temperature: float
    top_k: int
    top_p: float
    seed: int
    max_new_tokens: int


def own_prompt(run: Run, draft: str, key: str = HERE, tokens: int = 64) -> Asked:
    """Draw the fields; what they ask for, as of the last *Decode*.

    Args:
        key: of what decodes in the browser.
        tokens: the most to decode, if nobody says.
    """
    *others, most = FIELDS
    fields = (*others, most._replace(first=tokens))
    with st.form("replay-prompt", border=False):
        left, right = st.columns((1.5, 1), gap="medium")
        with left:
            prompt = _prompt(run)
        with right:
            grid = [*st.columns(3), *st.columns(3)]
            settings: dict[str, Any] = {
                field.name: setting(field, f"replay-{field.name}", cell.number_input)
                for field, cell in zip(fields, grid, strict=True)
            }
        if st.form_submit_button("Decode", type="primary", icon=":material/play_circle:"):
            local.count_click(key)
    return Asked(prompt=prompt, draft=draft, **settings)


def ask_server(run: Run, asked: Asked) -> Trace | None:
    """The decoding by the run's models on the server, once it is there."""
    warm.prepare(run.path)
    ticket = live_answer(run, {"do": "speculate"} | asked.model_dump(), "replay-ticket")
    if ticket is None:
        return None
    took = f"Decoded in {ticket.seconds:.2f} s" if ticket.seconds > 0.01 else "Decoded before"
    st.caption(f"{took} by this run's models, and by the target alone.")
    return Trace.model_validate(ticket.result)


def _prompt(run: Run) -> str:
    return written_text(
        "Prompt",
        "prompt",
        "replay-own",
        str(tokens.examples(run, GENERATED).iloc[0]["prompt"]),
        "What the models continue. Text like the run's own, down to its line breaks, shows what "
        "its drafts were trained for.",
    )


def setting(field: Field, key: str, draw: Callable[..., float]) -> float:
    """A setting's widget, whose value the link brings back.

    Args:
        draw: `st.slider`, or `st.number_input`.
    """
    kind = type(field.first)
    if key not in st.session_state:
        asked = link.number(field.name, field.low, field.high)
        st.session_state[key] = field.first if asked is None else kind(asked)
    chosen = draw(
        field.label,
        kind(field.low),
        kind(field.high),
        step=kind(field.step),
        key=key,
        help=field.help,
    )
    if chosen == field.first:
        st.query_params.pop(field.name, None)
    else:
        st.query_params[field.name] = f"{chosen:g}"
    return chosen


def follow_gamma(component: str, widget: str) -> Callable[[], None]:
    """What sets a widget of the draft length to the one whose column was clicked in a player."""

    def follow() -> None:
        told = (st.session_state.get(link.fresh(component)) or {}).get("gamma") or {}
        if told.get("gamma") in range(1, int(GAMMA.high) + 1):
            st.session_state[widget] = told["gamma"]

    return follow
