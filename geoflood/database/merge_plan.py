"""The ledger of a merged index: the images of all its parts; what two of them hold is there once.

Numbers and shards of a part are moved on by what the parts before it take. So a shard stays one shard, and
only numbers in it change.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np

from geoflood.core.datatypes import LatLon, StreetImage
from geoflood.core.errors import IndexUnusableError
from geoflood.core.files import BROKEN_ARRAYS, fingerprint
from geoflood.database.index_files import LEDGER, MANIFEST, PICTURES
from geoflood.database.ledger_rows import COLUMNS, image_of, row_of, selected_columns
from geoflood.database.manifest import Manifest
from geoflood.database.plan import IndexPlan
from geoflood.database.plan_changes import FOLDER, is_under, position_key
from geoflood.database.shards import shard_path

__all__ = ["MergePart", "PlannedPart", "part_of_shard", "plan_merge", "planned_under", "renamed_keys"]

_TABLE = """
CREATE TABLE IF NOT EXISTS merged (
    folder TEXT NOT NULL, manifest TEXT NOT NULL, first_image INTEGER NOT NULL, first_shard INTEGER NOT NULL,
    doubles INTEGER NOT NULL, pictures INTEGER NOT NULL
)
"""
_AGAIN = "build it again: geoflood index {} IMAGES --rebuild"
_MARKS = ",".join("?" * len(COLUMNS.split(",")))


@dataclass(frozen=True, slots=True)
class MergePart:
    """An index that becomes a part of another."""

    folder: Path
    manifest: Manifest


@dataclass(slots=True)
class PlannedPart:
    """A part with its place in the merged index."""

    folder: Path
    first_image: int
    """Added to the number of an image."""
    first_shard: int
    """Added to the number of a shard."""
    doubles: int = 0
    """Usable images that are left out: an earlier part holds them."""
    pictures: int = 0
    """Images whose pictures geoflood put into the part's folder."""


def plan_merge(folder: Path, parts: Sequence[MergePart]) -> list[PlannedPart] | None:
    """Plan the images of all parts in `folder`, in one transaction, or find that this was done.

    None where other parts were planned there, or they are not what they were. Raises IndexUnusableError for a
    part whose ledger is missing or damaged.
    """
    with closing(IndexPlan(folder)) as plan:
        plan.keep_settings(parts[0].manifest.settings)
    told = [(str(one.folder.resolve()), fingerprint(one.folder / MANIFEST)) for one in parts]
    with closing(sqlite3.connect(folder / LEDGER)) as db:
        db.execute(_TABLE)
        there = db.execute("SELECT * FROM merged ORDER BY rowid").fetchall()
        if there:
            same = [row[:2] for row in there] == told
            rows = zip(parts, there, strict=True) if same else ()
            return [PlannedPart(part.folder, *row[2:]) for part, row in rows] or None
        with db:
            planned = _Merge(db).plan([part.folder for part in parts])
            for one, names in zip(planned, told, strict=True):
                db.execute("INSERT INTO merged VALUES (?, ?, ?, ?, ?, ?)", (*names, *astuple(one)[1:]))
        return planned


class _Merge:
    """Images on their way into a ledger; the part that is named first is believed first."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._planned: list[PlannedPart] = []
        self._unusable = lru_cache(maxsize=64)(_unusable)

    def plan(self, folders: Sequence[Path]) -> list[PlannedPart]:
        image = shard = 0
        for folder in folders:
            self._planned.append(PlannedPart(folder, image, shard))
            with _Ledger(folder) as source:
                for number, old_shard, one in source.images():
                    self._take(number, old_shard, one)
                self._db.executemany("INSERT INTO rejected VALUES (?, ?, ?)", source.rejected())
                images, shards = source.numbers()
            image, shard = image + images, shard + shards
        self._db.execute("DELETE FROM numbers")
        self._db.execute("INSERT INTO numbers VALUES (?, ?)", (image, shard))
        return self._planned

    def _take(self, number: int, shard: int, image: StreetImage) -> None:
        """Insert an image of the last part, unless an earlier one holds it and can use it."""
        part = self._planned[-1]
        held, key = self._held(image)
        usable = number not in self._unusable(part.folder, shard)
        if held is not None:
            if not usable or self._can_use(*held):
                part.doubles += usable
                return
            self._db.execute("DELETE FROM images WHERE id = ?", held[:1])
        part.pictures += any(is_under(image.location, str(home)) for home in _picture_folders(part.folder))
        row = row_of(replace(image, key=key), part.first_image + number, part.first_shard + shard)
        self._db.execute(f"INSERT INTO images ({COLUMNS}) VALUES ({_MARKS})", row)

    def _held(self, image: StreetImage) -> tuple[tuple[int, int] | None, str]:
        """Number and shard of the row that is the same image, or None; and the key that the image has here.

        Two folders of one name may hold different files: a file at another position is another image. What a
        source has at two positions is one image, which moved.
        """
        at = f"@{position_key(image.geotag.position)}"
        plain = image.key.removesuffix(at)
        first, other = self._row(plain), self._row(plain + at)
        if first is not None and (first[1] == at or not plain.startswith(FOLDER)):
            return first[0], plain
        if other is not None:
            return other[0], plain + at
        return None, image.key if first is None else plain + at

    def _row(self, key: str) -> tuple[tuple[int, int], str] | None:
        """(number, shard) and position of the image of a key."""
        row = self._db.execute("SELECT id, shard, lat, lon FROM images WHERE key = ?", (key,)).fetchone()
        return row and ((row[0], row[1]), f"@{position_key(LatLon(row[2], row[3]))}")

    def _can_use(self, number: int, shard: int) -> bool:
        part = part_of_shard(self._planned, shard)
        return number - part.first_image not in self._unusable(part.folder, shard - part.first_shard)


def part_of_shard(planned: Sequence[PlannedPart], shard: int) -> PlannedPart:
    """The part that a shard of the merged index comes from."""
    return next(part for part in reversed(planned) if part.first_shard <= shard)


def planned_under(folder: Path, place: Path) -> int:
    """How many images of the ledger in `folder` have their pictures somewhere under `place`."""
    inside = {os.path.join(at, "") for at in (place.absolute(), place.resolve())}
    query = "SELECT count(*) FROM images WHERE substr(location, 1, ?) = ?"
    with closing(sqlite3.connect(folder / LEDGER)) as db:
        return sum(db.execute(query, (len(one), one)).fetchone()[0] for one in inside)


def renamed_keys(folder: Path, part: PlannedPart) -> dict[str, str]:
    """Keys of a part's images that are others in the merged index of `folder`, by what they were."""
    with closing(sqlite3.connect(folder / LEDGER)) as db, _Ledger(part.folder) as source:
        found = (
            (
                one.key,
                db.execute("SELECT key FROM images WHERE id = ?", (number + part.first_image,)).fetchone(),
            )
            for number, _, one in source.images()
        )
        return {key: row[0] for key, row in found if row and row[0] != key}


def _picture_folders(folder: Path) -> tuple[Path, Path]:
    return folder.absolute() / PICTURES, folder.resolve() / PICTURES


def _unusable(folder: Path, shard: int) -> frozenset[int]:
    """Numbers of the images of a shard that could not be described; a shard that broke is told of later."""
    try:
        with shard_path(folder, shard).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return frozenset(map(int, arrays["rejected"]))
    except BROKEN_ARRAYS:
        return frozenset()


class _Ledger:
    """The ledger of a part, which is not changed. Raises IndexUnusableError where it is none."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LEDGER
        if not self._path.is_file():
            raise IndexUnusableError(f"{self._path} is missing", _AGAIN.format(folder.name))

    def __enter__(self) -> Self:
        # Not read-only: a kill may have left a journal. SQLite itself opens a file so that it cannot write.
        self._db = sqlite3.connect(f"{self._path.resolve().as_uri()}?mode=rw", uri=True)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._db.close()
        if isinstance(error, sqlite3.DatabaseError | ValueError | TypeError):
            raise IndexUnusableError(
                f"{self._path} is damaged: {error}", _AGAIN.format(self._path.parent.name)
            ) from error

    def images(self) -> Iterator[tuple[int, int, StreetImage]]:
        """(number, shard, image), in order."""
        columns = selected_columns(self._db)
        for row in self._db.execute(f"SELECT {columns} FROM images ORDER BY id"):
            yield int(row[0]), int(row[-1]), image_of(row)

    def rejected(self) -> Iterator[tuple[str, str, str]]:
        """(location, reason, detail) of what could not be planned."""
        return self._db.execute("SELECT location, reason, detail FROM rejected")

    def numbers(self) -> tuple[int, int]:
        """Numbers of images and of shards that were ever given."""
        query = "SELECT coalesce(max(id), -1) + 1, coalesce(max(shard), -1) + 1 FROM images"
        image, shard = self._db.execute(query).fetchone()
        try:
            row = self._db.execute("SELECT max(images), max(shards) FROM numbers").fetchone()
        except sqlite3.OperationalError:  # a ledger of an older geoflood
            row = (0, 0)
        return max(int(image), int(row[0] or 0)), max(int(shard), int(row[1] or 0))
