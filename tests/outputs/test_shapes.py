"""Search areas merged out of cells, view cones, and coverage thinned for drawing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoflood.core.datatypes import Cell, LatLon
from geoflood.core.geo import covered_km2, distance_m, from_local, to_local
from geoflood.outputs.shapes import Floats, Polygon, cone, outline, thinned

CITY = LatLon(29.76, -95.37)
SIZE = 20.0

squares = st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1)


def cells(places: set[tuple[int, int]], origin: LatLon = CITY, size_m: float = SIZE) -> list[Cell]:
    centres = from_local((np.array(sorted(places)) + 0.5) * size_m, origin)
    return [Cell(LatLon(float(lat), float(lon)), size_m, 1 / len(places)) for lat, lon in centres]


def area_m2(ring: Floats) -> float:
    """Positive when counterclockwise."""
    east, north = to_local(ring, CITY).T
    return float(np.sum(east[:-1] * north[1:] - east[1:] * north[:-1]) / 2)


def holds(polygon: Polygon, lat: float, lon: float) -> bool:
    """Even-odd rule over all rings."""
    crossings = 0
    for ring in polygon:
        for (y0, x0), (y1, x1) in pairwise(ring):
            crossings += (y0 > lat) != (y1 > lat) and lon < x0 + (lat - y0) / (y1 - y0) * (x1 - x0)
    return crossings % 2 == 1


@given(squares)
@settings(max_examples=80, deadline=None)
def test_an_outline_covers_the_cells_and_nothing_else(places: set[tuple[int, int]]) -> None:
    polygons = outline(cells(places))
    for x in range(7):
        for y in range(7):
            (lat, lon) = from_local([((x + 0.5) * SIZE, (y + 0.5) * SIZE)], CITY)[0]
            assert sum(holds(polygon, lat, lon) for polygon in polygons) == ((x, y) in places)
    total = sum(area_m2(ring) for polygon in polygons for ring in polygon)
    assert total == pytest.approx(len(places) * SIZE**2, rel=1e-4)


@given(squares)
@settings(max_examples=80, deadline=None)
def test_rings_follow_the_right_hand_rule_and_never_touch_themselves(places: set[tuple[int, int]]) -> None:
    for polygon in outline(cells(places)):
        outer, *holes = polygon
        assert area_m2(outer) > 0
        assert all(area_m2(hole) < 0 for hole in holes)
        for ring in polygon:
            assert (ring[0] == ring[-1]).all()
            corners = {(round(lat, 8), round(lon, 8)) for lat, lon in ring[:-1]}
            assert len(corners) == len(ring) - 1


def test_a_frame_has_one_hole_and_eight_corners() -> None:
    (polygon,) = outline(cells({(x, y) for x in range(4) for y in range(3)} - {(1, 1), (2, 1)}))
    assert [len(ring) for ring in polygon] == [5, 5]
    assert [round(area_m2(ring)) for ring in polygon] == [12 * 400, -2 * 400]


def test_cells_that_touch_at_a_corner_are_two_polygons() -> None:
    assert len(outline(cells({(0, 0), (1, 1)}))) == 2
    assert len(outline(cells({(0, 0), (1, 0)}))) == 1


def test_no_cells_no_polygons() -> None:
    assert outline([]) == []


def test_a_grid_as_wide_as_a_city_stays_joined() -> None:
    """Columns laid out around one corner drift by several cells 30 km farther north."""
    far = {(x, 1500 + y) for x in range(3) for y in range(3)} | {
        (1400 + x, y) for x in range(3) for y in range(3)
    }
    assert sorted(len(polygon[0]) for polygon in outline(cells(far))) == [5, 5]


def test_cells_of_two_sizes_are_not_mixed() -> None:
    assert len(outline([*cells({(0, 0)}), *cells({(0, 1)}, size_m=10.0)])) == 2


def test_no_polygon_crosses_the_antimeridian() -> None:
    polygons = outline(cells({(x, 0) for x in range(-3, 3)}, LatLon(-16.8, 179.99999)))
    assert len(polygons) == 2
    for (ring,) in polygons:
        assert np.ptp(ring[:, 1]) < 0.01


def test_a_cone_opens_along_the_heading() -> None:
    apex, *arc = cone(CITY, 90.0, 60.0, 40.0)
    assert apex == CITY
    metres = to_local([(p.lat, p.lon) for p in arc], CITY)
    assert np.hypot(*metres.T) == pytest.approx(np.full(len(arc), 40.0), rel=1e-3)
    headings = np.degrees(np.arctan2(*metres.T))
    assert headings[[0, -1]] == pytest.approx([60.0, 120.0], abs=0.1)


def test_a_cone_without_a_field_of_view_is_a_line() -> None:
    assert len(cone(CITY, 0.0, None)) == 2


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
