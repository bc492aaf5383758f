"""Rows of `images` in a ledger, and the images that they stand for."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

from geoflood.core.datatypes import Geotag, LatLon, Projection, StreetImage

__all__ = ["ADDED", "COLUMNS", "IMAGES_TABLE", "image_of", "row_of", "selected_columns"]

IMAGES_TABLE = """
CREATE TABLE IF NOT EXISTS images (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, location TEXT NOT NULL,
    lat REAL NOT NULL, lon REAL NOT NULL, origin TEXT NOT NULL, heading REAL, accuracy REAL, taken TEXT,
    projection TEXT NOT NULL, licence TEXT NOT NULL, credit TEXT NOT NULL, shard INTEGER NOT NULL,
    link TEXT NOT NULL DEFAULT '', pitch REAL, roll REAL
);
CREATE INDEX IF NOT EXISTS images_by_shard ON images (shard);
"""

ADDED = {"link": "TEXT NOT NULL DEFAULT ''", "pitch": "REAL", "roll": "REAL"}
"""Columns of `images` that ledgers of an older geoflood lack, and how they are made."""

_NAMES = (
    *("id", "key", "location", "lat", "lon", "origin", "heading", "accuracy", "taken", "pitch", "roll"),
    *("projection", "licence", "credit", "link", "shard"),
)
COLUMNS = ", ".join(_NAMES)
"""In the order of rows here."""


def selected_columns(db: sqlite3.Connection) -> str:
    """COLUMNS for a SELECT on a ledger that may be of an older geoflood, and is not to be changed."""
    there = {row[1] for row in db.execute("PRAGMA table_info(images)")}
    return ", ".join(
        name if name in there or name not in ADDED else f"{'NULL' if ADDED[name] == 'REAL' else repr('')}"
        for name in _NAMES
    )


def row_of(image: StreetImage, number: int, shard: int) -> tuple[Any, ...]:
    """A row of COLUMNS."""
    tag = image.geotag
    taken = tag.taken_at.isoformat() if tag.taken_at else None
    where = (tag.position.lat, tag.position.lon, tag.origin, tag.heading_deg, tag.accuracy_m, taken)
    leans = (tag.pitch_deg, tag.roll_deg)
    who = (image.projection.value, image.licence, image.credit, image.link, shard)
    return (number, image.key, image.location, *where, *leans, *who)


def image_of(row: tuple[Any, ...]) -> StreetImage:
    """The image of a row of COLUMNS. Raises ValueError or TypeError for one that was not written here."""
    _, key, location, lat, lon, origin, heading, accuracy, taken, pitch, roll, projection, *who, _ = row
    when = datetime.fromisoformat(taken) if taken else None
    tag = Geotag(LatLon(lat, lon), origin, heading, accuracy, when, pitch, roll)
    return StreetImage(key, location, tag, Projection(projection), *who)
