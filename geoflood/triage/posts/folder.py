"""A folder of posts, read in one go: its documents one by one, then the pictures that no post spoke of.

What cannot be used is a `Rejected` in the stream, what shows no place a `LeftOut`. Nothing stops the reading,
whatever a file holds, and no file of the folder is passed over in silence.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from geoflood.core.datatypes import Rejected
from geoflood.core.file_names import plain
from geoflood.triage.findings import Medium, Post
from geoflood.triage.posts.documents import Documents
from geoflood.triage.posts.door import guarded
from geoflood.triage.posts.file_kinds import FileKind
from geoflood.triage.posts.file_tree import FileEntry, FileTree
from geoflood.triage.posts.left_out import LeftOut
from geoflood.triage.posts.not_photos import not_a_photo
from geoflood.triage.posts.picture_names import PictureNames
from geoflood.triage.posts.safe_values import prose
from geoflood.triage.posts.tally import BARE, Tally
from geoflood.triage.posts.text_files import opening
from geoflood.triage.posts.times import named_time

__all__ = ["PostFolder", "Tally"]

MAX_CAPTION = 65_536
"""Bytes of a text file beside a picture that are taken for its caption."""


class PostFolder:
    """What lies in a folder, sorted into documents and pictures; `posts` reads it."""

    def __init__(self, tree: FileTree) -> None:
        self.tree = tree
        self.pictures = PictureNames()
        self.documents: list[FileEntry] = []
        self.unused: list[Rejected | LeftOut] = []
        """What is neither a document nor a photo."""
        pictures: list[FileEntry] = []
        for one in tree.entries():
            if not isinstance(one, FileEntry):
                self.unused.append(one)
            elif one.kind.file is FileKind.PICTURE:
                pictures.append(one)
            else:
                self.documents.append(one)
        others = {plain(one.location) for one in self.unused}
        others |= {posixpath.splitext(name)[0] for name in others}
        self._take(pictures, others)
        self._captions = _captions(self.documents, self.pictures.entries)
        captions = {entry.name for entry in self._captions.values()}
        self._read = Documents(tree, self.pictures, self.documents, others, captions)

    def posts(self) -> Iterator[Post | Rejected | LeftOut]:
        """Every post, and what was made of each other thing, in an order that stays."""
        yield from self.unused
        for document in self.documents:
            yield from self.posts_of(document)
        yield from self.bare()

    def posts_of(self, document: FileEntry) -> Iterator[Post | Rejected | LeftOut]:
        """The posts in one document, or what it is where it holds none. Only a full disk is raised."""
        yield from self._read.posts_of(document)

    def bare(self) -> Iterator[Post | Rejected]:
        """The pictures that no post has been given, each a post of its own. Only after `posts_of` all."""
        for entry in self.pictures.unclaimed():
            yield from guarded(self._bare(entry), entry.name)

    def _bare(self, entry: FileEntry) -> Iterator[Post]:
        name = posixpath.basename(entry.name)
        at = named_time(name)
        yield Post(
            *(BARE, "", self._caption(entry)),
            posted_at=at,
            clock="the file's name" if at else "",
            media=(Medium(name, file=entry.name),),
            source=entry.name,
        )

    def _take(self, pictures: list[FileEntry], others: set[str]) -> None:
        """Keep the photos; of the rest tell what it is."""
        names = others | {plain(entry.name) for entry in (*pictures, *self.documents)}
        for entry in pictures:
            if kind := not_a_photo(plain(entry.name), names):
                self.unused.append(LeftOut(entry.name, kind))
            else:
                self.pictures.add(entry)

    def _caption(self, entry: FileEntry) -> str:
        beside = self._captions.get(entry.name)
        return prose(opening(self.tree.head(beside, MAX_CAPTION)).rstrip()) if beside else ""


def _captions(documents: Iterable[FileEntry], pictures: Iterable[FileEntry]) -> dict[str, FileEntry]:
    """The text files beside pictures, by the pictures' names: photo.txt, photo.jpg.txt."""
    texts = {entry.name: entry for entry in documents if entry.name.endswith(".txt")}
    found = {}
    for picture in pictures if texts else ():
        names = (f"{posixpath.splitext(picture.name)[0]}.txt", f"{picture.name}.txt")
        if beside := next((texts[name] for name in names if name in texts), None):
            found[picture.name] = beside
    return found
