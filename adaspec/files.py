"""Reading what somebody else has written: regular files only, and only so much of them.

A pipe would wait for ever, and a device such as /dev/zero never ends.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from adaspec import AdaspecError


def read(path: Path, largest: int) -> bytes:
    """The bytes of a regular file.

    Args:
        largest: bytes that it may have.

    Raises:
        FileNotFoundError: there is none.
        AdaspecError: it cannot be read, or is larger. The message says what is the matter without
            the name of the file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe opens without a writer
    except FileNotFoundError:
        raise
    except OSError as error:
        raise AdaspecError(f"cannot be read: {error.strerror}.") from None
    except ValueError:  # a NUL, or half of a surrogate pair
        raise AdaspecError("is no name that a file can have.") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise AdaspecError("is not a file.")
    with os.fdopen(descriptor, "rb") as file:
        try:
            content = file.read(largest + 1)
        except OSError as error:
            raise AdaspecError(f"cannot be read: {error.strerror}.") from None
    if len(content) > largest:
        raise AdaspecError(f"has more than {largest:,} bytes.")
    return content


def read_text(path: Path, largest: int) -> str:
    """The same of a file in UTF-8, without the mark at its beginning that some programs write."""
    try:
        return read(path, largest).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AdaspecError(f"is not UTF-8 (byte {error.start}).") from None


def exists(path: Path) -> bool:
    """Whether something is there, be it a link to nowhere; nothing is under a name that no file
    can have."""
    return os.path.lexists(path)  # Path.exists raises where a name is too long


def is_file(path: Path) -> bool:
    """The same of a regular file."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: Path) -> bool:
    """The same of a folder."""
    return os.path.isdir(path)  # noqa: PTH112
