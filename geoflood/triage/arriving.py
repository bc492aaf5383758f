"""Posts as they are read out of a folder, in its order: each file hashed before anything is read out of it.

Pictures that were never seen are decoded by other threads some way ahead of whoever decides what they show.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from geoflood.core.datatypes import Rejected
from geoflood.triage.file_hashes import FileHashes, on_disk
from geoflood.triage.findings import Post
from geoflood.triage.photo_facts import PhotoFacts, see
from geoflood.triage.posts.file_tree import DAMAGED, FileEntry
from geoflood.triage.posts.folder import PostFolder

__all__ = ["AHEAD", "PostArrival", "PostArrivals", "Submit"]

AHEAD = 16
"""Pictures that are decoded ahead, at most: 3 MB each."""

Submit: TypeAlias = Callable[[Callable[[Path], PhotoFacts], Path], Future[PhotoFacts]]
"""Has a picture decoded by another thread."""


@dataclass(frozen=True, slots=True)
class PostArrival:
    """A post whose pictures are hashed: the medium's name, the file, its SHA-256, where it can be read."""

    post: Post
    shown: tuple[tuple[str, str, str | None, Path | None], ...]


class PostArrivals:
    """What a folder holds; `known` are hashes of pictures that need not be looked at.

    `reject` takes note of files that cannot be read: a post may do without its picture.
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
        self._seeing: dict[str, Future[PhotoFacts]] = {}

    def __iter__(self) -> Iterator[PostArrival | Rejected]:
        """What is read, in its order, some way behind the pictures that are being decoded."""
        waiting: deque[PostArrival | Rejected] = deque()
        for one in self._read():
            waiting.append(one if isinstance(one, Rejected) else self._arrived(one))
            while waiting and (len(self._seeing) > AHEAD or len(waiting) > 4 * AHEAD):
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()

    def seen(self, sha: str, path: Path) -> PhotoFacts:
        """What is in a picture that is not known; of a post with very many, not all were decoded ahead."""
        ahead = self._seeing.pop(sha, None)
        return ahead.result() if ahead else see(path)

    def _read(self) -> Iterator[Post | Rejected]:
        yield from self._folder.rejected
        for document in self._folder.documents:
            if self._document(document):
                yield from self._folder.posts_of(document)
        yield from self._folder.bare()

    def _document(self, document: FileEntry) -> bool:
        """Hash a document, or the archive it lies in, before it is read; False when that cannot be done."""
        name = on_disk(document)
        try:
            self._hashes.hashed(name, document.path)
        except OSError as error:
            self._reject(Rejected(name, "cannot be read", str(error.strerror)))
            return False
        return True

    def _arrived(self, post: Post) -> PostArrival:
        """Hash a post's pictures, and have those decoded that were never seen."""
        shown = []
        for medium in post.media:
            sha, path = self._picture(self._entries[medium.file]) if medium.file else (None, None)
            new = sha is not None and sha not in self._known and sha not in self._seeing
            if sha and path and new and len(self._seeing) < 2 * AHEAD:
                self._seeing[sha] = self._submit(see, path)
            shown.append((medium.name, medium.file, sha, path))
        return PostArrival(post, tuple(shown))

    def _picture(self, entry: FileEntry) -> tuple[str | None, Path | None]:
        """SHA-256 of a picture, and where it can be read."""
        try:
            return self._hashes.picture(entry, self._folder.shelf)
        except DAMAGED as error:
            self._reject(Rejected(entry.name, "cannot be read", f"{error!s:.100}"))
            return None, None
