"""Indexes that begin, end and are misspelt: rm, what a failed index leaves, "did you mean"."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import geoflood
from geoflood.cli import terminal
from geoflood.core.datatypes import Geotag, LatLon, StreetImage
from geoflood.core.errors import CityError
from geoflood.database.plan import IndexPlan, locked_index
from tests.support.commands import Result, error_line

Run = Callable[..., Result]


@pytest.fixture
def town(index_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Path:
    """A copy of the town's index, the only one there."""
    root = tmp_path / "indexes"
    monkeypatch.setenv("GEOFLOOD_INDEX_DIR", str(root))
    return Path(shutil.copytree(index_dir / "town", root / "town"))


def says_unfinished(run: Run, name: str) -> None:
    """The commands that list indexes live with one that is unfinished, and say how it goes on."""
    again = f"run geoflood index {name} … again"
    listed = run("cities", "--json")
    rows = {row["city"]: row for row in map(json.loads, listed.stdout.splitlines())}
    assert listed.exit_code == 0
    assert (rows[name]["state"], rows[name]["images"]) == ("unfinished", None)
    table = run("cities")
    assert name in table.stdout
    assert again in table.stderr
    found = json.loads(run("doctor", "--json").stdout)[f"index {name}"]
    assert (found["ok"], found["found"]) == (True, "unfinished")
    assert again in found["advice"]
    result = run("info", name)
    assert "is unfinished" in error_line(result, 5)
    assert again in result.stderr


# -- rm -----------------------------------------------------------------------------------------------------


def test_rm_removes_an_index_whole(run: Run, town: Path) -> None:
    result = run("rm", "Town", "--yes")
    assert (result.exit_code, result.stdout) == (0, "")
    assert not town.exists()
    assert town.parent.exists()
    assert "no index" in error_line(run("rm", "town", "--yes"), 4)


def test_rm_leaves_what_is_not_geofloods_and_names_it(run: Run, town: Path) -> None:
    mine = [town / name for name in ("notes.txt", "shards/notes.npz", "patches/a.npy", "images/holiday.jpg")]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine", "utf-8")
    (town / ".vectors.faiss.123.part").write_bytes(b"left by a kill")
    result = run("rm", "town", "--yes")
    assert result.exit_code == 0
    assert sorted(path for path in town.rglob("*") if path.is_file()) == sorted(mine)
    for path in mine:
        assert str(path.relative_to(town)) in result.stderr
    assert "4 files" in result.stderr
    assert run("cities", "--json").stdout == "", "what is left is no index"


def test_rm_may_only_be_told_of(run: Run, town: Path) -> None:
    (town / "notes.txt").write_text("mine", "utf-8")
    before = sorted(town.rglob("*"))
    told = run("rm", "town", "--dry-run")
    assert told.exit_code == 0
    assert f"would be removed  {town}" in told.stdout
    assert "notes.txt" in told.stderr
    assert sorted(town.rglob("*")) == before
    assert "no index" in error_line(run("rm", "twn", "--dry-run"), 4)


def street_image(key: str, location: Path) -> StreetImage:
    return StreetImage(key, str(location), Geotag(LatLon(52, 0.1), "test"))


def test_rm_removes_pictures_that_were_fetched_and_no_others(run: Run, town: Path) -> None:
    """The user's pictures stay, even if they lie in the very folder for those that are fetched."""
    fetched, own = town / "images/mapillary/1.jpg", town / "images/own/2.jpg"
    outside = town.parent.parent / "3.jpg"
    for path in (fetched, own, outside):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a picture")
    (fetched.parent / ".4.jpg.77.part").write_bytes(b"half a picture")
    plan = IndexPlan(town)
    plan.add(
        [
            street_image("mapillary:1", fetched),
            street_image("folder:images/own/2.jpg", own),
            street_image("mapillary:3", outside),
        ]
    )
    plan.close()
    result = run("rm", "town", "--yes")
    assert result.exit_code == 0
    assert own.exists()
    assert outside.exists()
    assert [path for path in town.rglob("*") if path.is_file()] == [own]


def test_rm_of_a_link_to_another_disk(run: Run, town: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    town.rename(disk)
    town.symlink_to(disk)
    assert run("rm", "town", "--yes").exit_code == 0
    assert not disk.exists()
    assert not town.is_symlink()


def test_an_index_in_use_is_not_removed(run: Run, town: Path) -> None:
    before = sorted(town.rglob("*"))
    with locked_index(town):
        assert "another geoflood" in error_line(run("rm", "town", "--yes"), 5)
    assert [path for path in sorted(town.rglob("*")) if path.name != ".lock"] == [
        path for path in before if path.name != ".lock"
    ]
    assert geoflood.info(town).city == "Town"


def test_rm_asks(run: Run, town: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Nobody is here to be asked" in error_line(run("rm", "town"), 2)
    assert town.exists()
    asked: list[str] = []

    def answering(answer: bool) -> Callable[[str], bool]:
        return lambda question: asked.append(question) or answer  # type: ignore[func-returns-value]

    monkeypatch.setattr(terminal, "agrees", answering(False))
    result = run("rm", "town")
    assert (result.exit_code, "nothing was removed" in result.stderr, town.exists()) == (0, True, True)
    monkeypatch.setattr(terminal, "agrees", answering(True))
    assert run("rm", "town").exit_code == 0
    assert not town.exists()
    assert all(str(town) in question for question in asked)


@pytest.mark.parametrize(
    ("typed", "answer"), [("y\n", True), ("YES\n", True), ("\n", False), ("", False), ("n\n", False)]
)
def test_only_yes_is_yes(typed: str, answer: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Keyboard:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return typed

    monkeypatch.setattr("sys.stdin", Keyboard())
    assert terminal.agrees("Remove it?") is answer


@pytest.mark.parametrize("name", ["manifest.json", "ledger.sqlite"])
def test_a_damaged_index_can_be_removed(run: Run, town: Path, name: str) -> None:
    (town / name).write_bytes(b"damaged" * 1000)
    assert run("rm", "town", "--yes").exit_code == 0
    assert not town.exists()


# -- indexes that are not finished --------------------------------------------------------------------------


def test_a_failed_index_leaves_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "indexes"
    monkeypatch.setenv("GEOFLOOD_INDEX_DIR", str(root))
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.jpg").write_bytes(b"no picture")
    assert "1 no position" in error_line(run("index", "town", photos), 3)
    (photos / "tags.csv").write_text("image,lat,lon\na.jpg,52,0.1\n", "utf-8")
    assert "1 not an image" in error_line(run("index", "town", photos), 3)
    assert list(root.iterdir()) == []


def test_what_lies_in_the_folder_outlives_a_failed_index(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "indexes"
    monkeypatch.setenv("GEOFLOOD_INDEX_DIR", str(root))
    (root / "town" / "images").mkdir(parents=True)
    (root / "town" / "images" / "a.jpg").write_bytes(b"no picture")
    error_line(run("index", "town", root / "town" / "images"), 3)
    assert [path.name for path in root.rglob("*")] == ["town", "images", "a.jpg"]
    assert run("cities", "--json").stdout == "", "a folder of pictures is no index"


def test_a_failed_rebuild_of_unusable_images_is_no_index(run: Run, town: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"no picture")
    error_line(run("index", "town", tmp_path / "photos", "--rebuild"), 3)
    assert not town.exists()


def test_a_failed_addition_harms_nothing(run: Run, town: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    result = run("index", "town", tmp_path / "photos", "--dimension", 64, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["images"] == geoflood.info(town).images


@pytest.mark.parametrize("mark", [".lock", "ledger.sqlite", "learned.npz", "census.sqlite"])
def test_unfinished_indexes_are_lived_with(run: Run, town: Path, mark: str) -> None:
    """A kill leaves any of these; the finished town beside it is the only one to be searched."""
    begun = town.parent / "houston"
    begun.mkdir()
    (begun / mark).touch()
    says_unfinished(run, "houston")
    assert run("locate", "gone.jpg", "--json").exit_code == 3, "no city need be named"
    assert run("rm", "houston", "--yes").exit_code == 0
    assert not begun.exists()


def test_a_folder_of_something_else_is_no_city(run: Run, town: Path) -> None:
    (town.parent / "notes").mkdir()
    (town.parent / "notes" / "a.txt").touch()
    (town.parent / "file").touch()
    assert geoflood.cities(town.parent) == ["town"]
    assert "no index" in error_line(run("rm", "notes", "--yes"), 4)
    assert (town.parent / "notes" / "a.txt").exists()
    assert "index notes" not in json.loads(run("doctor", "--json").stdout)


# -- misspelt -----------------------------------------------------------------------------------------------


MISSPELT: tuple[tuple[Any, ...], ...] = (
    ("info", "twon"),
    ("locate", "photo.jpg", "--city", "twon"),
    ("batch-locate", ".", "--city", "twon"),
    ("evaluate", "twon", "queries.csv"),
    ("calibrate", "twon", "queries.csv"),
    ("dataset", "twon", "queries.csv", "out"),
    ("describe", "photo.jpg", "--city", "twon", "--out", "d.npz"),
    ("rm", "twon", "--yes"),
    ("index", "twon", ".", "--update"),
)


@pytest.mark.parametrize("arguments", MISSPELT, ids=lambda arguments: arguments[0])
def test_a_misspelt_city_is_asked_back(
    run: Run, town: Path, table: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    photo = sorted(table.parent.glob("*.jpg"))[0]
    (tmp_path / "photo.jpg").write_bytes(photo.read_bytes())
    (tmp_path / "queries.csv").write_text("image,lat,lon\nphoto.jpg,52,0.1\n", "utf-8")
    before = sorted(tmp_path.rglob("*"))
    result = run(*arguments)
    assert "no index at" in error_line(result, 4)
    assert "did you mean town?" in result.stderr
    assert sorted(tmp_path.rglob("*")) == before, "nothing is begun for a city that is not there"


def test_python_asks_back_too(town: Path) -> None:
    with pytest.raises(CityError) as caught:
        geoflood.open("twon", index_dir=town.parent)
    assert "did you mean town?" in caught.value.hint
    with pytest.raises(CityError) as caught:
        geoflood.open("hamburg", index_dir=town.parent)
    assert "did you mean" not in caught.value.hint
