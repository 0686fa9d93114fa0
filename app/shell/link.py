"""Links between pages, and widgets whose values are the page's address: a link is the view.

A value that a link asks for and that is not offered is reported and ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import streamlit as st

from adaspec import ASSETS
from app.shell import words

T = TypeVar("T")


def page(name: str) -> Path:
    """The script of a page, as Streamlit wants it named."""
    return ASSETS.parent / "pages" / f"{name}.py"


def arrive(name: str) -> None:
    """Forget what was chosen on another page: on this one, the address decides.

    Streamlit would show the first option under a key that both pages have.
    """
    if st.session_state.get("arrived") != name:
        for key in [key for key in st.session_state if str(key).startswith("link-")]:
            del st.session_state[key]
        st.session_state["arrived"] = name


def choice(
    label: str,
    name: str,
    options: list[T],
    *,
    default: T | None = None,
    format_func: Callable[[T], str] = str,
    always: bool = False,
    **more: Any,
) -> T:
    """A select box under a query parameter's name.

    Args:
        options: at least one; their texts are distinct.
        default: what is chosen if the link does not say; by default the first.
        always: name the default in the link too, because it changes over time.
    """
    key = f"link-{name}"
    texts = [str(option) for option in options]
    first = texts[options.index(default)] if default in options else texts[0]
    asked = st.query_params.get(name)
    if asked is not None and asked not in texts:
        complain(f"There is no {label.lower()} {asked[:40]!r} here. This is {first!r}.")
    if st.session_state.get(key) not in texts:
        st.session_state[key] = asked if asked in texts else first
    by_text = dict(zip(texts, options, strict=True))
    chosen = st.selectbox(
        label, texts, key=key, format_func=lambda option: format_func(by_text[option]), **more
    )
    if chosen == first and not always:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = cast(str, chosen)
    return by_text[cast(str, chosen)]


def text(label: str, name: str, **more: Any) -> str:
    """A text field under a query parameter's name."""
    key = f"link-{name}"
    if key not in st.session_state:
        st.session_state[key] = st.query_params.get(name, "")
    typed: str = st.text_input(label, key=key, **more)
    if typed:
        st.query_params[name] = typed
    else:
        st.query_params.pop(name, None)
    return typed


def number(name: str, low: float, high: float) -> float | None:
    """A number that the link asks for; None if it asks for none or for an impossible one."""
    asked = st.query_params.get(name)
    if asked is None:
        return None
    try:
        value = float(asked)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        complain(f"{name}={asked[:40]} in the link is not a number from {low:g} to {high:g}.")
        return None
    return value


def complain(what: str) -> None:
    """Say what is wrong with a link."""
    st.warning(words.plain(what), icon=":material/link_off:")
