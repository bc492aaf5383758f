"""`geoflood streets` and what else knows the street map: index, info, locate, rm, bundle and unbundle."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import geoflood
from geoflood.core.datatypes import LatLon
from geoflood.database.database import Database
from geoflood.database.plan import locked_index
from geoflood.places import osm_file
from geoflood.places.street_map_file import STREETS, load
from geoflood.synthetic.town import Truth
from tests.support.commands import Result, error_line
from tests.support.street_maps import TOWN, town_geojson

Run = Callable[..., Result]
GROUND = 'id="ground"'
"""In a page under which streets lie."""


@pytest.fixture
def town(index_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Path:
    """A copy of the town's index, the only one there."""
    root = tmp_path / "indexes"
    monkeypatch.setenv("GEOFLOOD_INDEX_DIR", str(root))
    return Path(shutil.copytree(index_dir / "town", root / "town"))


@pytest.fixture
def extract(town: Path, tmp_path: Path) -> Path:
    """Streets where the town is."""
    lat, lon = Database(town).positions.mean(axis=0).tolist()
    return town_geojson(tmp_path / "town.geojson", LatLon(lat, lon))


@pytest.fixture
def few(streets: Path, tmp_path: Path) -> Path:
    """Four pictures of the town."""
    (tmp_path / "few").mkdir()
    for picture in sorted(path for path in streets.rglob("*.jpg"))[:4]:
        shutil.copy(picture, tmp_path / "few")
    return tmp_path / "few"


def test_a_city_gets_its_streets(run: Run, town: Path, extract: Path) -> None:
    result = run("streets", "Town", extract, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["streets"] == 4
    assert (told["house_numbers"], told["places"], told["areas"]) == (1, 2, 1)
    assert told["credit"] == "© OpenStreetMap contributors, ODbL 1.0"
    assert told["source"] == "town.geojson"
    facts = json.loads(run("info", "town", "--json").stdout)
    assert facts["streets"]["names"] == told["names"] == 7
    assert "© OpenStreetMap contributors, ODbL 1.0" in run("info", "town").stdout
    found = geoflood.open(town).street_map
    assert found is not None
    assert found.source == "town.geojson"


def test_a_city_without_streets_says_so(run: Run, town: Path) -> None:
    assert json.loads(run("info", "town", "--json").stdout)["streets"] is None
    assert geoflood.open(town).street_map is None


def test_words_need_a_street_map(run: Run, town: Path, tmp_path: Path) -> None:
    (tmp_path / "posts").mkdir()
    asked = ("batch-locate", tmp_path / "posts", "--city", "town", "--out", tmp_path / "out", "--use-words")
    assert "--use-words: the index town has no street map" in error_line(run(*asked), 2)


def test_words_of_posts_are_witnesses(run: Run, town: Path, few: Path, extract: Path, tmp_path: Path) -> None:
    assert run("streets", "town", extract).exit_code == 0
    picture = sorted(few.iterdir())[0]
    picture.with_suffix(".txt").write_text("Market Hill is a river, help", "utf-8")
    out = tmp_path / "out"
    done = run("batch-locate", few, "--city", "town", "--out", out, "--use-words", "--rerank", "0")
    assert done.exit_code == 0, done.output
    table = (out / "located.csv").read_text("utf-8")
    assert "within 300 m of Market Hill, which the post's words name" in table
    assert "Market Hill (" in table
    page = (out / "triage.html").read_text("utf-8")
    assert "<mark>" not in page, "scripts mark words, not markup"
    assert GROUND in page
    assert run("export", out, tmp_path / "public.csv", "--public").exit_code == 0
    assert "Market Hill" not in (tmp_path / "public.csv").read_text("utf-8")
    decisions = tmp_path / "decisions.json"
    decisions.write_text('{"decisions": []}', "utf-8")
    assert run("review", out, "--decisions", decisions).exit_code == 0
    assert GROUND in (out / "triage.html").read_text("utf-8"), "made again with its streets"
    (town / STREETS).write_bytes(b"PK")
    reviewed = run("review", out, "--decisions", decisions)
    assert reviewed.exit_code == 0, reviewed.output
    assert "the map is drawn without streets" in reviewed.stderr
    assert GROUND not in (out / "triage.html").read_text("utf-8")


@pytest.mark.usefixtures("no_rehearsal")
def test_streets_come_with_the_index(run: Run, few: Path, extract: Path, town: Path) -> None:
    shutil.rmtree(town)
    result = run("index", "Town", few, "--streets", extract)
    assert result.exit_code == 0, result.output
    assert load(town / STREETS).source == "town.geojson"
    again = run("index", "Town", few, "--rebuild")
    assert again.exit_code == 0, again.output
    assert (town / STREETS).is_file(), "they are not made of the images"


def test_a_wrong_file_is_refused_before_the_work(run: Run, streets: Path, town: Path, tmp_path: Path) -> None:
    shutil.rmtree(town)
    assert "no such file" in error_line(run("index", "Town", streets, "--streets", "none.geojson"), 3)
    (tmp_path / "map.kml").write_text("x")
    assert "no extract that geoflood reads" in error_line(
        run("index", "T", streets, "--streets", "map.kml"), 3
    )
    assert not town.exists()


def test_what_fails_keeps_what_was(run: Run, town: Path, extract: Path, tmp_path: Path) -> None:
    run("streets", "town", extract)
    before = (town / STREETS).read_bytes()
    elsewhere = town_geojson(tmp_path / "far.geojson", LatLon(-33.9, 18.4))
    assert "no street near the street images" in error_line(run("streets", "town", elsewhere), 3)
    (tmp_path / "cut.geojson").write_bytes(extract.read_bytes()[:-1])
    assert "cut short" in error_line(run("streets", "town", tmp_path / "cut.geojson"), 3)
    assert (town / STREETS).read_bytes() == before


def test_no_such_city_and_one_in_use(run: Run, town: Path, extract: Path) -> None:
    assert "no index" in error_line(run("streets", "nowhere", extract), 4)
    with locked_index(town):
        error_line(run("streets", "town", extract), 5)


def test_the_extra_is_named(run: Run, town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(osm_file, "find_spec", lambda name: None)
    (tmp_path / "town.osm.pbf").write_bytes(b"x")
    result = run("streets", "town", tmp_path / "town.osm.pbf")
    assert "osmium, which is not installed" in error_line(result, 9)
    assert "geoflood[osm]" in result.stderr


def test_a_damaged_map_is_said_and_photos_are_located(
    run: Run, town: Path, extract: Path, queries: list[tuple[Path, Truth]], tmp_path: Path
) -> None:
    run("streets", "town", extract)
    (town / STREETS).write_bytes((town / STREETS).read_bytes()[:500])
    located = run("locate", queries[0][0], "--out", tmp_path / "out")
    assert located.exit_code == 0, located.output
    assert "warning: " in located.stderr
    assert "no street map that can be used" in located.stderr
    assert GROUND not in (tmp_path / "out" / "map.html").read_text("utf-8")
    assert "make it again" in error_line(run("info", "town"), 5) + run("info", "town").stderr


def test_rm_takes_the_street_map(run: Run, town: Path, extract: Path) -> None:
    run("streets", "town", extract)
    assert run("rm", "town", "--yes").exit_code == 0
    assert not town.exists()


def test_a_bundle_carries_it(run: Run, town: Path, extract: Path, tmp_path: Path) -> None:
    run("streets", "town", extract)
    assert run("bundle", "town", "town.zip").exit_code == 0
    with zipfile.ZipFile("town.zip") as archive:
        head = json.loads(archive.read("bundle.json"))
    assert ["© OpenStreetMap contributors, ODbL 1.0", "", 0] in head["credits"]
    assert run("unbundle", "town.zip", "--city", "other").exit_code == 0
    assert (town.with_name("other") / STREETS).read_bytes() == (town / STREETS).read_bytes()


def test_coverage_and_its_holes(run: Run, town: Path, extract: Path, tmp_path: Path) -> None:
    assert "coverage" not in json.loads(run("info", "town", "--json").stdout)
    refused = run("info", "town", "--holes", tmp_path / "holes.geojson")
    assert "Town has no street map to look for holes in" in error_line(refused, 3)
    told = json.loads(run("streets", "town", extract, "--json").stdout)["coverage"]
    assert 0.1 < told["share"] < 1.0
    assert list(told["by_direction"]) == ["N", "NE", "E", "SE", "S", "SW", "W", "NW"]
    assert all(0.0 <= share <= told["share"] for share in told["by_direction"].values())
    assert any(told["by_direction"].values()), "the town's images say where they look"
    assert told == json.loads(run("info", "town", "--json").stdout)["coverage"]

    result = run("info", "town", "--holes", tmp_path / "holes.geojson")
    assert result.exit_code == 0, result.output
    assert "of streets are within 25 m of a street image; longest holes: " in result.stdout
    assert f"{told['holes']} in " in result.stdout
    holes = json.loads((tmp_path / "holes.geojson").read_text("utf-8"))
    assert holes["attribution"] == "© OpenStreetMap contributors, ODbL 1.0"
    lengths = [hole["properties"]["length_m"] for hole in holes["features"]]
    assert len(lengths) == told["holes"] >= 1
    assert lengths == sorted(lengths, reverse=True)
    assert run("info", "town", "--holes", tmp_path / "holes.html").exit_code == 0
    assert "street images" in (tmp_path / "holes.html").read_text("utf-8")
    nowhere = run("info", "town", "--holes", tmp_path / "holes.geojson" / "x.geojson")
    assert "holes.geojson" in error_line(nowhere, 3), "a file is no folder"


@pytest.mark.usefixtures("no_rehearsal")
def test_an_index_says_its_coverage_and_a_damaged_map_does_not_undo_it(
    run: Run, few: Path, extract: Path, town: Path
) -> None:
    shutil.rmtree(town)
    result = run("index", "Town", few, "--streets", extract)
    assert "of streets are within 25 m of a street image" in result.stdout
    (town / STREETS).write_bytes(b"no map")
    again = run("index", "Town", few, "--json")
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["coverage"] is None
    assert STREETS in again.stderr


def test_an_answer_names_its_streets(
    run: Run, town: Path, extract: Path, queries: list[tuple[Path, Truth]], tmp_path: Path
) -> None:
    """From the extract to the terminal, JSON, files and the map."""
    assert run("streets", "town", extract).exit_code == 0
    photo = queries[0][0]
    told = json.loads(run("locate", photo, "--json").stdout)
    assert {one["street"] for one in told["streets"]} <= {name for name, *_ in TOWN}
    assert told["street_credit"] == "© OpenStreetMap contributors, ODbL 1.0"
    assert told["streets"][0]["street"] in told["street"]
    shown = run("locate", photo, "--out", tmp_path / "out")
    assert told["street"] in shown.stdout
    for name in ("map.html", "located.csv", "located.geojson"):
        text = (tmp_path / "out" / name).read_text("utf-8")
        assert told["streets"][0]["street"] in text.replace("\\u0027", "'")
        assert "© OpenStreetMap contributors" in text.replace("\\u00a9", "©")
    assert GROUND in (tmp_path / "out" / "map.html").read_text("utf-8")
    tiles = run("locate", photo, "--out", tmp_path / "tiled", "--tiles", "https://t.example/{z}/{x}/{y}.png")
    assert tiles.exit_code == 0, tiles.output
    assert GROUND not in (tmp_path / "tiled" / "map.html").read_text("utf-8"), "tiles were asked for"
