"""The plan of an index, one row an image, each with its shard; on disk it is ledger.sqlite.

It is needed to continue or to add, not to search. The order of the rows decides everything that follows,
so the same images always give the same index.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from geoflood.core.datatypes import Geotag, LatLon, Projection, Rejected, StreetImage
from geoflood.core.errors import IndexUnusableError, InputError
from geoflood.core.files import LockedError, locked
from geoflood.database.manifest import Settings

__all__ = ["SHARD_IMAGES", "IndexPlan", "locked_index", "no_usable_image"]

SHARD_IMAGES = 64
"""Images a shard, the unit of work: a kill loses at most one shard a worker, a few seconds."""

_TABLES = """
CREATE TABLE IF NOT EXISTS settings (content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS images (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, location TEXT NOT NULL,
    lat REAL NOT NULL, lon REAL NOT NULL, origin TEXT NOT NULL, heading REAL, accuracy REAL, taken TEXT,
    projection TEXT NOT NULL, licence TEXT NOT NULL, credit TEXT NOT NULL, shard INTEGER NOT NULL,
    link TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS images_by_shard ON images (shard);
CREATE TABLE IF NOT EXISTS rejected (location TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL);
"""

_ADDED = {"link": "TEXT NOT NULL DEFAULT ''"}
"""Columns of `images` that ledgers of an older geoflood lack, and how they are made."""

_COLUMNS = (
    "id, key, location, lat, lon, origin, heading, accuracy, taken, projection, licence, credit, link, shard"
)

_REBUILD = "build it again: geoflood index CITY IMAGES --rebuild"


@contextmanager
def locked_index(folder: Path) -> Iterator[None]:
    """Hold the index for writing. Raises IndexUnusableError when another process does."""
    try:
        with locked(folder / ".lock"):
            yield
    except LockedError as error:
        raise IndexUnusableError(
            f"another geoflood is building {folder}", "wait until it ends, or stop it; nothing is lost"
        ) from error


def no_usable_image(reasons: Counter[str]) -> InputError:
    """The error of an index without images, which counts why."""
    counted = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    return InputError(
        f"no image can be used: {counted or 'none was found'}",
        "geoflood index --help shows what can be read and how positions are given",
    )


class IndexPlan:
    """The plan of one index. Use it under `locked_index`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.sqlite"
        try:
            self._db = sqlite3.connect(self.path)
            self._db.executescript(_TABLES)
            self._add_missing_columns()
        except sqlite3.DatabaseError as error:
            raise IndexUnusableError(f"{self.path} is damaged: {error}", _REBUILD) from error

    def _add_missing_columns(self) -> None:
        there = {row[1] for row in self._db.execute("PRAGMA table_info(images)")}
        for name, kind in _ADDED.items():
            if name not in there:
                self._db.execute(f"ALTER TABLE images ADD COLUMN {name} {kind}")

    def close(self) -> None:
        self._db.close()

    def keep_settings(self, settings: Settings) -> None:
        """Note the settings of the first run. Raises IndexUnusableError when a later run has others."""
        row = self._db.execute("SELECT content FROM settings").fetchone()
        if row is None:
            with self._db:
                self._db.execute("INSERT INTO settings VALUES (?)", (json.dumps(asdict(settings)),))
            return
        try:
            stored = json.loads(row[0])
            before = Settings(**{**stored, "bands": tuple(stored["bands"])})
        except (ValueError, TypeError, KeyError) as error:
            raise IndexUnusableError(f"{self.path} is of another geoflood, or damaged", _REBUILD) from error
        if different := settings.differences(before):
            raise IndexUnusableError(
                f"the index {self.path.parent} was begun with other settings: {different}",
                "give the same options, another CITY name, or --rebuild",
            )

    def add(self, images: Iterable[StreetImage | Rejected]) -> int:
        """Add the new images in the order given, and note the rejected ones; returns how many are new.

        All is one transaction: killed in the middle, nothing was planned. New images begin a new shard, so
        that finished shards stay as they are. A known key at a new position is another image, for two folders
        of one name may be indexed in separate runs; its position becomes part of its key.
        """
        rows = self._db.execute("SELECT key, lat, lon FROM images")
        known = {key: _position_key(lat, lon) for key, lat, lon in rows}
        count, first_shard = self._db.execute(
            "SELECT count(*), coalesce(max(shard) + 1, 0) FROM images"
        ).fetchone()
        new = 0
        with self._db:
            self._db.execute("DELETE FROM rejected")
            for item in images:
                if isinstance(item, Rejected):
                    self._db.execute(
                        "INSERT INTO rejected VALUES (?, ?, ?)", (item.location, item.reason, item.detail)
                    )
                    continue
                position = _position_key(item.geotag.position.lat, item.geotag.position.lon)
                if known.get(item.key, position) != position:
                    item = replace(item, key=f"{item.key}@{position}")
                if item.key not in known:
                    known[item.key] = position
                    self._insert(count + new, item, first_shard + new // SHARD_IMAGES)
                    new += 1
        return new

    def _insert(self, number: int, image: StreetImage, shard: int) -> None:
        tag = image.geotag
        taken = tag.taken_at.isoformat() if tag.taken_at else None
        where = (tag.position.lat, tag.position.lon, tag.origin, tag.heading_deg, tag.accuracy_m, taken)
        who = (image.projection.value, image.licence, image.credit, image.link, shard)
        row = (number, image.key, image.location, *where, *who)
        self._db.execute(f"INSERT INTO images ({_COLUMNS}) VALUES ({','.join('?' * len(row))})", row)

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM images").fetchone()[0])

    def shards(self) -> Iterator[tuple[int, list[tuple[int, StreetImage]]]]:
        """(shard, its images with their numbers), in order; holds one shard in memory."""
        rows = self._db.execute(f"SELECT {_COLUMNS} FROM images ORDER BY id")
        for shard, group in groupby(rows, key=lambda row: int(row[-1])):
            yield shard, [(int(row[0]), _image(row)) for row in group]

    def sample(self, count: int) -> list[StreetImage]:
        """At most `count` images, evenly spread over the plan."""
        total = len(self)
        count = min(count, total)
        picks = sorted({round(i * (total - 1) / max(count - 1, 1)) for i in range(count)})
        query = f"SELECT {_COLUMNS} FROM images WHERE id = ?"
        rows = (self._db.execute(query, (pick,)).fetchone() for pick in picks)
        return [_image(row) for row in rows]

    def rejected(self) -> Counter[str]:
        """Reason -> images that the last run could not use."""
        rows = self._db.execute("SELECT reason, count(*) FROM rejected GROUP BY 1")
        return Counter({str(reason): int(count) for reason, count in rows})


def _position_key(lat: float, lon: float) -> str:
    """A position to 10 cm, as it stands in a key."""
    return f"{lat:.6f},{lon:.6f}"


def _image(row: tuple[Any, ...]) -> StreetImage:
    _, key, location, lat, lon, origin, heading, accuracy, taken, projection, licence, credit, link, _ = row
    when = datetime.fromisoformat(taken) if taken else None
    tag = Geotag(LatLon(lat, lon), origin, heading, accuracy, when)
    return StreetImage(key, location, tag, Projection(projection), licence, credit, link)
