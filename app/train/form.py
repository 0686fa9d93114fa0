"""The form: what is trained, for how long, on what, and further settings, folded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from adaspec.recipe.paths import ABSENT
from app.train import recipe_form, recipe_link
from app.train.data import data_fields
from app.train.editor import Editor
from app.train.fields import Errors, draw, grid, show_errors
from app.train.methods import methods
from app.train.models import model_fields
from app.train.recipe_form import Field
from app.train.samples import Look

NAME = Field("name", "Name of the run", "text", "The run's name in the list.")
K = Field(
    recipe_link.K,
    "Filter ratio k",
    note="The share of response tokens that methods with a selector train on: those it ranks "
    "highest.",
)
K_SHOWN = (0.05, 1.0)  # what the slider can show; another k is typed

STAGES = {
    "stage0": ("Target", "Stage 0: fine-tune the target on the task first, as the paper does."),
    "stage1": (
        "Reference",
        "Stage 1: distil a copy of the stock draft on all tokens, to filter the drafts' tokens by.",
    ),
    "stage2": ("Drafts", "Stage 2: distil one draft for each method below."),
}
POOL = Field(
    "pool",
    "Weighs within",
    "choice",
    "Of the reference's loss: every response token of the batch counts the same, or every "
    "micro-batch, as in the published scripts.",
)
STAGE_FIELDS = [  # of every stage
    Field("epochs", "Epochs", note="Passes over the training rows, before a budget widens them."),
    Field("lr", "Learning rate", note="Of AdamW."),
    Field("batch", "Batch"),
]
FINER_STAGE_FIELDS = [
    Field(
        "micro_batch",
        "Micro-batch",
        note="Smaller ones take less memory. For methods that select within micro-batches, the "
        "size changes what is selected.",
        empty="whole batch",
    ),
    Field("schedule", "Schedule", "choice", "How the learning rate decays during the stage."),
    Field("warmup", "Warm-up"),
    Field("weight_decay", "Weight decay"),
    Field("clip", "Gradient clip", note="none: no clipping."),
    Field(
        "keep",
        "Keeps",
        "choice",
        "Validation prompts are held-out rows that the report does not use.",
    ),
    Field("patience", "Patience", note="none: all steps are taken."),
]
RUN_FIELDS = [
    Field("seed", "Seed", note="For the order of the rows and for new weights."),
    Field("precision", "Precision", "choice"),
    Field("gpus", "GPUs"),
    Field("checkpoint_every", "Checkpoint every"),
    Field("data.max_length", "Longest sequence"),
    Field("data.limit", "Training rows, at most", empty="all"),
    Field("data.evaluation_limit", "Held-out rows, at most", empty="all"),
]
MEASUREMENT_FIELDS = [
    Field("evaluation.prompts", "Prompts"),
    Field("evaluation.max_new_tokens", "New tokens, at most"),
    Field("evaluation.temperature", "Temperature"),
    Field("evaluation.batch", "Batch"),
    Field("evaluation.bootstrap", "Bootstrap resamples"),
    Field("evaluation.every", "Points on a curve"),
    Field("evaluation.monitor", "Continuations per point"),
]
SPECULATION_FIELDS = [
    Field("evaluation.speculation.prompts", "Prompts decoded"),
    Field("evaluation.speculation.gamma", "Draft length γ"),
    Field("evaluation.speculation.temperature", "Temperature"),
    Field("evaluation.speculation.top_k", "Top-k"),
    Field("evaluation.speculation.top_p", "Top-p"),
    Field("evaluation.speculation.max_new_tokens", "New tokens, decoded"),
    Field("evaluation.speculation.timed", "Prompts timed"),
    Field("evaluation.speculation.gammas", "Draft lengths timed", "numbers"),
]


def train_form(editor: Editor, errors: Errors, look: Look, *, may_upload: bool) -> None:
    """Everything that a recipe says, as fields."""
    with st.container(border=True):
        name, k = st.columns(2, gap="medium")
        with name:
            draw(editor, errors, NAME)
            if editor.changed and editor.content.get("name") == editor.began.name:
                st.caption("It was changed: another name helps tell the runs apart.")
        if "stage2" in editor.content:
            with k:
                _filter_ratio(editor, errors)
    if "stage2" in editor.content:
        with st.container(border=True):
            methods(editor, errors)
    with st.container(border=True):
        st.header("Stages", anchor=False)
        _stage_table(editor, errors)
    with st.container(border=True):
        data_fields(editor, errors, look, may_upload=may_upload)
    with st.container(border=True):
        model_fields(editor, errors)
    with st.expander("Run, limits and seed"):
        grid(editor, errors, RUN_FIELDS)
    with st.expander("Measurement"):
        grid(editor, errors, MEASUREMENT_FIELDS)
    with st.expander("Speculative decoding"):
        grid(editor, errors, SPECULATION_FIELDS)


def _filter_ratio(editor: Editor, errors: Errors) -> None:
    value = recipe_form.at(editor.content, K.path)
    value = float(K.default) if value is ABSENT else value
    least, most = K_SHOWN
    if not isinstance(value, int | float) or not least <= value <= most:
        draw(editor, errors, K)
        return
    key = "train-k"
    if st.session_state.get(key) != value:
        st.session_state[key] = float(value)
    st.slider(
        K.label,
        least,
        most,
        step=0.01,
        format="%.4g",
        key=key,
        help=K.help,
        on_change=lambda: editor.set(K.path, st.session_state[key]),
    )


def _stage_table(editor: Editor, errors: Errors) -> None:
    """One column per stage, one row per field."""
    _, *heads = _row()
    for column, (stage, (label, help_text)) in zip(heads, STAGES.items(), strict=True):
        key = f"train-has-{stage}"
        if st.session_state.get(key) != (stage in editor.content):
            st.session_state[key] = stage in editor.content
        column.checkbox(
            label, key=key, help=help_text, on_change=_switch_stage, args=(editor, stage, key)
        )
    for field in STAGE_FIELDS:
        _stage_row(editor, errors, field)
    with st.expander("Optimiser"):
        for field in FINER_STAGE_FIELDS:
            _stage_row(editor, errors, field)
        _stage_row(editor, errors, POOL, only="stage1")
    show_errors({"": errors[""]} if "" in errors else {}, "")


def _stage_row(editor: Editor, errors: Errors, field: Field, only: str = "") -> None:
    head, *cells = _row()
    head.caption(field.label, help=_of_stage(field, "stage1").help)
    for column, stage in zip(cells, STAGES, strict=True):
        if stage in editor.content and only in ("", stage):
            with column:
                draw(editor, errors, _of_stage(field, stage), label="collapsed")


def _of_stage(field: Field, stage: str) -> Field:
    return replace(field, path=f"{stage}.{field.path}", label=f"{field.label}: {STAGES[stage][0]}")


def _row() -> Sequence[DeltaGenerator]:
    return st.columns((1.1, 1, 1, 1), vertical_alignment="center")


def _switch_stage(editor: Editor, stage: str, key: str) -> None:
    editor.switch_stage(stage, st.session_state[key])
