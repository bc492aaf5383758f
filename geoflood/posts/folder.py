"""A folder of posts, read in one go: its documents one by one, then the pictures that no post spoke of.

What cannot be used is a `Rejected` in the stream. Nothing stops the reading, whatever a file holds.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import IO

from geoflood.finding import Medium, Post
from geoflood.posts.chats import is_whatsapp, whatsapp
from geoflood.posts.fields import named_time, prose
from geoflood.posts.layouts import layout_of
from geoflood.posts.matching import Pictures
from geoflood.posts.reading import HEAD, Record, folded, is_lines, opening, records, rows, text_of
from geoflood.posts.shelf import DAMAGED, NO_DOCUMENTS, Entry, Shelf, is_picture
from geoflood.posts.tables import sidecar
from geoflood.terms import Rejected

__all__ = ["Folder", "Tally"]

DOCUMENTS = frozenset((".json", ".jsonl", ".ndjson", ".js", ".csv", ".tsv", ".txt"))
MARKS = {",": "CSV", "\t": "TSV", ";": "CSV"}
MAX_CAPTION = 65_536
"""Bytes of a text file beside a picture that are taken for its caption."""


@dataclass
class Tally:
    """What was recognised in a folder, by layout."""

    posts: Counter[str] = field(default_factory=Counter)
    images: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    """Reason -> how many."""

    def add(self, one: Post | Rejected) -> None:
        """Count a post or what could not be used."""
        if isinstance(one, Rejected):
            self.rejected[one.reason] += 1
            return
        self.posts[one.layout] += 1
        found = sum(bool(medium.file) for medium in one.media)
        self.images[one.layout] += found
        self.missing[one.layout] += len(one.media) - found

    def lines(self) -> list[str]:
        """For people: "twarc2 JSONL: 812 posts, 640 images, 31 without a file"."""
        told = [
            f"{layout}: {_many(count, 'post')}, {_many(self.images[layout], 'image')}"
            + (f", {self.missing[layout]:,} without a file" if self.missing[layout] else "")
            for layout, count in sorted(self.posts.items())
        ]
        return told + [f"not usable: {count:,} {reason}" for reason, count in sorted(self.rejected.items())]


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'s' * (count != 1)}"


class Folder:
    """What lies on a shelf, sorted into documents and pictures; `posts` reads it."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.pictures = Pictures()
        self.documents: list[Entry] = []
        self.rejected: list[Rejected] = []
        for one in shelf.entries():
            if isinstance(one, Rejected):
                self.rejected.append(one)
            elif self._pictures(one):
                self.pictures.add(one)
            elif posixpath.splitext(one.name)[1].lower() not in NO_DOCUMENTS:
                self.documents.append(one)
        self._captions = {entry.name: entry for entry in self.documents if entry.name.endswith(".txt")}

    def posts(self) -> Iterator[Post | Rejected]:
        """Every post, and a reason for each thing that could not be used, in an order that stays."""
        yield from self.rejected
        for document in self.documents:
            yield from self.posts_of(document)
        yield from self.bare()

    def posts_of(self, document: Entry) -> Iterator[Post | Rejected]:
        """The posts in one document; none when it holds no posts. Raises nothing."""
        try:
            with self.shelf.opened(document) as stream:
                head = stream.read(HEAD)
            with self.shelf.opened(document) as stream:
                text = text_of(stream, head)
                for one in self._read(text, document, opening(head)):
                    yield replace(one, source=document.name) if isinstance(one, Post) else one
        except DAMAGED as error:
            yield Rejected(document.name, "cannot be read", f"{error!s:.100}")

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

    def _pictures(self, entry: Entry) -> bool:
        suffix = posixpath.splitext(entry.name)[1].lower()
        if suffix in DOCUMENTS or suffix in NO_DOCUMENTS:
            return False
        return is_picture(entry.name) or is_picture(entry.name, self.shelf.head(entry, 16))

    def _read(self, text: IO[str], document: Entry, first: str) -> Iterator[Post | Rejected]:
        if is_whatsapp(first):
            for one in whatsapp(text, document.name, first):
                yield self.pictures.with_files(one, document) if isinstance(one, Post) else one
        elif first.startswith(("{", "[")):
            kind = "JSONL" if is_lines(first) else "JSON"
            yield from self._told(records(text, document.name, document.size, first), document, kind)
        elif mark := _table_mark(first):
            yield from self._told(rows(text, document.name, mark), document, MARKS[mark])

    def _told(
        self, found: Iterable[Record | Rejected], document: Entry, kind: str
    ) -> Iterator[Post | Rejected]:
        """The posts in the records of a document; what is no post counts once there was one."""
        beside = self.pictures.beside(document)
        known = False
        for record in found:
            if isinstance(record, Rejected):
                yield record
                continue
            before = known
            for post in self._posts(record, document, kind, beside):
                known = True
                yield post
            if before and not known:
                yield Rejected(document.name, "not a post")

    def _posts(
        self, record: Record, document: Entry, kind: str, beside: Medium | None
    ) -> Iterator[Post | Rejected]:
        """The posts in a record, with their files; of a sidecar, with the picture beside it."""
        layout = layout_of(record)
        if beside and (layout is None or "manifest" in layout.name):
            yield replace(sidecar(record), layout="image + sidecar", media=(beside,))
            return
        if layout is None:
            return
        try:
            read = list(layout.read(record))
        except Exception as error:  # a stranger's record may break any reader; the next one is another's
            yield Rejected(document.name, "not as documented", f"{layout.name}: {error!s:.80}")
            return
        for post in read:
            found = self.pictures.with_files(replace(post, layout=layout.name.format(kind)), document)
            if beside and not any(medium.file for medium in found.media):
                found = replace(found, media=(beside,))
            yield found

    def _caption(self, entry: Entry) -> str:
        stem = posixpath.splitext(entry.name)[0]
        beside = self._captions.get(f"{stem}.txt") or self._captions.get(f"{entry.name}.txt")
        if beside is None:
            return ""
        head = self.shelf.head(beside, MAX_CAPTION)
        return prose(opening(head).rstrip())


def _table_mark(first: str) -> str:
    """What parts the columns of a table that names pictures; empty for anything else."""
    header = first.partition("\n")[0]
    for mark in MARKS:
        columns = [folded(cell) for cell in header[:10_000].split(mark)]
        if len(columns) > 1 and layout_of({column: column for column in columns}):
            return mark
    return ""
