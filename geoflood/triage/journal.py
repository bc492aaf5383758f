"""What happened, line by line: append-only, each line sealed by the hash of the one before it.

A line is a JSON object {"n": number, "at": UTC, "kind": ..., ..., "before": SHA-256 of the line before}. A
changed, removed or added line breaks the chain for everyone who reads it. A last line without its end is what
a power cut or kill -9 leaves: it is dropped when work goes on, and was never counted as done.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from geoflood.core.errors import InputError, UsageError
from geoflood.core.files import LockedError, locked

__all__ = ["NAME", "Journal", "JournalLine", "line_at", "read_journal"]

NAME = "journal.jsonl"
FIRST = hashlib.sha256(b"geoflood journal 1").hexdigest()
"""Stands before the first line."""
MAX_LINE = 64_000_000
"""Bytes; what is longer was not written here."""
_HINT = "keep the folder as it is for who asks, and begin in another one"


@dataclass(frozen=True, slots=True)
class JournalLine:
    """A line of the journal."""

    number: int
    start: int
    """Bytes into the file."""
    sha256: str
    content: dict[str, Any]

    @property
    def kind(self) -> str:
        """What happened."""
        return str(self.content["kind"])


def read_journal(folder: Path) -> Iterator[JournalLine]:
    """Every whole line of a folder's journal, its chain checked on the way.

    Raises InputError when there is none, or at the line from which it is not what was written.
    """
    path = folder / NAME
    try:
        with path.open("rb") as file:
            yield from _checked(file, path)
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror}", "give a folder that geoflood batch-locate wrote"
        ) from error


def _checked(file: BinaryIO, path: Path) -> Iterator[JournalLine]:
    before, start, number = FIRST, 0, 0
    while (raw := file.readline(MAX_LINE)) and raw.endswith(b"\n"):
        number += 1
        try:
            content = json.loads(raw)
            whole = content["n"] == number and content["before"] == before and bool(content["kind"])
        except (ValueError, TypeError, KeyError, RecursionError):
            whole = False
        if not whole:
            raise InputError(f"{path}: line {number} is not what was written", _HINT)
        before = hashlib.sha256(raw).hexdigest()
        yield JournalLine(number, start, before, content)
        start += len(raw)
    if len(raw) == MAX_LINE:
        raise InputError(f"{path}: line {number + 1} is not what was written", _HINT)


def line_at(file: BinaryIO, start: int) -> dict[str, Any]:
    """The content of the line that begins at `start` of an open journal, already checked."""
    file.seek(start)
    content: dict[str, Any] = json.loads(file.readline())
    return content


class Journal:
    """A journal that is written to, by one process at a time; a context manager.

    Opening it replays it: `replay` yields every line before the first new one may be written. Raises
    InputError when it was altered, UsageError when another process writes to it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._head, self._count = FIRST, 0
        self._file: BinaryIO | None = None
        self._lock = ExitStack()

    def __enter__(self) -> Journal:
        try:
            self._lock.enter_context(locked(self.folder / f".{NAME}.lock"))
        except LockedError:
            raise UsageError(
                f"{self.folder} is being written to by another geoflood", "wait for it, or name another --out"
            ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()
        self._lock.close()

    def replay(self) -> Iterator[JournalLine]:
        """Every line there is; then the journal is open for writing, a torn last line cut off."""
        path = self.folder / NAME
        path.touch()
        for line in read_journal(self.folder):
            self._count, self._head = line.number, line.sha256
            yield line
        self._file = path.open("rb+")
        end = _whole_bytes(self._file)
        self._file.truncate(end)
        self._file.seek(end)

    def append(self, kind: str, *, durable: bool = False, **content: Any) -> None:
        """Add a line; when `durable`, it and all before it are on the disk before this returns."""
        assert self._file, "replay first"
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        told = {"n": self._count + 1, "at": at, "kind": kind, **content, "before": self._head}
        raw = json.dumps(told, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        self._file.write(raw)
        self._file.flush()
        if durable:
            os.fsync(self._file.fileno())
        self._count, self._head = self._count + 1, hashlib.sha256(raw).hexdigest()


def _whole_bytes(file: BinaryIO) -> int:
    """Bytes up to the end of the last line that has one."""
    size = file.seek(0, os.SEEK_END)
    at = size
    while at:
        step = min(at, 65_536)
        file.seek(at - step)
        found = file.read(step).rfind(b"\n")
        if found >= 0:
            return at - step + found + 1
        at -= step
    return 0
