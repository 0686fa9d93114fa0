"""Where a training starts from: a bundled recipe, a cell of a matrix, or an earlier run."""

from __future__ import annotations

import time
from functools import cache

import streamlit as st

from adaspec import AdaspecError, recipe
from app.shared import reading
from app.shell import words
from app.train.editor import FIRST, RUN, Editor, Link

PICKER = "train-start"
RUNS = 30  # the newest; an older one has a link of its own
INSPECT = "inspect"  # the recipe that trains nothing
LINK = ("recipe", "from", "k", "set")

_EDITOR = "train-editor"
_SETTLED = 2.0  # seconds after which the browser surely shows the address that it was given


def arrive() -> Editor:
    """The session's editor. Who comes with a link, or goes back to one, sees what it says."""
    link = _link()
    editor: Editor | None = st.session_state.get(_EDITOR)
    if editor is None:
        editor = Editor()
        editor.follow(link)
        st.session_state[_EDITOR] = editor  # whole: to keep it is where a page may be ended
    elif link and link != editor.left and _is_new(editor):
        editor.follow(link)
        editor.left = link
    return editor


def _link() -> Link:
    """What of the address is this page's."""
    return {name: values for name in LINK if (values := st.query_params.get_all(name))}


def _is_new(editor: Editor) -> bool:
    """Whether a link that differs was asked for. Just after a change here, the browser may still
    send the one from before that change."""
    comes = PICKER not in st.session_state  # from another page
    return comes or time.monotonic() - editor.left_at > _SETTLED


def leave_link(editor: Editor, now: recipe.Recipe) -> None:
    """Write what is shown into the address."""
    link = editor.link(now)
    if link != _link():
        st.query_params.from_dict(link)
    if link != editor.left:
        editor.left, editor.left_at = link, time.monotonic()


def start_picker(editor: Editor) -> None:
    """Choose a start; what it replaces can be restored."""
    groups = _groups()
    names = _run_names()
    group = editor.start.partition("/")[0]
    if group not in groups and group not in names:
        names[group] = f"run {group.removeprefix(RUN)}"
    if st.session_state.get(PICKER) != group:
        st.session_state[PICKER] = group
    st.selectbox(
        "Start from",
        [*groups, *names],
        format_func=lambda name: names.get(name, name),
        key=PICKER,
        on_change=_choose,
        args=(editor, groups),
        help="A bundled recipe, or the recipe of a run. Every field below can then be changed.",
    )
    if len(groups.get(group, [])) > 1:
        _cells(editor, groups[group])
    if group != INSPECT:
        st.button(
            "Inspect drafts you have",
            key="train-inspect",
            icon=":material/search_insights:",
            type="tertiary",
            on_click=_begin,
            args=(editor, INSPECT),
            help="Measures drafts that were trained elsewhere, beside their target: nothing is "
            "trained.",
        )
    if editor.began.about:
        st.caption(words.plain(editor.began.about))
    if editor.complaint:
        st.warning(words.plain(editor.complaint), icon=":material/link_off:")
    if editor.earlier:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("Your changes were replaced.", width="content")
            st.button("Restore them", type="tertiary", on_click=editor.take_back)


@cache  # the bundled recipes
def _groups() -> dict[str, list[str]]:
    """First part of a recipe's name -> the names that begin so; the smallest recipe first."""
    groups: dict[str, list[str]] = {FIRST: []}
    for name in recipe.names():
        groups.setdefault(name.partition("/")[0], []).append(name)
    return groups


def _run_names() -> dict[str, str]:
    """Start -> what to call it, for the newest runs."""
    names = {}
    for view in reading.board().views[:RUNS]:
        when = words.moment(view.state.created, st.context.timezone) if view.state else ""
        names[RUN + view.id] = " · ".join(filter(None, (f"run {view.name}", when, view.word)))
    return names


def _choose(editor: Editor, groups: dict[str, list[str]]) -> None:
    chosen = st.session_state[PICKER]
    _begin(editor, groups[chosen][0] if chosen in groups else chosen)


def _begin(editor: Editor, start: str) -> None:
    try:
        editor.begin(start)
    except AdaspecError as error:  # deleted meanwhile
        editor.complaint = str(error)


def _cells(editor: Editor, cells: list[str]) -> None:
    """One control for each axis of a matrix."""
    group, _, current = editor.start.partition("/")
    chosen = current.split("-")
    axes = zip(*(cell.partition("/")[2].split("-") for cell in cells), strict=True)
    with st.container(horizontal=True):
        for i, values in enumerate(axes):
            key = f"train-axis-{i}"
            if st.session_state.get(key) != chosen[i]:
                st.session_state[key] = chosen[i]
            st.segmented_control(
                f"Axis {i + 1} of {group}",
                list(dict.fromkeys(values)),
                required=True,
                key=key,
                label_visibility="collapsed",
                on_change=_choose_cell,
                args=(editor, group, len(chosen)),
            )


def _choose_cell(editor: Editor, group: str, axes: int) -> None:
    values = [st.session_state[f"train-axis-{i}"] for i in range(axes)]
    _begin(editor, f"{group}/{'-'.join(values)}")
