"""The target and the draft: existing models, layers of the target, or new ones."""

from __future__ import annotations

from typing import Any

import streamlit as st

from adaspec import ASSETS, AdaspecError, inspection
from adaspec.recipe import ASSET
from adaspec.recipe.paths import ABSENT
from app.shell import words
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
    """Target and draft, and drafts that others trained."""
    st.header("Models", anchor=False)
    for which in OF:
        _model(editor, errors, which)
        show_errors({which: errors[which]} if which in errors else {}, which)
    _given(editor, errors)


def _given(editor: Editor, errors: Errors) -> None:
    """A line each; specifications that say more than where a model is are YAML's."""
    specs = editor.content.get("drafts", {})
    if not all(_is_source(spec) for spec in specs.values()):
        st.caption(f"Drafts you have: {words.plain(', '.join(specs))}, as the YAML says.")
        return
    shown = "\n".join(f"{name}={''.join(_sources(spec))}" for name, spec in specs.items())
    key = "train-drafts"
    if _named(st.session_state.get(key, "")) not in (None, _named(shown)):
        st.session_state[key] = shown
    st.text_area(
        "Drafts you have",
        key=key,
        placeholder="my-draft=OWNER/NAME",
        help="One a line: a Hub id, a folder or a .gguf file, with NAME= before it to name it. "
        "They are measured beside what is trained here, or alone. Where there is no stage 1, one "
        "called `reference` is what the filter's ΔL is taken against. In YAML: `drafts`.",
        on_change=lambda: _take(editor, st.session_state[key]),
    )
    show_errors(errors, "drafts")


def _take(editor: Editor, text: str) -> None:
    named = _named(text)
    editor.faults.pop("drafts", None)
    if named is None:
        editor.faults["drafts"] = "Two drafts have one name."
    else:
        editor.set("drafts", named or ABSENT)


def _named(text: str) -> dict[str, str] | None:
    """Name -> source; None where a name is there twice."""
    try:
        return inspection.named([line.strip() for line in text.splitlines() if line.strip()])
    except AdaspecError:
        return None


def _is_source(spec: Any) -> bool:
    return isinstance(spec, str) or (spec.keys() == {"source"} and len(spec["source"]) == 1)


def _sources(spec: Any) -> list[str]:
    return [spec] if isinstance(spec, str) else list(spec["source"])


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
    if which == "draft" and kind != "none":
        draw(editor, errors, Field(f"{which}.vocabulary", "Token ids it proposes", empty="all"))


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
    folders = sorted(config.parent for config in ASSETS.glob("*/*/config.json"))
    return [f"{ASSET}{folder.relative_to(ASSETS)}" for folder in folders]
