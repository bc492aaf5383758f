"""An index is removed: what geoflood wrote, and nothing else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from geoflood.database.index_files import (
    CENSUS,
    LEDGER,
    PICTURES,
    remove_folder,
    remove_index,
    strays,
)
from geoflood.database.plan import locked_index
from geoflood.database.plan_changes import is_own_file, is_under

__all__ = ["remove_city"]


def remove_city(folder: Path) -> list[Path]:
    """Remove an index with the pictures that were fetched for it; returns what stays, relative to its folder.

    Pictures in folders of the user's are not touched, wherever they lie.
    Raises IndexUnusableError when the index is in use.
    """
    with locked_index(folder):
        census = [folder / f"{CENSUS}{part}" for part in ("", "-journal", "-wal", "-shm")]
        remove_index(folder, *_fetched(folder), *census)
        left = strays(folder)
        remove_folder(folder)
    return left


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
    places = [str(at / PICTURES) for at in (folder.absolute(), folder.resolve())]
    return [
        Path(location)
        for key, location in rows
        if not is_own_file(key) and any(is_under(location, place) for place in places)
    ]
