"""A process that may not write any more changes nothing, wherever it was when it lost its leave."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adaspec import pipeline, runs
from adaspec.runs import writing


class Gone(Exception):
    """In place of the end of the process."""


@pytest.fixture
def leave(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Whether this process may write, at each of the next checks; the last holds for good."""
    answers = [True]
    monkeypatch.setattr(writing, "_checks", [])

    def check() -> None:
        if not (answers.pop(0) if len(answers) > 1 else answers[0]):
            raise Gone

    runs.fence(check)
    return answers


news = itertools.count()


def append(folder: Path) -> None:
    runs.append_line(folder / "rows.jsonl", b"{}")


def replace(folder: Path) -> None:
    runs.write_atomic(folder / "state.json", f"{next(news)}")


def fill(folder: Path) -> None:
    with runs.atomic_folder(folder / "model", replace=True) as new:
        (new / "weights").write_text(f"{next(news)}")


@pytest.mark.parametrize("write", [append, replace, fill])
@pytest.mark.parametrize("checks", [[False], [True, False]], ids=["before", "in the midst"])
def test_nothing_is_written_without_leave(
    tmp_path: Path, leave: list[bool], write: Callable[[Path], None], checks: list[bool]
) -> None:
    write(tmp_path)
    before = content(tmp_path)
    leave[:] = checks
    with pytest.raises(Gone):
        write(tmp_path)
    assert content(tmp_path) == before


def test_nor_does_it_say_anything(tmp_path: Path, leave: list[bool]) -> None:
    with pipeline._log_to(tmp_path / "log.txt"):
        log = logging.getLogger("adaspec")
        log.info("here")
        leave[:] = [False]
        with pytest.raises(Gone):
            log.info("still here")
    assert (tmp_path / "log.txt").read_text().endswith("here\n")
    assert "still" not in (tmp_path / "log.txt").read_text()


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
