"""Tables of text: each row by the names of its columns, and none of them lost to a quote left open.

A quoted cell may run over several lines; a quote that nobody closes would take all rows behind it. Lines that
are rows by themselves are therefore read as rows, and that is reported.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import IO, TypeAlias

from geoflood.core.datatypes import Rejected
from geoflood.triage.posts.text_files import Record, lines
from geoflood.triage.posts.unusable import Unusable

__all__ = ["folded", "named", "rows"]

MAX_ROW = 200_000
"""Characters of a row that runs over several lines."""
Tells: TypeAlias = Callable[[Record], bool]
"""Whether a line that could as well be text is a row, by its cells."""

_NAMED = re.compile(r"\ufeff?\"?sep=(.)\"?\s*", re.IGNORECASE)
"""The line with which spreadsheets name what parts the columns."""


def folded(column: str) -> str:
    """A column's name without what differs between writers."""
    return "_".join(column.strip("\ufeff \t\"'").lower().replace("-", " ").split())


def named(line: str) -> str:
    """What parts the columns, where a first line says so; empty for any other line."""
    found = _NAMED.fullmatch(line)
    return found[1] if found else ""


def rows(text: IO[str], name: str, mark: str, tells: Tells | None) -> Iterator[Record | Rejected]:
    """Each row by its folded columns, parted by `mark`; each line is one when `tells` is None."""
    feed = _Feed(lines(text, name))
    header = next(feed, "")
    if named(header):
        header = next(feed, "")
    columns = [folded(cell) for cell in next(csv.reader([header], delimiter=mark), [])]
    for cells, ended in _quoted(feed, mark, columns, tells) if tells else _plain(feed, mark):
        place = f"{name}, line {ended}"
        if cells is None:
            yield Rejected(place, Unusable.OPEN_QUOTE, "the lines behind it are read as rows")
        elif len(cells) > len(columns) and any(cells[len(columns) :]):
            yield Rejected(place, Unusable.BROKEN_ROW, "more cells than columns")
        else:
            yield dict(zip(columns, (cell.strip() for cell in cells), strict=False))
    yield from feed.rejected


class _Feed:
    """The lines of a table, each with its end; `taken` holds those since the last `clear`.

    It ends, for once, when these are more than MAX_ROW. A line that is too long is left out and kept apart.
    """

    def __init__(self, found: Iterator[str | Rejected]) -> None:
        self._found, self._waiting = found, deque[str]()
        self.taken: list[str] = []
        self.rejected: list[Rejected] = []
        self.number, self._size = 0, 0
        self.ended = False
        """No line follows."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._size > MAX_ROW:
            raise StopIteration
        line = self._waiting.popleft() if self._waiting else next(self._found, None)
        while isinstance(line, Rejected):
            self.rejected.append(line)
            line = next(self._found, None)
        if line is None:
            self.ended = True
            raise StopIteration
        line = line.removesuffix("\n") + "\n"
        self.number += 1
        self._size += len(line)
        self.taken.append(line)
        return line

    def clear(self) -> None:
        """Begin a row."""
        self._size = 0
        self.taken = []

    def back(self, line: str) -> None:
        """Have a line come once more."""
        self._waiting.append(line)
        self.number -= 1


Cells: TypeAlias = tuple[list[str] | None, int]
"""Of a row, and the number of its last line; None for a quote that was left open there."""


def _plain(feed: _Feed, mark: str) -> Iterator[Cells]:
    """Every line a row; a cell in quotes without them."""
    for line in feed:
        feed.clear()
        yield _parted(line, mark), feed.number


def _parted(line: str, mark: str) -> list[str]:
    """The cells of one line, of which each may be in quotes or have a stray one."""
    cells = line.rstrip("\r\n").split(mark)
    return [
        cell[1:-1].replace('""', '"') if re.fullmatch(r'"(?:[^"]|"")*"', cell) else cell for cell in cells
    ]


def _quoted(feed: _Feed, mark: str, columns: list[str], tells: Tells) -> Iterator[Cells]:
    """Rows with their quotes, as long as these can be right."""
    reader = csv.reader(feed, delimiter=mark)
    while True:
        feed.clear()
        try:
            cells = next(reader, [])
        except csv.Error:
            cells = []
        taken = feed.taken
        if not taken:
            return
        first = feed.number - len(taken) + 1
        if len(taken) == 1 and not feed.ended:
            yield cells or _alone(taken[0], mark), feed.number
            continue
        if cells and not _swallowed(taken, mark, columns, tells):
            yield cells, feed.number
            continue
        yield None, first
        if len(taken) > 1 and not feed.ended:  # it may open a quote of its own
            feed.back(taken.pop())
        for number, line in enumerate(taken, first):
            yield _alone(line, mark), number


def _is_open(taken: list[str], mark: str) -> bool:
    """Whether the last quote of a row is not closed, or closed in the midst of a cell."""
    try:
        list(csv.reader(taken, delimiter=mark, strict=True))
    except csv.Error:
        return True
    return False


def _swallowed(taken: list[str], mark: str, columns: list[str], tells: Tells) -> bool:
    """Whether what reads as one cell over several lines holds rows: lines with all cells, and telling ones.

    Of the last line only what lies before the closing quote can tell: the rest is right either way.
    """
    if _is_open(taken, mark):
        return True
    closing = re.match(r'(?:[^"]|"")*', taken[-1])
    before = closing[0].count(mark) + 1 if closing else 0
    for at, line in enumerate(taken[1:], 1):
        cells = line.rstrip("\r\n").split(mark)
        kept = cells[:before] if at == len(taken) - 1 else cells
        if len(cells) == len(columns) and tells(dict(zip(columns, kept, strict=False))):
            return True
    return False


def _alone(line: str, mark: str) -> list[str]:
    """The cells of one line, with its quotes where it closes them."""
    return _parted(line, mark) if _is_open([line], mark) else next(csv.reader([line], delimiter=mark))
