"""Writing so that a reader, or a crash, sees a file as it was or as it will be, whole.

Whole files are replaced at once (folders: `filling`); `.jsonl` files grow line by line. Just before
anything can be seen, this process makes sure that it still may: see `fence`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_checks: list[Callable[[], object]] = []


def fence(check: Callable[[], object]) -> None:
    """Have `check` called before each write. It ends the process, or raises, where there is none.

    An attempt at a job may sleep for longer than its lease, at any moment, and wake up beside its
    successor.
    """
    _checks.append(check)


def require_leave() -> None:
    """Nothing may be written from here on unless this returns."""
    for check in _checks:
        check()


def append_line(path: Path, row: bytes) -> None:
    """One row at the end of a `.jsonl` file, on a line of its own even after a torn one."""
    require_leave()
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            torn = file.read(1) != b"\n"
        else:
            torn = False
        require_leave()
        file.write((b"\n" if torn else b"") + row + b"\n")


def write_atomic(path: Path, content: str | bytes) -> None:
    """Replace a file so that a reader, or a crash, sees the old one or the new one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    with atomic_file(path) as new:
        new.write_bytes(data)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A new file to write in the same folder, which replaces `path` if all went well."""
    require_leave()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    new = Path(name)
    try:
        yield new
        new.chmod(0o644)
        sync(new)
        require_leave()
        new.replace(path)
        sync(path.parent)
    finally:
        new.unlink(missing_ok=True)


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
