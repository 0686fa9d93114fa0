"""`notes.json`: what people wrote about a run; apart from run.json, which is the training's."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from adaspec import AdaspecError, files
from adaspec.runs.contract import Contract, Part
from adaspec.runs.folder import Run

LONGEST_TAG, MOST_TAGS, LONGEST_NOTE = 30, 12, 4000  # letters, tags a run, letters

Tag = Annotated[str, Field(min_length=1, max_length=LONGEST_TAG)]


class Notes(Part):
    """The content of `notes.json`.

    Attributes:
        tags: short words to find runs by, each once.
        note: plain text, of any number of lines.
    """

    version: Literal[1] = 1
    tags: Annotated[list[Tag], Field(max_length=MOST_TAGS)] = Field([])
    note: Annotated[str, Field(max_length=LONGEST_NOTE)] = ""


NOTES: Contract[Notes] = Contract(Notes, remedy="Remove it, or write the note again.")


def read_notes(run: Run) -> Notes:
    """What people wrote about the run; nothing where nobody wrote.

    Raises:
        Unreadable: it is damaged.
    """
    return NOTES.read(run.notes_file) if files.exists(run.notes_file) else Notes()


def write_notes(run: Run, tags: list[str], note: str) -> Notes:
    """Replace the run's tags and note; also while it is trained.

    Raises:
        AdaspecError: what cannot be a tag or a note, or a bundled example.
    """
    tags = list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    if any(len(tag) > LONGEST_TAG or not tag.isprintable() or "," in tag for tag in tags):
        raise AdaspecError(f"A tag has 1 to {LONGEST_TAG} printable characters, and no comma.")
    if len(tags) > MOST_TAGS:
        raise AdaspecError(f"A run has at most {MOST_TAGS} tags: these are {len(tags)}.")
    note = note.strip()
    if len(note) > LONGEST_NOTE:
        raise AdaspecError(f"A note has at most {LONGEST_NOTE:,} letters: this has {len(note):,}.")
    if not all(line.isprintable() for line in note.replace("\t", " ").splitlines()):
        raise AdaspecError("A note is plain text: this has control characters.")
    if run.is_example:
        raise AdaspecError("A bundled example takes no notes.")
    notes = Notes(tags=tags, note=note)
    NOTES.write(run.notes_file, notes)
    return notes
