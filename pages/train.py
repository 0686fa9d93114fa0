"""Train: choose what to train, see what it takes and what it compares, start it."""

import streamlit as st

from app.shell import access
from app.train import recipe_form, samples
from app.train.editor import Editor
from app.train.form import train_form
from app.train.samples import Look
from app.train.seen import what_models_see
from app.train.start import arrive, leave_link, start_picker
from app.train.summary import train_summary
from app.train.yaml import drop_button, train_yaml

FORM, YAML = "Form", "YAML"


def show_form(editor: Editor, errors: dict[str, str], look: Look, may_upload: bool) -> None:
    if editor.fault:
        st.info("The YAML has a fault. It is kept: put it right there, or drop it.")
        drop_button(editor)
    else:
        train_form(editor, errors, look, may_upload=may_upload)


editor = arrive()
may_start = access.person().may_start
checked = recipe_form.check(editor.content)
look = samples.look(
    recipe_form.plain(editor.content)["data"],
    may_read=may_start,
    with_draft="draft" in editor.content or "drafts" in editor.content,
)
outside = access.faults(checked.recipe) if checked.recipe else {}
errors = checked.errors | look.errors | outside | editor.faults
ready = None if errors or editor.fault else checked.recipe
now = access.admitted(ready) if ready else None

st.title("Train", anchor=False)
st.caption("Choose where to start from and press Start. Everything below can be changed before.")
left, right = st.columns((1.45, 1), gap="medium")
with left:
    start_picker(editor)
    view = st.segmented_control(
        "View",
        [FORM, YAML],
        default=FORM,
        required=True,
        key="train-view",
        label_visibility="collapsed",
    )
    if view == YAML:
        train_yaml(editor)
    else:
        show_form(editor, errors, look, may_start)
    if now:
        what_models_see(now)
with right, st.container(key="train-summary", border=True):
    train_summary(editor, now, errors, look)
if ready:
    leave_link(editor, ready)
