"""A folder of posts, read in one go: its documents one by one, then the pictures that no post spoke of.

What cannot be used is a `Rejected` in the stream. Nothing stops the reading, whatever a file holds.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from geoflood.core.datatypes import Rejected
from geoflood.triage.findings import Medium, Post
from geoflood.triage.posts.documents import Documents
from geoflood.triage.posts.file_tree import NO_DOCUMENTS, FileEntry, FileTree, is_picture
from geoflood.triage.posts.not_photos import not_a_photo
from geoflood.triage.posts.picture_names import PictureNames, plain
from geoflood.triage.posts.safe_values import prose
from geoflood.triage.posts.tally import Tally
from geoflood.triage.posts.text_files import opening
from geoflood.triage.posts.times import named_time

__all__ = ["PostFolder", "Tally"]

DOCUMENTS = frozenset((".json", ".jsonl", ".ndjson", ".js", ".csv", ".tsv", ".txt"))
MAX_CAPTION = 65_536
"""Bytes of a text file beside a picture that are taken for its caption."""


class PostFolder:
    """What lies in a folder, sorted into documents and pictures; `posts` reads it."""

    def __init__(self, tree: FileTree) -> None:
        self.tree = tree
        self.pictures = PictureNames()
        self.documents: list[FileEntry] = []
        self.rejected: list[Rejected] = []
        pictures: list[FileEntry] = []
        others: set[str] = set()
        for one in tree.entries():
            if isinstance(one, Rejected):
                self.rejected.append(one)
            elif self._is_picture(one):
                pictures.append(one)
            elif _suffix(one) in NO_DOCUMENTS:
                others |= {plain(one.name), posixpath.splitext(plain(one.name))[0]}
            else:
                self.documents.append(one)
        self._take(pictures, others)
        self._captions = {entry.name: entry for entry in self.documents if entry.name.endswith(".txt")}
        self._read = Documents(tree, self.pictures, self.documents, others)

    def posts(self) -> Iterator[Post | Rejected]:
        """Every post, and a reason for each thing that could not be used, in an order that stays."""
        yield from self.rejected
        for document in self.documents:
            yield from self.posts_of(document)
        yield from self.bare()

    def posts_of(self, document: FileEntry) -> Iterator[Post | Rejected]:
        """The posts in one document; none when it holds no posts. Raises nothing."""
        yield from self._read.posts_of(document)

    def bare(self) -> Iterator[Post]:
        """The pictures that no post has been given, each a post of its own. Only after `posts_of` all."""
        for entry in self.pictures.unclaimed():
            name = posixpath.basename(entry.name)
            at = named_time(name)
            yield Post(
                *("bare images", "", self._caption(entry)),
                posted_at=at,
                clock="the file's name" if at else "",
                media=(Medium(name, file=entry.name),),
                source=entry.name,
            )

    def _is_picture(self, entry: FileEntry) -> bool:
        suffix = _suffix(entry)
        if suffix in DOCUMENTS or suffix in NO_DOCUMENTS:
            return False
        return is_picture(entry.name) or is_picture(entry.name, self.tree.head(entry, 16))

    def _take(self, pictures: list[FileEntry], others: set[str]) -> None:
        """Keep the photos; of the rest tell what it is."""
        names = others | {plain(entry.name) for entry in (*pictures, *self.documents)}
        for entry in pictures:
            if reason := not_a_photo(plain(entry.name), names):
                self.rejected.append(Rejected(entry.name, reason))
            else:
                self.pictures.add(entry)

    def _caption(self, entry: FileEntry) -> str:
        stem = posixpath.splitext(entry.name)[0]
        beside = self._captions.get(f"{stem}.txt") or self._captions.get(f"{entry.name}.txt")
        if beside is None:
            return ""
        head = self.tree.head(beside, MAX_CAPTION)
        return prose(opening(head).rstrip())


def _suffix(entry: FileEntry) -> str:
    return posixpath.splitext(entry.name)[1].lower()
