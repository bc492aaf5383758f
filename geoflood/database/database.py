"""The reference database of a city: where and who its references are, and the vectors to search by."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Candidate, City, LatLon, Progress, Reference, no_progress
from geoflood.core.errors import IndexUnusableError
from geoflood.core.files import replacing
from geoflood.database.captures import Captures, find_captures
from geoflood.database.file_checks import verify
from geoflood.database.index_files import REFERENCES
from geoflood.database.manifest import Manifest, read_manifest
from geoflood.database.ready_coarse import ready_coarse
from geoflood.database.similar_rows import SearchedVectors
from geoflood.database.vectors import VectorStore

__all__ = ["Database", "read_references", "write_references"]

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
        self.captures: Captures = find_captures(folder, self.manifest.files)
        path = folder / REFERENCES
        # Read-only, and SQLite serialises calls itself, so photos may be located in several threads.
        self._db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)

    def __len__(self) -> int:
        return len(self.captures)

    @property
    def positions(self) -> NDArray[np.float64]:
        """[N, 2] (lat, lon) of every reference, by id."""
        return self.captures.positions

    @property
    def name(self) -> str:
        """Of its folder: two indexes may be of one city."""
        return self.folder.name

    @property
    def folders(self) -> tuple[Path, ...]:
        """Its folder, as one of several."""
        return (self.folder,)

    def open_vectors(self, progress: Progress = no_progress, where: str | None = None) -> SearchedVectors:
        """Read the vectors: not when the index is opened, because `info` and `cities` do without.

        A large index that lacks a coarse file gets one, and the store's `notice` says so.
        where: a Ray cluster whose workers hold it in parts; None: it is held here. Raises IndexUnusableError,
        and NetworkError where the cluster cannot be reached.
        """
        bands = self.manifest.settings.bands
        notice = ready_coarse(self.folder, bands, progress)
        path = self.folder / "vectors.faiss"
        store: SearchedVectors
        if where is None:
            store = VectorStore(path, len(bands), notice=notice)
        else:
            from geoflood.database.ray_search import RayVectorStore

            store = RayVectorStore(where, path, len(bands), notice=notice)
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
        known = self.headings_deg()
        octants = np.floor((known[~np.isnan(known)] + 22.5) / 45).astype(int) % 8
        counts = np.bincount(octants, minlength=8).tolist()
        names = ("N", "NE", "E", "SE", "S", "SW", "W", "NW", "unknown")
        unknown = len(known) - sum(counts)
        return {name: n for name, n in zip(names, [*counts, unknown], strict=True) if n}

    def headings_deg(self) -> NDArray[np.float64]:
        """Of every reference, by id: where it looks, [N] degrees; NaN where that is unknown."""
        return self.captures.heading_deg.astype(float)

    def city(self) -> City:
        """What the index covers, for people."""
        m = self.manifest
        places = np.unique(self.positions, axis=0)
        return City(m.city, m.references, m.images, m.settings.backbone, places, m.credits)
