"""Links between pages, and widgets whose values are the page's address: a link is the view.

A value that a link asks for and that is not offered is reported and ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from adaspec import ASSETS
from app.shell import words

PAGES = {
    "home": "home",
    "learn": "menu_book",
    "runs": "list",
    "train": "model_training",
    "tokens": "grain",
    "filter": "tune",
    "replay": "play_circle",
    "compare": "compare_arrows",
    "ablation": "science",
    "planner": "speed",
    "classroom": "school",
}
"""Script in `pages/` and address -> icon of Material Symbols, in the order of the menu."""

RUN = "run"  # the query parameter
LEFT = "adaspec-left"
"""Where the browser keeps the link of the page that was left last."""
MOST, LONGEST = 200, 20_000  # values in a link, and letters of all together
_KEPT = "kept-run"
_BACKS = "link-backs"  # how often the browser went back or on
# Widgets that show what the address says begin with one of these.
_OF_ADDRESS = ("link-", "compare-with-", "compare-drafts-", "replay-", "own-", "with-")
_TICKET = "-ticket"  # ends the key of a question to a model, which is asked anew if it is another

# Once a browser page, however often the script runs. Home itself is no place to come back to. An
# entry of the browser's history is something that the viewer did: Streamlit makes one of every
# parameter that changes, also of those that the page fills in.
_KEEP_PLACE = f"""<script>
if (!window.adaspecKeepsPlace) {{
  window.adaspecKeepsPlace = true;
  let acted = false;
  for (const name of ["pointerdown", "keydown", "input"])
    addEventListener(name, () => (acted = true), true);
  const push = history.pushState.bind(history);
  history.pushState = (state, title, link) => {{
    const elsewhere = new URL(link ?? "", location.href).pathname !== location.pathname;
    if (acted || elsewhere) push(state, title, link);
    else history.replaceState(state, title, link);
    acted = false;
  }};
  addEventListener("pagehide", () => {{
    const {{ pathname, search }} = location;
    if (pathname.endsWith("/")) return;
    const place = {{ link: pathname + search, title: document.title }};
    try {{ localStorage.setItem("{LEFT}", JSON.stringify(place)); }} catch {{}}
  }});
}}
</script>"""

T = TypeVar("T")


def page(name: str) -> Path:
    """The script of a page, as Streamlit wants it named."""
    return ASSETS.parent / "pages" / f"{name}.py"


def arrive(name: str) -> None:
    """Forget what was chosen on another page: on this one, the address decides.

    Streamlit would show the first option under a key that both pages have. A link that no page of
    the studio can have written is not followed.
    """
    values = [value for key in st.query_params for value in st.query_params.get_all(key)]
    if len(values) > MOST or sum(map(len, [*st.query_params, *values])) > LONGEST:
        st.query_params.clear()
        complain(f"A link has at most {MOST} values and {LONGEST:,} letters: this one is ignored.")
    back = _went_back()
    if back or st.session_state.get("arrived") != name:
        backs = st.session_state.get(_BACKS, 0) + back
        for key in map(str, list(st.session_state)):
            if key.startswith(_OF_ADDRESS) and not key.endswith(_TICKET):
                del st.session_state[key]
        st.session_state["arrived"], st.session_state[_BACKS] = name, backs


def _went_back() -> bool:
    """Whether the browser goes back or on in its history: then too the address decides."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def fresh(key: str) -> str:
    """The key of a widget that keeps its own state in the browser: another after each Back, so that
    it shows what the address says.
    """
    backs = st.session_state.get(_BACKS, 0)
    return f"{key}-{backs}" if backs else key


def keep_place() -> None:
    """Let the browser remember the page when it is left, for Home to lead back to it."""
    st.html(_KEEP_PLACE, unsafe_allow_javascript=True)


def keep_run(identity: str) -> None:
    """Remember the run that a page shows, for the pages that the menu opens next."""
    st.session_state[_KEPT] = identity


def kept_run() -> str | None:
    """The run that the viewer last saw; None on the first page."""
    return st.session_state.get(_KEPT)


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
