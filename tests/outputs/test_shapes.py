"""Search areas merged out of cells, view cones, and coverage thinned for drawing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Point, Polygon, transform

from geoflood.core.datatypes import Cell, LatLon
from geoflood.core.geo import covered_km2, distance_m, from_local, to_local
from geoflood.outputs.shapes import box_rings, cone, outline, thinned

CITY = LatLon(29.76, -95.37)
SIZE = 20.0

squares = st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1)


def cells(places: set[tuple[int, int]], origin: LatLon = CITY, size_m: float = SIZE) -> list[Cell]:
    centres = from_local((np.array(sorted(places)) + 0.5) * size_m, origin)
    return [Cell(LatLon(float(lat), float(lon)), size_m, 1 / len(places)) for lat, lon in centres]


def square_metres(polygon: Polygon) -> Polygon:
    """The polygon in metres (east, north) of the city."""
    return transform(polygon, lambda degrees: to_local(degrees[:, ::-1], CITY))


@given(squares)
def test_an_outline_covers_the_cells_and_nothing_else(places: set[tuple[int, int]]) -> None:
    area = outline(cells(places))
    for x in range(7):
        for y in range(7):
            (lat, lon) = from_local([((x + 0.5) * SIZE, (y + 0.5) * SIZE)], CITY)[0]
            assert sum(polygon.contains(Point(lon, lat)) for polygon in area.geoms) == ((x, y) in places)
    total = sum(square_metres(polygon).area for polygon in area.geoms)
    assert total == pytest.approx(len(places) * SIZE**2, rel=1e-4)


@given(squares)
def test_rings_follow_the_right_hand_rule_and_never_touch_themselves(places: set[tuple[int, int]]) -> None:
    area = outline(cells(places))
    assert area.is_valid
    for polygon in area.geoms:
        assert polygon.exterior.is_ccw
        assert not any(hole.is_ccw for hole in polygon.interiors)
        for ring in (polygon.exterior, *polygon.interiors):
            assert ring.is_simple
            assert len(set(ring.coords)) == len(ring.coords) - 1


def test_a_frame_has_one_hole_and_eight_corners() -> None:
    (polygon,) = outline(cells({(x, y) for x in range(4) for y in range(3)} - {(1, 1), (2, 1)})).geoms
    assert [len(ring.coords) for ring in (polygon.exterior, *polygon.interiors)] == [5, 5]
    assert round(square_metres(polygon).area) == (12 - 2) * 400


def test_cells_that_touch_at_a_corner_are_two_polygons() -> None:
    assert len(outline(cells({(0, 0), (1, 1)})).geoms) == 2
    assert len(outline(cells({(0, 0), (1, 0)})).geoms) == 1


def test_no_cells_no_polygons() -> None:
    assert outline([]).is_empty


def test_a_grid_as_wide_as_a_city_stays_joined() -> None:
    """Columns laid out around one corner drift by several cells 30 km farther north."""
    far = {(x, 1500 + y) for x in range(3) for y in range(3)} | {
        (1400 + x, y) for x in range(3) for y in range(3)
    }
    assert [len(polygon.exterior.coords) for polygon in outline(cells(far)).geoms] == [5, 5]


def test_cells_of_two_sizes_have_no_outline() -> None:
    with pytest.raises(ValueError, match="2 sizes"):
        outline([*cells({(0, 0)}), *cells({(0, 1)}, size_m=10.0)])


@pytest.mark.parametrize("lon", [179.99999, -179.99999])
def test_no_polygon_crosses_the_antimeridian(lon: float) -> None:
    area = outline(cells({(x, 0) for x in range(-3, 3)}, LatLon(-16.8, lon)))
    west, east = sorted(area.geoms, key=lambda polygon: polygon.bounds[0])
    assert west.bounds[0] == -180.0
    assert east.bounds[2] == 180.0
    assert east.bounds[2] - east.bounds[0] + west.bounds[2] - west.bounds[0] < 0.002


def test_a_cone_opens_along_the_heading() -> None:
    apex, *arc = to_local(np.array(cone(CITY, 90.0, 60.0, 40.0).exterior.coords)[:-1, ::-1], CITY)
    assert apex == pytest.approx([0.0, 0.0], abs=1e-6)
    assert np.hypot(*np.transpose(arc)) == pytest.approx(np.full(len(arc), 40.0), rel=1e-3)
    headings = np.degrees(np.arctan2(*np.transpose(arc)))
    assert headings[[0, -1]] == pytest.approx([60.0, 120.0], abs=0.1)


def test_a_cone_without_a_field_of_view_is_a_line() -> None:
    assert len(cone(CITY, 0.0, None).coords) == 2


def test_thinning_keeps_the_shape_of_the_coverage() -> None:
    rng = np.random.default_rng(7)
    streets = from_local(rng.uniform(0, 8000, (60_000, 2)), CITY)
    kept = thinned(streets, [CITY], most=2000)
    assert len(kept) < 3000
    assert {tuple(row) for row in kept} <= {tuple(row) for row in streets}
    assert np.ptp(kept, axis=0) == pytest.approx(np.ptp(streets, axis=0), rel=0.05)
    near = [(distance_m(some, (CITY.lat, CITY.lon)) < 350).sum() for some in (streets, kept)]
    assert near[1] > 0.9 * near[0], "close to an answer nearly every image stays"


def test_few_positions_all_stay() -> None:
    spots = from_local([(0, 0), (30, 0), (60, 0)], CITY)
    assert (thinned(spots) == spots).all()
    assert len(thinned(np.empty((0, 2)))) == 0


def test_covered_ground_counts_squares_once() -> None:
    spots = from_local([(10, 10), (12, 10), (510, 10)], CITY)
    assert covered_km2(spots) == pytest.approx(2 * 0.0025)
    assert covered_km2(np.empty((0, 2))) == 0


def test_rings_around_boxes_cut_none_and_join_those_that_are_near() -> None:
    apart = np.array([[0.0, 0, 10, 10], [0, 10, 10, 20], [0, 28, 10, 38], [100, 100, 110, 110]])
    near, far = box_rings(apart, 10.0), box_rings(apart, 5.0)
    assert (len(near), len(far)) == (2, 3)
    assert sorted(len(ring) for ring in near) == [4, 4], "straight sides have no corners between"
    sides = sorted((ring.min(axis=0).tolist(), ring.max(axis=0).tolist()) for ring in near)
    assert sides == [([0, 0], [10, 38]), ([100, 100], [110, 110])]
    around = np.array([[0.0, 0, 10, 50], [40, 0, 50, 50], [0, 0, 50, 10], [0, 40, 50, 50]])
    assert len(box_rings(around, 5.0)) == 2, "a hole is a ring, too"
    assert box_rings(np.empty((0, 4)), 5.0) == []
