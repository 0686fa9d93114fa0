"""The data: where rows come from, how they become a prompt and a response, and what they show."""

from __future__ import annotations

from typing import Any

import streamlit as st

from adaspec import AdaspecError, explain
from adaspec.rows import READERS, UPLOAD_BYTES, store_upload
from app.shell import words
from app.train import recipe_form, samples
from app.train.editor import Editor
from app.train.fields import Errors, draw, grid, show_errors
from app.train.recipe_form import SPLITS, Field
from app.train.samples import Look

ORIGINS = {
    "holdout": "From the training rows",
    "stories": "Built-in stories",
    "file": "A file",
    "hub": "Hugging Face Hub",
    "nothing": "None: nothing is trained",
}
LABELS = {"data.train": "Training rows", "data.evaluation": "Held-out rows, for measurement"}
RESPONSES = Field("data.responses", "Trained on", "choice")
ANSWER_FIELDS = [
    Field("data.answers.samples", "Answers to a prompt"),
    Field("data.answers.temperature", "Temperature"),
    Field("data.answers.top_k", "Top-k"),
    Field("data.answers.top_p", "Top-p"),
    Field("data.answers.max_new_tokens", "New tokens, at most"),
    Field("data.answers.batch", "Written together"),
]
CHAT_FIELDS = [
    Field("data.chat.system", "System prompt", "text", empty="the template's own"),
    Field(
        "data.chat.turns",
        "Earlier turns",
        "json",
        'As JSON: [{"user": "{first_question}", "assistant": "{first_answer}"}]',
        empty="none",
    ),
    Field("data.chat.messages", "Column of earlier messages", "text", empty="none"),
]
SHOWN = 5  # rows of the preview
CELL = 300  # characters of a row's value there


def data_fields(editor: Editor, errors: Errors, look: Look, *, may_upload: bool) -> None:
    """Both splits, the templates, and the first rows."""
    st.header("Data", anchor=False)
    for split in SPLITS:
        _split(editor, errors, split, may_upload)
    if look.count is not None:
        held_out = "" if look.held_out is None else f", {words.count(look.held_out)} held out"
        st.caption(f"{words.counted(look.count, 'training row')}{held_out}.")
    _templates(editor, errors, look)
    _chat(editor, errors)
    _responses(editor, errors)
    if look.first:
        with st.expander("The first rows", expanded=_of_file(editor)):
            _preview(look)


def _split(editor: Editor, errors: Errors, split: str, may_upload: bool) -> None:
    rows = recipe_form.at(editor.content, split)
    origin = recipe_form.origin(rows)
    key = f"train-origin-{split}"
    if st.session_state.get(key) != origin:
        st.session_state[key] = origin
    other = {"data.train": "holdout", "data.evaluation": "nothing"}[split]
    options = [option for option in ORIGINS if option != other]
    st.segmented_control(
        LABELS[split],
        options,
        format_func=ORIGINS.__getitem__,
        required=True,
        key=key,
        on_change=lambda: editor.switch_origin(split, st.session_state[key]),
    )
    if origin == "stories":
        fields = [
            Field(f"{split}.stories", "Number of stories"),
            Field(f"{split}.seed", "Seed of the stories", note="Another seed gives other stories."),
        ]
        grid(editor, errors, fields)
    elif origin == "holdout":
        grid(editor, errors, [Field(f"{split}.holdout", "Fraction held out")])
    elif origin == "hub":
        _hub(editor, errors, split)
    elif origin == "file":
        _upload(editor, errors, split, rows["file"], may_upload)
    show_errors({split: errors[split]} if split in errors else {}, split)


def _hub(editor: Editor, errors: Errors, split: str) -> None:
    fields = [
        Field(f"{split}.hub", "Data set id", "text", "Its name on the Hub: openai/gsm8k"),
        Field(f"{split}.config", "Configuration", "text", empty="the only one"),
        Field(f"{split}.split", "Split", "text"),
        Field(f"{split}.revision", "Revision", "text", "A commit, branch or tag.", empty="newest"),
    ]
    grid(editor, errors, fields, columns=4)
    st.caption("Downloaded when the run begins; its rows and columns are not known until then.")


def _upload(editor: Editor, errors: Errors, split: str, file: str | None, may_upload: bool) -> None:
    key = f"train-upload-{split}"
    st.file_uploader(
        "JSONL, CSV, TXT or Parquet",
        type=[suffix.removeprefix(".") for suffix in READERS],
        key=key,
        max_upload_size=UPLOAD_BYTES >> 20,
        disabled=not may_upload,
        help=None if may_upload else "Only those who may start jobs can upload files.",
        on_change=_take_upload,
        args=(editor, split, key),
    )
    if file:
        st.caption(f"Reads {words.plain(file.rpartition('/')[2])}")
    show_errors(errors, f"{split}.file")


def _take_upload(editor: Editor, split: str, key: str) -> None:
    given = st.session_state[key]
    editor.faults.pop(f"{split}.file", None)
    if given is None:  # what was read stays
        return
    try:
        editor.take_file(split, store_upload(given.name, given.getvalue()))
    except (AdaspecError, OSError) as error:
        editor.faults[f"{split}.file"] = explain(error)


def _templates(editor: Editor, errors: Errors, look: Look) -> None:
    if look.columns:
        names = ", ".join(f"{{{name}}}" for name in look.columns)
        st.caption(f"Columns to use in the templates: {words.plain(names)}")
    prompts = recipe_form.at(editor.content, "data.prompt")
    left, right = st.columns(2, gap="medium")
    with left:
        for i in range(len(prompts)):
            label = "Prompt" if i == 0 else f"Prompt, where a column above is empty ({i})"
            field = Field(
                f"data.prompt.{i}",
                label,
                "lines",
                "`{column}` is replaced by the row's value. The model reads this and continues it.",
            )
            draw(editor, errors, field)
    with right:
        note = "What the draft learns to write. `{column}` is replaced by the row's value."
        draw(editor, errors, Field("data.response", "Response", "lines", note))
    fitting = samples.suggestion(look.columns)
    if fitting and _misfit(errors):
        st.button(
            "Fill in templates that fit these columns",
            icon=":material/auto_fix_high:",
            on_click=_fit,
            args=(editor, fitting),
        )
    with st.expander("Fallback and replacements"):
        note = 'As JSON: {"####": "The final answer is: "}'
        draw(editor, errors, Field("data.replace", "Replace in the response", "json", note))
        st.button(
            "Add a prompt for rows with an empty column",
            type="tertiary",
            icon=":material/add:",
            on_click=editor.add_prompt,
        )
        if len(prompts) > 1:
            st.button(
                "Remove the last prompt",
                type="tertiary",
                icon=":material/delete:",
                on_click=editor.drop_prompt,
            )


def _chat(editor: Editor, errors: Errors) -> None:
    """Whether rows become conversations, and what is said in them before the prompt."""
    key = "train-chat"
    there = bool(isinstance(recipe_form.at(editor.content, "data.chat"), dict))
    if st.session_state.get(key) != there:
        st.session_state[key] = there
    st.checkbox(
        "Chat format",
        key=key,
        help="The prompt becomes what a user says, the response what the assistant answers, in the "
        "format of the target's own chat template. In YAML: `data.chat`",
        on_change=lambda: editor.switch_chat(st.session_state[key]),
    )
    if there:
        grid(editor, errors, CHAT_FIELDS)
    else:
        show_errors(errors, "data.chat")


def _responses(editor: Editor, errors: Errors) -> None:
    """Whose answers drafts are trained on, and how the target writes its own."""
    draw(editor, errors, RESPONSES)
    if recipe_form.at(editor.content, RESPONSES.path) in ("target", "both"):
        grid(editor, errors, ANSWER_FIELDS)
        st.caption("The target writes them once, before anything is distilled from it.")
    else:
        show_errors(errors, "data.answers")


def _misfit(errors: Errors) -> bool:
    return any("no column" in text for path, text in errors.items() if path.startswith("data."))


def _fit(editor: Editor, templates: tuple[str, str]) -> None:
    editor.set("data.prompt", [templates[0]])
    editor.set("data.response", templates[1])


def _of_file(editor: Editor) -> bool:
    return recipe_form.origin(recipe_form.at(editor.content, "data.train")) == "file"


def _preview(look: Look) -> None:
    """Foreign text: in a table or as code, never as Markdown."""
    rows = [{name: _cell(row.get(name)) for name in look.columns} for row in look.first[:SHOWN]]
    st.dataframe(rows, hide_index=True, key="train-rows")
    if look.pairs:
        prompt, response = look.pairs[0]
        st.caption("The first row as the models read it: the prompt, then the response.")
        st.code(prompt or " ", language=None, wrap_lines=True)
        st.code(response or " ", language=None, wrap_lines=True)


def _cell(value: Any) -> str:
    return "" if value is None else str(value)[:CELL]
