"""Figures' files come from a process of their own: it is bounded, and other threads go on."""

from __future__ import annotations

import io
import subprocess
import threading
import time
import zipfile

import altair as alt
import pandas as pd
import pytest

from adaspec import AdaspecError, figures
from app.shared import figure


def chart() -> figures.Figure:
    frame = pd.DataFrame({"x": [1, 2], "y": [1, 2]})
    return alt.layer(alt.Chart(frame).mark_line().encode(x="x", y="y")).properties(title="one")


def test_the_server_goes_on_while_figures_are_drawn() -> None:
    made: list[bytes] = []
    drawing = threading.Thread(target=lambda: made.append(figure.archive({"one": chart()})))
    drawing.start()
    pauses, before = [], time.monotonic()
    while drawing.is_alive():
        time.sleep(0.01)
        pauses.append(time.monotonic() - before)
        before = time.monotonic()
    assert len(pauses) > 50  # it would be a handful: the engine holds Python's lock
    with zipfile.ZipFile(io.BytesIO(made[0])) as file:
        assert sorted(file.namelist()) == ["one.html", "one.png", "one.svg"]


def test_the_bundle_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "vegaEmbed" in figure.bundle()
    monkeypatch.setattr(subprocess, "run", None)
    assert "vegaEmbed" in figure.bundle()


def test_what_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figure, "PATIENCE", 0.01)
    with pytest.raises(AdaspecError, match="could not be drawn"):
        figure.archive({"one": chart()})
    monkeypatch.setattr(figure, "TURN", 0.01)
    with figure._turn, pytest.raises(AdaspecError, match="try again"):
        figure.archive({"one": chart()})
