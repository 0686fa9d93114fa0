"""One field of the form: a widget that shows what the editor holds, and what is wrong beneath it.

The editor holds the truth. A widget is set to it before it is drawn, unless its text already means
the same, so that nothing changes under the fingers of who is typing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import streamlit as st

from adaspec.recipe.paths import ABSENT
from app.shell import words
from app.train import recipe_form
from app.train.editor import Editor
from app.train.recipe_form import Field

Errors = dict[str, str]
Visibility = Literal["visible", "hidden", "collapsed"]

_CELL = 165  # pixels that a field needs
_PAUSE = "400ms"  # after which what is typed is checked


def draw(editor: Editor, errors: Errors, field: Field, *, label: Visibility = "visible") -> None:
    """A field's widget, and what is wrong with its value."""
    key = f"train-{field.path}"
    _bring(editor, field, key)
    common: dict[str, Any] = {
        "key": key,
        "label_visibility": label,
        "help": field.help if label == "visible" else None,
        "on_change": _take,
        "args": (editor, field, key),
    }
    if field.kind == "choice":
        st.selectbox(
            field.label,
            field.choices,
            format_func=lambda choice: recipe_form.word(field.path, choice),
            **common,
        )
    elif field.kind == "lines":
        st.text_area(field.label, **common)
    else:
        hint = field.empty or field.default
        st.text_input(field.label, placeholder=hint, live=_PAUSE, autocomplete="off", **common)
    show_errors(errors, field.path)


def show_errors(errors: Errors, path: str) -> None:
    """What is wrong with a field, under it."""
    for text in dict.fromkeys(recipe_form.errors_at(errors, path)):
        st.markdown(f":small[:red[:material/error: {words.plain(text)}]]")


def grid(editor: Editor, errors: Errors, fields: Sequence[Field], columns: int = 3) -> None:
    """Fields side by side, fewer on narrow screens."""
    area = st.grid(columns, min_column_width=_CELL)
    for field in fields:
        with area.cell():
            draw(editor, errors, field)


def _bring(editor: Editor, field: Field, key: str) -> None:
    value = recipe_form.at(editor.content, field.path)
    held = st.session_state.get(key)
    if held is None or recipe_form.typed(held, field.kind) != value:
        text = recipe_form.shown(value, field.kind)
        if field.kind == "choice" and value is ABSENT:
            text = field.default
        if held != text:
            st.session_state[key] = text


def _take(editor: Editor, field: Field, key: str) -> None:
    editor.set(field.path, recipe_form.typed(st.session_state[key], field.kind))
