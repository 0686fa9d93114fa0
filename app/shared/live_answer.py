"""A question to a run's models while a viewer waits: the wait, a fault, the answer."""

from __future__ import annotations

import streamlit as st

from adaspec.runs import Run
from app.shared import warm
from app.shared.warm import Request, Ticket
from app.shell import words

MOST = 8000  # characters of a field
LOOK = 0.3  # seconds between two looks whether the answer is there


def live_answer(run: Run, request: Request, key: str) -> Ticket | None:
    """The ticket of this question once it is done; until then, shows what it waits for.

    Args:
        request: as `warm.ask` takes it.
        key: of the spot on the page: a new question there withdraws the one before.
    """
    ticket: Ticket | None = st.session_state.get(key)
    if ticket is None or (ticket.folder, ticket.request) != (run.path.resolve(), request):
        if ticket:
            ticket.cancel()
        ticket = st.session_state[key] = warm.ask(run.path, request)
    if not ticket.over:
        warm.wait(ticket, LOOK)  # a warm answer comes with the page
    if not ticket.over:
        st.fragment(_watch, run_every=LOOK)(ticket)
        return None
    if ticket.error:
        st.error(words.plain(ticket.error), icon=":material/error:")
        if st.button("Ask again", icon=":material/refresh:"):
            del st.session_state[key]
            st.rerun()
        return None
    return ticket


def _watch(ticket: Ticket) -> None:
    if ticket.over:
        st.rerun()
    before = words.counted(ticket.place, "question")
    status = {
        "waiting": f"{before} before yours.",
        "opening models": "Opening the models; the next answer will be quicker.",
        "working": "The models are working.",
    }.get(ticket.state, "")
    st.status(f"{status} {ticket.seconds:.0f} s", state="running")
