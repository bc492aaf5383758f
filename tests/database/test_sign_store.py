"""Signs of an index's references: read once each, whatever interrupts, and checked when they are taken up."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from geoflood.core.datatypes import Image, PictureText, TextSort
from geoflood.core.errors import IndexUnusableError
from geoflood.database import sign_store
from geoflood.database.database import Database
from geoflood.database.index_files import SIGNS, remove_index
from geoflood.database.plan import locked_index
from geoflood.database.remove_city import foreign_files, remove_city
from geoflood.database.sign_store import SignsRead, kept_signs, read_reference_signs
from geoflood.imagery.views import pixels_of
from geoflood.places.sort_signs import MASK

CORNERS = ((0.3, 0.4), (0.5, 0.42), (0.5, 0.47), (0.3, 0.45))


def read(picture: Image) -> tuple[PictureText, ...]:
    """A word out of the picture's own pixels, and a plate."""
    word = f"SHOP{int(picture.mean() * 1e6) % 97:02}"
    return PictureText(f"{word} bakery", CORNERS, 0.9), PictureText("AB12 CDE", CORNERS, 0.95)


@pytest.fixture
def folder(index_dir: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(index_dir / "town", tmp_path / "town"))


def test_all_references_are_read_once(folder: Path) -> None:
    calls: list[tuple[int, ...]] = []

    def counted(picture: Image) -> tuple[PictureText, ...]:
        calls.append(picture.shape)
        return read(picture)

    database = Database(folder)
    assert kept_signs(folder, database) is None
    assert SignsRead.of(folder) is None
    told: list[tuple[int, int]] = []
    read_reference_signs(folder, counted, 2, lambda stage, done, total: told.append((done, total)))
    assert len(calls) == len(database) == told[-1][0]
    read_reference_signs(folder, counted, 2)
    assert len(calls) == len(database), "nothing is read twice"
    assert SignsRead.of(folder) == SignsRead(len(database), len(database))


def test_what_is_kept_is_what_was_read_of_each(folder: Path) -> None:
    read_reference_signs(folder, read)
    database = Database(folder)
    kept = kept_signs(folder, database)
    assert kept is not None
    for reference in database.references(range(0, len(database), 7)):
        text, plate = kept[reference.id]
        assert text.text == read(pixels_of(reference))[0].text
        assert text.quad == CORNERS
        assert (plate.text, plate.sort) == (MASK, TextSort.PLATE)
    assert b"AB12" not in (folder / SIGNS).read_bytes(), "no plate comes to the disk"


def test_a_run_that_is_stopped_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_store, "_AT_ONCE", 4)
    done: list[int] = []

    def stopped(picture: Image) -> tuple[PictureText, ...]:
        done.append(1)
        if len(done) > 12:
            raise KeyboardInterrupt
        return read(picture)

    with pytest.raises(KeyboardInterrupt):
        read_reference_signs(folder, stopped, 1)
    kept = SignsRead.of(folder)
    assert kept is not None
    assert 4 <= kept.views <= 12
    again: list[int] = []
    read_reference_signs(folder, lambda picture: (again.append(1), read(picture))[1], 1)
    assert len(again) == len(Database(folder)) - kept.views


def test_pictures_that_are_gone_are_tried_again(folder: Path, tmp_path: Path) -> None:
    database = Database(folder)
    (first, *_) = database.references([0])
    path = Path(first.location)
    hidden = tmp_path / "hidden.jpg"
    shutil.move(path, hidden)
    try:
        read_reference_signs(folder, read)
    finally:
        shutil.move(hidden, path)
    views = sum(one.location == first.location for one in database.references(range(len(database))))
    assert SignsRead.of(folder) == SignsRead(len(database) - views, len(database) - views)
    read_reference_signs(folder, read)
    assert SignsRead.of(folder) == SignsRead(len(database), len(database))


def test_nobody_reads_while_another_writes(folder: Path) -> None:
    with locked_index(folder), pytest.raises(IndexUnusableError, match="another geoflood"):
        read_reference_signs(folder, read)


def test_a_file_that_is_no_database_is_one_line(folder: Path) -> None:
    (folder / SIGNS).write_bytes(b"signs" * 1000)
    with pytest.raises(IndexUnusableError, match=r"signs\.sqlite is damaged"):
        kept_signs(folder, Database(folder))
    with pytest.raises(IndexUnusableError, match=r"signs\.sqlite is damaged"):
        read_reference_signs(folder, read)


@pytest.mark.parametrize(
    "row",
    [
        *("no json", "7", '[["a", "sign", 0.9, [1, 2, 3]]]', '[["a", "poem", 0.9, [0,0,1,0,1,1,0,1]]]'),
        *('[["a", "sign", NaN, [0,0,1,0,1,1,0,1]]]', '[[5, "sign", 0.9, [0,0,1,0,1,1,0,1]]]', '[["a"]]'),
        '[["a", "sign", 0.9, {"0": 1}]]',
    ],
)
def test_hostile_rows_are_one_line(folder: Path, row: str) -> None:
    read_reference_signs(folder, read)
    with closing(sqlite3.connect(folder / SIGNS)) as db, db:
        db.execute("UPDATE views SET texts = ?", (row,))
    with pytest.raises(IndexUnusableError, match=r"signs\.sqlite is damaged"):
        kept_signs(folder, Database(folder))


def test_signs_outlive_a_rebuild_and_go_with_the_city(folder: Path) -> None:
    read_reference_signs(folder, read)
    assert foreign_files(folder) == []
    remove_index(folder)
    assert (folder / SIGNS).exists()
    remove_city(folder)
    assert not folder.exists()


def test_views_of_another_index_are_passed_over(folder: Path) -> None:
    read_reference_signs(folder, read)
    with closing(sqlite3.connect(folder / SIGNS)) as db, db:
        db.execute("INSERT INTO views VALUES ('elsewhere#', '[]')")
    database = Database(folder)
    assert len(kept_signs(folder, database) or {}) == len(database)
