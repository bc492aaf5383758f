"""Tar archives, packed with gzip or not, and single files that are packed with gzip.

tarfile reads the headers. The members are read from the places that it found, in small pieces: a header that
lies about a size cannot ask for more memory than there is.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any, cast

from geoflood.triage.posts.archives import ARCHIVE_BOMB, BOMB, Member, clean, is_bomb
from geoflood.triage.posts.door import UnusableError
from geoflood.triage.posts.seekable_gzip import SeekableGzip
from geoflood.triage.posts.unusable import Unusable

__all__ = ["GzipArchive", "TarArchive", "begins_as_tar", "is_tar"]

MOST_AT_ONCE = 1_000_000
"""Bytes that are read at once, at most: a long name in a header has hundreds."""


class TarArchive:
    """An archive on the disk, `packed` with gzip or not."""

    def __init__(self, path: Path, packed: bool) -> None:
        self._file: io.RawIOBase = (
            SeekableGzip(path, _limit(path, ARCHIVE_BOMB)) if packed else io.FileIO(path)
        )
        self._places: dict[str, tuple[int, int]] = {}

    @property
    def members(self) -> Iterator[Member]:
        """Its files, in the order of its headers; those before a damage can be opened."""
        headers = tarfile.TarFile(fileobj=cast(IO[bytes], _Metered(self._file)))
        while (info := headers.next()) is not None:
            headers.members = []  # type: ignore[attr-defined] # it would keep them all
            if not info.isdir():
                yield self._member(info)
        self._file.seek(headers.offset)
        if self._file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise UnusableError(Unusable.DAMAGED_ARCHIVE, "its end is missing: what lies before it is read")

    def _member(self, info: tarfile.TarInfo) -> Member:
        name = clean(info.name)
        self._places[name] = (info.offset_data, info.size)
        link = info.issym() or info.islnk()
        return Member(name, info.size, link=link, special=not link and (not info.isreg() or info.issparse()))

    def opened(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """The bytes of the last member of that name."""
        return cast(IO[bytes], io.BufferedReader(_Slice(self._file, *self._places[name])))

    def close(self) -> None:
        """No member is opened any more."""
        self._file.close()


class GzipArchive:
    """One file that is packed alone, such as tweets.jsonl.gz."""

    def __init__(self, path: Path) -> None:
        self._file = SeekableGzip(path, _limit(path, BOMB))
        self._name = path.name.removesuffix(".gz") or path.name

    @property
    def members(self) -> Iterator[Member]:
        """The one; how long it is nobody knows before it is read."""
        yield Member(self._name, 0)

    def opened(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Its bytes."""
        return cast(IO[bytes], io.BufferedReader(_Slice(self._file, 0, None)))

    def close(self) -> None:
        """It is not opened any more."""
        self._file.close()


def begins_as_tar(path: Path) -> bool:
    """Whether what is packed with gzip is a tar archive."""
    with SeekableGzip(path) as unpacked:
        head = io.BufferedReader(_Slice(unpacked, 0, None)).read(tarfile.BLOCKSIZE)
    return is_tar(head)


def is_tar(head: bytes) -> bool:
    """Whether a tar archive begins so: by the checksum of its first header."""
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return False
    return True


def _limit(path: Path, limits: tuple[int, int]) -> Callable[[int], None]:
    packed = path.stat().st_size

    def check(unpacked: int) -> None:
        if is_bomb(unpacked, packed, limits):
            raise UnusableError(Unusable.ARCHIVE_BOMB, f"more than {unpacked:,} bytes in {packed:,}")

    return check


class _Metered:
    """A file that gives only so much at once."""

    def __init__(self, file: io.RawIOBase) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        """As a file does. Raises UnusableError for more than a header has."""
        if not 0 <= size <= MOST_AT_ONCE:
            raise UnusableError(Unusable.DAMAGED_ARCHIVE, f"a header of {size:,} bytes")
        return _exactly(self._file, size)


def _exactly(file: io.RawIOBase, size: int) -> bytes:
    """So many bytes, fewer only at the end."""
    pieces: list[bytes] = []
    while size > 0 and (piece := file.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


class _Slice(io.RawIOBase):
    """A part of a file, or all from a place on; several parts can be read in turn."""

    def __init__(self, file: io.RawIOBase, start: int, size: int | None) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As a file does."""
        if whence == io.SEEK_END and self._size is None:
            raise io.UnsupportedOperation("the end is not known")
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size or 0}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """The place that is read from next."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """As a file does. Raises EOFError where the file ends before the part does."""
        left = len(buffer) if self._size is None else max(0, self._size - self._at)
        wanted = min(len(buffer), left, MOST_AT_ONCE)
        self._file.seek(self._start + self._at)
        got = self._file.read(wanted) if wanted else b""
        if wanted and not got and self._size is not None:
            raise EOFError("it breaks off before its end")
        taken = got or b""
        buffer[: len(taken)] = taken
        self._at += len(taken)
        return len(taken)
