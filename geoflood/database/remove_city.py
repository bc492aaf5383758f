"""An index is removed: what geoflood wrote, and nothing else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from geoflood.database.index_files import (
    CENSUS,
    LEDGER,
    PICTURES,
    PLAN_PAGE,
    SIGNS,
    remove_folder,
    remove_index,
    strays,
    written_files,
)
from geoflood.database.plan import locked_index
from geoflood.database.plan_changes import is_own_file, is_under
from geoflood.imagery.fetch import fetched_pictures
from geoflood.places.street_map_file import STREETS

__all__ = ["foreign_files", "remove_city"]

_BUNDLED = "bundled"
"""Folder of unpacked pictures whose names no source gave."""


def remove_city(folder: Path) -> list[Path]:
    """Remove an index with the pictures that were fetched for it; returns what stays, relative to its folder.

    Pictures in folders of the user's are not touched, wherever they lie.
    Raises IndexUnusableError when the index is in use.
    """
    with locked_index(folder):
        remove_index(folder, *_fetched(folder), *fetched_pictures(folder), *_told(folder))
        left = strays(folder)
        remove_folder(folder)
    return left


def foreign_files(folder: Path) -> list[Path]:
    """What `remove_city` would leave."""
    ours = {*written_files(folder), *_fetched(folder), *fetched_pictures(folder), *_told(folder)}
    return [path for path in strays(folder) if folder / path not in ours]


def _told(folder: Path) -> list[Path]:
    """What sources, a map and signs said of the city, and its plan: they outlive `--rebuild`."""
    databases = (CENSUS, SIGNS)
    parts = ("", "-journal", "-wal", "-shm")
    return [
        folder / STREETS,
        folder / PLAN_PAGE,
        *(folder / f"{name}{part}" for name in databases for part in parts),
    ]


def _fetched(folder: Path) -> list[Path]:
    """Pictures of the index that geoflood put into its folder, by what the ledger says."""
    ledger = folder / LEDGER
    if not ledger.is_file():
        return []
    try:
        with closing(sqlite3.connect(ledger)) as db:  # not read-only: a kill may have left a journal
            rows = db.execute("SELECT key, location FROM images").fetchall()
    except sqlite3.DatabaseError:
        return []  # what cannot be told from the user's own stays, and is named
    places = [at / PICTURES for at in (folder.absolute(), folder.resolve())]
    return [
        Path(location)
        for key, location in rows
        for place in places
        if is_under(location, str(place / _BUNDLED if is_own_file(key) else place))
    ]
