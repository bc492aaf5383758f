"""A folder of posts -> the photos to be located, each once; every post and picture goes into the journal.

Files are never written to. The journal knows what earlier runs took in; a picture whose size and time
stayed is not hashed again. Which photo a picture shows is decided here, one picture after the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from geoflood.core.datatypes import Bounds, Image, Progress, Rejected, no_progress
from geoflood.core.errors import InputError
from geoflood.triage.codec import (
    clocks_to,
    decision_from,
    geotag_to,
    post_from,
    post_to,
    time_to,
    words_from,
    words_to,
)
from geoflood.triage.file_hashes import FileHashes
from geoflood.triage.findings import NamedPlace, Post
from geoflood.triage.journal import Journal, JournalLine
from geoflood.triage.narrowing import Narrowing
from geoflood.triage.near_duplicates import Duplicates, from_text, to_text
from geoflood.triage.photo_facts import PhotoFacts
from geoflood.triage.post_arrivals import AHEAD, PostArrival, PostArrivals, Submit
from geoflood.triage.posts.folder import PostFolder, Tally
from geoflood.triage.posts.left_out import LeftOut
from geoflood.triage.stated_place import StatedPlace

__all__ = ["Intake", "Photo"]


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A photo that is to be located, and the box that its posts narrow the search to."""

    sha256: str
    path: Path
    file: str
    """Its name in the folder."""
    pixels: Image | None = None
    """None when it has to be decoded again."""
    within: Bounds | None = None
    narrowed_by: str = ""
    """In words, which post says so."""


class Intake:
    """Takes in a folder of posts; what they say of places narrows the search where `narrowing` is given.

    `tally` counts this run.

    Raises InputError when the journal was altered.
    """

    def __init__(self, journal: Journal, narrowing: Narrowing | None = None) -> None:
        self.journal = journal
        self.tally = Tally()
        self.ended = False
        """The folder was read to its end."""
        self.run: dict[str, Any] = {}
        """The latest run and its settings; empty as long as there is no result."""
        self.read_from = ""
        """The folder that files were read from; empty as long as none was."""
        self._latest_run: dict[str, Any] = {}
        self._posts: dict[bytes, bytes] = {}
        self._hashes = FileHashes(journal)
        self._photos: dict[str, str] = {}
        self._handled: set[str] = set()
        self._provisional: set[str] = set()
        self._files: dict[str, tuple[Path, str]] = {}
        self._rejections: dict[bytes, tuple[str, str]] = {}
        self._met: set[bytes] = set()
        self._left_out: dict[str, Any] = {}
        self._duplicates = Duplicates()
        self._narrowing = narrowing
        self._words: dict[str, bytes] = {}
        self._unread: set[str] = set()
        self._waiting = 0
        for line in journal.replay():
            try:
                self._replay(line)
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f"{journal.folder}: line {line.number} of the journal: {error!r}") from error

    @property
    def done(self) -> int:
        """Photos that need no locating any more."""
        return len(self._handled)

    def has_file(self, sha: str) -> bool:
        """The photo was met in the folder, and may be located once more."""
        return sha in self._files

    def has_result(self, name: str) -> bool:
        """By the journal, the picture shows a photo that has its result."""
        return self._photos.get(self._hashes.known(name)) in self._handled

    def photo(self, sha: str) -> Photo:
        """A photo that was met in the folder, to be located in the box that its posts narrow it to."""
        path, file = self._files[sha]
        place = self._narrowing.place_of(sha) if self._narrowing else StatedPlace()
        return Photo(sha, path, file, None, place.within, place.source)

    @property
    def left(self) -> int:
        """Photos that are to come, at most: a picture may turn out to show one that was there before."""
        return len(self._unread) + self._waiting

    def photos(
        self,
        folder: PostFolder,
        submit: Submit,
        progress: Progress = no_progress,
        news: Callable[[str], object] = lambda line: None,
        stopping: Callable[[], bool] = lambda: False,
        read_words: Callable[[], Iterable[tuple[str, tuple[NamedPlace, ...]]]] = lambda: (),
    ) -> Iterator[Photo]:
        """Every photo that is not located yet, while the folder is read into the journal.

        Where posts narrow the search, photos come after all posts, since any post may narrow any photo.
        `news` is called with each layout when it is first met, and at the end with what was recognised.
        `stopping` is asked before each post. `read_words` is asked once all posts are in the journal: for the
        key of each, and the places that its words name.
        """
        entries = folder.pictures.entries
        self._unread = {entry.name for entry in entries if not self.has_result(entry.name)}
        arrivals = PostArrivals(folder, self._hashes, submit, self._photos, self._reject)
        for count, arrival in enumerate(arrivals, 1):
            if stopping():
                return
            progress("reading posts", count, 0)
            if isinstance(arrival, Rejected):
                self._reject(arrival)
            elif isinstance(arrival, LeftOut):
                self.tally.add(arrival)
            else:
                self.tally.add(arrival.post)
                if self.tally.posts[arrival.post.layout] == 1:
                    news(f"recognised {arrival.post.layout}: {' '.join(arrival.post.source.split())}")
                yield from self._count_down(self._take_post(arrival, arrivals))
        self.ended = True
        self._settle()
        for line in self.tally.lines():
            news(line)
        for key, words in read_words():
            self._journal_words(key, words)
        if self._narrowing:
            due = list(self._narrowing.due(self._files, self._handled))
            yield from self._count_down([self.photo(sha) for sha in due])

    def _count_down(self, photos: list[Photo]) -> Iterator[Photo]:
        self._waiting = len(photos)
        for photo in photos:
            self._waiting -= 1
            yield photo

    def _replay(self, line: JournalLine) -> None:
        """Take in what an earlier run did."""
        content = line.content
        match line.kind:
            case "run":
                self._latest_run = content
            case "file":
                self.read_from = self._latest_run.get("folder", "")
                self._hashes.know(content["file"], content["stamp"], content["sha256"])
            case "photo":
                self._photos[content["sha256"]] = content["same_as"] or content["sha256"]
                if content["looks"] and not content["same_as"]:
                    self._duplicates.add(content["sha256"], from_text(content["looks"]))
            case "post":
                self._posts[bytes.fromhex(content["key"])] = _digest(content["post"], content["media"])
                self._words.pop(content["key"], None)
                if self._narrowing:
                    self._narrow(
                        self._narrowing, content["key"], post_from(content["post"], ()), content["media"]
                    )
            case "words":
                self._words[content["key"]] = _digest(content["words"])
                if self._narrowing:
                    self._narrowing.add_words(content["key"], words_from(content["words"]))
            case "rejected":
                told = (content["location"], content["reason"])
                self._rejections[_digest(*told)] = told
            case "settled":
                self._rejections.pop(_digest(content["location"], content["reason"]), None)
            case "left out":
                self._left_out = content["kinds"]
            case "located":
                self.run = self._latest_run
                if not content["again"]:
                    self._handled.add(content["sha256"])
                provisional = content.get("provisional") is not None
                (self._provisional.add if provisional else self._provisional.discard)(content["sha256"])
                if self._narrowing:
                    self._narrowing.add_result(content["sha256"], content["narrowed"])
            case "decision" if self._narrowing:
                self._narrowing.add_decision(content["sha256"], decision_from(content["decision"]))

    def _reject(self, rejected: Rejected) -> None:
        """Count what could not be used, once, and journal it unless an earlier run did."""
        told = (rejected.location, str(rejected.reason))
        digest = _digest(*told)
        if digest in self._met:
            return
        self._met.add(digest)
        self.tally.add(rejected)
        if digest not in self._rejections:
            self._rejections[digest] = told
            self.journal.append("rejected", **{**asdict(rejected), "reason": told[1]})

    def _settle(self) -> None:
        """Once all is read: journal what an earlier run could not use and this one did not meet any more.

        What is left out is journaled, too, where that has changed.
        """
        for location, reason in sorted(self._rejections.pop(one) for one in {*self._rejections} - self._met):
            self.journal.append("settled", location=location, reason=reason)
        kinds = {
            kind: {"count": count, "first": self.tally.examples[kind]}
            for kind, count in sorted(self.tally.left_out.items())
        }
        if kinds != self._left_out:
            self._left_out = kinds
            self.journal.append("left out", kinds=kinds)

    def _take_post(self, arrival: PostArrival, arrivals: PostArrivals) -> list[Photo]:
        """Journal a post and its pictures; returns those of its photos that can be located now."""
        photos: list[Photo] = []
        if not any(picture.file for picture in arrival.pictures):
            return photos
        for picture in arrival.pictures:
            self._unread.discard(picture.file)
            sha, path = picture.sha256, picture.path
            if sha is None or path is None:
                continue
            new = sha not in self._photos
            pixels = self._take_picture(sha, picture.file, arrivals.facts_of(sha, path)) if new else None
            photo = self._photos[sha]
            if self._narrowing or photo not in self._handled or photo in self._provisional:
                self._files.setdefault(photo, (path, picture.file))
            if not self._narrowing and photo not in self._handled:
                self._handled.add(photo)
                photos.append(Photo(photo, path, picture.file, pixels if len(photos) < AHEAD else None))
        media = [{"name": one.name, "file": one.file, "sha256": one.sha256} for one in arrival.pictures]
        self._journal_post(arrival.post, media)
        return photos

    def _narrow(self, narrowing: Narrowing, key: str, post: Post, media: list[dict[str, Any]]) -> None:
        """Take in what a post says of where its photos were taken."""
        for photo in {self._photos[one["sha256"]] for one in media if one["sha256"] in self._photos}:
            narrowing.add_post(photo, key, post)

    def _journal_post(self, post: Post, media: list[dict[str, Any]]) -> None:
        """Journal a post, unless it is there as it is."""
        content = post_to(post)
        names = [medium["name"] for medium in media]
        key = _digest(post.source, post.id, post.author, content.get("posted_at"), names)
        digest = _digest(content, media)
        if self._posts.get(key) != digest:
            self._posts[key] = digest
            self._words.pop(key.hex(), None)
            self.journal.append("post", key=key.hex(), post=content, media=media)
            if self._narrowing:
                self._narrow(self._narrowing, key.hex(), post, media)

    def _journal_words(self, key: str, words: tuple[NamedPlace, ...]) -> None:
        """Journal the places that a post's words name, unless they are there as they are."""
        content = words_to(words)
        if self._words.get(key, _NO_WORDS) != (digest := _digest(content)):
            self._words[key] = digest
            self.journal.append("words", key=key, words=content)
            if self._narrowing:
                self._narrowing.add_words(key, words)

    def _take_picture(self, sha: str, name: str, facts: PhotoFacts) -> Image | None:
        """Journal a new picture: which photo it shows, what its EXIF says. Returns its pixels."""
        hashes = facts.perceptual_hashes
        duplicate = None if hashes is None else self._duplicates.find(hashes)
        if hashes is not None and duplicate is None:
            self._duplicates.add(sha, hashes)
        same_as, apart = duplicate or (None, None)
        self._photos[sha] = same_as or sha
        self.journal.append(
            "photo",
            sha256=sha,
            file=name,
            same_as=same_as,
            bits_apart=apart,
            looks="" if hashes is None else to_text(hashes),
            exif=geotag_to(facts.exif.geotag),
            taken_at=time_to(facts.exif.taken_at),
            clocks=clocks_to(facts.exif.clocks),
        )
        return facts.pixels


def _digest(*parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).digest()[:16]


_NO_WORDS = _digest([])
"""Of posts that name no place nothing is written."""
