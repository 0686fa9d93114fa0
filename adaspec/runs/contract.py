"""The one door to the files of a run folder: read, brought up to date, or refused in a line.

A file's contract is a pydantic model and the number of its version. What is read is checked type by
type; a file of an older version is brought up to today's, a newer one or a damaged one is refused
with its name and the reason. Files written before versions were numbered are of version 1.

Any change of a model is a new version of the files that hold it, with an `upgrade` where the old
form does not fit the new model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from adaspec import AdaspecError
from adaspec.runs.writing import write_atomic

MEASURE = "adaspec measure makes it anew."

T = TypeVar("T")
Content = dict[str, Any]
Count = Annotated[int, Field(ge=0, lt=1 << 63)]
AtLeastOne = Annotated[int, Field(ge=1, lt=1 << 63)]
Name = Annotated[str, Field(pattern=r"^[^./\\\x00][^/\\\x00]*$", max_length=255)]
"""Of a draft, a stage or a model: a file's or folder's name is made of it."""
Interval = tuple[float, float]
"""The ends of a 95 % bootstrap interval."""


class Unreadable(AdaspecError):
    """A file of a run folder that cannot be used as it is.

    Attributes:
        path: the file.
        reason: what is wrong with it, without its name.
    """

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path} {reason}")


class Part(BaseModel):
    """A piece of a file: immutable, with finite numbers and no other fields than these."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Contract(Generic[T]):
    """How the files of one kind are read and written.

    Args:
        model: a pydantic model, dataclass or union of them; has a field `version`, whose only
            value is `version`.
        upgrade: makes the content of version n that of version n + 1; by default they are alike.
            A ValueError says why it cannot; other errors count as damage too.
        remedy: what to do about a damaged file, a sentence.
    """

    def __init__(
        self,
        model: Any,
        version: int = 1,
        upgrade: Callable[[Content, int], Content] = lambda content, version: content,
        remedy: str = "",
    ) -> None:
        self.version = version
        self._adapter: TypeAdapter[T] = TypeAdapter(model)
        self._upgrade, self._remedy = upgrade, remedy

    def read(self, path: Path) -> T:
        """What a file says.

        Raises:
            Unreadable: it is not there, damaged, or of a version that is not known.
        """
        data = read_bytes(path)
        try:
            content = from_json(data)
        except ValueError as error:
            raise self._damaged(path, str(error)) from None
        if not isinstance(content, dict):
            raise self._damaged(path, "not an object")
        return self._checked(content, data, path, "")

    def dump(self, content: T) -> bytes:
        """Content as it is written, indented JSON."""
        return self._adapter.dump_json(content, indent=1)

    def write(self, path: Path, content: T) -> None:
        write_atomic(path, self.dump(content))

    def schema(self) -> Content:
        """The JSON schema of what is written."""
        return self._adapter.json_schema(mode="serialization")

    def _checked(self, content: Content, data: bytes, path: Path, where: str) -> T:
        version = content.get("version", 1)
        if type(version) is not int or version < 1:
            raise self._damaged(path, f"{where}version: not a number from 1")
        if version > self.version:
            newest = f"this adaspec reads up to {self.version}"
            raise Unreadable(path, f"is of a newer version, and {newest}: update it.")
        if version < self.version:
            data = to_json(self._upgraded(content, version, path, where))
        try:
            return self._adapter.validate_json(data, strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(map(str, first["loc"]))
            raise self._damaged(path, f"{where}{field}: {first['msg']}") from None

    def _upgraded(self, content: Content, version: int, path: Path, where: str) -> Content:
        try:
            for number in range(version, self.version):
                content = self._upgrade(content, number)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            reason = f"{where}version {version}: {error}"
            raise self._damaged(path, reason) from None
        return content | {"version": self.version}

    def _damaged(self, path: Path, reason: str) -> Unreadable:
        return Unreadable(path, f"is damaged ({reason}). {self._remedy}".rstrip())


class Rows(Contract[T]):
    """How the lines of a `.jsonl` file are read and written: every row has its version."""

    def rows(self, lines: Iterable[bytes], path: Path, first: int = 1) -> Iterator[T]:
        """The rows of a `.jsonl` file; a line torn by a crash is passed over.

        Args:
            first: the number of the first of these lines, for messages.

        Raises:
            Unreadable: a whole line is not a row, or of a version that is not known.
        """
        for number, line in enumerate(lines, first):
            try:
                content = from_json(line)
            except ValueError:
                continue
            if isinstance(content, dict):
                yield self._checked(content, line, path, f"line {number}, ")

    def line(self, row: T) -> bytes:
        """A row as one line of JSON; what it does not say is left out."""
        return self._adapter.dump_json(row, exclude_none=True)

    def schema(self) -> Content:
        """The JSON schema of a row; what it does not say is not there."""
        return self._adapter.json_schema(mode="validation")


def stamp(path: Path) -> tuple[int, int]:
    """When a file was written, and how long it is: what is read again when it changes.

    Raises:
        Unreadable: there is none.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise Unreadable(path, f"cannot be read: {error.strerror}.") from None
    return status.st_mtime_ns, status.st_size


def read_bytes(path: Path) -> bytes:
    """A regular file's bytes.

    Raises:
        Unreadable: there is none.
    """
    try:
        if not path.is_file():  # a pipe would wait for ever
            raise Unreadable(path, "is not a file." if path.exists() else "is not there.")
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(path, f"cannot be read: {error.strerror}.") from None
