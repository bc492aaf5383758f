"""What a folder of posts brings in: each post and picture into the journal, each photo once to be located.

Files are never written to. What was taken in by an earlier run is known by its journal; a picture whose size
and time have not changed is not hashed again. What pictures show is decided here, one after the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoflood.core.datatypes import Bounds, Image, Progress, Rejected, no_progress
from geoflood.core.errors import InputError
from geoflood.triage.arriving import AHEAD, PostArrival, PostArrivals, Submit
from geoflood.triage.codec import decision_from, geotag_to, post_from, post_to, time_to
from geoflood.triage.file_hashes import FileHashes
from geoflood.triage.findings import Post
from geoflood.triage.journal import Journal, JournalLine
from geoflood.triage.narrowing import Narrowing
from geoflood.triage.near_duplicates import Duplicates, from_text, to_text
from geoflood.triage.photo_facts import PhotoFacts
from geoflood.triage.posts.folder import PostFolder, Tally

__all__ = ["Intake", "Photo"]


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A photo that is to be located, and what its posts say of where it was, if that narrows the search."""

    sha256: str
    path: Path
    file: str
    """Its name in the folder."""
    pixels: Image | None = None
    """Where it was decoded already."""
    within: Bounds | None = None
    told: str = ""
    """Who says so."""


class Intake:
    """The journal's side of reading; `narrowed` by what posts say. `tally` counts what this run has met.

    Raises InputError when the journal was altered.
    """

    def __init__(self, journal: Journal, narrowed: bool = False) -> None:
        self.journal = journal
        self.tally = Tally()
        self.ended = False
        """The folder was read to its end."""
        self.run: dict[str, Any] = {}
        """The latest run and its settings; empty as long as there is no result."""
        self.read = ""
        """The folder that files were read from; empty as long as none was."""
        self._begun: dict[str, Any] = {}
        self._posts: dict[bytes, bytes] = {}
        self._hashes = FileHashes(journal)
        self._photos: dict[str, str] = {}
        self._handled: set[str] = set()
        self._told: set[bytes] = set()
        self._duplicates = Duplicates()
        self._narrowing = Narrowing() if narrowed else None
        self._open: set[str] = set()
        self._held = 0
        for line in journal.replay():
            try:
                self._replay(line)
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f"{journal.folder}: line {line.number} of the journal: {error!r}") from error

    @property
    def located(self) -> int:
        """Photos that need no locating any more."""
        return len(self._handled)

    @property
    def left(self) -> int:
        """Photos that are to come, at most: a picture may turn out to show one that was there before."""
        return len(self._open) + self._held

    def photos(
        self,
        folder: PostFolder,
        submit: Submit,
        progress: Progress = no_progress,
        news: Callable[[str], object] = lambda told: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Iterator[Photo]:
        """Every photo that is not located yet, while the folder is read into the journal.

        Where posts narrow the search they come after that, since each may be narrowed by any. `news` is told
        each layout when it is first met and what was recognised at the end of reading. `stopping` is asked
        before each post.
        """
        self._open = {one.name for one in folder.pictures.entries if not self._done(one.name)}
        arriving = PostArrivals(folder, self._hashes, submit, self._photos, self._reject)
        for count, one in enumerate(arriving, 1):
            if stopping():
                return
            progress("reading posts", count, 0)
            if isinstance(one, Rejected):
                self.tally.add(one)
                self._reject(one)
            else:
                self.tally.add(one.post)
                if self.tally.posts[one.post.layout] == 1:
                    news(f"recognised {one.post.layout}: {' '.join(one.post.source.split())}")
                yield from self._yielded(self._post(one, arriving))
        self.ended = True
        for told in self.tally.lines():
            news(told)
        if self._narrowing:
            due = self._narrowing.due(self._handled)
            yield from self._yielded(
                [Photo(sha, path, file, None, said.within, said.told) for sha, path, file, said in due]
            )

    def _yielded(self, photos: list[Photo]) -> Iterator[Photo]:
        self._held = len(photos)
        for photo in photos:
            self._held -= 1
            yield photo

    def _done(self, name: str) -> bool:
        """By the journal, the picture shows a photo that has its result."""
        return self._photos.get(self._hashes.known(name)) in self._handled

    def _replay(self, line: JournalLine) -> None:
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
                if self._narrowing:
                    self._hear(self._narrowing, told["key"], post_from(told["post"], ()), told["media"])
            case "rejected":
                self._told.add(_digest(told["location"], told["reason"]))
            case "located":
                self.run = self._begun
                if not told["again"]:
                    self._handled.add(told["sha256"])
                if self._narrowing:
                    self._narrowing.located(told["sha256"], told["narrowed"])
            case "decision" if self._narrowing:
                self._narrowing.decided(told["sha256"], decision_from(told["decision"]))

    def _reject(self, one: Rejected) -> None:
        digest = _digest(one.location, one.reason)
        if digest not in self._told:
            self._told.add(digest)
            self.journal.append("rejected", location=one.location, reason=one.reason, detail=one.detail)

    def _post(self, arrived: PostArrival, arriving: PostArrivals) -> list[Photo]:
        """Journal a post and its pictures; returns those of its photos that can be located now."""
        waiting: list[Photo] = []
        if not any(file for _, file, _, _ in arrived.shown):
            return waiting
        for _, file, sha, path in arrived.shown:
            self._open.discard(file)
            if sha is None or path is None:
                continue
            pixels = self._photo(sha, file, arriving.seen(sha, path)) if sha not in self._photos else None
            photo = self._photos[sha]
            if self._narrowing:
                self._narrowing.meet(photo, path, file)
            elif photo not in self._handled:
                self._handled.add(photo)
                waiting.append(Photo(photo, path, file, pixels if len(waiting) < AHEAD else None))
        shown = [{"name": name, "file": file, "sha256": sha} for name, file, sha, _ in arrived.shown]
        self._journal_post(arrived.post, shown)
        return waiting

    def _hear(self, narrowing: Narrowing, key: str, post: Post, shown: list[dict[str, Any]]) -> None:
        """What a post says of where its photos were taken."""
        for photo in {self._photos[one["sha256"]] for one in shown if one["sha256"] in self._photos}:
            narrowing.hear(photo, key, post)

    def _journal_post(self, post: Post, shown: list[dict[str, Any]]) -> None:
        told = post_to(post)
        key = _digest(
            post.source, post.id, post.author, told.get("posted_at"), [one["name"] for one in shown]
        )
        digest = _digest(told, shown)
        if self._posts.get(key) != digest:
            self._posts[key] = digest
            self.journal.append("post", key=key.hex(), post=told, media=shown)
            if self._narrowing:
                self._hear(self._narrowing, key.hex(), post, shown)

    def _photo(self, sha: str, name: str, seen: PhotoFacts) -> Image | None:
        """Take in a picture that was never seen: which photo it shows, what its EXIF says."""
        found = self._duplicates.find(seen.perceptual_hashes) if seen.perceptual_hashes is not None else None
        if seen.perceptual_hashes is not None and found is None:
            self._duplicates.add(sha, seen.perceptual_hashes)
        same_as, apart = found or (None, None)
        self._photos[sha] = same_as or sha
        self.journal.append(
            "photo",
            sha256=sha,
            file=name,
            same_as=same_as,
            bits_apart=apart,
            looks="" if seen.perceptual_hashes is None else to_text(seen.perceptual_hashes),
            exif=geotag_to(seen.exif.geotag),
            taken_at=time_to(seen.exif.taken_at),
        )
        return seen.pixels


def _digest(*parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).digest()[:16]
