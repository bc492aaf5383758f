"""bundle and unbundle as people call them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import geoflood
from geoflood.database.database import Database
from tests.support.commands import Result, error_line

Run = Callable[..., Result]


@pytest.fixture
def box(index_dir: Path) -> str:
    """The western half of the town, S,W,N,E."""
    lats, lons = Database(index_dir / "town").positions.T
    return f"{lats.min() - 0.001},{lons.min() - 0.001},{lats.max() + 0.001},{np.median(lons)}"


def test_from_one_machine_to_the_other(run: Run, index_dir: Path, tmp_path: Path) -> None:
    made = run("bundle", "Town", "town.zip")
    assert made.exit_code == 0, made.output
    assert "MB" in made.stdout
    assert "geoflood unbundle town.zip" in made.stderr
    came = run("unbundle", "town.zip", "--index-dir", "there")
    assert came.exit_code == 0, came.output
    assert "geoflood locate PHOTO --city town" in came.stderr
    whole, there = geoflood.info(index_dir / "town"), geoflood.info(tmp_path / "there" / "town")
    assert f"{whole.references:,}" in came.stdout
    assert (there.references, there.headings) == (whole.references, whole.headings)
    told = json.loads(run("unbundle", "town.zip", "--index-dir", "there", "--city", "b", "--json").stdout)
    assert told == {
        "city": "b", "index": str(Path("there") / "b"), "images": whole.images, "views": whole.references,
        "pictures": 0, "part_of": None,
    }  # fmt: skip
    again = ("unbundle", "town.zip", "--index-dir", "there")
    assert "there already" in error_line(run(*again), 2)
    assert run(*again, "--replace").exit_code == 0
    assert "there already" in error_line(run("bundle", "town", "town.zip"), 2)
    assert run("bundle", "town", "town.zip", "--replace").exit_code == 0
    assert "did you mean town?" in run("bundle", "twon", "other.zip").stderr


def test_a_bundle_may_only_be_told_of(run: Run, box: str, tmp_path: Path) -> None:
    options = ("bundle", "town", "box.zip", "--bounds", box, "--with-images", "--json")
    told = json.loads(run(*options, "--dry-run").stdout)
    assert not list(tmp_path.glob("*.zip"))
    made = json.loads(run(*options).stdout)
    assert told.pop("bytes") == pytest.approx(made.pop("bytes"), rel=0.2)
    assert told == made


def test_a_part_by_a_box_or_by_a_polygon(run: Run, box: str, index_dir: Path, tmp_path: Path) -> None:
    south, west, north, east = map(float, box.split(","))
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    polygon = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    (tmp_path / "area.geojson").write_text(json.dumps(polygon), "utf-8")
    by_box = json.loads(run("bundle", "town", "box.zip", "--bounds", box, "--json").stdout)
    by_polygon = json.loads(run("bundle", "town", "p.zip", "--aoi", "area.geojson", "--json").stdout)
    assert by_box["views"] == by_polygon["views"] < geoflood.info(index_dir / "town").references
    came = run("unbundle", "box.zip", "--index-dir", "there")
    assert f"{by_box['images']} of {geoflood.info(index_dir / 'town').images}" in came.stdout
    assert "not tried out on these" in came.stdout
    (facts,) = map(json.loads, run("info", "town", "--index-dir", "there", "--json").stdout.splitlines())
    assert "not tried out on these" in facts["calibration"]["taken over"]
    assert "taken over" in run("info", "town", "--index-dir", "there").stdout


def test_areas_that_are_none(run: Run, tmp_path: Path, box: str) -> None:
    (tmp_path / "a.geojson").write_text("{", "utf-8")
    (tmp_path / "point.geojson").write_text('{"type": "Point", "coordinates": [1, 2]}', "utf-8")
    bundle = ("bundle", "town", "t.zip")
    assert "each name the ground" in error_line(run(*bundle, "--bounds", box, "--aoi", "a.geojson"), 2)
    assert "is not --bounds S,W,N,E" in error_line(run(*bundle, "--bounds", "1,2,3"), 2)
    assert "is not --bounds S,W,N,E" in error_line(run(*bundle, "--bounds", "a,b,c,d"), 2)
    assert "no box" in error_line(run(*bundle, "--bounds", "5,1,4,2"), 3)
    assert "is not --bounds S,W,N,E" in error_line(run(*bundle, "--bounds", "nan,1,4,2"), 2)
    assert "no GeoJSON" in error_line(run(*bundle, "--aoi", "a.geojson"), 3)
    assert "no polygon" in error_line(run(*bundle, "--aoi", "point.geojson"), 3)
    assert "gone.geojson" in error_line(run(*bundle, "--aoi", "gone.geojson"), 3)
    assert "nothing of" in error_line(run(*bundle, "--bounds", "1,1,2,2"), 3)
    assert not list(tmp_path.rglob("*.zip"))


def test_pictures_that_are_gone_are_told(run: Run, index_dir: Path, tmp_path: Path) -> None:
    run("bundle", "town", "town.zip")
    run("unbundle", "town.zip", "--index-dir", "there")
    images = geoflood.info(index_dir / "town").images
    result = run("bundle", "town", "bare.zip", "--with-images", "--index-dir", "there")
    assert result.exit_code == 10
    assert f"{images} pictures are gone" in result.stderr
    assert run("unbundle", "bare.zip", "--index-dir", "third").exit_code == 0, "it works without them"
    result = run("bundle", "town", "whole.zip", "--with-images", "--json")
    assert json.loads(result.stdout)["pictures"] == images
