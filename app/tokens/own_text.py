"""The viewer's own text, read by the models of a run: the fields, the wait, the answer."""

from __future__ import annotations

from typing import Any

import streamlit as st

from adaspec import tokens
from adaspec.answers import TextRows
from adaspec.runs import Run
from adaspec.tokens import Snapshot, Source
from app.shared import warm
from app.shared.live_answer import LONGEST_LINK, MOST, live_answer
from app.shared.token_view import Roles

NEW_TOKENS = 64


def own_text(run: Run, source: Source, roles: Roles) -> TextRows | None:
    """Draw the fields; returns the models' answer for the text once it is there.

    Args:
        source: where the text comes from that stands there at first.
    """
    warm.prepare(run.path)
    prompt, answer = _fields(run, source)
    ticket = live_answer(run, _request(run, prompt, answer, roles), "own-ticket")
    if ticket is None:
        return None
    st.caption(f"Read in {ticket.seconds:.2f} s by this run's models.")
    return TextRows.model_validate(ticket.result)


def _fields(run: Run, source: Source) -> tuple[str, str]:
    first = tokens.examples(run, source).iloc[0]
    with st.form("own-text", border=False):
        prompt = _field("Prompt", "prompt", str(first["prompt"]))
        answer = _field("Answer", "answer", "")
        st.form_submit_button("Read", type="primary", icon=":material/visibility:")
    return prompt, answer


def _field(label: str, name: str, first: str) -> str:
    key = f"own-{name}"
    if key not in st.session_state:
        st.session_state[key] = st.query_params.get(name, first)
    typed: str = st.text_area(
        label,
        key=key,
        height=150,
        max_chars=MOST,
        help={
            "prompt": "What comes before; nothing is measured here.",
            "answer": "What is measured, token by token. Empty: the target continues by itself, "
            f"with at most {NEW_TOKENS} tokens sampled at temperature 1.",
        }[name],
    )
    if typed != first and len(typed) <= LONGEST_LINK:
        st.query_params[name] = typed
    else:
        st.query_params.pop(name, None)
    return typed


def _request(run: Run, prompt: str, answer: str, roles: Roles) -> dict[str, Any]:
    way = [snapshot.name for snapshot in tokens.timeline(run, Snapshot.of(roles.draft).training)]
    return {
        "do": "read_text",
        "prompt": prompt,
        "response": answer,
        "snapshots": list(dict.fromkeys([*roles.known(run).values(), *way])),
        "new_tokens": NEW_TOKENS,
    }
