"""An extract becomes a street map: GeoJSON and OpenStreetMap's own, clipped to the street images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geoflood.core.errors import InputError
from geoflood.places.build_street_map import OSM_CREDIT, build
from geoflood.places.street_map import AreaKind, LineKind, StreetMap
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
