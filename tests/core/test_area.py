"""Areas: boxes, circles and GeoJSON of every kind; tiles against slow arithmetic; hostile files."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core import area as area_module
from geoflood.core.area import MERCATOR_LAT, Area, Tile, cut_at_antimeridian
from geoflood.core.datatypes import Bounds, LatLon
from geoflood.core.errors import InputError
from geoflood.core.geo import EARTH_RADIUS_M, distance_m

DAM = LatLon(52.3731, 4.8926)
latitudes = st.floats(-80, 80)
longitudes = st.floats(-180, 180)


def polygon(*corners: tuple[float, float]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[*map(list, corners), list(corners[0])]]}


def square(west: float, south: float, side: float = 1.0) -> dict[str, Any]:
    east, north = west + side, south + side
    return polygon((west, south), (east, south), (east, north), (west, north))


def holds(area: Area, lat: float, lon: float) -> bool:
    return bool(area.holds([lat], [lon])[0])


def test_a_box() -> None:
    area = Area.of_bounds(Bounds(52.36, 4.88, 52.38, 4.91))
    assert area.bounds == (Bounds(52.36, 4.88, 52.38, 4.91),)
    assert area.km2 == pytest.approx(2.2239 * 2.0366, rel=0.002)
    assert area.name == "52.36,4.88,52.38,4.91"
    assert holds(area, 52.37, 4.9)
    assert holds(area, 52.36, 4.88)  # a corner
    assert not holds(area, 52.37, 4.92)


def test_a_box_across_the_antimeridian_has_two_sides() -> None:
    area = Area.of_box(-18, 179, -16, -179)
    assert area.bounds == (Bounds(-18, 179, -16, 180), Bounds(-18, -180, -16, -179))
    assert list(area.holds([-17, -17, -17], [179.5, -179.5, 0])) == [True, True, False]
    assert area.km2 == pytest.approx(Area.of_box(-18, 9, -16, 11).km2)


@pytest.mark.parametrize(
    "box", [(2, 1, 1, 2), (1, 1, 1, 2), (0, 5, 1, 5), (-91, 0, 1, 1), (0, math.nan, 1, 1)]
)
def test_no_box(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(InputError, match="no box"):
        Area.of_box(*box)


@given(st.builds(LatLon, latitudes, longitudes), st.floats(50, 20_000), st.floats(0, 360))
def test_a_circle_holds_what_is_within_its_radius(centre: LatLon, radius_m: float, turn_deg: float) -> None:
    area = Area.of_circle(centre, radius_m)
    (lon, lat), turn = np.radians([centre.lon, centre.lat]), math.radians(turn_deg)

    def at(metres: float) -> tuple[float, float]:
        reach = metres / EARTH_RADIUS_M
        north = math.asin(math.sin(lat) * math.cos(reach) + math.cos(lat) * math.sin(reach) * math.cos(turn))
        east = math.atan2(
            math.sin(turn) * math.sin(reach) * math.cos(lat),
            math.cos(reach) - math.sin(lat) * math.sin(north),
        )
        return math.degrees(north), (math.degrees(lon + east) + 180) % 360 - 180

    inside, outside = at(0.998 * radius_m), at(1.002 * radius_m)
    assert distance_m(inside, (centre.lat, centre.lon)) == pytest.approx(0.998 * radius_m, rel=1e-3, abs=0.1)
    assert holds(area, *inside)
    assert not holds(area, *outside)
    assert area.km2 == pytest.approx(math.pi * radius_m**2 / 1e6, rel=0.01)


@pytest.mark.parametrize("radius_m", [0, -5, math.nan, math.inf, 1e7])
def test_a_circle_needs_a_radius(radius_m: float) -> None:
    with pytest.raises(InputError, match="radius"):
        Area.of_circle(DAM, radius_m)


def test_a_circle_at_a_pole_is_refused() -> None:
    with pytest.raises(InputError, match="pole"):
        Area.of_circle(LatLon(89.99, 0), 5000)


def test_collections_in_collections_are_merged() -> None:
    feature = {"type": "Feature", "properties": {}, "geometry": square(0.5, 0)}
    collection = {
        "type": "GeometryCollection",
        "geometries": [square(0, 0), {"type": "Point", "coordinates": [9, 9]}],
    }
    nested = {
        "type": "FeatureCollection",
        "features": [
            feature,
            {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": collection}]},
        ],
    }
    area = Area.of_geojson(nested, "two", "me")
    assert (area.name, area.credit) == ("two", "me")
    assert area.bounds == (Bounds(0, 0, 1, 1.5),)
    assert len(area.polygon.geoms) == 1


def test_a_hole_is_a_hole() -> None:
    shell, hole = square(0, 0, 3)["coordinates"][0], square(1, 1)["coordinates"][0]
    area = Area.of_geojson({"type": "Polygon", "coordinates": [shell, hole]})
    assert list(area.holds([0.5, 1.5], [0.5, 1.5])) == [True, False]


def test_a_ring_that_crosses_itself_keeps_both_halves() -> None:
    area = Area.of_geojson(polygon((0, 0), (2, 2), (2, 0), (0, 2)))
    assert area.polygon.is_valid
    assert list(area.holds([1, 1, 1.9, 0.1], [0.1, 1.9, 1, 1])) == [True, True, False, False]


@pytest.mark.parametrize(
    "corners",
    [
        [(179, -18), (-179, -18), (-179, -16), (179, -16)],  # it jumps
        [(179, -18), (181, -18), (181, -16), (179, -16)],  # it goes on beyond
        [(-181, -18), (-179, -18), (-179, -16), (-181, -16)],
    ],
)
def test_a_ring_across_the_antimeridian_is_cut(corners: list[tuple[float, float]]) -> None:
    area = Area.of_geojson(polygon(*corners))
    assert area.bounds == (Bounds(-18, 179, -16, 180), Bounds(-18, -180, -16, -179))


def test_a_hole_across_the_antimeridian() -> None:
    shell = polygon((178, -18), (-178, -18), (-178, -14), (178, -14))["coordinates"][0]
    hole = polygon((-179, -17), (-179, -15), (179, -15), (179, -17))["coordinates"][0]
    area = Area.of_geojson({"type": "Polygon", "coordinates": [shell, hole]})
    assert list(area.holds([-16, -16, -16], [178.5, 179.5, -179.5])) == [True, False, False]


def test_the_whole_world_stays_whole() -> None:
    area = Area.of_geojson(polygon((-180, -90), (180, -90), (180, 90), (-180, 90)))
    assert area.km2 == pytest.approx(510.06e6, rel=1e-3)


def test_a_country_of_islands_has_one_box() -> None:
    rings = [square(west, 10, 0.5)["coordinates"] for west in range(20)]
    area = Area.of_geojson({"type": "MultiPolygon", "coordinates": rings})
    assert area.bounds == (Bounds(10, 0, 10.5, 19.5),)


@given(st.builds(LatLon, latitudes, longitudes), st.floats(0.0001, 3), st.floats(0.0001, 3))
def test_an_area_is_written_and_read_again(corner: LatLon, width: float, height: float) -> None:
    west = (corner.lon + width + 180.0) % 360.0 - 180.0
    area = Area.of_box(corner.lat, corner.lon, corner.lat + height, west, "somewhere")
    again = Area.of_geojson(json.loads(json.dumps(area.geojson)), "somewhere")
    assert shapely.symmetric_difference(again.polygon, area.polygon).area < 1e-9


def test_islands_and_a_line_are_reduced_to_polygons() -> None:
    mixed = shapely.GeometryCollection(
        [shapely.Point(1, 1), shapely.box(0, 0, 1, 1), shapely.LineString([(0, 0), (5, 5)])]
    )
    assert [part.bounds for part in cut_at_antimeridian(mixed).geoms] == [(0, 0, 1, 1)]


HOSTILE: dict[str, object] = {
    "nothing": None,
    "a list": [1, 2],
    "no type": {"coordinates": []},
    "type of a wrong kind": {"type": 5},
    "an unknown type": {"type": "Kraken"},
    "points only": {"type": "FeatureCollection", "features": [{"type": "Point", "coordinates": [1, 2]}]},
    "an empty collection": {"type": "FeatureCollection", "features": []},
    "features that are no list": {"type": "FeatureCollection", "features": {"a": 1}},
    "NaN": polygon((0, 0), (1, math.nan), (1, 1)),
    "infinity": polygon((0, 0), (1, math.inf), (1, 1)),
    "a huge whole number": polygon((0, 0), (10**400, 0), (1, 1)),
    "texts": {"type": "Polygon", "coordinates": [[["0", "0"], ["1", "0"], ["1", "1"], ["0", "0"]]]},
    "truth values": {"type": "Polygon", "coordinates": [[[True, 0], [1, 0], [1, 1], [True, 0]]]},
    "one number a position": {"type": "Polygon", "coordinates": [[[0], [1], [2], [0]]]},
    "positions without a ring": {"type": "Polygon", "coordinates": [[0, 0], [1, 0], [1, 1]]},
    "no coordinates": {"type": "Polygon"},
    "an empty polygon": {"type": "Polygon", "coordinates": []},
    "a ring of two": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]},
    "a ring there and back": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]},
    "a ring on one line": polygon((0, 0), (1, 1), (2, 2)),
    "one place": polygon((3, 3), (3, 3), (3, 3)),
    "metres": polygon((500_000, 5_800_000), (500_100, 5_800_000), (500_100, 5_800_100)),
    "lat and lon exchanged": polygon((29, -95), (30, -95), (30, -94)),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_geojson_is_one_line(content: object) -> None:
    with pytest.raises(InputError) as caught:
        Area.of_geojson(content)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_depth_costs_nothing() -> None:
    deep: dict[str, Any] = square(0, 0)
    for _ in range(50_000):
        deep = {"type": "GeometryCollection", "geometries": [deep]}
    assert Area.of_geojson(deep).bounds == (Bounds(0, 0, 1, 1),)
    while deep["type"] == "GeometryCollection":  # or Python's own recursion would free it
        deep = deep["geometries"].pop()


def test_too_many_vertices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(area_module, "MAX_VERTICES", 9)
    with pytest.raises(InputError, match="vertices"):
        Area.of_geojson({"type": "MultiPolygon", "coordinates": [square(0, 0)["coordinates"]] * 2})


@given(st.builds(LatLon, st.floats(-85, 85), longitudes), st.integers(0, 20))
def test_a_tile_covers_what_lies_in_it(position: LatLon, zoom: int) -> None:
    tile = Tile.at(position, zoom)
    box = tile.bounds
    assert box.south - 1e-9 <= position.lat <= box.north + 1e-9
    assert box.west - 1e-9 <= position.lon <= box.east + 1e-9
    assert Tile.parse(str(tile)) == tile


def test_tiles_as_everyone_counts_them() -> None:
    assert Tile.at(LatLon(29.7604, -95.3698), 14) == (14, 3851, 6772)
    assert Tile(0, 0, 0).bounds == Bounds(-MERCATOR_LAT, -180, MERCATOR_LAT, 180)


@pytest.mark.parametrize("name", ["", "14/1", "1/2/0", "a/b/c", "3/-1/0", "99/0/0"])
def test_no_tile(name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Tile.parse(name)


@pytest.mark.parametrize(
    "area",
    [
        Area.of_circle(DAM, 1500),
        Area.of_geojson(polygon((4.8, 52.3), (5.0, 52.32), (4.9, 52.45), (4.85, 52.35))),
        Area.of_box(-17.1, 179.95, -16.9, -179.97),
    ],
    ids=["circle", "polygon", "antimeridian"],
)
def test_tiles_are_those_that_touch_it(area: Area) -> None:
    found = area.tiles(14)
    assert found == sorted(found, key=lambda tile: (tile.y, tile.x))
    assert len(set(found)) == len(found)
    near = {
        Tile(14, x, y)
        for box in area.bounds
        for x in range(Tile.at(LatLon(0, box.west), 14).x - 1, Tile.at(LatLon(0, box.east), 14).x + 2)
        for y in range(Tile.at(LatLon(box.north, 0), 14).y - 1, Tile.at(LatLon(box.south, 0), 14).y + 2)
        if 0 <= x < 2**14
    }
    touching = {
        tile
        for tile in near
        for box in [tile.bounds]
        if area.polygon.intersects(shapely.box(box.west, box.south, box.east, box.north))
    }
    assert set(found) == touching


def test_houston_has_as_many_tiles_as_the_facts_say() -> None:
    box = Area.of_box(29.52, -95.79, 30.11, -95.01)
    assert len(box.tiles(14)) == 1152
    assert len(box.tiles(15)) == 4536


def test_a_country_is_no_list_of_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(area_module, "MAX_TILES", 1000)
    with pytest.raises(InputError, match="km²"):
        Area.of_box(47, 6, 55, 15, "Germany").tiles(14)
