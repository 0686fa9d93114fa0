"""A figure of `adaspec.figures` on a page, and its files.

Its specification is made once for all viewers: to make one takes half a second. Streamlit is given
it as it is, without a theme: its text has the colour of the page's. Files are drawn in a process of
their own, for one viewer at a time.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import Any

import streamlit as st

from adaspec import AdaspecError, figures
from adaspec.figures import Figure

Specification = Mapping[str, Any]

PATIENCE = 120.0  # seconds for the files of one page
TURN = 60.0  # seconds to wait until those of others are drawn

_turn = Lock()


def show(figure: Specification, key: str) -> None:
    """Draw a figure as wide as there is room.

    Args:
        figure: as `figures.specification` gives it.
    """
    with st.container(key=key):
        st.vega_lite_chart(spec=dict(figure), theme=None, width="stretch")


def show_in_pairs(figures: Mapping[str, Specification], key: str) -> None:
    """Draw figures two in a row; each has its name in its key."""
    named = list(figures.items())
    for pair in zip(named[::2], [*named[1::2], None], strict=False):
        columns = st.columns(2, gap="large")
        for column, each in zip(columns, pair, strict=True):
            if each:
                with column:
                    show(each[1], f"{key}-{each[0]}")


def archive(charts: Mapping[str, Figure]) -> bytes:
    """Every figure as SVG, PNG and HTML, in a ZIP file.

    Raises:
        AdaspecError: too many others want theirs, or it took too long.
    """
    named = {name: figures.specification(chart, "light") for name, chart in charts.items()}
    return _apart("archive", json.dumps(named))


@cache
def bundle() -> str:
    """`figures.bundle`.

    Raises:
        AdaspecError: as `archive`.
    """
    return _apart("bundle", "").decode()


def _apart(what: str, specifications: str) -> bytes:
    """What `python -m adaspec.figures` makes."""
    if not _turn.acquire(timeout=TURN):
        raise AdaspecError("Others are drawing figures: try again in a minute.")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "adaspec.figures", what],
            input=specifications.encode(),
            stdout=subprocess.PIPE,
            timeout=PATIENCE,
            check=True,
        )
    except subprocess.SubprocessError as error:
        raise AdaspecError(f"The figures could not be drawn: {error}") from None
    finally:
        _turn.release()
    return done.stdout
