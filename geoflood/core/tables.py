"""Tables of text, as people and their programs write them: each row by the names of its columns.

One reader for geotags and for posts. It finds the line that names the columns, what parts them and how cells
are quoted, and undoes what spreadsheets do to cells. A quoted cell may run over several lines; a quote that
nobody closes would take all rows behind it. Lines that are rows by themselves are therefore read as rows, and
that is told. Nothing here holds more than a line of MAX_LINE characters, or a row of MAX_ROW.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from itertools import islice
from typing import IO, TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import _csv

__all__ = [
    *("BadRow", "MAX_LINE", "MAX_ROW", "TableFault", "TableHeader", "TableRow"),
    *("clean", "find_header", "first_header", "folded", "rows"),
]

MAX_LINE = 16_000_000
"""Characters of a line."""
MAX_ROW = 200_000
"""Characters of a row that runs over several lines."""
MAX_ABOVE = 10
"""Lines above the columns' names: titles, remarks, `sep=;`."""

MARKS = (",", "\t", ";", "|")
"""What parts columns, where no line says so."""

Knows: TypeAlias = Callable[[Sequence[str]], int]
"""How many of the folded columns are known; 0 for those that are no table of the kind that is asked for."""
Tells: TypeAlias = Callable[[Mapping[str, str]], bool]
"""Whether a line that could as well be text is a row, by its cells."""


class TableFault(StrEnum):
    """What is wrong with a row."""

    OPEN_QUOTE = "quote left open"
    BROKEN_ROW = "broken row"
    LONG_LINE = "line too long"


class TableRow(NamedTuple):
    """A row, and the number of its last line."""

    line: int
    cells: dict[str, str]
    """By folded column."""


class BadRow(NamedTuple):
    """A row that cannot be read as it stands, or a line that opens a quote without closing it."""

    line: int
    fault: TableFault
    detail: str


@dataclass(frozen=True)
class TableHeader:
    """How a table is written, by the line that names its columns."""

    line: int
    """Its number; the rows begin behind it."""
    mark: str
    """What parts the columns."""
    quote: str
    written: tuple[str, ...]
    """The columns' names."""

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names, folded."""
        return tuple(map(folded, self.written))


def folded(column: str) -> str:
    """A column's name without what differs between writers, and without its unit."""
    plain = clean(column).strip(" \t\"'")
    return "_".join((_UNIT.sub("", plain) or plain).lower().replace("-", " ").split())


_UNIT = re.compile(r"\s*(?:\([^()]*\)|\[[^\[\]]*\])$")


def clean(cell: str) -> str:
    """A cell without what spreadsheets and file managers put around its content."""
    text = cell.strip(_BLANK)
    if text[:1] not in ("=", "'"):
        return text
    if found := _FORMULA.fullmatch(text):
        return found[1].replace('""', '"').strip(_BLANK)
    return text[1:] if _SHIELDED.match(text) else text


_BLANK = (
    " \t\r\n\v\f\0\xa0\u3000\u2028\u2029\ufeff\u200b\u200e\u200f\u2060"
    "\u202a\u202b\u202c\u202d\u202e\u202f\u2066\u2067\u2068\u2069"
)
"""Blanks, and marks that no reader sees: Windows puts one before a path that is copied."""
_FORMULA = re.compile(r'="((?:[^"]|"")*)"', re.DOTALL)
"""A cell that is to stay text: ="0012"."""
_SHIELDED = re.compile(r"'(?:[=+@-]|[\d.,]+$)")
"""An apostrophe that keeps a spreadsheet from reading a cell as a formula or a number."""


def find_header(text: IO[str], knows: Knows, above: int = MAX_ABOVE) -> TableHeader | None:
    """The first line that names columns which are known, parted so that most of them are.

    As many as `above` lines may stand before it. None when there is no such line.
    """
    lines = _beginning(text)
    for at in range(min(len(lines), above + 1)):
        found = [_header_at(lines[at:], mark) for mark in _marks(lines, at)]
        known = [knows(header.columns) for header in found]
        if best := max(known, default=0):
            return found[known.index(best)]
    return None


def first_header(text: IO[str]) -> TableHeader | None:
    """The first line, as if it named columns, parted into most; None for a text without any."""
    lines = _beginning(text)
    at = 1 if lines and _NAMED.fullmatch(lines[0].text.strip(_BLANK)) else 0
    found = [_header_at(lines[at:], mark) for mark in _marks(lines, at)] if len(lines) > at else []
    return max(found, key=lambda header: len(header.written), default=None)


class _Line(NamedTuple):
    number: int
    text: str


_NAMED = re.compile(r"\"?sep=(.)\1*\"?", re.IGNORECASE)
"""The line with which spreadsheets name what parts the columns; they may pad it."""
_MOST = 100
"""Lines, and characters of each, in which the columns' names are looked for."""
_WIDEST = 10_000


def _beginning(text: IO[str]) -> list[_Line]:
    """The first lines that are not blank."""
    lines = (_Line(number, line) for number, line in enumerate(iter(lambda: text.readline(_WIDEST), ""), 1))
    return [line for line in islice(lines, _MOST) if line.text.strip(_BLANK)]


def _marks(lines: Sequence[_Line], at: int) -> Sequence[str]:
    """What may part the columns named in a line."""
    named = _NAMED.fullmatch(lines[0].text.strip(_BLANK)) if at else None
    return (named[1],) if named else MARKS


def _header_at(lines: Sequence[_Line], mark: str) -> TableHeader:
    """The header that begins in the first of the lines; a name in quotes may have several."""
    first = lines[0].text.strip(_BLANK + "'")
    single = len(first.split(f"'{mark}'")) > 1 and first.count("'") == 2 * first.count(mark)
    header = TableHeader(lines[0].number, mark, "'" if single else '"', ())
    texts = [line.text.strip("\r\n\ufeff") + "\n" for line in lines[:_MOST_OF_NAMES]]
    reader = _reader(texts, header)
    with suppress(csv.Error):
        cells = next(reader, [])
        if reader.line_num == 1 or not _is_open(texts[: reader.line_num], header):
            last = lines[reader.line_num - 1].number
            return replace(header, line=last, written=tuple(map(clean, _unwrapped(cells, header))))
    return replace(header, written=tuple(map(clean, _parted(texts[0], header))))


_MOST_OF_NAMES = 10
"""Lines that the names of columns take at most."""


def rows(text: IO[str], header: TableHeader, tells: Tells | None) -> Iterator[TableRow | BadRow]:
    """Each row behind the header; each line is one when `tells` is None.

    Rows without any content are left out, and so are repetitions of the header.
    """
    feed = _Feed(text, header.line)
    columns = header.columns
    for cells, line in _quoted(feed, header, tells) if tells else _plain(feed, header):
        if cells is None:
            yield BadRow(line, TableFault.OPEN_QUOTE, "the lines behind it are read as rows")
            continue
        cells = [clean(cell) for cell in _unwrapped(cells, header)]
        if any(cells[len(columns) :]):
            yield BadRow(line, TableFault.BROKEN_ROW, "more cells than columns")
        elif any(cells) and tuple(cells) != header.written:
            yield TableRow(line, _by_column(columns, cells))
    yield from feed.too_long


def _by_column(columns: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """The cells by column, where it has a name; of columns of one name, the first that holds something."""
    row: dict[str, str] = {}
    for column, cell in zip(columns, cells, strict=False):
        if column and not row.get(column):
            row[column] = cell
    return row


class _Feed:
    """The lines of a table, each with its end; `taken` holds those since the last `clear`.

    It ends, for once, when these are more than MAX_ROW. Lines that are blank, or too long, are left out.
    """

    def __init__(self, text: IO[str], skipped: int) -> None:
        self._text = text
        self._waiting = deque[_Line]()
        self._size, self._count = 0, 0
        self.taken: list[_Line] = []
        self.too_long: list[BadRow] = []
        self.ended = False
        """No line follows."""
        for _ in range(skipped):
            self._count += 1
            text.readline(MAX_LINE)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._size > MAX_ROW:
            raise StopIteration
        line = self._waiting.popleft() if self._waiting else self._read()
        if line is None:
            self.ended = True
            raise StopIteration
        self._size += len(line.text)
        self.taken.append(line)
        return line.text

    def _read(self) -> _Line | None:
        while line := self._text.readline(MAX_LINE):
            self._count += 1
            if len(line) == MAX_LINE and line[-1] not in "\r\n":
                while (rest := self._text.readline(MAX_LINE)) and rest[-1] not in "\r\n":
                    pass
                detail = f"over {MAX_LINE:,} characters"
                self.too_long.append(BadRow(self._count, TableFault.LONG_LINE, detail))
            elif line.strip(_BLANK):
                return _Line(self._count, line.strip("\r\n").replace("\r", " ") + "\n")
        return None

    def clear(self) -> None:
        """Begin a row."""
        self._size = 0
        self.taken = []

    def back(self, line: _Line) -> None:
        """Have a line come once more."""
        self._waiting.append(line)


_Cells: TypeAlias = tuple[list[str] | None, int]
"""Of a row, and the number of its last line; None for a quote that was left open there."""


def _plain(feed: _Feed, header: TableHeader) -> Iterator[_Cells]:
    """Every line a row; a cell in quotes without them."""
    for line in feed:
        number = feed.taken[-1].number
        feed.clear()
        yield _parted(line, header), number


def _parted(line: str, header: TableHeader) -> list[str]:
    """The cells of one line, of which each may be in quotes or have a stray one."""
    q = header.quote
    cells = line.rstrip("\r\n").split(header.mark)
    whole = re.compile(f"{q}(?:[^{q}]|{q}{q})*{q}")
    return [cell[1:-1].replace(q + q, q) if whole.fullmatch(cell) else cell for cell in cells]


def _unwrapped(cells: list[str], header: TableHeader) -> list[str]:
    """The cells of a row that a spreadsheet has put into its first cell as a whole."""
    if len(cells) == 1 and header.mark in cells[0]:
        with suppress(csv.Error):
            return next(_reader(cells, header), cells)
    return cells


def _quoted(feed: _Feed, header: TableHeader, tells: Tells) -> Iterator[_Cells]:
    """Rows with their quotes, as long as these can be right."""
    reader = _reader(feed, header)
    while True:
        feed.clear()
        try:
            cells = next(reader, [])
        except csv.Error:
            cells = []
        taken = feed.taken
        if not taken:
            return
        texts = [line.text for line in taken]
        if len(taken) == 1 and not feed.ended:
            yield cells or _alone(texts[0], header), taken[0].number
            continue
        if cells and not _swallowed(texts, header, tells):
            yield cells, taken[-1].number
            continue
        yield None, taken[0].number
        if len(taken) > 1 and not feed.ended:  # it may open a quote of its own
            feed.back(taken.pop())
        for line in taken:
            yield _alone(line.text, header), line.number


def _reader(lines: Iterable[str], header: TableHeader, *, strict: bool = False) -> _csv.Reader:
    return csv.reader(
        lines, delimiter=header.mark, quotechar=header.quote, skipinitialspace=True, strict=strict
    )


def _is_open(lines: Sequence[str], header: TableHeader) -> bool:
    """Whether the last quote of a row is not closed, or closed in the midst of a cell."""
    try:
        list(_reader(lines, header, strict=True))
    except csv.Error:
        return True
    return False


def _swallowed(lines: Sequence[str], header: TableHeader, tells: Tells) -> bool:
    """Whether what reads as one cell over several lines holds rows: lines with all cells, and telling ones.

    Of the last line only what lies before the closing quote can tell: the rest is right either way.
    """
    if _is_open(lines, header):
        return True
    q, columns = header.quote, header.columns
    closing = re.match(f"(?:[^{q}]|{q}{q})*", lines[-1])
    before = closing[0].count(header.mark) + 1 if closing else 0
    for at, line in enumerate(lines[1:], 1):
        cells = line.rstrip("\r\n").split(header.mark)
        kept = cells[:before] if at == len(lines) - 1 else cells
        if len(cells) == len(columns) and tells(dict(zip(columns, map(clean, kept), strict=False))):
            return True
    return False


def _alone(line: str, header: TableHeader) -> list[str]:
    """The cells of one line, with its quotes where it closes them."""
    return _parted(line, header) if _is_open([line], header) else next(_reader([line], header))
