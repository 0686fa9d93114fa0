"""The viewer's own prompt, decoded by the models of a run: the fields, the wait, the answer."""

from __future__ import annotations

from typing import Any, NamedTuple

import streamlit as st

from adaspec import tokens
from adaspec.runs import Run
from adaspec.speculation.trace import Trace
from adaspec.tokens import GENERATED
from app.shared import warm
from app.shared.live_answer import LONGEST_LINK, MOST, live_answer
from app.shell import link


class Field(NamedTuple):
    """A setting of decoding: `name` in the link and in the request."""

    name: str
    label: str
    first: float
    low: float
    high: float
    step: float
    help: str


FIELDS = (
    Field("gamma", "γ", 4, 1, 16, 1, "Draft length: tokens guessed before each pass."),
    Field(
        "temperature", "Temperature", 1.0, 0.0, 5.0, 0.1,
        "Of both models. 0 is greedy: always the likeliest token.",
    ),
    Field("top_k", "Top-k", 0, 0, 1000, 1, "Only the k likeliest tokens of each model; 0: all."),
    Field(
        "top_p", "Top-p", 1.0, 0.01, 1.0, 0.05,
        "Only the smallest set of likeliest tokens of each model that reaches this probability.",
    ),
    Field("seed", "Seed", 0, 0, 1_000_000, 1, "The same seed gives the same decoding."),
    Field("max_new_tokens", "Tokens", 64, 1, 1000, 1, "The most tokens to decode."),
)  # fmt: skip


def replay_prompt(run: Run, draft: str) -> Trace | None:
    """Draw the fields; returns the decoding once it is there."""
    warm.prepare(run.path)
    with st.form("replay-prompt", border=False):
        left, right = st.columns((1.5, 1), gap="medium")
        with left:
            prompt = _prompt(run)
        with right:
            grid = [*st.columns(3), *st.columns(3)]
            settings = {
                field.name: _number(field, cell) for field, cell in zip(FIELDS, grid, strict=True)
            }
        st.form_submit_button("Decode", type="primary", icon=":material/play_circle:")
    request = {"do": "speculate", "prompt": prompt, "draft": draft} | settings
    ticket = live_answer(run, request, "replay-ticket")
    if ticket is None:
        return None
    took = f"Decoded in {ticket.seconds:.2f} s" if ticket.seconds > 0.01 else "Decoded before"
    st.caption(f"{took} by this run's models, and by the target alone.")
    return Trace.model_validate(ticket.result)


def _prompt(run: Run) -> str:
    key, first = "replay-own", str(tokens.examples(run, GENERATED).iloc[0]["prompt"])
    if key not in st.session_state:
        st.session_state[key] = st.query_params.get("prompt", first)
    typed: str = st.text_area(
        "Prompt",
        key=key,
        height=150,
        max_chars=MOST,
        help="What the models continue. Text like the run's own, down to its line breaks, shows "
        "what its drafts were trained for.",
    )
    if typed != first and len(typed) <= LONGEST_LINK:
        st.query_params["prompt"] = typed
    else:
        st.query_params.pop("prompt", None)
    return typed


def _number(field: Field, cell: Any) -> float:
    key, kind = f"replay-{field.name}", type(field.first)
    if key not in st.session_state:
        asked = link.number(field.name, field.low, field.high)
        st.session_state[key] = field.first if asked is None else kind(asked)
    typed: float = cell.number_input(
        field.label,
        kind(field.low),
        kind(field.high),
        step=kind(field.step),
        key=key,
        help=field.help,
    )
    if typed == field.first:
        st.query_params.pop(field.name, None)
    else:
        st.query_params[field.name] = f"{typed:g}"
    return typed
