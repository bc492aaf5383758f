"""The files of a folder and of the zip archives in it, listed once and opened by what was listed.

Nothing is ever opened by a name that a post or an archive chose: such names only look up what is here,
so a path out of the folder finds nothing. Nothing is written.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from geoflood.core.datatypes import Rejected
from geoflood.core.errors import InputError
from geoflood.triage.posts.unusable import Unusable

__all__ = ["DAMAGED", "FileEntry", "FileTree", "is_picture"]

PICTURES = frozenset(
    ".jpg .jpeg .jpe .jfif .mpo .png .webp .tif .tiff .bmp .gif .avif .heic .heif".split()  # noqa: SIM905
)
NO_DOCUMENTS = frozenset(
    ".mp4 .mov .m4v .webm .avi .3gp .mp3 .m4a .ogg .opus .oga .wav .pdf .html .htm .css .svg .vcf .tgs .db "  # noqa: SIM905
    ".sqlite .woff .woff2 .ttf .py .xml .gz .tar .7z .rar .docx .xlsx .warc .wacz .ots".split()
)
"""Of what lies in exports beside posts and photos; never opened."""

MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"II*\0", b"MM\0*")

MAX_MEMBERS = 500_000
"""Of one archive; the list of them is held in memory."""
BOMB = (64_000_000, 200)
"""From so many bytes on, more than so many per packed byte are a bomb: JSON packs 10 to 30 times."""

ARCHIVE_BOMB = (1_000_000_000, 50)
"""The same of all members together: many small ones, or the same bytes listed many times."""

DAMAGED = (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError)
"""What reading a file or a member can raise: RuntimeError when it is encrypted."""

JOURNAL = "journal.jsonl"
_FIRST = hashlib.sha256(b"geoflood journal 1").hexdigest().encode()
_SEALED = (b'{"n":1,"at":"', b'"before":"' + _FIRST + b'"}\n')
"""How the first line of a journal of results begins and ends, see `geoflood.triage.journal`."""
MAX_SEALED = 1_000_000
"""Bytes of that line, which tells the settings of a run."""
"""The reason why a folder is passed over: its pictures and tables were made of posts, and are none."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file, on the disk or in an archive there."""

    name: str
    """In the folder, with /; "export.zip!/media/a.jpg" in an archive."""
    path: Path
    """Of the file, or of its archive."""
    member: str = ""
    """In its archive; empty on the disk."""
    size: int = 0
    """Bytes, as the directory says."""

    @property
    def folder(self) -> str:
        """The part of the name before the last /."""
        return posixpath.dirname(self.name)


def is_picture(name: str, head: bytes = b"") -> bool:
    """Whether a file is a picture by its suffix, or by its first bytes when it has no telling suffix."""
    suffix = posixpath.splitext(name)[1].lower()
    return suffix in PICTURES or head.startswith(MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


class FileTree:
    """What is in the folder; a context manager, because archives stay open while they are read.

    Raises InputError when there is no such folder. `skip` are folders in it that are passed over.
    """

    def __init__(self, root: Path, skip: Iterable[Path] = ()) -> None:
        if not root.is_dir():
            raise InputError(f"{root}: no such folder", "give the folder that holds the posts")
        self.root = root.resolve()
        self._skip = {path.resolve() for path in skip}
        self._open = ExitStack()
        self._archives: dict[Path, zipfile.ZipFile] = {}

    def __enter__(self) -> FileTree:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def entries(self) -> Iterator[FileEntry | Rejected]:
        """Every file that may matter, in an order that stays, archives replaced by their members."""
        for one in self._walk():
            if isinstance(one, Rejected):
                yield one
                continue
            path, name = one
            if path.is_symlink():
                if not path.resolve().is_relative_to(self.root):
                    yield Rejected(name, Unusable.LINK_OUT)
            elif path.is_file():
                if not is_picture(name) and zipfile.is_zipfile(path):
                    yield from self._members(path, name)
                else:
                    yield FileEntry(name, path, size=path.stat().st_size)

    @contextmanager
    def opened(self, entry: FileEntry) -> Iterator[IO[bytes]]:
        """The file's bytes. What goes wrong is one of DAMAGED."""
        if entry.member:
            with self._archives[entry.path].open(entry.member) as member:
                yield member
        else:
            with entry.path.open("rb") as file:
                yield file

    def head(self, entry: FileEntry, size: int) -> bytes:
        """The first `size` bytes; none of a file that cannot be read."""
        try:
            with self.opened(entry) as stream:
                return stream.read(size)
        except DAMAGED:
            return b""

    def _walk(self) -> Iterator[tuple[Path, str] | Rejected]:
        for folder, folders, names in os.walk(self.root):
            here = Path(folder)
            if JOURNAL in names and _is_own(here / JOURNAL):
                folders.clear()
                yield Rejected(here.relative_to(self.root).as_posix(), Unusable.OWN_RESULTS, "passed over")
                continue
            folders[:] = sorted(f for f in folders if f[0] != "." and (here / f).resolve() not in self._skip)
            for name in sorted([*names, *(f for f in folders if (here / f).is_symlink())]):
                if name[0] != ".":
                    yield here / name, (here / name).relative_to(self.root).as_posix()

    def _members(self, path: Path, name: str) -> Iterator[FileEntry | Rejected]:
        try:
            archive = self._open.enter_context(zipfile.ZipFile(path))
        except DAMAGED as error:
            yield Rejected(name, Unusable.DAMAGED_ARCHIVE, str(error))
            return
        self._archives[path] = archive
        listed = archive.infolist()
        if len(listed) > MAX_MEMBERS:
            yield Rejected(name, Unusable.LARGE_ARCHIVE, f"{len(listed):,} members")
            return
        unpacked = sum(info.file_size for info in listed)
        if unpacked > max(ARCHIVE_BOMB[0], ARCHIVE_BOMB[1] * path.stat().st_size):
            yield Rejected(name, Unusable.ARCHIVE_BOMB, f"{unpacked:,} bytes in {path.stat().st_size:,}")
            return
        own = tuple(_own_folders(archive, listed))
        yield from (Rejected(f"{name}!/{folder}", Unusable.OWN_RESULTS, "passed over") for folder in own)
        for info in listed:
            shown = f"{name}!/{info.filename}"
            if info.filename.startswith(own):
                continue
            if reason := _refusal(info):
                yield Rejected(shown, reason)
            elif not _passed_over(info):
                yield FileEntry(shown, path, info.filename, info.file_size)


def _is_own(path: Path) -> bool:
    """Whether a file is a journal of results."""
    if path.is_symlink() or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return _is_sealed(file)
    except OSError:
        return False


def _is_sealed(file: IO[bytes]) -> bool:
    line = file.readline(MAX_SEALED)
    return line.startswith(_SEALED[0]) and line.endswith(_SEALED[1])


def _own_folders(archive: zipfile.ZipFile, listed: list[zipfile.ZipInfo]) -> Iterator[str]:
    """The folders in an archive, each with its last /, that hold a journal of results."""
    for info in listed:
        folder, base = posixpath.split(info.filename)
        if base == JOURNAL and not _refusal(info):
            with suppress(*DAMAGED), archive.open(info) as file:
                if _is_sealed(file):
                    yield f"{folder}/" if folder else ""


def _refusal(info: zipfile.ZipInfo) -> Unusable | None:
    """Why a member is not read; None when it is."""
    name = info.filename.replace("\\", "/")
    if name.startswith("/") or ".." in name.split("/") or name[1:2] == ":":
        return Unusable.PATH_OUT
    if info.flag_bits & 1:
        return Unusable.ENCRYPTED
    if info.file_size > BOMB[0] and info.file_size > BOMB[1] * max(info.compress_size, 1):
        return Unusable.ARCHIVE_BOMB
    if name.lower().endswith(".zip"):
        return Unusable.NESTED_ARCHIVE
    return None


def _passed_over(info: zipfile.ZipInfo) -> bool:
    """Folders, links, and what macOS puts beside each file."""
    link = (info.external_attr >> 16) & 0o170000 == 0o120000
    parts = info.filename.split("/")
    return info.is_dir() or link or "__MACOSX" in parts or parts[-1].startswith(".")
