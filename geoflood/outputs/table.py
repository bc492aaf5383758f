"""Tables for spreadsheets: CSV (RFC 4180, UTF-8), one row a photo."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from geoflood.core.datatypes import Located
from geoflood.core.files import replacing
from geoflood.outputs.fields import ANSWER_FIELDS, Row, Value, answer_row
from geoflood.outputs.wording import plain

__all__ = ["harmless", "table_file", "write_table"]


def write_table(path: Path, located: Iterable[Located]) -> None:
    """Write the table of all photos, whole or not at all."""
    with table_file(path, [field.name for field in ANSWER_FIELDS]) as add:
        for one in located:
            add(answer_row(one))


@contextmanager
def table_file(path: Path, names: Sequence[str]) -> Iterator[Callable[[Row], object]]:
    """A table in the making, written whole or not at all: what adds the next row. No cell is a formula."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\r\n")
        writer.writeheader()
        yield lambda row: writer.writerow({name: _cell(value) for name, value in row.items()})


def _cell(value: Value) -> Value:
    return harmless(value) if isinstance(value, str) else value


def harmless(text: str) -> str:
    """Foreign text that no spreadsheet takes for a formula: such a field gets an apostrophe in front."""
    shown = plain(text)
    return f"'{shown}" if shown.lstrip().startswith(tuple("=+-@＝＋－＠")) else shown
