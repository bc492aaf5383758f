"""What a folder of posts brings in: each post and picture into the journal, each photo once to be located.

Files are hashed before anything is read out of them, and never written to. What was taken in by an earlier
run is known by its journal; a picture whose size and time have not changed is not hashed again.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoflood.duplicates import Duplicates, Looks, from_text, looks, to_text
from geoflood.files import write_whole
from geoflood.finding import Post
from geoflood.geo import bounds_of, offset
from geoflood.imagery import exif
from geoflood.images import UnreadableImageError, read_image
from geoflood.journal import Journal, Line
from geoflood.posts.folder import Folder, Tally
from geoflood.posts.shelf import DAMAGED, Entry
from geoflood.stored import geotag_to, post_to
from geoflood.terms import Bounds, Progress, Rejected, unwatched

__all__ = ["COPIES", "Intake", "Photo"]

COPIES = "photos"
"""Folder in the results for working copies of pictures that lie in archives, named by their content."""
MAX_PHOTO = 150_000_000
"""Bytes of a picture in an archive."""
NEAR_M = 2000.0
"""A post's own position is where it was sent from: its photo was taken within about this."""
_SEEN_PX = 256
"""Longer side that perceptual hashes look at."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo that is to be located, and what its first post says of where it was."""

    sha256: str
    path: Path
    within: Bounds | None = None
    told: str = ""
    """Who says so."""


class Intake:
    """The journal's side of reading. `tally` counts what this run has met."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.tally = Tally()
        self.run: dict[str, Any] = {}
        """The first run's settings; empty in a new journal."""
        self._posts: dict[bytes, bytes] = {}
        self._files: dict[str, tuple[str, str]] = {}
        self._photos: dict[str, str] = {}
        self._handled: set[str] = set()
        self._told: set[bytes] = set()
        self._duplicates = Duplicates()
        for line in journal.replay():
            self._replay(line)

    @property
    def located(self) -> int:
        """Photos that need no locating any more."""
        return len(self._handled)

    def photos(self, folder: Folder, progress: Progress = unwatched) -> Iterator[Photo]:
        """Every photo that is not located yet, while the folder is read into the journal."""
        entries = {entry.name: entry for entry in folder.pictures.entries}
        for count, one in enumerate(self._read(folder), 1):
            progress("reading posts", count, 0)
            self.tally.add(one)
            if isinstance(one, Rejected):
                self._reject(one)
            elif any(medium.file for medium in one.media):
                yield from self._post(one, entries, folder)

    def _read(self, folder: Folder) -> Iterator[Post | Rejected]:
        yield from folder.rejected
        for document in folder.documents:
            if self._document(document):
                yield from folder.posts_of(document)
        yield from folder.bare()

    def _replay(self, line: Line) -> None:
        told = line.content
        match line.kind:
            case "run" if not self.run:
                self.run = told
            case "file":
                self._files[told["file"]] = (told["stamp"], told["sha256"])
            case "photo":
                self._photos[told["sha256"]] = told["same_as"] or told["sha256"]
                if told["looks"] and not told["same_as"]:
                    self._duplicates.add(told["sha256"], from_text(told["looks"]))
            case "post":
                self._posts[bytes.fromhex(told["key"])] = _digest(told["post"], told["media"])
            case "rejected":
                self._told.add(_digest(told["location"], told["reason"]))
            case "located" if not told["again"]:
                self._handled.add(told["sha256"])

    def _reject(self, one: Rejected) -> None:
        digest = _digest(one.location, one.reason)
        if digest not in self._told:
            self._told.add(digest)
            self.journal.append("rejected", location=one.location, reason=one.reason, detail=one.detail)

    def _document(self, document: Entry) -> bool:
        """Hash a document, or the archive it lies in, before it is read; False when that cannot be done."""
        name = _on_disk(document)
        try:
            self._hashed(name, document.path)
        except OSError as error:
            self._reject(Rejected(name, "cannot be read", str(error.strerror)))
            return False
        return True

    def _hashed(self, name: str, path: Path) -> str:
        """SHA-256 of a file on the disk, from the journal where it has not changed since."""
        stamp = _stamp(path)
        known = self._files.get(name)
        if known and known[0] == stamp:
            return known[1]
        with path.open("rb") as file:
            sha = hashlib.file_digest(file, "sha256").hexdigest()
        self._file(name, stamp, sha)
        return sha

    def _file(self, name: str, stamp: str, sha: str) -> None:
        self._files[name] = (stamp, sha)
        self.journal.append("file", file=name, stamp=stamp, sha256=sha)

    def _post(self, post: Post, entries: dict[str, Entry], folder: Folder) -> Iterator[Photo]:
        """Journal a post and its pictures; yield those of its photos that are to be located."""
        shown: list[dict[str, Any]] = []
        waiting: list[Photo] = []
        for medium in post.media:
            sha = path = None
            if medium.file:
                sha, path = self._picture(entries[medium.file], folder)
            shown.append({"name": medium.name, "file": medium.file, "sha256": sha})
            if sha and path and self._photos[sha] not in self._handled:
                self._handled.add(self._photos[sha])
                waiting.append(Photo(self._photos[sha], path, *_said(post)))
        self._journal_post(post, shown)
        yield from waiting

    def _journal_post(self, post: Post, shown: list[dict[str, Any]]) -> None:
        told = post_to(post)
        key = _digest(
            post.source, post.id, post.author, told.get("posted_at"), [one["name"] for one in shown]
        )
        digest = _digest(told, shown)
        if self._posts.get(key) != digest:
            self._posts[key] = digest
            self.journal.append("post", key=key.hex(), post=told, media=shown)

    def _picture(self, entry: Entry, folder: Folder) -> tuple[str | None, Path | None]:
        """SHA-256 of a picture, and where it can be read; journalled when it is new."""
        try:
            sha, path = self._packed(entry, folder) if entry.member else self._loose(entry)
        except DAMAGED as error:
            self._reject(Rejected(entry.name, "cannot be read", f"{error!s:.100}"))
            return None, None
        if sha not in self._photos:
            self._photo(sha, entry.name, path)
        return sha, path

    def _loose(self, entry: Entry) -> tuple[str, Path]:
        return self._hashed(entry.name, entry.path), entry.path

    def _packed(self, entry: Entry, folder: Folder) -> tuple[str, Path]:
        """A member of an archive: copied once, under a name that says what is in it. Raises as DAMAGED."""
        if entry.size > MAX_PHOTO:
            raise ValueError(f"{entry.size:,} bytes")
        self._hashed(_on_disk(entry), entry.path)
        stamp, known = _stamp(entry.path), self._files.get(entry.name)
        if known and known[0] == stamp and (there := self._copy(known[1], entry)).is_file():
            return known[1], there
        with folder.shelf.opened(entry) as stream:
            data = stream.read(MAX_PHOTO + 1)
        sha = hashlib.sha256(data).hexdigest()
        self._file(entry.name, stamp, sha)
        if not self._copy(sha, entry).is_file():
            write_whole(self._copy(sha, entry), data)
        return sha, self._copy(sha, entry)

    def _copy(self, sha: str, entry: Entry) -> Path:
        suffix = posixpath.splitext(entry.member)[1].lower()
        plain = suffix if suffix[1:].isascii() and suffix[1:].isalnum() else ""
        return self.journal.folder / COPIES / f"{sha}{plain}"

    def _photo(self, sha: str, name: str, path: Path) -> None:
        """Take in a picture that was never seen: which photo it shows, and what its EXIF says."""
        seen = _looks(path)
        found = self._duplicates.find(seen) if seen is not None else None
        if seen is not None and found is None:
            self._duplicates.add(sha, seen)
        same_as, apart = found or (None, None)
        self._photos[sha] = same_as or sha
        self.journal.append(
            "photo",
            sha256=sha,
            file=name,
            same_as=same_as,
            bits_apart=apart,
            looks="" if seen is None else to_text(seen),
            exif=geotag_to(exif.read(path).geotag),
        )


def _looks(path: Path) -> Looks | None:
    """None for a picture that cannot be read: the locator will say why."""
    try:
        return looks(read_image(path, _SEEN_PX))
    except UnreadableImageError:
        return None


def _on_disk(entry: Entry) -> str:
    """The name of the file that holds it: its own, or its archive's."""
    return entry.name.partition("!/")[0] if entry.member else entry.name


def _stamp(path: Path) -> str:
    """Size and time of a file: as long as they stay, so does its content."""
    known = path.stat()
    return f"{known.st_size}:{known.st_mtime_ns}"


def _digest(*parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).digest()[:16]


def _said(post: Post) -> tuple[Bounds | None, str]:
    """The box that a post puts its photos in, and in words who says so."""
    if post.geotag:
        spot = post.geotag.position
        around = bounds_of([offset(spot, turn, NEAR_M * 2**0.5) for turn in (45, 135, 225, 315)])
        return around, f"within {NEAR_M / 1000:g} km of the post's own position"
    return post.box, f"in the post's place {post.place}".rstrip() if post.box else ""
