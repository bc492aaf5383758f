"""What a folder of posts brings in: each post and picture into the journal, each photo once to be located.

Files are hashed before anything is read out of them, and never written to. What was taken in by an earlier
run is known by its journal; a picture whose size and time have not changed is not hashed again. Pictures are
decoded by other threads some way ahead, and what they show is decided here, one after the other.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from geoflood.batch.duplicates import Duplicates, from_text, to_text
from geoflood.batch.hashing import Hashes, on_disk
from geoflood.batch.journal import Journal, Line
from geoflood.batch.seeing import Seen, see
from geoflood.batch.stored import geotag_to, post_to, time_to
from geoflood.finding import Post
from geoflood.geo import bounds_of, offset
from geoflood.posts.folder import Folder, Tally
from geoflood.posts.shelf import DAMAGED, Entry
from geoflood.terms import Bounds, Image, Progress, Rejected, unwatched

__all__ = ["Intake", "Photo"]

NEAR_M = 2000.0
"""A post's own position is where it was sent from: its photo was taken within about this."""
AHEAD = 16
"""Pictures that are decoded ahead, at most: 3 MB each."""

Submit: TypeAlias = Callable[[Callable[[Path], Seen], Path], Future[Seen]]
"""Has a picture decoded by another thread."""


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A photo that is to be located, and what its first post says of where it was."""

    sha256: str
    path: Path
    file: str
    """Its name in the folder."""
    pixels: Image | None = None
    """Where it was decoded already."""
    within: Bounds | None = None
    told: str = ""
    """Who says so."""


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A post whose pictures are hashed: the medium's name, the file, its SHA-256, where it can be read."""

    post: Post
    shown: tuple[tuple[str, str, str | None, Path | None], ...]


class Intake:
    """The journal's side of reading. `tally` counts what this run has met."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.tally = Tally()
        self.run: dict[str, Any] = {}
        """The latest run and its settings; empty as long as there is no result."""
        self.read = ""
        """The folder that files were read from; empty as long as none was."""
        self._begun: dict[str, Any] = {}
        self._posts: dict[bytes, bytes] = {}
        self._hashes = Hashes(journal)
        self._photos: dict[str, str] = {}
        self._seeing: dict[str, Future[Seen]] = {}
        self._handled: set[str] = set()
        self._told: set[bytes] = set()
        self._duplicates = Duplicates()
        for line in journal.replay():
            self._replay(line)

    @property
    def located(self) -> int:
        """Photos that need no locating any more."""
        return len(self._handled)

    def photos(self, folder: Folder, submit: Submit, progress: Progress = unwatched) -> Iterator[Photo]:
        """Every photo that is not located yet, while the folder is read into the journal."""
        for count, one in enumerate(self._arriving(folder, submit), 1):
            progress("reading posts", count, 0)
            if isinstance(one, Rejected):
                self.tally.add(one)
                self._reject(one)
            else:
                self.tally.add(one.post)
                yield from self._post(one)

    def _arriving(self, folder: Folder, submit: Submit) -> Iterator[_Arrived | Rejected]:
        """What is read, in its order, some way behind the pictures that are being decoded."""
        entries = {entry.name: entry for entry in folder.pictures.entries}
        waiting: deque[_Arrived | Rejected] = deque()
        for one in self._read(folder):
            waiting.append(one if isinstance(one, Rejected) else self._arrived(one, entries, folder, submit))
            while waiting and (len(self._seeing) > AHEAD or len(waiting) > 4 * AHEAD):
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()

    def _arrived(self, post: Post, entries: dict[str, Entry], folder: Folder, submit: Submit) -> _Arrived:
        """Hash a post's pictures, and have those decoded that were never seen."""
        shown = []
        for medium in post.media:
            sha, path = self._picture(entries[medium.file], folder) if medium.file else (None, None)
            new = sha is not None and sha not in self._photos and sha not in self._seeing
            if sha and path and new and len(self._seeing) < 2 * AHEAD:
                self._seeing[sha] = submit(see, path)
            shown.append((medium.name, medium.file, sha, path))
        return _Arrived(post, tuple(shown))

    def _read(self, folder: Folder) -> Iterator[Post | Rejected]:
        yield from folder.rejected
        for document in folder.documents:
            if self._document(document):
                yield from folder.posts_of(document)
        yield from folder.bare()

    def _replay(self, line: Line) -> None:
        told = line.content
        match line.kind:
            case "run":
                self._begun = told
            case "file":
                self.read = self._begun.get("folder", "")
                self._hashes.know(told["file"], told["stamp"], told["sha256"])
            case "photo":
                self._photos[told["sha256"]] = told["same_as"] or told["sha256"]
                if told["looks"] and not told["same_as"]:
                    self._duplicates.add(told["sha256"], from_text(told["looks"]))
            case "post":
                self._posts[bytes.fromhex(told["key"])] = _digest(told["post"], told["media"])
            case "rejected":
                self._told.add(_digest(told["location"], told["reason"]))
            case "located":
                self.run = self._begun
                if not told["again"]:
                    self._handled.add(told["sha256"])

    def _reject(self, one: Rejected) -> None:
        digest = _digest(one.location, one.reason)
        if digest not in self._told:
            self._told.add(digest)
            self.journal.append("rejected", location=one.location, reason=one.reason, detail=one.detail)

    def _document(self, document: Entry) -> bool:
        """Hash a document, or the archive it lies in, before it is read; False when that cannot be done."""
        name = on_disk(document)
        try:
            self._hashes.hashed(name, document.path)
        except OSError as error:
            self._reject(Rejected(name, "cannot be read", str(error.strerror)))
            return False
        return True

    def _post(self, arrived: _Arrived) -> Iterator[Photo]:
        """Journal a post and its pictures; yield those of its photos that are to be located."""
        if not any(file for _, file, _, _ in arrived.shown):
            return
        waiting: list[Photo] = []
        for _, file, sha, path in arrived.shown:
            if sha is None or path is None:
                continue
            pixels = self._photo(sha, file, path).pixels if sha not in self._photos else None
            if self._photos[sha] not in self._handled:
                self._handled.add(self._photos[sha])
                held = pixels if len(waiting) < AHEAD else None
                waiting.append(Photo(self._photos[sha], path, file, held, *_said(arrived.post)))
        shown = [{"name": name, "file": file, "sha256": sha} for name, file, sha, _ in arrived.shown]
        self._journal_post(arrived.post, shown)
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
        """SHA-256 of a picture, and where it can be read."""
        try:
            return self._hashes.picture(entry, folder.shelf)
        except DAMAGED as error:
            self._reject(Rejected(entry.name, "cannot be read", f"{error!s:.100}"))
            return None, None

    def _photo(self, sha: str, name: str, path: Path) -> Seen:
        """Take in a picture that was never seen: which photo it shows, and what its EXIF says."""
        ahead = self._seeing.pop(sha, None)
        seen = ahead.result() if ahead else see(path)  # of a post with very many, not all were decoded ahead
        found = self._duplicates.find(seen.looks) if seen.looks is not None else None
        if seen.looks is not None and found is None:
            self._duplicates.add(sha, seen.looks)
        same_as, apart = found or (None, None)
        self._photos[sha] = same_as or sha
        self.journal.append(
            "photo",
            sha256=sha,
            file=name,
            same_as=same_as,
            bits_apart=apart,
            looks="" if seen.looks is None else to_text(seen.looks),
            exif=geotag_to(seen.exif.geotag),
            taken_at=time_to(seen.exif.taken_at),
        )
        return seen


def _digest(*parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).digest()[:16]


def _said(post: Post) -> tuple[Bounds | None, str]:
    """The box that a post puts its photos in, and in words who says so."""
    if post.geotag:
        spot = post.geotag.position
        around = bounds_of([offset(spot, turn, NEAR_M * 2**0.5) for turn in (45, 135, 225, 315)])
        return around, f"within {NEAR_M / 1000:g} km of the post's own position"
    return post.box, f"in the post's place {post.place}".rstrip() if post.box else ""
