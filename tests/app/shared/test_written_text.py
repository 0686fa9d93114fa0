"""A viewer's own text comes back by its link, however long it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.shared import written_text
from app.shared.live_answer import MOST

LONG = "Zoë counts 🙂. " * 200


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADASPEC_HOME", str(tmp_path))
    return tmp_path


def script() -> None:
    from app.shared.written_text import written_text

    written_text("Prompt", "prompt", "own-prompt", "first", "Help.")


def opened(**link: str) -> AppTest:
    page = AppTest.from_function(script)
    for name, value in link.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def typed(text: str) -> str | None:
    """What the link says after a viewer has typed it."""
    page = opened()
    page.text_area[0].set_value(text).run()
    assert not page.exception
    values = page.query_params.get("prompt")
    return values[0] if isinstance(values, list) else values


@pytest.mark.parametrize("text", ["short", "~not an id", LONG, "🙂" * MOST])
def test_a_link_brings_it_back(text: str) -> None:
    link = typed(text)
    assert link is not None
    assert len(link) <= written_text.IN_LINK
    assert opened(prompt=link).text_area[0].value == text


def test_the_first_text_needs_no_link(home: Path) -> None:
    assert typed("first") is None
    assert list(home.iterdir()) == []


def test_one_text_is_kept_once_and_the_longest_unused_goes(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written_text, "KEPT", 2)
    first, second = (typed(f"{number} {LONG}") for number in (1, 2))
    for age, link in enumerate((second, first), 1):  # the first was looked at later
        path = home / "texts" / f"{str(link).removeprefix('~')}.txt"
        os.utime(path, (path.stat().st_mtime - 100 / age,) * 2)
    assert typed(f"1 {LONG}") == first
    typed(f"3 {LONG}")
    assert len(list((home / "texts").iterdir())) == 2
    assert opened(prompt=str(first)).text_area[0].value == f"1 {LONG}"
    gone = opened(prompt=str(second))
    assert gone.text_area[0].value == "first"
    assert "not kept here any more" in gone.warning[0].value


@pytest.mark.parametrize("link", ["~" + "0" * 16, "~" + "../" * 5 + "0"])
def test_a_link_reads_no_other_file(link: str) -> None:
    page = opened(prompt=link)
    assert page.text_area[0].value in ("first", link)


def test_what_nobody_typed_is_not_shown(home: Path) -> None:
    link = typed(LONG)
    assert link is not None
    (path,) = (home / "texts").iterdir()
    for content, fault in ((bytes(written_text.LARGEST + 1), "bytes"), (b"\xff", "not UTF")):
        path.write_bytes(content)
        page = opened(prompt=link)
        assert page.text_area[0].value == "first"
        assert fault in page.warning[0].value


def test_on_a_full_disk_the_text_stays_on_the_page(home: Path) -> None:
    (home / "texts").write_text("a file where the folder should be")
    page = opened()
    page.text_area[0].set_value(LONG).run()
    assert not page.exception
    assert page.text_area[0].value == LONG
    assert "prompt" not in page.query_params
