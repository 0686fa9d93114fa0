"""A new folder, filled out of sight and put in its place whole.

It grows inside a folder of this process alone, which says whose it is, so that the remains of a
killed process can be told from what somebody else keeps there.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from pydantic import ValidationError

from adaspec.runs.process import Process
from adaspec.runs.writing import require_leave, sync

SUFFIX = ".adaspec-new"
OWNER = "owner.json"


@contextmanager
def atomic_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """A new folder to fill, which becomes `path` if all went well.

    Args:
        replace: what is at `path` goes. Otherwise only an empty folder does.

    Raises:
        OSError: there is something at `path`, or it cannot be written there.
    """
    require_leave()
    path.parent.mkdir(parents=True, exist_ok=True)
    clear(path)
    prefix = f".{path.name[:40]}."  # of a name that is as long as it may be, a part
    workshop = Path(tempfile.mkdtemp(prefix=prefix, suffix=SUFFIX, dir=path.parent))
    try:
        (workshop / OWNER).write_text(Process.this().model_dump_json(), encoding="utf-8")
        new = workshop / "new"
        new.mkdir()
        yield new
        for file in [*new.rglob("*"), new]:
            sync(file)
        require_leave()
        if replace and path.exists():
            path.rename(workshop / "old")
        new.rename(path)
        sync(path.parent)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def clear(path: Path) -> None:
    """Remove what processes of this machine that were killed have left beside `path` of it."""
    for workshop in path.parent.glob(f".{escape(path.name[:40])}.*{SUFFIX}"):
        try:
            owner = Process.model_validate_json((workshop / OWNER).read_bytes())
        except (OSError, ValidationError):  # somebody else's
            continue
        if owner.host == socket.gethostname() and not owner.alive():
            shutil.rmtree(workshop, ignore_errors=True)
