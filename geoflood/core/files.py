"""Files written whole or not at all, locks between processes, and fingerprints. The only home of filelock."""

from __future__ import annotations

import hashlib
import os
import secrets
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from filelock import FileLock, Timeout

__all__ = ["ARRAY_HEADS", "BROKEN_ARRAYS", "LockedError", "fingerprint", "locked", "replacing", "write_whole"]

ARRAY_HEADS = Lock()
"""Held where arrays are opened in threads: numpy parses their heads as Python.

CPython 3.11.7 fails now and then when two threads do so at once: "AST constructor recursion depth mismatch".
"""
BROKEN_ARRAYS = (
    *(OSError, ValueError, KeyError, TypeError, EOFError, MemoryError, RuntimeError),
    *(tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)
"""What numpy raises for a file of arrays that is damaged, or that was made to do damage."""


class LockedError(Exception):
    """Another process holds the lock; each caller says what that means for its user."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, without waiting. Raises LockedError when another process holds it.

    The lock is the system's and ends with its process, however that ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise LockedError(str(path)) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; takes its place when the block ends well, vanishes otherwise.

    The bytes reach the disk before the name does, so that a power cut cannot leave an empty file
    under the final name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not the process's number: on shared storage, those of two computers may be the same.
    temporary = path.with_name(f".{path.name}.{secrets.randbits(63)}.part")
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes | str) -> None:
    """Write `data` (text as UTF-8) to `path` in one step."""
    with replacing(path) as temporary:
        temporary.write_bytes(data.encode("utf-8") if isinstance(data, str) else data)


def fingerprint(path: Path) -> str:
    """SHA-256 of the file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
