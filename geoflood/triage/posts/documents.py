"""One document after the other: what it is by its content, and the posts in it, each with its pictures."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from typing import IO

from geoflood.core.datatypes import Rejected
from geoflood.core.file_names import plain
from geoflood.core.tables import MAX_ABOVE, BadRow, TableFault, TableHeader, find_header, rows
from geoflood.core.text_files import HEAD, text_of
from geoflood.triage.findings import Medium, Post
from geoflood.triage.posts.door import attempt, guarded
from geoflood.triage.posts.file_kinds import FileKind, suffix_of
from geoflood.triage.posts.file_tree import FileEntry, FileTree
from geoflood.triage.posts.json_records import is_lines, records
from geoflood.triage.posts.layouts import Layout, layout_of
from geoflood.triage.posts.left_out import LeftOut, LeftOutKind
from geoflood.triage.posts.picture_names import PictureNames
from geoflood.triage.posts.tables import (
    gallery,
    is_crisismmd,
    manifest,
    names_picture,
    sidecar,
    unplaced,
    untimed,
)
from geoflood.triage.posts.text_files import Opened, Record, is_assigned, opening
from geoflood.triage.posts.unrecognised import UnrecognisedTally
from geoflood.triage.posts.unusable import Unusable
from geoflood.triage.posts.whatsapp import is_whatsapp, whatsapp
from geoflood.triage.posts.workbooks import workbook_rows
from geoflood.triage.posts.x_archive_extras import NAMES, ArchiveExtras, companions

__all__ = ["Documents"]

TABLES = frozenset((".csv", ".tsv"))
LINES = frozenset((".jsonl", ".ndjson"))
BOOKS = frozenset((".xlsx", ".xlsm"))
MAY_HOLD_POSTS = TABLES | LINES | BOOKS | {".json"}
"""Files that are there to hold posts: one that cannot be used is reported. A readme, or .js, is not."""
_JSON = re.compile(r"\{\s*(?:[\"}]|$)|\[\s*(?:[{\[\"\]]|$)")
"""How JSON begins, and [14.07.21, 18:23] does not."""
_CHAT = re.compile(r"_chat\.txt|.*whatsapp.*\.txt", re.IGNORECASE | re.DOTALL)
"""The names of chats: one that is not understood is reported."""


@dataclass(frozen=True, slots=True)
class _Document:
    entry: FileEntry
    opened: Opened
    first: str = ""
    """Its first text."""
    assigned: bool = False
    """It assigns its JSON to a variable, as archives of X do."""

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def suffix(self) -> str:
        return ".xlsx" if self.entry.kind.file is FileKind.WORKBOOK else suffix_of(self.entry.name)

    @property
    def names_mark(self) -> bool:
        """Whether its first line names what parts the columns."""
        return self.first.lstrip('"').lower().startswith("sep=")

    @property
    def beginning(self) -> str:
        """Its first line that is more than that."""
        return [*self.first[:10_000].splitlines()[self.names_mark :], ""][0]


class Documents:
    """Reads documents: `entries` are all that there are, `others` the plain names of other files there.

    `captions` are the names of text files that stand beside pictures.
    """

    def __init__(
        self,
        tree: FileTree,
        pictures: PictureNames,
        entries: Iterable[FileEntry],
        others: Set[str],
        captions: Set[str] = frozenset(),
    ) -> None:
        self._tree, self._pictures, self._others, self._captions = tree, pictures, others, captions
        self._beside = [entry for entry in entries if NAMES.fullmatch(posixpath.basename(entry.name))]
        self._archives: dict[str, ArchiveExtras] = {}

    def posts_of(self, entry: FileEntry) -> Iterator[Post | Rejected | LeftOut]:
        """The posts in one document, or what it is where it holds none. Only a full disk is raised."""
        document = attempt(lambda: self._document(entry), entry.name)
        if isinstance(document, Rejected):
            yield document
            return
        silent = True
        for one in guarded(self._read(document), entry.name):
            silent = False
            if isinstance(one, Rejected):
                yield one
            else:
                yield self._pictures.claim(replace(one, source=entry.name))
                yield from _without_a_file(one, entry)
        if silent:
            yield LeftOut(entry.name, self._silent(document))

    def _document(self, entry: FileEntry) -> _Document:
        """Raises whatever is wrong with the file."""
        with self._tree.opened(entry) as stream:
            head = stream.read(HEAD)

        @contextmanager
        def opened() -> Iterator[IO[str]]:
            with self._tree.opened(entry) as stream:
                yield text_of(stream, head)

        if entry.kind.file is FileKind.WORKBOOK:
            return _Document(entry, opened)
        return _Document(entry, opened, opening(head), is_assigned(head))

    def _silent(self, document: _Document) -> LeftOutKind:
        """What a document is that no post came out of, and no complaint."""
        base = posixpath.basename(document.name)
        if document.name in self._captions or NAMES.fullmatch(base):
            return LeftOutKind.READ_BESIDE
        if self._is_beside(document):
            return LeftOutKind.BESIDE_FILE
        if "".join(document.first.split()) in ("", "[]", "{}"):
            return LeftOutKind.EMPTY
        data = document.suffix in (".js", ".json", ".jsonl", ".ndjson") or _JSON.match(document.first)
        return LeftOutKind.EXPORT_DATA if data else LeftOutKind.TEXT

    def _is_beside(self, document: _Document) -> bool:
        """Whether it has the name of a file that is none of the documents and photos, such as a video."""
        return posixpath.splitext(plain(document.name))[0].removesuffix(".info") in self._others

    def _read(self, document: _Document) -> Iterator[Post | Rejected]:
        first, name, suffix = document.first, document.name, document.suffix
        if document.entry.kind.file is FileKind.WORKBOOK:
            with self._tree.opened(document.entry) as stream:
                yield from self._posts_in(workbook_rows(stream, name), document, "XLSX")
        elif is_whatsapp(first):
            for one in whatsapp(document.opened, name):
                yield self._pictures.found(one, document.entry) if isinstance(one, Post) else one
        elif _JSON.match(first) or (suffix in MAY_HOLD_POSTS - TABLES and first.startswith(("{", "["))):
            with document.opened() as text:
                by_line = is_lines(text)
            kind = "JSONL" if by_line or suffix in LINES else "JSON"
            yield from self._posts_in(records(document.opened, name, by_line), document, kind)
        elif header := _header(document):
            kind = "TSV" if header.mark == "\t" and suffix != ".csv" else "CSV"
            yield from self._posts_in(_rows(document, header), document, kind)
        elif first and (suffix in MAY_HOLD_POSTS or _CHAT.fullmatch(posixpath.basename(name))):
            yield Rejected(name, Unusable.NOT_RECOGNISED, f"begins with {document.beginning:.80}")

    def _posts_in(
        self, found: Iterator[Record | Rejected], document: _Document, kind: str
    ) -> Iterator[Post | Rejected]:
        """The posts in the records of a document, and at its end what of it could not be understood."""
        found = guarded(found, document.name)  # of a document that breaks off, the first record counts, too
        few = list(islice(found, 2))
        alone = len(few) == 1 and kind.startswith("JSON")
        beside = self._pictures.beside(document.entry) if alone else None
        unrecognised = UnrecognisedTally(document.name)
        for record in chain(few, found):
            if isinstance(record, Rejected):
                yield record
                continue
            unrecognised.records += 1
            layout = attempt(partial(layout_of, record), document.name, Unusable.NOT_AS_DOCUMENTED)
            if isinstance(layout, Rejected):
                yield layout
                continue
            if beside and self._is_sidecar(record, layout, document, beside):
                yield replace(sidecar(record), layout="image + sidecar", media=(beside,))
            elif layout is None:
                unrecognised.count_record(record)
                continue
            else:
                yield from self._posts(record, layout, document, kind, beside)
            if layout is None or layout.read is manifest:
                unrecognised.count_time(untimed(record))
                unrecognised.count_place(unplaced(record))
        if self._may_hold_posts(document):
            yield from unrecognised.rejections()
            if not few and kind.startswith("JSON") and "".join(document.first.split()) != "[]":
                yield Rejected(document.name, Unusable.NOT_RECOGNISED, "there is no object in it")

    def _may_hold_posts(self, document: _Document) -> bool:
        """Whether posts could be expected in it: not in what is written beside a video."""
        return document.suffix in MAY_HOLD_POSTS and not self._is_beside(document)

    def _is_sidecar(self, record: Record, layout: Layout | None, document: _Document, beside: Medium) -> bool:
        """Whether a document's only record speaks of the picture beside it, and of no other that is there."""
        if layout is not None and layout.read is gallery:
            return True
        if layout is not None and layout.read is not manifest:
            return False
        named = [post for each in manifest(record) for post in [self._pictures.found(each, document.entry)]]
        return not any(medium.file not in ("", beside.file) for post in named for medium in post.media)

    def _posts(
        self, record: Record, layout: Layout, document: _Document, kind: str, beside: Medium | None
    ) -> Iterator[Post | Rejected]:
        """The posts in a record, or why it has none: it may break any reader, the next one is another's."""
        named = layout.name.format(kind)
        found = attempt(
            lambda: list(self._found(record, layout, document, named, beside)),
            document.name,
            Unusable.NOT_AS_DOCUMENTED,
        )
        if isinstance(found, Rejected):
            yield replace(found, detail=f"{named}: {found.detail}")
        else:
            yield from found

    def _found(
        self, record: Record, layout: Layout, document: _Document, named: str, beside: Medium | None
    ) -> Iterator[Post]:
        """The posts in a record, with their files; the only one of a document with the picture beside it."""
        read = [replace(post, layout=named) for post in layout.read(record)]
        for post in read:
            if named == "X archive" or (document.assigned and named.startswith("X ")):
                post = self._archive(document.entry.folder).of(replace(post, layout="X archive"))
            found = self._pictures.found(post, document.entry)
            if beside and len(read) == 1 and not any(medium.file for medium in found.media):
                found = replace(found, media=(beside,))
            yield found

    def _archive(self, folder: str) -> ArchiveExtras:
        """What lies beside the tweets of an X archive; read once."""
        if folder not in self._archives:
            there = [entry for entry in self._beside if entry.folder == folder]
            self._archives = {folder: companions(one for entry in there for one in self._records(entry))}
        return self._archives[folder]

    def _records(self, entry: FileEntry) -> Iterator[Record | Rejected]:
        """Those of a companion; what is wrong with it is told when it is read for itself."""
        document = attempt(lambda: self._document(entry), entry.name)
        if not isinstance(document, Rejected):
            yield from guarded(records(document.opened, document.name, by_line=False), entry.name)


def _without_a_file(post: Post, document: FileEntry) -> Iterator[Rejected]:
    of = f"of post {post.id}" if post.id else "of a post"
    for medium in post.media:
        if not medium.file:
            name = medium.name or f"a picture {of}"
            yield Rejected(f"{document.name}: {name}", Unusable.NO_FILE, of)


def _header(document: _Document) -> TableHeader | None:
    """How a table is written whose rows are posts; None for anything else.

    Titles may stand above it in what is there to be a table. Elsewhere they are prose.
    """
    table = document.suffix in TABLES

    def knows(columns: Sequence[str]) -> int:
        known = (len(columns) > 1 or table) and layout_of(dict(zip(columns, columns, strict=True)))
        return len(columns) if known else 0

    with document.opened() as text:
        header = find_header(text, knows, MAX_ABOVE if table else int(document.names_mark))
    return replace(header, mark="\t") if header and len(header.columns) == 1 else header


def _rows(document: _Document, header: TableHeader) -> Iterator[Record | Rejected]:
    """The rows of a table, and what is wrong with some; CrisisMMD's quotes mean nothing."""
    tells = None if is_crisismmd(dict.fromkeys(header.columns)) else names_picture
    with document.opened() as text:
        for row in rows(text, header, tells):
            if isinstance(row, BadRow):
                yield Rejected(f"{document.name}, line {row.line}", _FAULTS[row.fault], row.detail)
            else:
                yield row.cells


_FAULTS = {
    TableFault.OPEN_QUOTE: Unusable.OPEN_QUOTE,
    TableFault.BROKEN_ROW: Unusable.BROKEN_ROW,
    TableFault.LONG_LINE: Unusable.LONG_LINE,
}
