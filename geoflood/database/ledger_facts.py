"""What only the ledger knows of an image, read without changing it: a search does without."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from geoflood.core.datatypes import Projection
from geoflood.core.errors import IndexUnusableError
from geoflood.database.index_files import LEDGER

__all__ = ["LedgerFacts", "PlannedFacts"]


@dataclass(frozen=True, slots=True)
class PlannedFacts:
    """Of one image."""

    origin: str
    heading_deg: float | None
    accuracy_m: float | None
    projection: Projection


class LedgerFacts:
    """The ledger of an index; of one that has none, nothing is known. Raises IndexUnusableError."""

    def __init__(self, folder: Path) -> None:
        self._path, self._db = folder / LEDGER, None
        if self._path.is_file():
            self._db = sqlite3.connect(f"{self._path.resolve().as_uri()}?mode=ro", uri=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._db is not None:
            self._db.close()

    def shards(self) -> list[int]:
        """Numbers of the shards that hold planned images. Raises IndexUnusableError for a damaged ledger."""
        if self._db is None:
            return []
        try:
            rows = self._db.execute("SELECT DISTINCT shard FROM images ORDER BY shard").fetchall()
            return [int(number) for (number,) in rows]
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> IndexUnusableError:
        return IndexUnusableError(f"{self._path} is damaged: {error}", "use --rebuild")

    def __call__(self, keys: Sequence[str]) -> dict[str, PlannedFacts]:
        """By key, of those that are planned. Raises IndexUnusableError for a damaged ledger."""
        if self._db is None:
            return {}
        marks = ",".join("?" * len(keys))
        query = f"SELECT key, origin, heading, accuracy, projection FROM images WHERE key IN ({marks})"
        try:
            rows = self._db.execute(query, keys).fetchall()
            return {
                key: PlannedFacts(origin, heading, accuracy, Projection(projection))
                for key, origin, heading, accuracy, projection in rows
            }
        except (sqlite3.DatabaseError, ValueError) as error:
            raise self._damaged(error) from error
