"""index --like and merge as people call them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import geoflood
from tests.support.commands import Result, error_line

Run = Callable[..., Result]


@pytest.fixture
def town(index_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Path:
    """A copy of the town's index, the only one there."""
    root = tmp_path / "indexes"
    monkeypatch.setenv("GEOFLOOD_INDEX_DIR", str(root))
    return Path(shutil.copytree(index_dir / "town", root / "town"))


@pytest.mark.usefixtures("no_rehearsal")
def test_a_district_more(run: Run, town: Path, streets: Path, tmp_path: Path) -> None:
    district = tmp_path / streets.name
    (district / "streets").mkdir(parents=True)
    shared, photo = sorted((streets / "streets").glob("*.jpg"))[:2]
    shutil.copy(shared, district / "streets")
    shutil.copy(photo, district / "new.jpg")
    built = run("index", "Harbour", district, "--like", "town")
    assert built.exit_code == 0, built.output
    like = geoflood.info(town)
    harbour = geoflood.info("harbour", index_dir=town.parent)
    assert harbour.manifest.settings == like.manifest.settings
    merge = ("merge", "town", town.parent / "harbour", "--into", "Region")
    told = json.loads(run(*merge, "--dry-run", "--json").stdout)
    assert not (town.parent / "region").exists()
    made = run(*merge)
    assert made.exit_code == 0, made.output
    region = geoflood.info("region", index_dir=town.parent)
    assert region.city == "Region"
    assert region.images == told["images"] == like.images + 1
    assert told["doubles"] == harbour.images - 1 == 1
    assert told["bytes"] >= told["new_bytes"] > 0
    assert f"{region.images}, 1 of them in two of the indexes" in made.stdout
    assert "geoflood locate PHOTO --city region" in made.stderr
    assert "there already" in error_line(run(*merge), 2)
    again = json.loads(run(*merge, "--replace", "--json").stdout)
    assert (again["images"], again["doubles"]) == (region.images, told["doubles"])
    assert "no index at" in error_line(run("merge", "town", "nowhere", "--into", "x"), 4)


def test_other_settings_than_those_of_the_other(run: Run, town: Path, streets: Path) -> None:
    index = ("index", "harbour", streets, "--like", "town")
    line = error_line(run(*index, "--bands", "0,30"), 2)
    assert "town has other settings: bands (0, 30)" in line
    assert "the backbone of town is rootsift" in error_line(run(*index, "--backbone", "megaloc"), 2)
    assert "no index at" in error_line(run("index", "harbour", streets, "--like", "twon"), 4)
    assert not (town.parent / "harbour").exists()


def test_like_it_had_learned_something_else(run: Run, town: Path, streets: Path) -> None:
    shutil.copytree(town, town.parent / "other")
    (town.parent / "other" / "learned.npz").write_bytes(b"something else")
    line = error_line(run("index", "other", streets, "--like", "town"), 5)
    assert "begun with something else learned" in line
