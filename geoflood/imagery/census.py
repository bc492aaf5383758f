"""What sources have in an area, on disk: census.sqlite in the folder of an index.

A cell is asked once and kept in one transaction, so a killed census goes on where it was. What only asking
for a picture tells is kept apart, in `details`: the census stays what it was, and so does every choice made
of it. Texts that many images share (licences, credits, sequences) are kept once.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.area import Area
from geoflood.core.datatypes import Geotag, LatLon, Progress, Projection, VisibleArea, no_progress
from geoflood.core.errors import IndexUnusableError, InputError, UsageError
from geoflood.imagery.census_columns import CensusColumns
from geoflood.imagery.sources.source import Source, SourceImage

__all__ = ["NAME", "Census", "fetched_ids"]

NAME = "census.sqlite"

_FIELDS = """
    lat REAL NOT NULL, lon REAL NOT NULL, heading REAL, accuracy REAL, pitch REAL, roll REAL, taken INTEGER,
    projection TEXT NOT NULL, licence INTEGER NOT NULL, credit INTEGER NOT NULL, link TEXT NOT NULL,
    sequence INTEGER NOT NULL, width INTEGER, on_foot INTEGER NOT NULL, visible TEXT, address TEXT NOT NULL
"""
_SHARED_TABLES = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS texts (code INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
"""
_TABLES = f"""
CREATE TABLE IF NOT EXISTS cells_SOURCE (name TEXT PRIMARY KEY, code INTEGER UNIQUE, taken_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS images_SOURCE (id TEXT PRIMARY KEY, cell INTEGER NOT NULL, {_FIELDS});
CREATE INDEX IF NOT EXISTS images_SOURCE_by_cell ON images_SOURCE (cell);
CREATE TABLE IF NOT EXISTS details_SOURCE (
    id TEXT PRIMARY KEY, at_lat REAL NOT NULL, at_lon REAL NOT NULL, at_heading REAL, {_FIELDS}
);
CREATE TABLE IF NOT EXISTS gone_SOURCE (id TEXT PRIMARY KEY, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS chosen_SOURCE (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
"""
"""`taken` is in microseconds since 1970; `visible` the four shares of a cropped panorama.

A write-ahead log loses nothing when it is killed, and does not wait for the disk after every picture.
"""

_COLUMNS = (
    "lat, lon, heading, accuracy, pitch, roll, taken, projection, licence, credit, link, sequence, width,"
    " on_foot, visible, address"
)
_MARKS = ",".join("?" * len(_COLUMNS.split(",")))
_KINDS = (
    *(np.int64, np.float64, np.float64, np.float32, np.bool_, np.int64),
    *(np.int32, np.int32, np.int32, np.bool_, np.int32),
)
"""Of CensusColumns."""
_AT_ONCE = 20_000
"""Rows that are made into arrays at a time."""
_EPOCH = datetime(1970, 1, 1)

Row: TypeAlias = tuple[Any, ...]


class Census:
    """The census of one source for one index. Threads may share it; processes must not.

    `server` is the address of a mirror or an instance of one's own: what one server has, another may lack.
    Raises UsageError when the census was begun at another server, IndexUnusableError when it is damaged.
    """

    def __init__(self, folder: Path, source: str, server: str = "") -> None:
        if not re.fullmatch("[a-z]+", source):  # it is a part of the names of tables
            raise ValueError(f"not the name of a source: {source!r}")
        self.path = folder / NAME
        folder.mkdir(parents=True, exist_ok=True)
        self._source, self._lock = source, threading.RLock()
        self._codes: dict[str, int] = {}
        with self._careful():
            self._db = sqlite3.connect(self.path, check_same_thread=False)
            self._db.executescript(_SHARED_TABLES + self._named(_TABLES))
        if (before := self.fact("server")) is None:
            self.keep_fact("server", server)
        elif before != server:
            self.close()
            raise UsageError(
                f"{folder.name} was begun with {source} at {before or 'its own address'}",
                "give the same --source-url, or another CITY name",
            )

    def close(self) -> None:
        self._db.close()

    def _named(self, query: str) -> str:
        """The query with the names of this source's tables."""
        return query.replace("SOURCE", self._source)

    def fact(self, name: str) -> str | None:
        """What was noted under a name; None for nothing."""
        rows = self._all("SELECT value FROM facts WHERE name = ?", (f"{self._source} {name}",))
        return str(rows[0][0]) if rows else None

    def keep_fact(self, name: str, value: str) -> None:
        """Note a value under a name."""
        with self._change():
            self._do("INSERT OR REPLACE INTO facts VALUES (?, ?)", (f"{self._source} {name}", value))

    def take(
        self, source: Source, area: Area, since: datetime | None = None, progress: Progress = no_progress
    ) -> int:
        """Ask for every cell of the area that was not asked for yet; returns how many were.

        With `since` (UTC), cells that were asked for before it are asked for anew: what they no longer list
        is gone then. Raises what the source raises; cells that are done stay.
        """
        oldest_s = (since - _EPOCH).total_seconds() if since else 0.0
        known: dict[str, float] = dict(self._all("SELECT name, taken_s FROM cells_SOURCE"))
        cells = source.cells(area)
        missing = [cell for cell in cells if known.get(cell, -1.0) < oldest_s]
        for done, cell in enumerate(missing, len(cells) - len(missing)):
            progress("looking what is there", done, len(cells))
            self._keep_cell(cell, source.census(cell))
        progress("looking what is there", len(cells), len(cells))
        return len(missing)

    def _keep_cell(self, name: str, images: Iterable[SourceImage]) -> None:
        """Keep a cell and its images, in place of what it had before. Who told of an image last has it.

        So one that moved to another cell is neither lost nor kept twice, whichever is asked first.
        """
        with self._change():
            code = self._do("SELECT code FROM cells_SOURCE WHERE name = ?", (name,)).fetchone()
            number = code[0] if code else self._do("SELECT count(*) FROM cells_SOURCE").fetchone()[0]
            self._do("DELETE FROM images_SOURCE WHERE cell = ?", (number,))
            rows = ((image.id, number, *self._row(image)) for image in images)
            columns = f"(id, cell, {_COLUMNS}) VALUES (?, ?, {_MARKS})"
            self._do_many(f"INSERT OR REPLACE INTO images_SOURCE {columns}", rows)
            self._do("INSERT OR REPLACE INTO cells_SOURCE VALUES (?, ?, ?)", (name, number, time.time()))

    def knows_images(self) -> bool:
        """Whether any cell had an image."""
        return bool(self._all("SELECT 1 FROM images_SOURCE LIMIT 1"))

    def columns(self, area: Area) -> CensusColumns:
        """The images that lie in the area, but for those that are gone."""
        most = int(self._all("SELECT count(*) FROM images_SOURCE")[0][0])
        columns: list[NDArray[Any]] = [np.empty(most, kind) for kind in _KINDS]
        count = 0
        for rows in self._chunks(
            "SELECT rowid, lat, lon, heading, projection = 'equirectangular', coalesce(taken, 0) / 1000000,"
            " sequence, licence, credit, on_foot, coalesce(width, 0) FROM images_SOURCE"
            " WHERE id NOT IN (SELECT id FROM gone_SOURCE) ORDER BY id"
        ):
            told = zip(zip(*rows, strict=True), _KINDS, strict=True)
            part: list[NDArray[Any]] = [np.array(column, kind) for column, kind in told]
            inside = area.holds(part[1], part[2])
            found = int(np.count_nonzero(inside))
            for column, values in zip(columns, part, strict=True):
                column[count : count + found] = values[inside]
            count += found
        return CensusColumns(*(column[:count] for column in columns))

    def images(self, rows: Iterable[int]) -> Iterator[SourceImage]:
        """The images of these row numbers, in their order; one that the census has lost is left out."""
        for batch in _batched(rows):
            known = self._by_key("rowid", "images", batch)
            yield from (known[row] for row in batch if row in known)

    def details(self, images: Iterable[SourceImage]) -> Iterator[SourceImage | None]:
        """All that is known of images whose pictures were fetched, in order; None for the others.

        One that the census places elsewhere since then is where the census says.
        """
        for batch in _batched(images):
            known = self._by_key("id", "details", [image.id for image in batch])
            marks = ",".join("?" * len(batch))
            query = f"SELECT id, at_lat, at_lon, at_heading FROM details_SOURCE WHERE id IN ({marks})"
            places = {row[0]: row[1:] for row in self._all(query, [image.id for image in batch])}
            for image in batch:
                told = known.get(image.id)
                moved = told is not None and places[image.id] != _place(image)
                yield replace(told, geotag=image.geotag) if told and moved else told

    def keep_details(self, image: SourceImage, told: SourceImage) -> None:
        """Note that the picture of an image is there, and all that is `told` of it with the picture."""
        columns = f"(id, at_lat, at_lon, at_heading, {_COLUMNS}) VALUES (?, ?, ?, ?, {_MARKS})"
        with self._change():
            row = (image.id, *_place(image), *self._row(told))
            self._do(f"INSERT OR REPLACE INTO details_SOURCE {columns}", row)

    def keep_gone(self, number: str, reason: str) -> None:
        """Note that an image was withdrawn."""
        with self._change():
            self._do("INSERT OR REPLACE INTO gone_SOURCE VALUES (?, ?)", (number, reason))

    def gone(self) -> dict[str, str]:
        """Id -> reason of every image that was withdrawn."""
        return dict(self._all("SELECT id, reason FROM gone_SOURCE"))

    def choose(self, rows: Iterable[int]) -> int:
        """Append images to those that are chosen, best first; returns how many were new."""
        with self._change():
            count = int(self._do("SELECT count(*) FROM chosen_SOURCE").fetchone()[0])
            for batch in _batched(rows):
                ordered = [(image.id,) for image in self.images(batch)]
                self._do_many("INSERT OR IGNORE INTO chosen_SOURCE (id) VALUES (?)", ordered)
            return int(self._do("SELECT count(*) FROM chosen_SOURCE").fetchone()[0]) - count

    def chosen_rows(self) -> NDArray[np.int64]:
        """Row numbers of the chosen images, best first; those that the census has lost are left out."""
        query = "SELECT i.rowid FROM chosen_SOURCE JOIN images_SOURCE AS i USING (id) ORDER BY number"
        return np.array([row for (row,) in self._all(query)], np.int64)

    def texts(self, codes: Iterable[int]) -> dict[int, str]:
        """What codes stand for."""
        found: dict[int, str] = {}
        for batch in _batched(codes):
            marks = ",".join("?" * len(batch))
            found |= dict(self._all(f"SELECT code, text FROM texts WHERE code IN ({marks})", batch))
        return found

    def _row(self, image: SourceImage) -> Row:
        tag = image.geotag
        taken = None if tag.taken_at is None else (tag.taken_at - _EPOCH) // timedelta(microseconds=1)
        shown = image.visible
        visible = None if shown is None else f"{shown.left!r},{shown.top!r},{shown.right!r},{shown.bottom!r}"
        who = (self._code(image.licence), self._code(image.credit), image.link, self._code(image.sequence))
        where = (tag.position.lat, tag.position.lon, tag.heading_deg, tag.accuracy_m)
        what = (image.width, image.on_foot, visible, image.address)
        return (*where, tag.pitch_deg, tag.roll_deg, taken, image.projection.value, *who, *what)

    def _image(self, number: str, row: Row, texts: dict[int, str]) -> SourceImage:
        lat, lon, heading, accuracy, pitch, roll, taken, projection = row[:8]
        licence, credit, link, sequence, width, on_foot, visible, address = row[8:]
        when = None if taken is None else _EPOCH + timedelta(microseconds=taken)
        tag = Geotag(LatLon(lat, lon), self._source, heading, accuracy, when, pitch, roll)
        shown = None if visible is None else VisibleArea(*map(float, visible.split(",")))
        who = (texts[licence], texts[credit], link, texts[sequence])
        return SourceImage(number, tag, Projection(projection), *who, width, bool(on_foot), shown, address)

    def _by_key(self, key: str, table: str, wanted: Sequence[Any]) -> dict[Any, SourceImage]:
        """Rows of a table by `key`, for at most a thousand keys."""
        marks = ",".join("?" * len(wanted))
        rows = self._all(f"SELECT {key}, id, {_COLUMNS} FROM {table}_SOURCE WHERE {key} IN ({marks})", wanted)
        texts = self.texts({row[at] for row in rows for at in (10, 11, 13)})
        with self._careful():
            return {row[0]: self._image(row[1], row[2:], texts) for row in rows}

    def _code(self, text: str) -> int:
        """The code of a text, which gets one where it has none; within a change."""
        if text not in self._codes:
            if len(self._codes) > _AT_ONCE:
                self._codes.clear()
            self._do("INSERT OR IGNORE INTO texts (text) VALUES (?)", (text,))
            row = self._do("SELECT code FROM texts WHERE text = ?", (text,)).fetchone()
            self._codes[text] = int(row[0])
        return self._codes[text]

    def _all(self, query: str, values: Sequence[Any] = ()) -> list[Row]:
        with self._careful():
            return self._do(query, values).fetchall()

    def _chunks(self, query: str) -> Iterator[list[Row]]:
        with self._careful():
            cursor = self._do(query)
            while rows := cursor.fetchmany(_AT_ONCE):
                yield rows

    def _do(self, query: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Part of a change."""
        return self._db.execute(self._named(query), tuple(values))

    def _do_many(self, query: str, rows: Iterable[Sequence[Any]]) -> None:
        """Part of a change, once a row."""
        self._db.executemany(self._named(query), rows)

    @contextmanager
    def _change(self) -> Iterator[None]:
        """A transaction: all of it is kept, or nothing."""
        with self._careful():
            try:
                with self._db:
                    yield
            except BaseException:
                self._codes.clear()  # codes that were given within it are not
                raise

    @contextmanager
    def _careful(self) -> Iterator[None]:
        """One thread at a time. Raises InputError for a full disk, IndexUnusableError for a damaged file."""
        with self._lock:
            try:
                yield
            except sqlite3.OperationalError as error:
                if "full" in str(error) or "disk I/O" in str(error) or "readonly" in str(error):
                    raise InputError(
                        f"{self.path} cannot be written: {error}", "make room on the disk"
                    ) from error
                raise IndexUnusableError(f"{self.path} cannot be used: {error}", "is it in use?") from error
            except (sqlite3.DatabaseError, ValueError, KeyError) as error:
                hint = "delete it: what is there is asked again, no picture is fetched twice"
                raise IndexUnusableError(f"{self.path} is damaged: {error}", hint) from error


def fetched_ids(folder: Path) -> list[tuple[str, str]]:
    """(source, id) of every image whose picture was fetched for an index; none of a damaged census."""
    if not (folder / NAME).is_file():
        return []
    try:
        with closing(sqlite3.connect(folder / NAME)) as db:
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            sources = [found[1] for name in tables if (found := re.fullmatch("details_([a-z]+)", name))]
            rows = {source: db.execute(f"SELECT id FROM details_{source}").fetchall() for source in sources}
    except sqlite3.DatabaseError:
        return []
    return [(source, number) for source, ids in rows.items() for (number,) in ids]


def _place(image: SourceImage) -> tuple[float, float, float | None]:
    """Where and which way, as the census has it."""
    position = image.geotag.position
    return position.lat, position.lon, image.geotag.heading_deg


def _batched(items: Iterable[Any], size: int = 900) -> Iterator[list[Any]]:
    """Lists of at most `size`: SQLite takes so many values in one query."""
    batch: list[Any] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
