"""SHA-256 of every file before it is read, kept in the journal; working copies of what lies in archives.

Reading and keeping are apart: what a file breaks is told of the file, a full disk stops the batch.
"""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass
from pathlib import Path

from geoflood.core.files import write_whole
from geoflood.triage.journal import Journal
from geoflood.triage.posts.door import UnusableError
from geoflood.triage.posts.file_tree import FileEntry, FileTree
from geoflood.triage.posts.unusable import Unusable

__all__ = ["COPIES", "FileHashes", "HashedFile"]

COPIES = "photos"
"""Folder in the results for working copies of pictures that lie in archives, named by their content."""
MAX_PHOTO = 150_000_000
"""Bytes of a picture in an archive."""


@dataclass(frozen=True, slots=True)
class HashedFile:
    """What is in a file, before the journal knows it."""

    name: str
    stamp: str
    sha256: str
    path: Path
    """Where it can be read."""
    archive: str = ""
    """Of a member: the archive that holds it."""
    data: bytes | None = None
    """Of a member that has no working copy yet."""


class FileHashes:
    """What is in which file. A file whose size and time have not changed is not hashed again."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._files: dict[str, tuple[str, str]] = {}

    def know(self, name: str, stamp: str, sha: str) -> None:
        """Take in what the journal says."""
        self._files[name] = (stamp, sha)

    def known(self, name: str) -> str:
        """SHA-256 of what was in a file when it was last read; empty when it never was."""
        return self._files.get(name, ("", ""))[1]

    def read(self, name: str, path: Path) -> HashedFile:
        """A file on the disk, hashed where it has changed since the journal spoke of it. Raises OSError."""
        stamp = _stamp(path)
        known = self._files.get(name)
        if known and known[0] == stamp:
            return HashedFile(name, stamp, known[1], path)
        with path.open("rb") as file:
            return HashedFile(name, stamp, hashlib.file_digest(file, "sha256").hexdigest(), path)

    def read_picture(self, entry: FileEntry, tree: FileTree) -> HashedFile:
        """A picture; of a member of an archive all its bytes. Raises whatever is wrong with it."""
        if not entry.member:
            return self.read(entry.name, entry.path)
        if entry.size > MAX_PHOTO:
            raise UnusableError(Unusable.TOO_LARGE, f"{entry.size:,} bytes")
        stamp, known = _stamp(entry.path), self._files.get(entry.name)
        if known and known[0] == stamp and (there := self._copy(known[1], entry)).is_file():
            return HashedFile(entry.name, stamp, known[1], there, entry.on_disk)
        with tree.opened(entry) as stream:
            data = stream.read(MAX_PHOTO + 1)
        if len(data) > MAX_PHOTO:
            raise UnusableError(Unusable.TOO_LARGE, f"more than {MAX_PHOTO:,} bytes")
        sha = hashlib.sha256(data).hexdigest()
        return HashedFile(entry.name, stamp, sha, self._copy(sha, entry), entry.on_disk, data)

    def keep(self, file: HashedFile) -> None:
        """Write what was read into the journal, and a member's bytes beside it. Raises OSError."""
        if self._files.get(file.name) != (file.stamp, file.sha256):
            self._files[file.name] = (file.stamp, file.sha256)
            self._journal.append(
                "file", file=file.name, stamp=file.stamp, sha256=file.sha256, archive=file.archive
            )
        if file.data is not None and not file.path.is_file():
            write_whole(file.path, file.data)

    def _copy(self, sha: str, entry: FileEntry) -> Path:
        suffix = posixpath.splitext(entry.member)[1].lower()
        plain = suffix if suffix[1:].isascii() and suffix[1:].isalnum() else ""
        return self._journal.folder / COPIES / f"{sha}{plain}"


def _stamp(path: Path) -> str:
    """Size and time of a file: as long as they stay, so does its content."""
    known = path.stat()
    return f"{known.st_size}:{known.st_mtime_ns}"
