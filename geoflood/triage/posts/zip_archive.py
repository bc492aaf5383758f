"""Zip archives as many programs write them: with back slashes, with UTF-8 that is not marked, names twice."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import IO

from geoflood.triage.posts.archives import Member, clean
from geoflood.triage.posts.door import UnusableError
from geoflood.triage.posts.unusable import Unusable

__all__ = ["ZipArchive"]

_ENCRYPTED, _UTF8 = 0x1, 0x800
_LINK, _KINDS = 0o120000, 0o170000
_MEMBER = b"PK\x03\x04"


class ZipArchive:
    """An archive on the disk. Raises UnusableError when its end is missing, else whatever zipfile does."""

    def __init__(self, path: Path) -> None:
        if not zipfile.is_zipfile(path):
            raise _cut_short()
        self._zip = zipfile.ZipFile(path)
        begins = min((info.header_offset for info in self._zip.infolist()), default=0)
        with path.open("rb") as file:
            another = begins > 0 and file.read(len(_MEMBER)) == _MEMBER
        if another:  # its end is that of an archive in it
            self._zip.close()
            raise _cut_short()
        self._named = {_name(info): info for info in self._zip.infolist()}

    @property
    def members(self) -> Iterator[Member]:
        """Its files, in the order of its list."""
        for info in self._zip.infolist():
            name = _name(info)
            if not name.endswith("/"):
                yield Member(
                    name,
                    info.file_size,
                    info.compress_size,
                    encrypted=bool(info.flag_bits & _ENCRYPTED),
                    link=(info.external_attr >> 16) & _KINDS == _LINK,
                )

    def opened(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """The bytes of the last member of that name."""
        return self._zip.open(self._named[name])

    def close(self) -> None:
        """No member is opened any more."""
        self._zip.close()


def _cut_short() -> UnusableError:
    return UnusableError(Unusable.DAMAGED_ARCHIVE, "its end is missing: fetch it again")


def _name(info: zipfile.ZipInfo) -> str:
    """The name; UTF-8 that is not marked as such was read as the code page of the first PCs."""
    name = info.filename
    if not info.flag_bits & _UTF8:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return clean(name)
