"""The reference database of a city: references.sqlite for who and where, vectors.faiss for the search."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Candidate, City, LatLon, Reference
from geoflood.core.errors import IndexUnusableError
from geoflood.core.files import replacing
from geoflood.database.manifest import Manifest, read_manifest, verify
from geoflood.database.vectors import VectorStore

__all__ = ["Database", "read_captures", "read_references", "write_references"]

_TABLE = """
CREATE TABLE refs (
    id INTEGER PRIMARY KEY, image_key TEXT NOT NULL,
    lat REAL NOT NULL, lon REAL NOT NULL, location TEXT NOT NULL,
    heading REAL, fov REAL, licence TEXT NOT NULL, credit TEXT NOT NULL, taken TEXT, tile REAL,
    link TEXT NOT NULL
)
"""


def write_references(path: Path, references: Iterable[Reference]) -> int:
    """Write references.sqlite whole, one row a reference, its id the row of its vectors; returns how many."""
    with replacing(path) as temporary:
        temporary.unlink(missing_ok=True)
        db = sqlite3.connect(temporary)
        try:
            with db:
                db.execute(_TABLE)
                rows = db.executemany(
                    f"INSERT INTO refs VALUES ({','.join('?' * 12)})", map(_row, references)
                )
            return rows.rowcount if rows.rowcount > 0 else 0
        finally:
            db.close()


def _row(ref: Reference) -> tuple[object, ...]:
    taken = ref.taken_at.isoformat() if ref.taken_at else None
    place = (ref.position.lat, ref.position.lon, ref.location, ref.heading_deg, ref.fov_deg)
    return (ref.id, ref.image_key, *place, ref.licence, ref.credit, taken, ref.tile_deg, ref.link)


def _reference(row: Sequence[Any]) -> Reference:
    """Indexes of an older geoflood have no links."""
    number, key, lat, lon, location, heading, fov, licence, credit, taken, tile, *link = row
    when = datetime.fromisoformat(taken) if taken else None
    return Reference(
        number, key, LatLon(lat, lon), location, heading, fov, licence, credit, when, tile, *link
    )


def read_captures(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Of every reference, by id: positions [N, 2] (lat, lon), number of its image [N], day taken [N] or 0.

    Raises IndexUnusableError when the file is not what `write_references` wrote.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            rows = db.execute(
                "SELECT lat, lon, dense_rank() OVER (ORDER BY image_key), taken, id FROM refs"
            ).fetchall()
    except sqlite3.DatabaseError as error:
        raise IndexUnusableError(f"{path} is damaged: {error}", "use --rebuild") from error
    rows.sort(key=itemgetter(4))
    positions = np.array([row[:2] for row in rows], float).reshape(-1, 2)
    days = [datetime.fromisoformat(row[3]).toordinal() if row[3] else 0 for row in rows]
    return positions, np.array([row[2] for row in rows], np.int64), np.array(days, np.int64)


def read_references(path: Path, ids: Iterable[int]) -> list[Reference]:
    """The references of these ids in a references.sqlite, in their order."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        return _references(db, ids)


def _references(db: sqlite3.Connection, ids: Iterable[int]) -> list[Reference]:
    """Read a thousand in one query: one query each took three times as long."""
    wanted = [int(number) for number in ids]
    found: dict[int, Reference] = {}
    for start in range(0, len(wanted), 1000):
        batch = wanted[start : start + 1000]
        rows = db.execute(f"SELECT * FROM refs WHERE id IN ({','.join('?' * len(batch))})", batch)
        found |= {row[0]: _reference(row) for row in rows.fetchall()}
    return [found[number] for number in wanted]


class Database:
    """An index that was found whole. Raises CityError or IndexUnusableError when it is not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest: Manifest = read_manifest(folder)
        verify(folder, self.manifest)
        path = folder / "references.sqlite"
        self.positions: NDArray[np.float64] = read_captures(path)[0]
        """[N, 2] (lat, lon) of every reference, by id."""
        # Read-only, and SQLite serialises calls itself, so photos may be located in several threads.
        self._db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def name(self) -> str:
        """Of its folder: two indexes may be of one city."""
        return self.folder.name

    @property
    def folders(self) -> tuple[Path, ...]:
        """Its folder, as one of several."""
        return (self.folder,)

    def open_vectors(self) -> VectorStore:
        """Read vectors.faiss: not when the index is opened, because `info` and `cities` do without."""
        store = VectorStore(self.folder / "vectors.faiss", len(self.manifest.settings.bands))
        if len(store) != len(self):
            raise IndexUnusableError(
                f"{self.folder} has {len(self)} references and {len(store)} vectors", "use --rebuild"
            )
        return store

    def references(self, ids: Iterable[int]) -> list[Reference]:
        """The references of these ids, in their order."""
        return _references(self._db, ids)

    def candidates(
        self,
        similarities: NDArray[np.floating[Any]],
        ids: NDArray[np.int64],
        inliers: NDArray[np.float64] | None = None,
    ) -> tuple[Candidate, ...]:
        """Candidates out of similarities [k], ids [k] and inliers [k] (NaN: not counted) of a search."""
        counts = np.full(len(ids), np.nan) if inliers is None else inliers
        rows = zip(self.references(ids.tolist()), similarities.tolist(), counts.tolist(), strict=True)
        return tuple(
            Candidate(reference, similarity, None if math.isnan(count) else int(count))
            for reference, similarity, count in rows
        )

    def headings(self) -> dict[str, int]:
        """How many views look which way: eight directions of the compass, and "unknown"."""
        rows = self._db.execute(
            "SELECT CAST((heading + 22.5) / 45 AS INTEGER) % 8, count(*) FROM refs"
            " GROUP BY 1 ORDER BY 1 NULLS LAST"
        )
        names = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
        return {"unknown" if octant is None else names[octant]: int(n) for octant, n in rows}

    def headings_deg(self) -> NDArray[np.float64]:
        """Of every reference, by id: where it looks, [N] degrees; NaN where that is unknown."""
        rows = self._db.execute("SELECT heading FROM refs ORDER BY id").fetchall()
        return np.array([math.nan if heading is None else heading for (heading,) in rows], float)

    def city(self) -> City:
        """What the index covers, for people."""
        m = self.manifest
        places = np.unique(self.positions, axis=0)
        return City(m.city, m.references, m.images, m.settings.backbone, places, m.credits)
