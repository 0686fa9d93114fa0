"""The viewer's own text: read in the viewer's browser where the models are small, else by the
server.
"""

from __future__ import annotations

import zlib
from typing import Any

import streamlit as st
from pydantic import BaseModel, ValidationError

from adaspec import AdaspecError, runs, tokens
from adaspec.answers import TextRows
from adaspec.recipe import TARGET
from adaspec.runs import Run
from adaspec.runs.tables import TOP
from adaspec.tokens import Source
from adaspec.views import Engine, OwnText, TokenView, token_view
from adaspec.views.browser_script import script, style
from adaspec.views.token_view import STATE, Roles
from app.shared import local, view_state, warm
from app.shared.live_answer import live_answer
from app.shared.written_text import written_text
from app.tokens.heatmap import OWN

HERE = "tokens-here"
"""The key of what reads in the browser."""
NEW_TOKENS = 64
_NAME = "token_own"
_own = st.components.v2.component(_NAME, css=style(_NAME), js=script(_NAME))


class Asked(BaseModel):
    """What is to be read: as `adaspec.inference.read_text` takes it."""

    prompt: str
    response: str
    snapshots: list[str]
    new_tokens: int = NEW_TOKENS

    def identity(self, run: Run) -> str:
        """Of the text, whatever is compared on it."""
        text = f"{self.prompt}\0{self.response}"
        return f"{run.path.name}/own/{zlib.crc32(text.encode())}"


def own_text(run: Run, source: Source, roles: Roles) -> Asked:
    """Draw the fields; what they ask for, as of the last *Read*.

    Args:
        source: where the text comes from that stands there at first.
    """
    first = tokens.examples(run, source).iloc[0]
    with st.form("own-text", border=False):
        prompt = _field("Prompt", "before", str(first["prompt"]))
        answer = _field("Answer", "answer", "")
        if st.form_submit_button("Read", type="primary", icon=":material/visibility:"):
            local.count_click(HERE)
    names = list(dict.fromkeys([*roles.known(run).values(), *token_view.way(run, roles.draft)]))
    return Asked(prompt=prompt, response=answer, snapshots=names)


def _field(label: str, name: str, first: str) -> str:
    """A text; `prompt` in the link is the switch that shows prompts."""
    return written_text(
        label,
        name,
        f"own-{name}",
        first,
        {
            "before": "What comes before; nothing is measured here.",
            "answer": "What is measured, token by token. Empty: the target continues by itself, "
            f"with at most {NEW_TOKENS} tokens sampled at temperature 1.",
        }[name],
    )


def ask_server(run: Run, asked: Asked) -> TextRows | None:
    """What the models on the server say of the text, once it is there."""
    warm.prepare(run.path)
    ticket = live_answer(run, {"do": "read_text"} | asked.model_dump(), "own-ticket")
    if ticket is None:
        return None
    st.caption(f"Read in {ticket.seconds:.2f} s by this run's models.")
    return TextRows.model_validate(ticket.result)


def read_here(
    run: Run, source: Source, roles: Roles, asked: Asked, here: Engine, state: dict[str, Any]
) -> tuple[dict[str, Any], TokenView | None]:
    """Have the browser read the text and show it; the state in which the viewer left it, and the
    view if files of it are wanted.

    Args:
        state: what differs from `STATE`.
    """
    identity = _view_id(run, source, roles, asked)
    own = {
        "id": identity,
        "prompt": asked.prompt,
        "response": asked.response,
        "new_tokens": asked.new_tokens,
        "engine": here,
        "clicks": local.clicks(HERE),
    }
    view = OwnText.model_validate(token_view.text_frame(run, source, roles) | own)
    left = view_state.show(_own, view.model_dump(), state, STATE, OWN, HERE)
    content = local.wanted(HERE, identity)
    rows = _rows(run, content, asked) if content else None
    return left, own_view(run, source, roles, asked, rows) if rows else None


def own_view(run: Run, source: Source, roles: Roles, asked: Asked, rows: TextRows) -> TokenView:
    """The view of the text once it is read."""
    return token_view.text(run, source, rows, roles, _view_id(run, source, roles, asked))


def _view_id(run: Run, source: Source, roles: Roles, asked: Asked) -> str:
    return f"{asked.identity(run)}/{source}/{roles.draft}/{roles.rival}"


def _rows(run: Run, content: Any, asked: Asked) -> TextRows:
    """What a browser says that it read, checked as a file's content is.

    Raises:
        AdaspecError: it is no reading of this text.
    """
    facts = runs.read_state(run).facts
    try:
        rows = TextRows.model_validate(content)
        count = len(rows.ids) - rows.response_from
        lists = [values for each in rows.top.values() for values in (each.id, each.p)]
        ids = [
            *rows.ids,
            *(token for each in rows.top.values() for row in each.id for token in row),
        ]
        whole = (
            facts
            and rows.response_from >= 1
            and {len(values) for values in (*rows.columns.values(), *lists)} == {count}
            and {len(row) for values in lists for row in values} == {TOP}
            and set(rows.top) == {TARGET, *asked.snapshots}
            and -1 <= min(ids) <= max(ids) < facts.shared_vocabulary
        )
    except ValidationError:
        whole = False
    if not whole:
        raise AdaspecError("The browser sent no reading of this text: read it again.")
    return rows
