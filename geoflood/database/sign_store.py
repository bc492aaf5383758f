"""signs.sqlite of an index: the words on the signs of its references, read once each, and kept by view.

A view that was read is a row, with words or without, so a run that was stopped goes on where it was. Plates
and numbers are masked before they come here.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby
from pathlib import Path
from typing import Any

from geoflood.core.datatypes import Image, PictureText, Progress, Reference, TextSort, no_progress
from geoflood.core.errors import IndexUnusableError
from geoflood.core.images import UnreadableImageError
from geoflood.core.parallel import cores, in_order
from geoflood.database.database import Database
from geoflood.database.index_files import SIGNS
from geoflood.database.plan import locked_index
from geoflood.imagery.views import pictures_of
from geoflood.places.sort_signs import sort_texts

__all__ = ["SignsRead", "kept_signs", "merge_signs", "read_reference_signs", "text_rows", "texts_of"]

_TABLE = "CREATE TABLE IF NOT EXISTS views (view TEXT PRIMARY KEY, texts TEXT NOT NULL) WITHOUT ROWID"
_AT_ONCE = 32
"""Views a transaction: so many are read again after a kill, at the most."""
_MOST_CHARACTERS = 100_000
"""Of a row that was written here, by far."""


@dataclass(frozen=True, slots=True)
class SignsRead:
    """What is known of the signs of an index."""

    views: int
    """References that were read. Of others the picture is gone, or they came later."""
    with_words: int
    """Of these, on which words were found, overlays among them."""

    @classmethod
    def of(cls, folder: Path) -> SignsRead | None:
        """None where signs were never read. Raises CityError or IndexUnusableError."""
        kept = kept_signs(folder, Database(folder)) if (folder / SIGNS).is_file() else None
        return None if kept is None else cls(len(kept), sum(map(bool, kept.values())))


def read_reference_signs(
    folder: Path,
    read: Callable[[Image], tuple[PictureText, ...]],
    workers: int | None = None,
    progress: Progress = no_progress,
) -> None:
    """Read the signs of all references that were not read yet; `read` is called from several threads.

    References whose pictures are gone are left out: the next run tries them again. Raises CityError or
    IndexUnusableError when the index cannot be used, or is being written.
    """
    workers = workers or cores()
    with locked_index(folder):
        database = Database(folder)
        with closing(_opened(folder / SIGNS)) as db, ThreadPoolExecutor(workers, "signs") as pool:
            known = {view for (view,) in db.execute("SELECT view FROM views")}
            missing = [n for n, key in enumerate(_keys(database)) if key not in known]
            rows: list[tuple[str, str]] = []
            done = 0
            for views, found in in_order(pool, partial(_read, read), _images(database, missing), 2 * workers):
                rows += found
                done += views
                if len(rows) >= _AT_ONCE:
                    _write(db, rows)
                progress("reading signs", done, len(missing))
            _write(db, rows)


def kept_signs(folder: Path, database: Database) -> dict[int, tuple[PictureText, ...]] | None:
    """The texts of each reference that was read, by its id; None where no signs were ever read.

    Raises IndexUnusableError for a file that was not written here.
    """
    path = folder / SIGNS
    if not path.is_file():
        return None
    ids = {key: number for number, key in enumerate(_keys(database))}
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT view, texts FROM views WHERE length(texts) <= ?", (_MOST_CHARACTERS,))
            return {ids[view]: texts_of(json.loads(texts)) for view, texts in rows if view in ids}
    except (sqlite3.DatabaseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise IndexUnusableError(
            f"{path} is damaged: {error}", "remove it; geoflood index --read-signs reads the signs again"
        ) from error


def merge_signs(part: Path, folder: Path, renamed: Callable[[], Mapping[str, str]]) -> None:
    """Add what was read in the images of `part` to the signs of `folder`; what is there already stays.

    `renamed` tells keys of images that are others in `folder`; it is asked where there are signs. Raises
    IndexUnusableError for a file that was not written here.
    """
    path = part / SIGNS
    if not path.is_file():
        return
    other = renamed()
    query = "SELECT view, texts FROM views WHERE length(texts) <= ?"
    try:
        with closing(_opened(folder / SIGNS)) as db, closing(_opened(path)) as source, db:
            for view, texts in source.execute(query, (_MOST_CHARACTERS,)):
                key, _, turn = view.rpartition("#")
                row = (f"{other.get(key, key)}#{turn}", texts)
                db.execute("INSERT OR IGNORE INTO views VALUES (?, ?)", row)
    except (sqlite3.DatabaseError, AttributeError, ValueError) as error:
        raise IndexUnusableError(
            f"{path} is damaged: {error}", "remove it; the signs can be read again"
        ) from error


def _opened(path: Path) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(path)
        with db:
            db.execute(_TABLE)
        return db
    except sqlite3.DatabaseError as error:
        raise IndexUnusableError(f"{path} is damaged: {error}", "remove it, and run again") from error


def _keys(database: Database) -> list[str]:
    """What names each view, by id: it outlives a rebuild, which numbers references anew."""
    return [_key(reference) for reference in database.references(range(len(database)))]


def _key(reference: Reference) -> str:
    turn = "" if reference.tile_deg is None else f"{reference.tile_deg:g}"
    return f"{reference.image_key}#{turn}"


def _images(database: Database, ids: list[int]) -> Iterator[list[Reference]]:
    """References, those of one image together: a panorama is decoded once for its tiles."""
    references = chain.from_iterable(
        database.references(ids[start : start + 1000]) for start in range(0, len(ids), 1000)
    )
    yield from (list(views) for _, views in groupby(references, lambda reference: reference.image_key))


def _read(
    read: Callable[[Image], tuple[PictureText, ...]], references: list[Reference]
) -> tuple[int, list[tuple[str, str]]]:
    """How many views an image has, and a row of each; no rows where its picture is gone."""
    try:
        pictures = [
            (_key(one), pixels) for one, pixels in zip(references, pictures_of(references), strict=True)
        ]
    except UnreadableImageError:
        return len(references), []
    found = [(key, sort_texts(read(pixels), pixels.shape)) for key, pixels in pictures]
    return len(references), [(key, json.dumps(text_rows(texts), ensure_ascii=False)) for key, texts in found]


def _write(db: sqlite3.Connection, rows: list[tuple[str, str]]) -> None:
    with db:
        db.executemany("INSERT OR REPLACE INTO views VALUES (?, ?)", rows)
    rows.clear()


def text_rows(texts: Iterable[PictureText]) -> list[list[Any]]:
    """Texts as JSON keeps them: text, sort, confidence, the eight numbers of its corners."""
    return [
        [one.text, one.sort.value, round(one.confidence, 3), [round(c, 4) for xy in one.quad for c in xy]]
        for one in texts
    ]


def texts_of(rows: Iterable[Sequence[Any]]) -> tuple[PictureText, ...]:
    """The texts again. Raises ValueError or TypeError for what `text_rows` did not make."""
    return tuple(_text(*row) for row in rows)


def _text(text: Any, sort: str, confidence: float, corners: list[float]) -> PictureText:
    numbers = [float(number) for number in (confidence, *corners)]
    if not isinstance(text, str) or len(numbers) != 9 or not all(map(math.isfinite, numbers)):
        raise ValueError("a text without four corners")
    x_y = iter(numbers[1:])
    return PictureText(text, tuple(zip(x_y, x_y, strict=True)), numbers[0], TextSort(sort))
