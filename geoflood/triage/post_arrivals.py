"""The posts of a folder, in its order: each file is hashed before anything is read out of it.

Other threads decode new pictures ahead of the thread that decides which photo each one shows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from geoflood.core.datatypes import Rejected
from geoflood.triage.file_hashes import FileHashes
from geoflood.triage.findings import Post
from geoflood.triage.photo_facts import PhotoFacts, read_photo_facts
from geoflood.triage.posts.door import attempt
from geoflood.triage.posts.file_tree import FileEntry
from geoflood.triage.posts.folder import PostFolder
from geoflood.triage.posts.left_out import LeftOut

__all__ = ["AHEAD", "ArrivedPicture", "PostArrival", "PostArrivals", "Submit"]

AHEAD = 16
"""Pictures that are decoded ahead, at most: 3 MB each."""

Submit: TypeAlias = Callable[[Callable[[Path], PhotoFacts], Path], Future[PhotoFacts]]
"""Has a picture decoded by another thread."""


@dataclass(frozen=True, slots=True)
class ArrivedPicture:
    """A picture of a post, hashed."""

    name: str
    """As the post calls it."""
    file: str
    """Its name in the folder; empty without a file."""
    sha256: str | None = None
    path: Path | None = None
    """Where it can be read. Both are None for a file that is missing or cannot be read."""


@dataclass(frozen=True, slots=True)
class PostArrival:
    """A post whose pictures are hashed."""

    post: Post
    pictures: tuple[ArrivedPicture, ...]


class PostArrivals:
    """The posts of a folder; `known` are hashes of pictures that need not be decoded.

    `reject` takes files that cannot be read; their posts come all the same.
    """

    def __init__(
        self,
        folder: PostFolder,
        hashes: FileHashes,
        submit: Submit,
        known: Container[str],
        reject: Callable[[Rejected], object],
    ) -> None:
        self._folder, self._hashes, self._submit, self._known = folder, hashes, submit, known
        self._reject = reject
        self._entries = {entry.name: entry for entry in folder.pictures.entries}
        self._decoding: dict[str, Future[PhotoFacts]] = {}

    def __iter__(self) -> Iterator[PostArrival | Rejected | LeftOut]:
        """Posts and what could not be used, in order, some way behind the decoding of pictures."""
        waiting: deque[PostArrival | Rejected | LeftOut] = deque()
        for post in self._read():
            waiting.append(self._hash_pictures(post) if isinstance(post, Post) else post)
            while waiting and (len(self._decoding) > AHEAD or len(waiting) > 4 * AHEAD):
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()

    def facts_of(self, sha: str, path: Path) -> PhotoFacts:
        """What is in a new picture; of a post with very many pictures, not all were decoded ahead."""
        ahead = self._decoding.pop(sha, None)
        return ahead.result() if ahead else read_photo_facts(path)

    def _read(self) -> Iterator[Post | Rejected | LeftOut]:
        yield from self._folder.unused
        for document in self._folder.documents:
            if self._hash_document(document):
                yield from self._folder.posts_of(document)
        yield from self._folder.bare()

    def _hash_document(self, document: FileEntry) -> bool:
        """Hash a file, or the archive it lies in, before it is read; False when that cannot be done."""
        name = document.on_disk
        read = attempt(lambda: self._hashes.read(name, document.path), name)
        if isinstance(read, Rejected):
            self._reject(read)
            return False
        self._hashes.keep(read)
        return True

    def _hash_pictures(self, post: Post) -> PostArrival:
        """Hash a post's pictures, and have new ones decoded."""
        pictures = []
        for medium in post.media:
            sha, path = self._picture(self._entries[medium.file]) if medium.file else (None, None)
            new = sha is not None and sha not in self._known and sha not in self._decoding
            if sha and path and new and len(self._decoding) < 2 * AHEAD:
                self._decoding[sha] = self._submit(read_photo_facts, path)
            pictures.append(ArrivedPicture(medium.name, medium.file, sha, path))
        return PostArrival(post, tuple(pictures))

    def _picture(self, entry: FileEntry) -> tuple[str | None, Path | None]:
        """SHA-256 of a picture, and where it can be read."""
        if entry.member and not self._hash_document(entry):
            return None, None
        read = attempt(lambda: self._hashes.read_picture(entry, self._folder.tree), entry.name)
        if isinstance(read, Rejected):
            self._reject(read)
            return None, None
        self._hashes.keep(read)
        return read.sha256, read.path
