"""The recipe as YAML, exactly as it will be submitted; to read, change and download."""

from __future__ import annotations

import streamlit as st

from app.shell import words
from app.train import recipe_form
from app.train.editor import Editor

_KEY = "train-yaml"


def train_yaml(editor: Editor) -> None:
    """The text, and what is wrong with what was typed."""
    text = editor.yaml if editor.fault else recipe_form.write_yaml(editor.content)
    if st.session_state.get(_KEY) != text:
        st.session_state[_KEY] = text
    if editor.fault:
        st.error(words.plain(editor.fault), icon=":material/error:")
    st.text_area(
        "Recipe",
        key=_KEY,
        height=640,
        help="Checked when you leave the field or press Ctrl+Enter. The form follows.",
        on_change=lambda: editor.write(st.session_state[_KEY]),
    )
    with st.container(horizontal=True):
        st.download_button(
            "Download",
            text,
            file_name="recipe.yaml",
            mime="application/yaml",
            icon=":material/download:",
            on_click="ignore",
            help="For adaspec run recipe.yaml, or adaspec submit recipe.yaml.",
        )
        if editor.fault:
            drop_button(editor)


def drop_button(editor: Editor) -> None:
    st.button(
        "Discard this text and return to the form",
        icon=":material/undo:",
        on_click=editor.drop_yaml,
    )
