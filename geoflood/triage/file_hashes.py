"""SHA-256 of every file before it is read, kept in the journal; working copies of what lies in archives."""

from __future__ import annotations

import hashlib
import posixpath
from pathlib import Path

from geoflood.core.files import write_whole
from geoflood.triage.journal import Journal
from geoflood.triage.posts.file_tree import FileEntry, FileTree

__all__ = ["COPIES", "FileHashes", "on_disk"]

COPIES = "photos"
"""Folder in the results for working copies of pictures that lie in archives, named by their content."""
MAX_PHOTO = 150_000_000
"""Bytes of a picture in an archive."""


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

    def hashed(self, name: str, path: Path) -> str:
        """SHA-256 of a file on the disk, from the journal where it has not changed since. Raises OSError."""
        stamp = _stamp(path)
        known = self._files.get(name)
        if known and known[0] == stamp:
            return known[1]
        with path.open("rb") as file:
            sha = hashlib.file_digest(file, "sha256").hexdigest()
        self._found(name, stamp, sha)
        return sha

    def picture(self, entry: FileEntry, tree: FileTree) -> tuple[str, Path]:
        """SHA-256 of a picture, and where it can be read. Raises one of tree.DAMAGED."""
        if not entry.member:
            return self.hashed(entry.name, entry.path), entry.path
        return self._packed(entry, tree)

    def _packed(self, entry: FileEntry, tree: FileTree) -> tuple[str, Path]:
        """A member of an archive: copied once, under a name that says what is in it."""
        if entry.size > MAX_PHOTO:
            raise ValueError(f"{entry.size:,} bytes")
        self.hashed(on_disk(entry), entry.path)
        stamp, known = _stamp(entry.path), self._files.get(entry.name)
        if known and known[0] == stamp and (there := self._copy(known[1], entry)).is_file():
            return known[1], there
        with tree.opened(entry) as stream:
            data = stream.read(MAX_PHOTO + 1)
        sha = hashlib.sha256(data).hexdigest()
        self._found(entry.name, stamp, sha)
        if not self._copy(sha, entry).is_file():
            write_whole(self._copy(sha, entry), data)
        return sha, self._copy(sha, entry)

    def _copy(self, sha: str, entry: FileEntry) -> Path:
        suffix = posixpath.splitext(entry.member)[1].lower()
        plain = suffix if suffix[1:].isascii() and suffix[1:].isalnum() else ""
        return self._journal.folder / COPIES / f"{sha}{plain}"

    def _found(self, name: str, stamp: str, sha: str) -> None:
        self._files[name] = (stamp, sha)
        self._journal.append("file", file=name, stamp=stamp, sha256=sha)


def on_disk(entry: FileEntry) -> str:
    """The name of the file that holds it: its own, or its archive's."""
    return entry.name.partition("!/")[0] if entry.member else entry.name


def _stamp(path: Path) -> str:
    """Size and time of a file: as long as they stay, so does its content."""
    known = path.stat()
    return f"{known.st_size}:{known.st_mtime_ns}"
