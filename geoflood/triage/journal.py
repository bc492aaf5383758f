"""What happened, line by line: append-only, each line sealed by the hash of the one before it.

A line is a JSON object {"n": number, "at": UTC, "kind": ..., ..., "before": SHA-256 of the line before}. A
changed, removed or added line breaks the chain for everyone who reads it. A last line without its end is what
a power cut or kill -9 leaves: it is dropped when the next line is written, and was never counted as done.
A command reads the journal once; what else wants to know its lines follows that reading.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TypeAlias

from geoflood.core.errors import InputError, UsageError
from geoflood.core.files import LockedError, locked

__all__ = ["NAME", "Follower", "Journal", "JournalLine", "UnwrittenJournal", "line_at", "read_journal"]

NAME = "journal.jsonl"
FIRST = hashlib.sha256(b"geoflood journal 1").hexdigest()
"""Stands before the first line."""
MAX_LINE = 64_000_000
"""Bytes; what is longer was not written here."""
_HINT = "keep the folder as it is for who asks, and begin in another one"
_NO_JOURNAL = "give a folder that geoflood batch-locate wrote"


@dataclass(frozen=True, slots=True)
class JournalLine:
    """A line of the journal."""

    number: int
    start: int
    """Bytes into the file where it begins."""
    end: int
    """Bytes into the file where the next line begins."""
    sha256: str
    content: dict[str, Any]

    @property
    def kind(self) -> str:
        """What happened."""
        return str(self.content["kind"])


Follower: TypeAlias = Callable[[JournalLine], object]
"""Takes every line, in their order."""


def read_journal(folder: Path) -> Iterator[JournalLine]:
    """Every whole line of a folder's journal, its chain checked on the way.

    Raises InputError when there is none, or at the line from which it is not what was written.
    """
    path = folder / NAME
    try:
        with path.open("rb") as file:
            yield from _checked(file, path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", _NO_JOURNAL) from error


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
        yield JournalLine(number, start, start + len(raw), before, content)
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

    It is replayed before the first new line may be written. `followers` are handed every line: those that are
    replayed, then those that are appended. Raises InputError when the journal was altered, or there is none
    and it must `exist`; UsageError when another process writes to it.
    """

    def __init__(self, folder: Path, *followers: Follower, exists: bool = False) -> None:
        self.folder = folder
        self._path, self._exists = folder / NAME, exists
        self._followers = followers
        self._count, self._end, self._head = 0, 0, FIRST
        self._replayed = False
        self._file: BinaryIO | None = None
        self._lock = ExitStack()

    def __enter__(self) -> Journal:
        if self._exists and not self._path.is_file():
            raise InputError(f"{self._path}: No such file", _NO_JOURNAL)
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
        """Every line there is; after the last one the journal may be appended to."""
        self._path.touch()
        for line in read_journal(self.folder):
            self._follow(line)
            yield line
        self._replayed = True

    def append(self, kind: str, *, durable: bool = False, **content: Any) -> None:
        """Add a line; when `durable`, it and all before it are on the disk before this returns."""
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        whole = {"n": self._count + 1, "at": at, "kind": kind, **content, "before": self._head}
        raw = json.dumps(whole, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        file = self._opened()
        file.write(raw)
        file.flush()
        if durable:
            os.fsync(file.fileno())
        start, sha256 = self._end, hashlib.sha256(raw).hexdigest()
        self._follow(JournalLine(self._count + 1, start, start + len(raw), sha256, whole))

    def _follow(self, line: JournalLine) -> None:
        self._count, self._end, self._head = line.number, line.end, line.sha256
        for follower in self._followers:
            follower(line)

    def _opened(self) -> BinaryIO:
        """The file behind its last whole line; what a kill left there is cut off."""
        assert self._replayed, "replay first"
        if self._file is None:
            self._file = self._path.open("rb+")
            self._file.truncate(self._end)
            self._file.seek(self._end)
        return self._file


class UnwrittenJournal(Journal):
    """A journal that is only read, be there one or not; another process may write to it meanwhile."""

    def replay(self) -> Iterator[JournalLine]:
        """Every line there is; nothing may be appended."""
        for line in read_journal(self.folder) if self._path.is_file() else ():
            self._follow(line)
            yield line
