"""The files that are to be indexed, each with its key and what a table says of it.

Millions of them would take gigabytes of memory. They are in a database of SQLite without a name: it lies on
the disk when it grows, and is gone with the process, however that ends.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from geoflood.core.datatypes import Geotag, LatLon, Projection, Rejected
from geoflood.imagery.geotag_table import TaggedImage

__all__ = ["KnownFiles"]

_TABLE = """
PRAGMA journal_mode = OFF;
CREATE TABLE files (number INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, key TEXT, told TEXT);
BEGIN;
"""
"""Paths as the file system has them, for they need not be text. All is one transaction, never committed."""


class KnownFiles:
    """Files in the order in which they were added."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.executescript(_TABLE)

    def __contains__(self, path: str) -> bool:
        """Whether a file was added."""
        row = self._row(path)
        return row is not None and row[0] is not None

    def add(self, path: str, key: str) -> None:
        """Add a file, once; the first key counts."""
        query = "INSERT INTO files (path, key) VALUES (?, ?) ON CONFLICT (path) DO NOTHING"
        self._db.execute(query, (os.fsencode(path), key))

    def refuse(self, path: str, why: Rejected) -> None:
        """Add a file that is not used, whatever was known of it."""
        query = "INSERT OR REPLACE INTO files (path, key, told) VALUES (?, '', ?)"
        self._db.execute(query, (os.fsencode(path), _written(why)))

    def told(self, path: str) -> TaggedImage | Rejected | None:
        """What is known of a path; None: nothing."""
        row = self._row(path)
        return None if row is None or row[1] is None else _read(row[1])

    def tell(self, path: str, told: TaggedImage | Rejected) -> bool:
        """Keep what a table says of a path, which need not be added; False where something is known."""
        row = "INSERT INTO files (path, told) VALUES (?, ?)"
        again = "ON CONFLICT (path) DO UPDATE SET told = excluded.told WHERE told IS NULL"
        return self._db.execute(f"{row} {again}", (os.fsencode(path), _written(told))).rowcount > 0

    def items(self) -> Iterator[tuple[str, str, TaggedImage | Rejected | None]]:
        """(path, key, what is known of it) of every file that was added."""
        rows = self._db.execute("SELECT path, key, told FROM files WHERE key IS NOT NULL ORDER BY number")
        for path, key, told in rows:
            yield os.fsdecode(path), key, None if told is None else _read(told)

    def _row(self, path: str) -> tuple[str | None, str | None] | None:
        query = "SELECT key, told FROM files WHERE path = ?"
        row: tuple[str | None, str | None] | None = self._db.execute(query, (os.fsencode(path),)).fetchone()
        return row


def _written(told: TaggedImage | Rejected) -> str:
    if isinstance(told, Rejected):
        return json.dumps([told.location, told.reason, told.detail])
    tag = told.geotag
    taken = tag.taken_at.isoformat() if tag.taken_at else None
    where = (tag.position.lat, tag.position.lon, tag.origin, tag.heading_deg, tag.accuracy_m, taken)
    leans = (tag.pitch_deg, tag.roll_deg)
    return json.dumps([*where, *leans, told.projection, told.licence, told.credit, told.link])


def _read(told: str) -> TaggedImage | Rejected:
    row: list[Any] = json.loads(told)
    if len(row) == 3:
        return Rejected(*row)
    lat, lon, origin, heading, accuracy, taken, pitch, roll, projection, *who = row
    when = datetime.fromisoformat(taken) if taken else None
    tag = Geotag(LatLon(lat, lon), origin, heading, accuracy, when, pitch, roll)
    return TaggedImage(tag, Projection(projection), *who)
