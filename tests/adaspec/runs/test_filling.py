"""A folder appears whole or not at all, and nobody else's is touched on the way."""

import multiprocessing
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from adaspec import AdaspecError, recipe, runs
from adaspec.runs import filling
from adaspec.runs.filling import atomic_folder

KILLED = """
import os, signal, sys
from pathlib import Path
from adaspec.runs import atomic_folder
with atomic_folder(Path(sys.argv[1])) as new:
    (new / "half").write_text("x")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fill(folder: Path, content: str, *, replace: bool = False) -> None:
    with atomic_folder(folder, replace=replace) as new:
        (new / "file").write_text(content)


def test_it_is_there_whole_or_not_at_all(tmp_path) -> None:
    with suppress(RuntimeError), atomic_folder(tmp_path / "f") as new:
        (new / "half").write_text("x")
        raise RuntimeError
    assert names(tmp_path) == []
    fill(tmp_path / "f", "whole")
    assert names(tmp_path) == ["f"]
    assert names(tmp_path / "f") == ["file"]


def test_what_is_there_stays_but_for_an_empty_folder(tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    fill(tmp_path / "empty", "new")
    with pytest.raises(OSError, match="not empty"):
        fill(tmp_path / "empty", "newer")
    (tmp_path / "file").write_text("somebody's")
    with pytest.raises(NotADirectoryError):
        fill(tmp_path / "file", "mine")
    assert (tmp_path / "empty/file").read_text() == "new"
    assert (tmp_path / "file").read_text() == "somebody's"
    assert names(tmp_path) == ["empty", "file"]


def test_what_is_there_is_replaced_on_request(tmp_path) -> None:
    fill(tmp_path / "f", "old")
    fill(tmp_path / "f", "new", replace=True)
    assert (tmp_path / "f/file").read_text() == "new"
    assert names(tmp_path) == ["f"]


def test_a_killed_ones_rest_is_cleared_by_the_next(tmp_path) -> None:
    for _ in range(2):
        killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "f")], check=False)
        assert killed.returncode == -signal.SIGKILL
        assert len(names(tmp_path)) == 1
    fill(tmp_path / "f", "whole")
    assert names(tmp_path) == ["f"]


@pytest.mark.parametrize(
    "somebodys", [".f.new", ".f.1.adaspec-new", ".f..adaspec-new", ".fg.x.adaspec-new"]
)
def test_somebody_elses_folders_stay(tmp_path, somebodys) -> None:
    for content in ("", "{}", '{"pid": 1}'):
        folder = tmp_path / somebodys
        folder.mkdir(exist_ok=True)
        (folder / filling.OWNER).write_text(content)
        fill(tmp_path / "f", "mine", replace=True)
        assert (folder / filling.OWNER).read_text() == content
    assert names(tmp_path) == sorted([somebodys, "f"])


def test_one_that_is_still_filled_stays(tmp_path) -> None:
    with atomic_folder(tmp_path / "f") as new:
        (new / "file").write_text("first")
        fill(tmp_path / "f", "second")
        assert (new / "file").exists()
        (tmp_path / "f/file").unlink()
    assert (tmp_path / "f/file").read_text() == "first"


def test_the_longest_names_work(tmp_path) -> None:
    for name in ("f" * 255, "é" * 127):
        fill(tmp_path / name, "x")
    with pytest.raises(OSError, match="too long"):
        fill(tmp_path / ("f" * 256), "x")


def create(folder: Path, begin: object, answers: object) -> None:
    begin.wait()
    try:
        runs.create(recipe.load("tiny"), folder)
        answers.put("created")
    except AdaspecError as error:
        answers.put(str(error))


def test_of_processes_that_create_one_run_at_once_one_wins(tmp_path) -> None:
    context = multiprocessing.get_context("fork")
    for number in range(5):
        folder = tmp_path / f"r{number}"
        begin, answers = context.Barrier(6), context.Queue()
        processes = [
            context.Process(target=create, args=(folder, begin, answers)) for _ in range(6)
        ]
        for process in processes:
            process.start()
        said = sorted(answers.get(timeout=60) for _ in processes)
        for process in processes:
            process.join()
        assert said.count("created") == 1
        assert all("choose another" in line for line in said if line != "created")
        assert runs.read_recipe(runs.Run(folder)) == recipe.load("tiny")
    assert names(tmp_path) == [f"r{number}" for number in range(5)]


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_said(tmp_path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(AdaspecError, match="Cannot create the run folder"):
        runs.create(recipe.load("tiny"), tmp_path / "r")
