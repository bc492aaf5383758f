"""Spreadsheets (XLSX) whose rows may be posts, read as a table of text would be. The only home of openpyxl.

openpyxl is an extra: who has none is told what to install. A spreadsheet is an archive of XML, so it is held
to the same limits before anything of it is read.
"""

from __future__ import annotations

import importlib.util
import io
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, time
from itertools import islice
from typing import IO

from geoflood.core.datatypes import Rejected
from geoflood.core.tables import folded
from geoflood.triage.posts.archives import BOMB, is_bomb
from geoflood.triage.posts.door import UnusableError
from geoflood.triage.posts.file_kinds import PICTURE, kind_of
from geoflood.triage.posts.text_files import Record
from geoflood.triage.posts.unusable import Unusable

__all__ = ["workbook_rows"]

MAX_PACKED, MAX_UNPACKED = 100_000_000, 300_000_000
"""Bytes of a spreadsheet, and of what is in it."""
MAX_ROWS = 1_048_576
"""Of one sheet: what Excel has."""
_ROUNDED = 1e15
"""From here on a spreadsheet keeps no more than the first 15 figures of a number."""
_ERRORS = frozenset(("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#GETTING_DATA"))


def workbook_rows(stream: IO[bytes], name: str) -> Iterator[Record | Rejected]:
    """Each row of each sheet by its folded columns, as text; what the first row with anything in it names.

    Ids that the spreadsheet has rounded are left out. Raises UnusableError where it is too large, or there is
    no openpyxl; else whatever that raises.
    """
    if importlib.util.find_spec("openpyxl") is None:
        raise UnusableError(
            Unusable.OFFICE_FILE, "a spreadsheet: pip install openpyxl lets it be read; or save it as CSV"
        )
    import openpyxl

    data = stream.read(MAX_PACKED + 1)
    if pictures := _checked(data):
        many = "a picture in it is" if pictures == 1 else f"{pictures:,} pictures in it are"
        yield Rejected(name, Unusable.OFFICE_FILE, f"{many} not read: save pictures as files")
    try:
        opened = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except Exception as error:
        raise UnusableError(
            Unusable.CANNOT_BE_READ, f"as a spreadsheet: {error!s:.100}; save it as CSV"
        ) from error
    with closing(opened) as book:
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # many programs write wrong ones
            yield from _rows(sheet.iter_rows(values_only=True), f"{name}, sheet {sheet.title}")


def _checked(data: bytes) -> int:
    """The number of pictures in a spreadsheet. Raises UnusableError where it is too large to be read."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
    unpacked = sum(member.file_size for member in members)
    if len(data) > MAX_PACKED or unpacked > MAX_UNPACKED:
        raise UnusableError(Unusable.TOO_LARGE, f"{unpacked:,} bytes in it: save it as CSV")
    if any(is_bomb(member.file_size, member.compress_size, BOMB) for member in members):
        raise UnusableError(Unusable.ARCHIVE_BOMB)
    return sum(kind_of(member.filename) is PICTURE for member in members)


def _rows(rows: Iterator[Sequence[object]], place: str) -> Iterator[Record | Rejected]:
    columns: list[str] = []
    for cells in islice(rows, MAX_ROWS):
        texts = [_text(cell) for cell in cells]
        if not any(texts):
            continue
        if columns:
            yield {column: text for column, text in zip(columns, texts, strict=False) if column}
        else:
            columns = [folded(text) for text in texts]
    if next(rows, None) is not None:
        yield Rejected(place, Unusable.TOO_LARGE, f"more than {MAX_ROWS:,} rows")


def _text(cell: object) -> str:
    """A cell as a table of text would have it."""
    match cell:
        case None:
            return ""
        case datetime():
            return cell.isoformat(" ")
        case date() | time():
            return cell.isoformat()
        case float() if cell.is_integer():
            return f"{cell:.0f}" if abs(cell) < _ROUNDED else ""
    text = str(cell).strip()
    return "" if text in _ERRORS else text
