"""The target and the draft: existing models, layers of the target, or new ones."""

from __future__ import annotations

import streamlit as st

from adaspec import ASSETS
from adaspec.recipe.paths import ABSENT
from app.train import recipe_form
from app.train.editor import Editor, model_kind
from app.train.fields import Errors, draw, grid, show_errors
from app.train.recipe_form import Field

KINDS = {
    "source": "An existing model",
    "layers": "Layers of the target",
    "new": "New weights",
    "none": "No draft",
}
OF = {"target": ["source", "new"], "draft": ["source", "layers", "new", "none"]}
HELP = {
    "target": "The large model, p, whose text is wanted.",
    "draft": "The small model, q, that guesses the target's tokens, before any distillation.",
}


def model_fields(editor: Editor, errors: Errors) -> None:
    """Both models."""
    st.subheader("Models", anchor=False)
    for which in OF:
        _model(editor, errors, which)
        show_errors({which: errors[which]} if which in errors else {}, which)


def _model(editor: Editor, errors: Errors, which: str) -> None:
    kind = model_kind(editor.content.get(which))
    key = f"train-kind-{which}"
    if st.session_state.get(key) != kind:
        st.session_state[key] = kind
    st.segmented_control(
        which.capitalize(),
        OF[which],
        format_func=KINDS.__getitem__,
        required=True,
        key=key,
        help=HELP[which],
        on_change=lambda: editor.switch_model(which, st.session_state[key]),
    )
    if kind == "source":
        _source(editor, errors, which)
    elif kind == "layers":
        layers = Field(f"{which}.layers", "Layers to keep", "numbers", "As numbers: 0, 1, 29")
        draw(editor, errors, layers)
    elif kind == "new":
        names = ("vocabulary", "hidden", "layers", "heads", "feed_forward")
        fields = [
            Field(f"{which}.new.{name}", name.replace("_", "-").capitalize()) for name in names
        ]
        own = "trained on the rows" if which == "target" else "the target's"
        note = "A folder or a Hub id."
        fields.append(Field(f"{which}.tokenizer", "Tokenizer", "text", note, own))
        grid(editor, errors, fields)


def _source(editor: Editor, errors: Errors, which: str) -> None:
    path = f"{which}.source"
    held = recipe_form.at(editor.content, path)
    key = f"train-{path}"
    if st.session_state.get(key) != held:
        st.session_state[key] = list(held)
    st.multiselect(
        "Where it is",
        list(dict.fromkeys([*_bundled(), *held])),
        key=key,
        accept_new_options=True,
        placeholder="A Hub id or a folder",
        help="Type a Hugging Face Hub id, a folder, or a .gguf file, and press Enter. If there "
        f"are several, the first one available is used. In YAML: `{path}`.",
        on_change=lambda: editor.set(path, st.session_state[key]),
    )
    show_errors(errors, path)
    if recipe_form.at(editor.content, f"{which}.layers") is not ABSENT:
        draw(editor, errors, Field(f"{which}.layers", "Layers to keep", "numbers", empty="all"))


def _bundled() -> list[str]:
    folders = sorted(config.parent for config in ASSETS.glob("tiny/*/config.json"))
    return [f"assets:{folder.relative_to(ASSETS)}" for folder in folders]
