"""captures.npy: where, when and which way every reference was taken, a row a reference, mapped into memory.

A search needs a few numbers of all references, and texts of the few that are shown. So the numbers lie in an
array that is opened at once, however many there are, and the texts stay in references.sqlite.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.lib.format import dtype_to_descr, open_memmap, write_array_header_1_0
from numpy.typing import NDArray

from geoflood.core.errors import IndexUnusableError
from geoflood.core.files import ARRAY_HEADS, BROKEN_ARRAYS, replacing
from geoflood.database.index_files import CAPTURES, REFERENCES

__all__ = ["Captures", "find_captures", "open_captures", "write_captures"]

_ROW = np.dtype([("position", "<f8", (2,)), ("heading", "<f4"), ("day", "<i4"), ("image", "<i8")])
"""As it lies in the file: 32 bytes a reference."""
_AT_ONCE = 10_000
"""Rows of references.sqlite in memory."""


@dataclass(frozen=True, eq=False)
class Captures:
    """Where, when and which way the N references were taken, by id."""

    positions: NDArray[np.float64]
    """[N, 2] (lat, lon), degrees."""
    image: NDArray[np.int64]
    """[N] number of the image: the tiles of a panorama share it."""
    day: NDArray[np.int32]
    """[N] day of the capture, 0 when unknown: neighbours of one day are twins, not another look."""
    heading_deg: NDArray[np.float32]
    """[N] of the view's centre; NaN when unknown."""

    @classmethod
    def of_rows(cls, rows: NDArray[Any]) -> Self:
        """Views of the columns of rows as they lie in the file; nothing is read for them."""
        return cls(rows["position"], rows["image"], rows["day"], rows["heading"])

    def __len__(self) -> int:
        """N."""
        return len(self.positions)


def write_captures(folder: Path) -> None:
    """Write captures.npy whole, out of references.sqlite, which was just written."""
    with closing(_opened(folder / REFERENCES)) as db, replacing(folder / CAPTURES) as temporary:
        (count,) = db.execute("SELECT count(*) FROM refs").fetchone()
        head = {"descr": dtype_to_descr(_ROW), "fortran_order": False, "shape": (int(count),)}
        with temporary.open("wb") as file:
            write_array_header_1_0(file, head)
            for block in _blocks(db):
                file.write(block.tobytes())


def find_captures(folder: Path, named: Collection[str]) -> Captures:
    """Those of an index whose manifest names these files; an older geoflood left them to references.sqlite.

    Raises IndexUnusableError when the file is damaged.
    """
    if CAPTURES in named:
        return open_captures(folder)
    try:
        with closing(_opened(folder / REFERENCES)) as db:
            return Captures.of_rows(np.concatenate([np.empty(0, _ROW), *_blocks(db)]))
    except (sqlite3.DatabaseError, ValueError, TypeError) as error:
        raise IndexUnusableError(f"{folder / REFERENCES} is damaged: {error}", "use --rebuild") from error


def open_captures(folder: Path) -> Captures:
    """Those in captures.npy, read where they are needed. Raises IndexUnusableError when it is damaged."""
    path = folder / CAPTURES
    try:
        with ARRAY_HEADS:
            rows = open_memmap(path, mode="r")
    except BROKEN_ARRAYS as error:
        raise IndexUnusableError(f"{path} is damaged: {error!r:.120}", "use --rebuild") from error
    if rows.dtype != _ROW or rows.ndim != 1:
        raise IndexUnusableError(f"{path} is damaged: it holds no captures", "use --rebuild")
    return Captures.of_rows(np.asarray(rows))


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _blocks(db: sqlite3.Connection) -> Iterator[NDArray[Any]]:
    """The rows of all references in the order of their ids; the views of an image lie together."""
    found = db.execute("SELECT image_key, lat, lon, heading, taken FROM refs ORDER BY id")
    image, last = -1, None
    while rows := found.fetchmany(_AT_ONCE):
        block = np.empty(len(rows), _ROW)
        for at, (key, lat, lon, heading, taken) in enumerate(rows):
            image, last = image + (key != last), key
            day = datetime.fromisoformat(taken).toordinal() if taken else 0
            block[at] = ((lat, lon), math.nan if heading is None else heading, day, image)
        yield block
