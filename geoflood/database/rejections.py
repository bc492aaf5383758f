"""What an index could not use, an example for each reason: a count alone says not where to look."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from geoflood.core.datatypes import Rejected
from geoflood.core.files import BROKEN_ARRAYS
from geoflood.database.index_files import LEDGER

__all__ = ["examples_of_rejected"]


def examples_of_rejected(folder: Path, reasons: Collection[str]) -> list[Rejected]:
    """The first thing for each of the reasons, where the index's files tell one; damaged ones do not."""
    found: dict[str, Rejected] = {}
    try:
        with closing(sqlite3.connect(f"{(folder / LEDGER).resolve().as_uri()}?mode=ro", uri=True)) as ledger:
            for one in _rejected(folder, ledger):
                if one.reason in reasons:
                    found.setdefault(one.reason, one)
                if len(found) == len(reasons):
                    break
    except sqlite3.DatabaseError:
        pass
    return list(found.values())


def _rejected(folder: Path, ledger: sqlite3.Connection) -> Iterator[Rejected]:
    """What could not be planned, a row for each reason, then what could not be read."""
    first = "SELECT min(rowid) FROM rejected GROUP BY reason"
    rows = ledger.execute(f"SELECT location, reason, detail FROM rejected WHERE rowid IN ({first})")
    yield from (Rejected(*row) for row in rows)
    for path in sorted((folder / "shards").glob("*.npz")):
        for number, reason, detail in _unread(path):
            row = ledger.execute("SELECT location FROM images WHERE id = ?", (number,)).fetchone()
            if row:
                yield Rejected(row[0], reason, detail)


def _unread(path: Path) -> list[tuple[int, str, str]]:
    """Number, reason and detail of a shard's unusable images."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            columns = (arrays[name].tolist() for name in ("rejected", "reason", "detail"))
            return list(zip(*columns, strict=True))
    except BROKEN_ARRAYS:
        return []
