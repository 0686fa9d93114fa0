"""The methods to compare: which to train, and what each of them is."""

from __future__ import annotations

from typing import Any

import streamlit as st

from adaspec import drawing
from adaspec.recipe.paths import ABSENT
from app.shell import words
from app.train import recipe_form
from app.train.editor import Editor
from app.train.fields import Errors, grid, show_errors
from app.train.recipe_form import METHODS, Field, word

ADDED: dict[str, tuple[str, dict[str, Any]]] = {  # what can be added -> its name, its values
    "AdaSPEC: the tokens with the largest ΔL": (
        "adaspec",
        {"selector": "top_delta", "budget": "published"},
    ),
    "DistillSpec: all tokens, equal steps": ("distillspec", {"selector": "all"}),
    "DistillSpec: all tokens, equal data": (
        "distillspec-data",
        {"selector": "all", "budget": "data"},
    ),
    "Random tokens, as a control": ("random", {"selector": "random", "budget": "published"}),
    "Total variation, starting from the reference": (
        "tv-from-reference",
        {"objective": "total_variation", "selector": "all", "start": "reference"},
    ),
    "KL that turns into total variation, from the reference": (
        "kl-to-tv-from-reference",
        {"objective": "forward_kl", "to": "total_variation", "start": "reference"},
    ),
    "KL that turns into total variation where the overlap grows (LK)": (
        "lk-hybrid",
        {"objective": "lk_hybrid"},
    ),
    "Tokens weighed by the expected accepted length (D-PACE)": (
        "d-pace",
        {"weight": "expected_length"},
    ),
    "AdaSPEC with a soft edge": ("adaspec-soft", {"selector": "top_delta", "weight": "soft"}),
}


def methods(editor: Editor, errors: Errors) -> None:
    """The list of methods; each can be ticked, opened, changed and removed."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(
            "Methods",
            anchor=False,
            width="stretch",
            help="One draft is trained for each. A method is objective × selector × weight × "
            "start × budget.",
        )
        st.menu_button(
            "Add a method",
            list(ADDED),
            key="train-add",
            icon=":material/add:",
            on_click=_add,
            args=(editor,),
        )
    for number, row in recipe_form.method_rows(editor.content).items():
        _method(editor, errors, number, row)
    show_errors({METHODS: errors[METHODS]} if METHODS in errors else {}, METHODS)


def _method(editor: Editor, errors: Errors, number: str, row: dict[str, Any]) -> None:
    path = f"{METHODS}.{number}"
    tick, body = st.columns((0.055, 0.945), vertical_alignment="top", gap="xsmall")
    key = f"train-tick-{number}"
    if st.session_state.get(key) != row["train"]:
        st.session_state[key] = row["train"]
    tick.checkbox(
        f"Train {words.plain(str(row['name']))}",
        key=key,
        label_visibility="collapsed",
        on_change=_tick,
        args=(editor, path, key),
    )
    with body:
        with st.expander(_in_words(row), key=f"train-method-{number}"):
            fields = [
                Field(f"{path}.name", "Name", "text", "The name of its draft."),
                Field(
                    f"{path}.objective",
                    "Objective",
                    "choice",
                    "What training minimises: p is the target's distribution, q the draft's.",
                ),
                Field(
                    f"{path}.to",
                    "Turns into",
                    "choice",
                    "A second objective, whose share grows from 0 to 1.",
                ),
                Field(
                    f"{path}.selector",
                    "Tokens",
                    "choice",
                    "Which response tokens give a gradient. ΔL = KL(p‖q) − KL(p‖r) is how far the "
                    "draft still lags behind the reference r.",
                ),
                Field(
                    f"{path}.weight",
                    "Weight",
                    "choice",
                    "A soft edge needs a selection; the others weigh what is selected.",
                ),
                Field(f"{path}.softness", "Softness", empty="the weight's own"),
                Field(f"{path}.gamma", "Draft length of weights"),
                Field(
                    f"{path}.start",
                    "Starts from",
                    "choice",
                    "The stock draft, or the reference, to continue its training.",
                ),
                Field(
                    f"{path}.budget",
                    "Budget",
                    "choice",
                    "Equal steps: batch B for E epochs. 1/k times the data: batch B/k for E/k "
                    "epochs, the same number of "
                    "steps. As published: the second for methods that select, the "
                    "first for the others.",
                ),
                Field(f"{path}.k", "Its own k", empty="the one above"),
                Field(
                    f"{path}.pool",
                    "Selects within",
                    "choice",
                    "Tokens of the whole batch compete, or those of each micro-batch, as in the "
                    "published scripts.",
                ),
                Field(
                    f"{path}.loss",
                    "Loss",
                    "choice",
                    "The sum over the selected tokens, divided by all response tokens as the "
                    "published scripts do, or by those selected.",
                ),
            ]
            grid(editor, errors, fields)
            st.button(
                "Remove this method",
                key=f"train-remove-{number}",
                icon=":material/delete:",
                type="tertiary",
                on_click=editor.set,
                args=(path, ABSENT),
            )
        if recipe_form.errors_at(errors, path):
            st.markdown(":small[:red[:material/error: This method has an error: open it.]]")


def _in_words(row: dict[str, Any]) -> str:
    """`adaspec · forward KL(p‖q) × largest ΔL × stock draft × as published`."""
    name = str(row["name"])
    parts = [
        word(key, str(row.get(key, Field(f"{METHODS}.0.{key}", "").default)))
        for key in ("objective", "selector", "start", "budget")
    ]
    if row.get("weight"):
        parts[1] += f", {word('weight', str(row['weight']))}"
    if row.get("to"):
        parts[0] += f" → {word('to', str(row['to']))}"
    if "k" in row:
        parts.append(f"k = {recipe_form.shown(row['k'], 'number')}")
    glyph = drawing.GLYPHS[drawing.look(name).marker]
    return f"{glyph} **{words.plain(name)}** · {words.plain(' × '.join(parts))}"


def _tick(editor: Editor, path: str, key: str) -> None:
    editor.set(f"{path}.train", st.session_state[key])


def _add(editor: Editor) -> None:
    name, method = ADDED[st.session_state["train-add"]]
    editor.add_method(name, method)
