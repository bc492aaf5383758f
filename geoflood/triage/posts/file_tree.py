"""The files of a folder and of the archives in it, listed once and opened by what was listed.

Nothing is ever opened by a name that a post or an archive chose: such names only look up what is here,
so a path out of the folder finds nothing. Nothing is written. Every file is an entry, a `Rejected` or a
`LeftOut`: none is passed over in silence.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Set
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, TypeAlias

from geoflood.core.datatypes import Progress, Rejected, no_progress
from geoflood.core.errors import InputError
from geoflood.core.stand_ins import fetches_link, unlocks_link
from geoflood.triage.posts import archives, file_kinds
from geoflood.triage.posts.archives import Archive, Member, is_bomb, refusal
from geoflood.triage.posts.door import UnusableError, attempt, guarded
from geoflood.triage.posts.file_kinds import FileKind, Kind, is_raw_tiff, kind_of, needs_head, suffix_of
from geoflood.triage.posts.left_out import LeftOut, LeftOutKind
from geoflood.triage.posts.tar_archive import GzipArchive, TarArchive, begins_as_tar
from geoflood.triage.posts.unusable import Unusable
from geoflood.triage.posts.zip_archive import ZipArchive

__all__ = ["FileEntry", "FileTree", "Found"]

JOURNAL = "journal.jsonl"
_FIRST = hashlib.sha256(b"geoflood journal 1").hexdigest().encode()
_SEALED = (b'{"n":1,"at":"', b'"before":"' + _FIRST + b'"}\n')
"""How the first line of a journal of results begins and ends, see `geoflood.triage.journal`. Its folder is
passed over: the pictures and tables in it were made of posts, and are none."""
MAX_SEALED = 1_000_000
"""Bytes of that line, which tells the settings of a run."""


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
    kind: Kind = file_kinds.DOCUMENT

    @property
    def folder(self) -> str:
        """The part of the name before the last /."""
        return posixpath.dirname(self.name)

    @property
    def on_disk(self) -> str:
        """The name of the file that holds it: its own, or its archive's."""
        return self.name.removesuffix(f"!/{self.member}") if self.member else self.name


Found: TypeAlias = FileEntry | Rejected | LeftOut


class FileTree:
    """What is in the folder; a context manager, because archives stay open while they are read.

    Raises InputError when there is no such folder. `skip` are folders in it that are passed over. `progress`
    is told how much was listed: a large tar.gz has to be unpacked for that.
    """

    def __init__(self, root: Path, skip: Iterable[Path] = (), progress: Progress = no_progress) -> None:
        if not root.is_dir():
            raise InputError(f"{root}: no such folder", "give the folder that holds the posts")
        self.root = root.resolve()
        self._skip = {os.path.realpath(path) for path in skip}
        self._progress, self._count = progress, 0
        self._open = ExitStack()
        self._archives: dict[Path, Archive] = {}

    def __enter__(self) -> FileTree:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def entries(self) -> Iterator[Found]:
        """Every file, in an order that stays, archives replaced by their members."""
        for one in self._walk():
            self._tell()
            if isinstance(one, str):
                yield from guarded(self._listed(one), one)
            else:
                yield one

    @contextmanager
    def opened(self, entry: FileEntry) -> Iterator[IO[bytes]]:
        """The file's bytes. Whatever is wrong with it is raised: read it behind the door."""
        if entry.member:
            with self._archives[entry.path].opened(entry.member) as member:
                yield member
        else:
            with entry.path.open("rb") as file:
                yield file

    def head(self, entry: FileEntry, size: int) -> bytes:
        """The first `size` bytes; none of a file that cannot be read."""

        def read() -> bytes:
            with self.opened(entry) as stream:
                return stream.read(size)

        read_or_why = attempt(read, entry.name)
        return b"" if isinstance(read_or_why, Rejected) else read_or_why

    def _walk(self) -> Iterator[str | Rejected | LeftOut]:
        """The names of all files in the folder and below."""
        unread: list[OSError] = []
        for folder, folders, names in os.walk(self.root, onerror=unread.append):
            yield from self._unread(unread)
            here = Path(folder)
            if JOURNAL in names and _is_own(here / JOURNAL):
                folders.clear()
                yield Rejected(self._name(here) or ".", Unusable.OWN_RESULTS, "passed over")
                continue
            below = {name for name in folders if name[0] != "." and not (here / name).is_symlink()}
            for name in sorted({*names, *folders} - below):
                shown = self._name(here / name)
                yield _hidden(shown) if name[0] == "." else shown
            folders[:] = sorted(name for name in below if os.path.realpath(here / name) not in self._skip)
        yield from self._unread(unread)

    def _unread(self, errors: list[OSError]) -> Iterator[Rejected]:
        for error in errors:
            name = self._name(Path(os.fsdecode(error.filename))) or "."
            yield Rejected(name, Unusable.CANNOT_BE_READ, f"the folder: {error.strerror}")
        errors.clear()

    def _name(self, path: Path) -> str:
        name = path.relative_to(self.root).as_posix()
        return "" if name == "." else name

    def _listed(self, name: str) -> Iterator[Found]:
        """What a name on the disk stands for: a file, what its archive holds, or why it is not read."""
        path = self.root / name
        if path.is_symlink() and (other := self._link(name, path)):
            yield other
            return
        known = path.stat()
        if not stat.S_ISREG(known.st_mode):
            yield Rejected(name, Unusable.NOT_A_FILE, "a pipe, a socket or a device")
            return
        entry = self._recognised(FileEntry(name, path, size=known.st_size))
        if isinstance(entry, FileEntry) and entry.kind.file in _ARCHIVES:
            yield from self._members(entry)
        else:
            yield entry

    def _link(self, name: str, path: Path) -> Rejected | LeftOut | None:
        """What a link is; None where it leads to a file that is not listed otherwise."""
        told = os.readlink(path)
        target = Path(os.path.realpath(path))
        if not path.exists():
            if fetched := fetches_link(told):
                return Rejected(name, Unusable.NOT_HERE, fetched)
            return Rejected(name, Unusable.LINK_BROKEN, f"to {told}"[:160])
        if not target.is_relative_to(self.root):
            helps = unlocks_link(told)
            return Rejected(name, Unusable.LINK_OUT, f"to {told}"[:120] + (f": {helps}" if helps else ""))
        if any(str(target).startswith(f"{folder}{os.sep}") for folder in self._skip):
            return Rejected(name, Unusable.OWN_RESULTS, "passed over")
        hidden = any(part.startswith(".") for part in target.relative_to(self.root).parts)
        if not hidden:
            return LeftOut(name, LeftOutKind.LINK)
        return Rejected(name, Unusable.LINK_HIDDEN, f"to {told}"[:160]) if target.is_dir() else None

    def _recognised(self, entry: FileEntry) -> Found:
        """The entry with its kind; or why it is not read, or left out."""
        head = self.head(entry, file_kinds.HEAD) if needs_head(entry.name, entry.size) else b""
        kind = kind_of(entry.name, head)
        if kind is file_kinds.PICTURE and head[:4] in (b"II*\0", b"MM\0*") and self._is_raw(entry):
            kind = file_kinds.RAW
        if kind is file_kinds.DAMAGED and suffix_of(entry.name) == ".zip" and not entry.member:
            kind = file_kinds.ZIP if zipfile.is_zipfile(entry.path) else kind  # something stands before it
        return _found_as(entry, kind)

    def _is_raw(self, entry: FileEntry) -> bool:
        def look() -> bool:
            with self.opened(entry) as stream:
                return is_raw_tiff(stream)

        return attempt(look, entry.name) is True

    def _members(self, entry: FileEntry) -> Iterator[Found]:
        """What an archive holds; the archive itself, where it is a spreadsheet."""
        opened = attempt(lambda: _open(entry), entry.name, Unusable.DAMAGED_ARCHIVE)
        if isinstance(opened, Rejected):
            yield opened
            return
        self._archives[entry.path] = archive = self._open.enter_context(closing(opened))
        listed = list(guarded(self._few(archive), entry.name, Unusable.DAMAGED_ARCHIVE))
        members = [one for one in listed if isinstance(one, Member)]
        if kind := _in_truth({member.name for member in members}):
            yield _found_as(FileEntry(entry.name, entry.path, size=entry.size), kind)
            return
        broken = [one for one in listed if isinstance(one, Rejected)]
        yield from broken
        if any(one.reason in (Unusable.LARGE_ARCHIVE, Unusable.ARCHIVE_BOMB) for one in broken):
            return
        unpacked = sum(member.size for member in members)
        if is_bomb(unpacked, entry.size, archives.ARCHIVE_BOMB):
            yield Rejected(entry.name, Unusable.ARCHIVE_BOMB, f"{unpacked:,} bytes in {entry.size:,}")
        else:
            yield from self._entries(entry, members)

    def _few(self, archive: Archive) -> Iterator[Member]:
        """The members. Raises UnusableError for more than can be held."""
        for count, member in enumerate(archive.members):
            if count == archives.MAX_MEMBERS:
                raise UnusableError(Unusable.LARGE_ARCHIVE, f"more than {count:,} members")
            self._tell()
            yield member

    def _tell(self) -> None:
        self._count += 1
        self._progress("listing the folder", self._count, 0)

    def _entries(self, entry: FileEntry, members: list[Member]) -> Iterator[Found]:
        """The members of an archive, as entries or why not."""
        own = tuple(self._own_folders(entry, members))
        for folder in own:
            yield Rejected(f"{entry.name}!/{folder}", Unusable.OWN_RESULTS, "passed over")
        left = Counter(member.name for member in members)
        for member in members:
            left[member.name] -= 1
            shown = f"{entry.name}!/{member.name}"
            if member.name.startswith(own):
                continue
            if reason := refusal(member):
                yield Rejected(shown, reason)
            elif left[member.name]:
                yield Rejected(shown, Unusable.TWICE_IN_ARCHIVE, "the last of that name is read")
            elif "__MACOSX" in member.name.split("/") or "/." in f"/{member.name}":
                yield _hidden(shown)
            else:
                yield from guarded(self._packed(shown, entry.path, member), shown)

    def _packed(self, shown: str, path: Path, member: Member) -> Iterator[Found]:
        found = self._recognised(FileEntry(shown, path, member.name, member.size))
        if isinstance(found, FileEntry) and found.kind.file in _ARCHIVES:
            yield Rejected(shown, Unusable.NESTED_ARCHIVE, "unpack the outer one")
        else:
            yield found

    def _own_folders(self, entry: FileEntry, members: list[Member]) -> Iterator[str]:
        """The folders in an archive, each with its last /, that hold a journal of results."""
        for member in members:
            folder, base = posixpath.split(member.name)
            if base == JOURNAL and not refusal(member):
                inside = FileEntry("", entry.path, member.name)
                line = self.head(inside, MAX_SEALED).partition(b"\n")[0] + b"\n"
                if line.startswith(_SEALED[0]) and line.endswith(_SEALED[1]):
                    yield f"{folder}/" if folder else ""


_ARCHIVES = (FileKind.ZIP, FileKind.TAR, FileKind.GZIP)


def _open(entry: FileEntry) -> Archive:
    if entry.kind.file is FileKind.ZIP:
        return ZipArchive(entry.path)
    if entry.kind.file is FileKind.TAR or begins_as_tar(entry.path):
        return TarArchive(entry.path, packed=entry.kind.file is FileKind.GZIP)
    return GzipArchive(entry.path)


def _in_truth(names: Set[str]) -> Kind | None:
    """What an archive is besides an archive, by the names in it; None for a plain one."""
    if "[Content_Types].xml" in names:
        return file_kinds.WORKBOOK if "xl/workbook.xml" in names else file_kinds.OFFICE
    if "mimetype" in names and {"META-INF/manifest.xml", "META-INF/container.xml"} & names:
        return file_kinds.OFFICE
    web = "datapackage.json" in names and any(name.startswith("archive/") for name in names)
    return file_kinds.WEB_ARCHIVE if web else None


def _found_as(entry: FileEntry, kind: Kind) -> Found:
    """The entry of that kind; or why it is not read, or left out."""
    match kind.reason:
        case Unusable() as reason:
            return Rejected(entry.name, reason, kind.detail)
        case LeftOutKind() as left:
            return LeftOut(entry.name, left)
    return FileEntry(entry.name, entry.path, entry.member, entry.size, kind)


def _hidden(name: str) -> Rejected | LeftOut:
    """A hidden file or folder; what a cloud left in the place of a file says so in its name."""
    if name.endswith(".icloud"):
        return Rejected(name, Unusable.NOT_HERE, "iCloud keeps it: open its folder to fetch it")
    return LeftOut(name, LeftOutKind.HIDDEN)


def _is_own(path: Path) -> bool:
    """Whether a file is a journal of results."""

    def look() -> bool:
        if path.is_symlink() or not path.is_file():
            return False
        with path.open("rb") as file:
            line = file.readline(MAX_SEALED)
        return line.startswith(_SEALED[0]) and line.endswith(_SEALED[1])

    return attempt(look, path.name) is True
