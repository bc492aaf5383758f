"""The plan of an index, one row an image, each with its shard; on disk it is ledger.sqlite.

It is needed to continue or to add, not to search. The order of the rows decides everything that follows,
so the same images always give the same index.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, TypeAlias

from geoflood.core.datatypes import LatLon, Rejected, StreetImage
from geoflood.core.errors import IndexUnusableError, InputError
from geoflood.core.files import LockedError, locked
from geoflood.database.index_files import LEDGER, LOCK
from geoflood.database.ledger_rows import ADDED, COLUMNS, IMAGES_TABLE, image_of, row_of
from geoflood.database.manifest import Settings
from geoflood.database.plan_changes import (
    FOLDER,
    Lists,
    PlanChange,
    is_cut_anew,
    is_own_file,
    is_under,
    position_key,
    room_of,
)
from geoflood.database.rejections import examples_of_rejected
from geoflood.imagery.reject_reasons import RejectReason

__all__ = ["SHARD_IMAGES", "IndexPlan", "locked_index", "no_usable_image", "planned"]

SHARD_IMAGES = 64
"""Images a shard, the unit of work: a kill loses at most one shard a worker, a few seconds."""

_TABLES = f"""
CREATE TABLE IF NOT EXISTS settings (content TEXT NOT NULL);
{IMAGES_TABLE}
CREATE TABLE IF NOT EXISTS rejected (location TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS numbers (images INTEGER NOT NULL, shards INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS withdrawn (location TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS learned_like (folder TEXT NOT NULL, sha256 TEXT NOT NULL);
"""

_REBUILD = "build it again: geoflood index CITY IMAGES --rebuild"


@contextmanager
def locked_index(folder: Path) -> Iterator[None]:
    """Hold the index for writing. Raises IndexUnusableError when another process does."""
    try:
        with locked(folder / LOCK):
            yield
    except LockedError as error:
        raise IndexUnusableError(
            f"another geoflood is building {folder}", "wait until it ends, or stop it; nothing is lost"
        ) from error


def no_usable_image(reasons: Counter[str], folder: Path) -> InputError:
    """The error of an index without images, which counts why and names the first of each reason."""
    first = {one.reason: f" ({one.location}: {one.detail})" for one in examples_of_rejected(folder, reasons)}
    counted = ", ".join(f"{n} {reason}{first.get(reason, '')}" for reason, n in reasons.most_common())
    return InputError(
        f"no image can be used: {counted or 'none was found'}",
        "geoflood index --help shows what can be read and how positions are given",
    )


def planned(folder: Path) -> bool:
    """Whether any image is planned in this folder."""
    path = folder / LEDGER
    if not path.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            return db.execute("SELECT 1 FROM images LIMIT 1").fetchone() is not None
    except sqlite3.DatabaseError:
        return True  # damaged is not empty


class _Row(NamedTuple):
    """A row of the plan, as far as it is needed to know the image again."""

    key: str
    number: int
    position: str


_NewPlace: TypeAlias = Callable[[], tuple[int, int]]
"""Gives the next image's number and shard."""


class IndexPlan:
    """The plan of one index. Use it under `locked_index`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LEDGER
        try:
            self._db = sqlite3.connect(self.path)
            self._db.executescript(_TABLES)
            self._add_missing_columns()
        except sqlite3.DatabaseError as error:
            raise IndexUnusableError(f"{self.path} is damaged: {error}", _REBUILD) from error

    def _add_missing_columns(self) -> None:
        there = {row[1] for row in self._db.execute("PRAGMA table_info(images)")}
        for name, kind in ADDED.items():
            if name not in there:
                self._db.execute(f"ALTER TABLE images ADD COLUMN {name} {kind}")

    def close(self) -> None:
        self._db.close()

    def settings(self) -> Settings | None:
        """Those that were noted; None before. Raises IndexUnusableError for what is none."""
        row = self._db.execute("SELECT content FROM settings").fetchone()
        if row is None:
            return None
        try:
            stored = json.loads(row[0])
            return Settings(**{**stored, "bands": tuple(stored["bands"])})
        except (ValueError, TypeError, KeyError) as error:
            raise IndexUnusableError(f"{self.path} is of another geoflood, or damaged", _REBUILD) from error

    def keep_settings(self, settings: Settings) -> None:
        """Note the settings of the first run. Raises IndexUnusableError when a later run has others."""
        before = self.settings()
        if before is None:
            with self._db:
                self._db.execute("INSERT INTO settings VALUES (?)", (json.dumps(asdict(settings)),))
            return
        if different := settings.differences(before):
            raise IndexUnusableError(
                f"the index {self.path.parent} was begun with other settings: {different}",
                "give the same options, another CITY name, or --rebuild",
            )

    def keep_like(self, folder: str, sha256: str) -> None:
        """Note that nothing is learned from these images: what an index in `folder` learned is taken."""
        with self._db:
            self._db.execute("DELETE FROM learned_like")
            self._db.execute("INSERT INTO learned_like VALUES (?, ?)", (folder, sha256))

    def like(self) -> tuple[str, str] | None:
        """Folder of the index whose learned.npz is taken, and that file's SHA-256, as they were noted."""
        row = self._db.execute("SELECT folder, sha256 FROM learned_like").fetchone()
        return row and (str(row[0]), str(row[1]))

    def add(self, images: Iterable[StreetImage | Rejected], *, more: bool = False) -> int:
        """Add the new images in the order given, and note the rejected ones; returns how many are new.

        With `more` the rejected ones come to those that were noted before, else they replace them.

        All is one transaction: killed in the middle, nothing was planned. New images begin a new shard, so
        that finished shards stay as they are. A known key at a new position has moved, unless it is of a
        folder: two folders of one name may be indexed in separate runs. Then it is another image, and its
        position becomes part of its key.
        """
        new = 0
        with self._db, self._new_places() as new_place:
            for item in self._usable(images, more=more):
                row = self._known(item.key)
                if row and row.position != position_key(item.geotag.position):
                    if not item.key.startswith(FOLDER):
                        self._renew(row.number, item, new_place)
                        continue
                    item = replace(item, key=f"{item.key}@{position_key(item.geotag.position)}")
                    row = self._known(item.key)
                if row is None:
                    self._insert(item, *new_place())
                    new += 1
        return new

    def update(self, images: Iterable[StreetImage | Rejected], lists: Lists | None = None) -> PlanChange:
        """Make the plan what a source lists now; all is one transaction.

        What is not listed any more is dropped where `lists` is true of it. None: a list speaks for every
        source and every folder that it names an image of. A corrected image stays what it is: only what other
        pixels are cut by makes it a new one. What lies in a folder that cannot be read stays.

        Raises InputError when nothing listed can be used: rather than all being gone, a disk is not there.
        """
        renamed = list[tuple[str, str]]()
        new, corrected, rooms, closed = 0, 0, set[str](), list[str]()
        self._db.execute("CREATE TEMP TABLE IF NOT EXISTS listed (id INTEGER PRIMARY KEY)")
        with self._db, self._new_places() as new_place:
            self._db.execute("DELETE FROM temp.listed")
            for item in self._usable(images, closed):
                rooms.add(room_of(item.key))
                row = self._known_as(item)
                if row is None:
                    at = f"@{position_key(item.geotag.position)}" if self._known(item.key) else ""
                    number = self._insert(replace(item, key=item.key + at), *new_place())
                    new += 1
                elif self._is_listed(row.number):
                    continue
                else:
                    number, is_other = self._renew(row.number, item, new_place)
                    corrected += is_other
                    renamed += [(item.key, row.key)] if item.key != row.key else []
                self._db.execute("INSERT INTO temp.listed VALUES (?)", (number,))
            if not self._is_listed():
                raise no_usable_image(self.rejected(), self.path.parent)
            gone = self._db.execute("SELECT id FROM images EXCEPT SELECT id FROM temp.listed").fetchall()
            withdrawn = self._withdraw(
                (number for (number,) in gone), lists or (lambda image: room_of(image.key) in rooms), closed
            )
            self._db.executemany("UPDATE OR IGNORE images SET key = ? WHERE key = ?", renamed)
        return PlanChange(new, corrected, withdrawn)

    def _known(self, key: str) -> _Row | None:
        """The row of a key: asked for one by one, a plan of millions takes no memory."""
        found = self._db.execute("SELECT id, lat, lon FROM images WHERE key = ?", (key,)).fetchone()
        return found and _Row(key, found[0], position_key(LatLon(*found[1:])))

    def _is_listed(self, number: int | None = None) -> bool:
        """Whether the list of an update named an image, or any."""
        query = "SELECT 1 FROM temp.listed WHERE id = coalesce(?, id) LIMIT 1"
        return self._db.execute(query, (number,)).fetchone() is not None

    def _usable(
        self, images: Iterable[StreetImage | Rejected], closed: list[str] | None = None, *, more: bool = False
    ) -> Iterator[StreetImage]:
        """The images; the rejected ones are noted in place of earlier ones, or beside them where there are
        `more`; folders that are `closed` too."""
        if not more:
            self._db.execute("DELETE FROM rejected")
        for item in images:
            if isinstance(item, StreetImage):
                yield item
                continue
            row = (item.location, item.reason, item.detail)
            self._db.execute("INSERT INTO rejected VALUES (?, ?, ?)", row)
            if closed is not None and item.reason == RejectReason.NO_PERMISSION:
                closed.append(item.location)

    def _known_as(self, item: StreetImage) -> _Row | None:
        """The row of an image that is listed again; None when it is new.

        A file of a folder at another position is the same if it lies where it lay, or nothing lies there.
        """
        position = position_key(item.geotag.position)
        row, beside = self._known(item.key), f"{item.key}@{position}"
        if row is not None and row.position == position:
            return row
        if (other := self._known(beside)) and other.position == position:
            return other
        if row is None or not item.key.startswith(FOLDER):
            return row
        before = self._row(row.number)[0].location
        return row if before == item.location or not os.path.exists(before) else None

    def _renew(self, number: int, item: StreetImage, new_place: _NewPlace) -> tuple[int, bool]:
        """What is said of a known image now; returns its number, and whether place, direction or view are
        other ones."""
        before, shard = self._row(number)
        item = replace(item, key=before.key)
        if item == before:
            return number, False
        anew = is_cut_anew(before, item)
        self._db.execute("DELETE FROM images WHERE id = ?", (number,))
        number, shard = new_place() if anew else (number, shard)
        self._insert(item, number, shard)
        was, now = before.geotag, item.geotag
        return number, anew or (was.position, was.heading_deg) != (now.position, now.heading_deg)

    def _withdraw(self, numbers: Iterable[int], lists: Lists, closed: Collection[str]) -> int:
        """Drop those that a list would have, but for what lies in a closed folder; returns how many."""
        dropped = 0
        for number in numbers:
            image, _ = self._row(number)
            if not lists(image) or any(is_under(image.location, folder) for folder in closed):
                continue
            self._db.execute("DELETE FROM images WHERE id = ?", (number,))
            if not is_own_file(image.key):
                self._db.execute("INSERT INTO withdrawn VALUES (?)", (image.location,))
            dropped += 1
        return dropped

    @contextmanager
    def _new_places(self) -> Iterator[_NewPlace]:
        """Numbers and shards that no image ever had: the file of a shard may outlive its images."""
        number, first = self._db.execute(
            "SELECT max(coalesce(max(id) + 1, 0), (SELECT coalesce(max(images), 0) FROM numbers)),"
            " max(coalesce(max(shard) + 1, 0), (SELECT coalesce(max(shards), 0) FROM numbers)) FROM images"
        ).fetchone()
        given = 0

        def new_place() -> tuple[int, int]:
            nonlocal given
            given += 1
            return number + given - 1, first + (given - 1) // SHARD_IMAGES

        yield new_place
        self._db.execute("DELETE FROM numbers")
        shards = first + (given + SHARD_IMAGES - 1) // SHARD_IMAGES
        self._db.execute("INSERT INTO numbers VALUES (?, ?)", (number + given, shards))

    def _insert(self, image: StreetImage, number: int, shard: int) -> int:
        row = row_of(image, number, shard)
        self._db.execute(f"INSERT INTO images ({COLUMNS}) VALUES ({','.join('?' * len(row))})", row)
        return number

    def _row(self, number: int) -> tuple[StreetImage, int]:
        """An image by its number, and its shard."""
        row = self._db.execute(f"SELECT {COLUMNS} FROM images WHERE id = ?", (number,)).fetchone()
        return image_of(row), int(row[-1])

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM images").fetchone()[0])

    def shards(self) -> Iterator[tuple[int, list[tuple[int, StreetImage]]]]:
        """(shard, its images with their numbers), in order; holds one shard in memory."""
        rows = self._db.execute(f"SELECT {COLUMNS} FROM images ORDER BY id")
        for shard, group in groupby(rows, key=lambda row: int(row[-1])):
            yield shard, [(int(row[0]), image_of(row)) for row in group]

    def shards_of(self, keys: Iterable[str]) -> set[int]:
        """The shards that hold images of these keys."""
        query = "SELECT shard FROM images WHERE key = ?"
        rows = (self._db.execute(query, (key,)).fetchone() for key in keys)
        return {int(row[0]) for row in rows if row}

    def sample(self, count: int) -> list[StreetImage]:
        """At most `count` images, evenly spread over the plan."""
        total = len(self)
        count = min(count, total)
        picks = {round(i * (total - 1) / max(count - 1, 1)) for i in range(count)}
        numbers = self._db.execute("SELECT id FROM images ORDER BY id")
        picked = [number for at, (number,) in enumerate(numbers) if at in picks]
        return [self._row(number)[0] for number in picked]

    def rejected(self) -> Counter[str]:
        """Reason -> images that the last run could not use."""
        rows = self._db.execute("SELECT reason, count(*) FROM rejected GROUP BY 1")
        return Counter({str(reason): int(count) for reason, count in rows})

    def withdrawn(self) -> list[str]:
        """Locations of dropped images that were fetched, until they are forgotten; none that is in use."""
        rows = self._db.execute(
            "SELECT location FROM withdrawn WHERE location NOT IN (SELECT location FROM images)"
        )
        return [str(location) for (location,) in rows]

    def forget_withdrawn(self) -> None:
        """What was left of them is cleared away."""
        with self._db:
            self._db.execute("DELETE FROM withdrawn")
