"""Tags and a note on a run: kept beside the training, within bounds, refused in a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from adaspec import AdaspecError, runs
from adaspec.recipe import Recipe
from adaspec.runs import Notes, Run, Unreadable
from tests.adaspec.test_cli import adaspec, one_line_error


def test_notes_survive_what_the_training_writes(home: Path, mini: Recipe) -> None:
    run = runs.create(mini)
    assert runs.read_notes(run) == Notes()
    runs.write_notes(run, [" paper ", "λ", "paper", " "], " Two lines\nof text. ")
    runs.write_state(run, runs.read_state(run))
    assert runs.read_notes(run) == Notes(tags=["paper", "λ"], note="Two lines\nof text.")


@pytest.mark.parametrize(
    ("tags", "note", "reason"),
    [
        (["x" * 31], "", "1 to 30 printable characters"),
        (["a\nb"], "", "1 to 30 printable characters"),
        (["a,b"], "", "no comma"),
        (["\u202eevil"], "", "printable"),
        ([str(number) for number in range(13)], "", "at most 12 tags: these are 13"),
        ([], "x" * 4001, "at most 4,000 letters: this has 4,001"),
        ([], "a\x00b", "control characters"),
    ],
)
def test_what_is_no_note(home: Path, mini: Recipe, tags: list[str], note: str, reason: str) -> None:
    run = runs.create(mini)
    runs.write_notes(run, ["kept"], "kept")
    with pytest.raises(AdaspecError, match=reason):
        runs.write_notes(run, tags, note)
    assert runs.read_notes(run) == Notes(tags=["kept"], note="kept")


def test_the_example_takes_none(home: Path) -> None:
    with pytest.raises(AdaspecError, match="takes no notes"):
        runs.write_notes(Run(runs.EXAMPLES["example"]), ["x"], "")


def test_damaged_notes_say_so(home: Path, mini: Recipe) -> None:
    run = runs.create(mini)
    run.notes_file.write_text('{"version": 1, "tags": [1]}')
    with pytest.raises(Unreadable, match=r"notes\.json is damaged \(tags"):
        runs.read_notes(run)


def test_from_a_terminal(home: Path, mini: Recipe) -> None:
    identity = runs.create(mini).path.name
    assert adaspec("note", identity, home=home).stdout == "tags: none\nno note\n"
    adaspec("note", identity, "--tags", "paper,good", "--text", "Figure 3.", home=home)
    said = adaspec("note", identity, "--tags", "", home=home).stdout
    assert said == "tags: none\nFigure 3.\n"
    assert "A tag has 1 to 30" in one_line_error(
        adaspec("note", identity, "--tags", "x" * 99, home=home)
    )
