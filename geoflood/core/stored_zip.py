"""A zip from anyone, read without trust: its members are stored as they are, and are what they say.

Nothing is decompressed, so nothing can be larger than the file itself. No name becomes a path here.
"""

from __future__ import annotations

import stat
import struct
import zipfile
from collections.abc import Generator
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from geoflood.core.files import BROKEN_ARRAYS

__all__ = ["BrokenZipError", "StoredZip"]

_END = struct.Struct("<4s4H2LH")
_END64_PLACE = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCAL = 30
"""Bytes of a member's own header, without its name."""
_ENTRY = 256
"""Bytes that the directory takes for a member, at most."""
_CHUNK = 1 << 20

_BROKEN = (*BROKEN_ARRAYS, NotImplementedError, struct.error, OverflowError)
"""What zipfile raises for an archive that is damaged, or that was made to do damage."""


class BrokenZipError(Exception):
    """What is wrong with an archive, in a few words that may be shown."""


class StoredZip:
    """An archive whose directory was read and checked. Raises BrokenZipError, and OSError for no file."""

    def __init__(self, path: Path, most_members: int) -> None:
        members = _check_directory(path, most_members)
        try:
            self._zip = zipfile.ZipFile(path)
        except _BROKEN as error:
            raise BrokenZipError(f"its directory is damaged ({type(error).__name__})") from error
        try:
            self.sizes = _checked_sizes(self._zip, members, path.stat().st_size)
            """Name -> bytes, of every member."""
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def chunks(self, name: str) -> Generator[bytes]:
        """The bytes of a member, a piece at a time; close it when it is not read to its end.

        Raises BrokenZipError where they are not what is said.
        """
        left = self.sizes[name]
        try:
            with self._zip.open(name) as member:
                while chunk := member.read(_CHUNK):
                    left -= len(chunk)
                    yield chunk
        except _BROKEN as error:
            raise BrokenZipError(f"{name} is damaged ({type(error).__name__})") from error
        if left:
            raise BrokenZipError(f"{name} is cut off")

    def read(self, name: str, most: int) -> bytes:
        """A small member whole. Raises BrokenZipError for one that is missing, or larger than `most`."""
        if name not in self.sizes:
            raise BrokenZipError(f"{name} is missing")
        if self.sizes[name] > most:
            raise BrokenZipError(f"{name} has {self.sizes[name]:,} bytes, more than {most:,}")
        return b"".join(self.chunks(name))


def _check_directory(path: Path, most_members: int) -> int:
    """How many members the directory says, before zipfile reads it whole. Raises BrokenZipError."""
    size = path.stat().st_size
    with path.open("rb") as file:
        end = _at(file, size - _END.size, _END, b"PK\5\6")
        if end is None:
            raise BrokenZipError("it is no zip, or was cut off")
        members, directory = int(end[4]), int(end[5])
        place = _at(file, size - _END.size - _END64_PLACE.size, _END64_PLACE, b"PK\6\7")
        if place is not None:
            end64 = _at(file, int(place[2]), _END64, b"PK\6\6")
            if end64 is None:
                raise BrokenZipError("its directory is damaged")
            members, directory = int(end64[7]), int(end64[8])
    if members > most_members or directory > _ENTRY * most_members:
        raise BrokenZipError(f"it says that it has {members:,} members; {most_members:,} are the most")
    return members


def _at(file: BinaryIO, offset: int, form: struct.Struct, mark: bytes) -> tuple[int | bytes, ...] | None:
    """A record of the file, or None where there is none with this mark."""
    if offset < 0:
        return None
    try:
        file.seek(offset)
        data = file.read(form.size)
    except (OSError, OverflowError, ValueError):
        return None
    return form.unpack(data) if len(data) == form.size and data.startswith(mark) else None


def _checked_sizes(archive: zipfile.ZipFile, members: int, size: int) -> dict[str, int]:
    """Raises BrokenZipError for a member that no plain archive of files has."""
    if len(archive.infolist()) != members:
        raise BrokenZipError("its directory has another number of members than it says")
    sizes: dict[str, int] = {}
    folded = set[str]()
    for member in archive.infolist():
        name = member.filename
        problem = _problem(member) or ("comes twice" if name.casefold() in folded else "")
        if problem:
            raise BrokenZipError(f"its member {name[:80]!r} {problem}")
        sizes[name] = member.file_size
        folded.add(name.casefold())
    places = sorted((member.header_offset, _end_of(member)) for member in archive.infolist())
    places.append((archive.start_dir, size))
    if any(end > following for (_, end), (following, _) in pairwise(places)):
        raise BrokenZipError("its members lie over each other")
    if sum(sizes.values()) > size:
        raise BrokenZipError("its members are larger than itself")
    return sizes


def _end_of(member: zipfile.ZipInfo) -> int:
    """Where a member ends, at the earliest: its header may be longer."""
    return member.header_offset + _LOCAL + member.file_size


def _problem(member: zipfile.ZipInfo) -> str:
    """What is wrong with a member by itself, or ""."""
    mode = member.external_attr >> 16
    if not member.filename or member.orig_filename != member.filename:
        return "has no name, or two"
    if member.flag_bits & 0x2041:
        return "is encrypted"
    if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
        return "is compressed"
    if member.is_dir() or (stat.S_IFMT(mode) and not stat.S_ISREG(mode)):
        return "is no file"
    return ""
