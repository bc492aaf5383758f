"""From the bytes of a file to records, lines and rows, however large, broken or ill-meant it is.

Nothing here holds more than one item of MAX_ITEM characters, or a document of MAX_WHOLE bytes. What cannot
be read is a `Rejected` in its place, and reading goes on behind it where that is possible.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import IO, Any, TypeAlias

import ijson

from geoflood.terms import Rejected

__all__ = ["HEAD", "Record", "folded", "is_lines", "lines", "opening", "records", "rows", "text_of"]

Record: TypeAlias = Mapping[str, Any]

HEAD = 65_536
"""Bytes that tell what a file is."""
MAX_ITEM = 16_000_000
"""Characters of a line, or of one item of an array: a twarc2 page of 100 tweets has 500,000."""
MAX_WHOLE = 32_000_000
"""Bytes of a JSON object that is read in one piece; a larger one must have an array to stream."""

CONTAINERS = ("messages", "orderedItems", "feed", "posts", "statuses")
"""Arrays of posts in an object: Telegram, ActivityPub, Bluesky, lists of posts, v1.1 searches."""
STREAMED = {
    "messages": "messages.item",
    "chats": "chats.list.item.messages.item",
    "orderedItems": "orderedItems.item",
    "posts": "posts.item",
}

_BROKEN = (ijson.JSONError, ValueError, ArithmeticError, RecursionError, MemoryError)
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_ASSIGNED = re.compile(r"\s*window\.YTD\.\w+\.part\d+\s*=\s*")
"""What an X archive puts in front of its JSON."""


def text_of(stream: IO[bytes], head: bytes) -> io.TextIOWrapper:
    """The stream as text, by its mark, else UTF-8, else what else `head` may be; never an error."""
    return io.TextIOWrapper(stream, _encoding(head), errors="replace", newline="\n")


def _encoding(head: bytes) -> str:
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name
    zeros = [head[start::2].count(0) * 3 > len(head) for start in (0, 1)]
    if any(zeros):
        return "utf-16-be" if zeros[0] else "utf-16-le"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def opening(head: bytes) -> str:
    """The first text of a file, without the blanks and the assignment before it."""
    text = head.decode(_encoding(head), "replace").lstrip("\ufeff \t\r\n\0")
    return _ASSIGNED.sub("", text, count=1)


def lines(text: IO[str], name: str) -> Iterator[str | Rejected]:
    """Each line that is not blank, without its end."""
    count = 0
    while line := text.readline(MAX_ITEM):
        count += 1
        if len(line) == MAX_ITEM and line[-1] != "\n":
            while (rest := text.readline(MAX_ITEM)) and rest[-1] != "\n":
                pass
            yield Rejected(f"{name}, line {count}", "line too long", f"over {MAX_ITEM:,} characters")
        elif line.strip("\r\n\t \0"):
            yield line.rstrip("\r\n")


def records(text: IO[str], name: str, size: int, head: str) -> Iterator[Record | Rejected]:
    """Every JSON object: one a line, the items of an array, or what an object holds.

    `head` is the first text of the file, `size` its length in bytes.
    """
    if is_lines(head):
        for count, line in enumerate(lines(text, name), 1):
            yield from [line] if isinstance(line, Rejected) else _objects(line, f"{name}, line {count}")
    elif head.startswith("["):
        yield from _streamed(text, name, "item")
    elif size <= MAX_WHOLE:
        yield from _objects(_ASSIGNED.sub("", text.read(), count=1), name)
    else:
        path = next((path for key, path in STREAMED.items() if f'"{key}"' in head), None)
        yield from _streamed(text, name, path) if path else [Rejected(name, "too large", f"{size:,} bytes")]


def is_lines(head: str) -> bool:
    """One object a line: the first line is whole, or the next begins another."""
    first, _, rest = head.partition("\n")
    if not first.startswith("{"):
        return False
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return first.rstrip().endswith("}") and rest.lstrip().startswith("{")
    return True


def _objects(text: str, place: str) -> Iterator[Record | Rejected]:
    """The objects of a JSON text, containers opened."""
    try:
        value = json.loads(text.strip("\ufeff \t\r\n\0"))
    except RecursionError:
        yield Rejected(place, "nested too deep")
    except _BROKEN as error:
        yield Rejected(place, "broken JSON", f"{error!s:.100}")
    else:
        yield from _contained(value)


def _contained(value: object) -> Iterator[Record]:
    """The objects in a value: of a list its items, of a container what it contains."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))
    elif isinstance(value, dict):
        chats = value["chats"].get("list") if isinstance(value.get("chats"), dict) else None
        if isinstance(chats, list):
            yield from (message for chat in chats for message in _contained(chat))
            return
        found = next((value[key] for key in CONTAINERS if isinstance(value.get(key), list)), None)
        yield from [value] if found is None else _contained(found)


class _Bounded:
    """Text as UTF-8 bytes, ending in an error when an item takes too many of them."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._first = True
        self.left = MAX_ITEM

    def read(self, size: int = -1) -> bytes:
        """As a file does. Raises ValueError when the item is too long."""
        if size == 0:
            return b""
        piece = self._text.read(HEAD)
        if self._first:
            self._first, piece = False, _ASSIGNED.sub("", piece.lstrip("\ufeff"), count=1)
        self.left -= len(piece)
        if self.left < 0:
            raise ValueError(f"an item of over {MAX_ITEM:,} characters")
        return piece.encode("utf-8", "replace")


def _streamed(text: IO[str], name: str, path: str) -> Iterator[Record | Rejected]:
    """The objects at `path`; behind a break in the file there is no telling what is what."""
    bounded = _Bounded(text)
    try:
        for item in ijson.items(bounded, path, use_float=True):
            bounded.left = MAX_ITEM
            if isinstance(item, dict):
                yield item
    except _BROKEN as error:
        yield Rejected(name, "broken JSON", f"{error!s:.100}")


def folded(column: str) -> str:
    """A column's name without what differs between writers."""
    return "_".join(column.strip("\ufeff \t\"'").lower().replace("-", " ").split())


def rows(text: IO[str], name: str, mark: str) -> Iterator[Record | Rejected]:
    """Each row of a table by its folded columns, parted by `mark`."""
    rejected: list[Rejected] = []

    def told() -> Iterator[str]:
        for line in lines(text, name):
            if isinstance(line, str):
                yield line + "\n"
            else:
                rejected.append(line)

    reader = csv.reader(told(), delimiter=mark)
    columns: list[str] | None = None
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            yield Rejected(f"{name}, line {reader.line_num}", "broken row", str(error))
            continue
        if columns is None:
            columns = [folded(cell) for cell in cells]
        elif len(cells) > len(columns) and any(cells[len(columns) :]):
            yield Rejected(f"{name}, line {reader.line_num}", "broken row", "more cells than columns")
        else:
            yield dict(zip(columns, (cell.strip() for cell in cells), strict=False))
    yield from rejected
