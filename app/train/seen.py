"""What models see of the first rows: tokens, those of the answer marked. Before anything starts.

A separate process opens the target's tokenizer; nobody waits for it, and only one is at work.
"""

from __future__ import annotations

from html import escape

import streamlit as st

from adaspec import AdaspecError
from adaspec.preview import MOST_TOKENS, Preview, SeenRow, SeenToken, preview
from adaspec.recipe import Recipe, digest
from app.shared.line import Line
from app.shell import access, words

WAITING = 20  # recipes at most whose rows are being looked at, or wait to be
REMEMBERED = 32  # the last asked for


_line: Line[Preview] = Line(
    WAITING,
    REMEMBERED,
    f"The first rows of {WAITING} other recipes are asked for: ask again later.",
)


def what_models_see(now: Recipe) -> None:
    """The first rows as tokens, once somebody asks for them."""
    with st.expander("What the model sees"):
        sight = _line.of(_key(now))
        live = sight is not None and sight.live
        st.fragment(_show, run_every=1.0 if live else None)(now, live)


def begin(now: Recipe) -> None:
    """Find it out in the background, unless that is being done.

    Raises:
        AdaspecError: the recipe reads what it may not, or too many others are waiting.
    """
    admitted = access.admitted(now)
    _line.begin(_key(admitted), lambda: preview(admitted))


def _key(now: Recipe) -> str:
    """Equal for recipes of whose rows models see the same."""
    return digest([now.target.model_dump(mode="json"), now.data.model_dump(mode="json")])


def _show(now: Recipe, was_live: bool) -> None:
    sight = _line.of(_key(now))
    if sight and sight.live:
        st.caption("Opening the target's tokenizer. You can keep working meanwhile.")
        return
    if was_live:
        st.rerun()
    if sight and sight.result:
        _rows(now, sight.result)
        return
    if sight and sight.error:
        st.warning(words.plain(sight.error), icon=":material/warning:")
    may_start = access.person().may_start
    st.caption("The first rows as tokens, with the answer marked, before anything starts.")
    asked = st.button(
        "Show the first rows as tokens",
        key="train-see",
        icon=":material/visibility:",
        disabled=not may_start,
        help="Takes about 10 seconds." if may_start else "Sign in to look.",
    )
    if asked and may_start:
        try:
            begin(now)
        except AdaspecError as error:
            st.warning(words.plain(str(error)), icon=":material/hourglass_top:")
        else:
            st.rerun()


def _rows(now: Recipe, seen: Preview) -> None:
    learnt = "The answer is marked."
    if now.stage0 or now.stage1:
        learnt = "The answer is marked: those tokens, and only those, are learnt."
    if now.data.responses != "data":
        learnt += " The target writes its own answers to these prompts once the run has begun."
    st.caption(learnt)
    for row in seen.rows:
        st.caption(_in_words(row))
        st.html(f'<div class="seen">{"".join(map(_span, row.tokens))}</div>')


def _span(token: SeenToken) -> str:
    return f'<span class="{token.part}" title="{token.id}">{escape(_visible(token.text))}</span>'


def _visible(text: str) -> str:
    """Line ends as a sign and a line end; what cannot be printed as a sign."""
    return "".join("⏎\n" if sign == "\n" else sign if sign.isprintable() else "␦" for sign in text)


def _in_words(row: SeenRow) -> str:
    if not row.length:
        return "Left out: no answer is left within the longest sequence."
    tokens = words.counted(row.length, "token")
    answer = f", {words.count(row.answer)} of them the answer" if row.answer else ""
    shown = f", the first {words.count(MOST_TOKENS)} shown" if row.length > MOST_TOKENS else ""
    cut = ". It is cut off, and so does not end" if row.cut else ""
    return f"{tokens}{answer}{shown}{cut}."
