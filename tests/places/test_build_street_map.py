"""An extract becomes a street map: GeoJSON and OpenStreetMap's own, clipped to the street images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geoflood.core.datatypes import LatLon
from geoflood.core.errors import InputError
from geoflood.core.geo import to_local
from geoflood.places import geojson_file
from geoflood.places.build_street_map import OSM_CREDIT, build
from geoflood.places.street_map import AreaKind, LineKind, StreetMap
from geoflood.places.street_map_file import load, save
from tests.support.street_maps import ORIGIN, feature, town_geojson, write_geojson

NEAR = np.array([[ORIGIN.lat, ORIGIN.lon]])


def named(street_map: StreetMap) -> dict[str, LineKind]:
    return {name.shown: LineKind(street_map.lines.kinds[line]) for line, name in street_map.named_streets()}


def test_a_town_of_geojson(tmp_path: Path) -> None:
    made = build(town_geojson(tmp_path / "town.geojson"), NEAR)
    assert named(made) == {
        "Market Hill": LineKind.MINOR,
        "Petty Cury": LineKind.MINOR,
        "Mill Lane": LineKind.MIDDLE,
        "St. Andrew's Street": LineKind.MAJOR,
    }
    assert [LineKind(kind).name for kind in made.lines.kinds[-2:]] == ["SERVICE", "STREAM"]
    assert made.lines.names[4] == -1
    assert (made.credit, made.source) == (OSM_CREDIT, "town.geojson")
    assert made.doors.numbers == ("14a",)
    assert made.names[made.doors.streets[0]].shown == "Petty Cury"
    spots = {
        made.names[name].shown: made.spots.sort_words[sort]
        for name, sort in zip(made.spots.names, made.spots.sorts, strict=True)
    }
    assert spots == {"Christ's Pieces": "park", "Central Station": "station"}


def test_an_area_keeps_its_hole(tmp_path: Path) -> None:
    made = build(town_geojson(tmp_path / "town.geojson"), NEAR)
    assert made.areas.kinds.tolist() == [AreaKind.PARK, AreaKind.PARK]
    assert made.areas.parts_of.tolist() == [0, 0]
    assert np.diff(made.areas.starts).tolist() == [5, 5]


def test_what_is_far_is_left_out(tmp_path: Path) -> None:
    road = feature({"highway": "primary", "name": "Long Road"}, [(x, 0) for x in range(-9000, 9001, 100)])
    far = feature({"highway": "primary", "name": "Far Road"}, [(9000, 9000), (9100, 9000)])
    lake = feature(
        {"natural": "water"}, [[(-50e3, -50e3), (50e3, -50e3), (50e3, 50e3), (-50e3, -50e3)]], "Polygon"
    )
    made = build(write_geojson(tmp_path / "x.geojson", [road, far, lake]), NEAR, margin_m=500)
    assert set(named(made)) == {"Long Road"}
    reach = np.abs(made.lines.degrees(0) - NEAR[0]) * (111_195, 68_000)
    assert 500 <= reach[:, 1].max() <= 900
    ring = made.areas.degrees(0)
    assert (np.abs(ring - NEAR[0]) * (111_195, 68_000)).max() < 1000


def test_another_city_is_refused(tmp_path: Path) -> None:
    path = town_geojson(tmp_path / "town.geojson")
    with pytest.raises(InputError, match=r"no street near .*; it is of the ground around 52\.2"):
        build(path, NEAR + 0.5)


def test_no_names_are_refused(tmp_path: Path) -> None:
    bare = [feature({"highway": "primary"}, [(0, 0), (100, 0)])]
    with pytest.raises(InputError, match=r"no street in .* has a name"):
        build(write_geojson(tmp_path / "x.geojson", bare), NEAR)


def test_a_city_on_the_antimeridian_is_one_piece(tmp_path: Path) -> None:
    here = LatLon(-16.8, 179.9995)
    path = town_geojson(tmp_path / "fiji.geojson", here)
    assert '"coordinates": [[-179.99' in path.read_text()
    made = build(path, np.array([[here.lat, here.lon], [here.lat, -179.9995]]))
    lons = made.lines.points[:, 1] / 1e6
    assert len(made.lines) == 6
    assert lons.max() - lons.min() < 0.01


FLAT = {"highway": "residential", "name": "Mill Lane", "old_name": "Lane 1"}
FORMS: dict[str, dict[str, Any]] = {
    "flat": FLAT,
    "an object": {"tags": FLAT},
    "json": {"tags": json.dumps(FLAT)},
    "ogr2ogr": {
        "osm_id": "1",
        "name": "Mill Lane",
        "highway": "residential",
        "other_tags": '"old_name"=>"Lane 1","note"=>"say \\"x\\""',
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_tags_as_programs_write_them(form: str, tmp_path: Path) -> None:
    street = feature(FORMS[form], [(0, 0), (50, 0)])
    made = build(write_geojson(tmp_path / "x.geojson", [street]), NEAR)
    assert made.names[0].forms == (("name", "Mill Lane"), ("old_name", "Lane 1"))


def test_the_credit_of_a_file(tmp_path: Path) -> None:
    street = feature(FLAT, [(0, 0), (50, 0)])
    path = write_geojson(tmp_path / "x.geojson", [street], name="x", attribution="© Town\nHall\u202e")
    assert build(path, NEAR).credit == "© Town Hall"


NO_GEOJSON = {
    "empty": "",
    "a page": "<html>",
    "a list": "[]",
    "no features": '{"type": "FeatureCollection", "features": []}',
    "a feature alone": json.dumps(feature(FLAT, [(0, 0), (1, 0)])),
    "cut": '{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": {"type": "Line',
    "deep": '{"features": [' + "[" * 200_000,
    "deep, later": '{"features": [{"geometry": null}' + ("," + "[" * 900 + "]" * 899) * 200,
    "no place": '{"features": [{"geometry": {"type": "Point", "coordinates": [1e999, "x"]}}]}',
    "metres": json.dumps(
        {
            "features": [
                {
                    "properties": FLAT,
                    "geometry": {"type": "LineString", "coordinates": [[13358, 6833000], [13359, 6833001]]},
                }
            ]
        }
    ),
}


@pytest.mark.parametrize("name", NO_GEOJSON)
def test_what_is_no_geojson_is_one_line(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.geojson"
    path.write_text(NO_GEOJSON[name])
    with pytest.raises(InputError) as caught:
        build(path, NEAR)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_features_are_passed_over(tmp_path: Path) -> None:
    good = feature(FLAT, [(0, 0), (50, 0)])
    shapes: list[Any] = [
        None,
        5,
        {"type": "LineString"},
        {"type": "LineString", "coordinates": 5},
        {"type": "LineString", "coordinates": [["a", "b"], [1, 2]]},
        {"type": "LineString", "coordinates": [[0.12], [0.12]]},
        {"type": "Polygon", "coordinates": [[[0.12, 52.2], [0.12, 52.2]]]},
        {"type": "Polygon", "coordinates": []},
        {"type": "MultiPolygon", "coordinates": [[[[1e300, 1e300]] * 4]]},
        {"type": "GeometryCollection", "geometries": []},
        {"type": ["LineString"]},
    ]
    bad = [{"properties": {"building": "yes", "highway": "primary"}, "geometry": shape} for shape in shapes]
    made = build(write_geojson(tmp_path / "x.geojson", [*bad, None, 5, good]), NEAR)  # type: ignore[list-item]
    assert [made.names[name].shown for name in made.lines.names if name >= 0] == ["Mill Lane"]
    assert len(load(save(tmp_path / "m.npz", made)).lines) == len(made.lines)


def test_a_line_of_a_million_vertices(tmp_path: Path) -> None:
    lons = np.round(0.12 + np.linspace(0, 1, 1_000_000), 6)
    coordinates = ",".join(f"[{lon},52.2]" for lon in lons)
    path = tmp_path / "long.geojson"
    path.write_text(
        '{"features": [{"properties": {"highway": "primary", "name": "Long Road"},'
        f'"geometry": {{"type": "LineString", "coordinates": [{coordinates}]}}}}]}}'
    )
    made = build(path, NEAR)
    assert len(made.lines) == 1
    assert 10_000 < len(made.lines.points) < 30_000, "only what is near is kept"


def test_a_feature_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geojson_file, "MAX_FEATURE", 200_000)
    path = write_geojson(tmp_path / "x.geojson", [feature(FLAT, [(n % 100, 0) for n in range(20_000)])])
    with pytest.raises(InputError, match="a feature of over"):
        build(path, NEAR)
    many = write_geojson(tmp_path / "y.geojson", [feature(FLAT, [(n, 0), (n + 1, 0)]) for n in range(5000)])
    assert len(build(many, NEAR).lines) > 1000


def test_doors_of_two_streets_of_one_name(tmp_path: Path) -> None:
    """Each door belongs to the street of that name that is nearest."""
    streets = [feature({**FLAT, "old_name": f"Lane {n}"}, [(900 * n, 0), (900 * n, 100)]) for n in range(2)]
    doors = [
        feature({"addr:street": "Mill Lane", "addr:housenumber": "1"}, (900 * n + 10, 50), "Point")
        for n in range(2)
    ]
    made = build(write_geojson(tmp_path / "x.geojson", [*streets, *doors]), NEAR)
    assert [made.names[name].forms[1][1] for name in made.doors.streets] == ["Lane 0", "Lane 1"]


def test_nothing_to_be_near_to(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no street images"):
        build(town_geojson(tmp_path / "x.geojson"), np.zeros((0, 2)))


def test_the_sea_is_water(tmp_path: Path) -> None:
    """A coast south of the town, going east: what lies south of it is wet."""
    coast = feature({"natural": "coastline"}, [(x, -400) for x in range(-3000, 3001, 500)])
    streets = json.loads(town_geojson(tmp_path / "x.geojson").read_text())["features"]
    made = build(write_geojson(tmp_path / "x.geojson", [coast, *streets]), NEAR)
    water = np.flatnonzero(made.areas.kinds == AreaKind.WATER)
    assert len(water) == 1
    northings = to_local(made.areas.degrees(int(water[0])), ORIGIN)[:, 1]
    assert -1300 < northings.min() < -990
    assert np.isclose(northings.max(), -400, atol=1)
