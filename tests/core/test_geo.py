"""Geometry against an independent library, by properties, and at the places where grids end."""

from __future__ import annotations

import geopy.distance
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.datatypes import Bounds, LatLon
from geoflood.core.geo import (
    bounds_of,
    degrees_minutes,
    digits_for,
    distance_m,
    from_local,
    from_utm,
    offset,
    to_local,
    usng,
)

latitudes = st.floats(-85, 85)
longitudes = st.floats(-180, 180)
positions = st.builds(LatLon, latitudes, longitudes)
HOUSTON = LatLon(29.7604, -95.3698)


@given(positions, positions)
def test_distance_agrees_with_geopy(a: LatLon, b: LatLon) -> None:
    expected = geopy.distance.great_circle((a.lat, a.lon), (b.lat, b.lon)).m
    assert distance_m((a.lat, a.lon), (b.lat, b.lon)) == pytest.approx(expected, rel=1e-5, abs=0.02)


def test_distance_broadcasts() -> None:
    matrix = distance_m(np.zeros((3, 1, 2)), np.ones((1, 4, 2)))
    assert matrix.shape == (3, 4)
    assert matrix == pytest.approx(157_249, rel=1e-3)


@given(positions, st.floats(-2000, 2000), st.floats(-2000, 2000))
def test_local_metres_come_back(origin: LatLon, east: float, north: float) -> None:
    there = from_local([(east, north)], origin)
    assert to_local(there, origin)[0] == pytest.approx((east, north), abs=1e-3)


def test_a_city_on_the_antimeridian_stays_in_one_piece() -> None:
    east_of_it = to_local([(-17.0, -179.999)], LatLon(-17.0, 179.999))[0]
    assert east_of_it == pytest.approx((212.7, 0), abs=0.5)


@given(st.builds(LatLon, st.floats(-70, 70), longitudes), st.floats(0, 360), st.floats(1, 500))
def test_offset_goes_as_far_as_told(start: LatLon, heading: float, metres: float) -> None:
    there = offset(start, heading, metres)
    assert distance_m((start.lat, start.lon), (there.lat, there.lon)) == pytest.approx(metres, rel=2e-3)


def test_offset_east_is_east() -> None:
    assert offset(HOUSTON, 90, 100).lon > HOUSTON.lon
    assert offset(HOUSTON, 0, 100).lat > HOUSTON.lat


def test_utm_of_a_known_place() -> None:
    place = from_utm(544250.05, 4173756.07, 10, "S")
    assert (place.lat, place.lon) == pytest.approx((37.70998, -122.49797), abs=1e-6)


@pytest.mark.parametrize("utm", [(0.0, 0.0, 10, "S"), (5e5, 5e6, 61, "S"), (5e5, 5e6, 10, "I")])
def test_utm_out_of_range_is_a_value_error(utm: tuple[float, float, int, str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_utm(*utm)


@pytest.mark.parametrize(
    ("uncertainty_m", "text"),
    [
        (1, "15R TN 70857 94589"),
        (10, "15R TN 7085 9458"),
        (35, "15R TN 708 945"),
        (900, "15R TN 70 94"),
        (20_000, "15R TN"),
    ],
)
def test_usng_is_no_finer_than_known(uncertainty_m: float, text: str) -> None:
    assert usng(HOUSTON, uncertainty_m) == text


@given(st.floats(0.1, 1e6))
def test_a_usng_square_is_never_smaller_than_the_uncertainty(uncertainty_m: float) -> None:
    square = 10.0 ** (5 - digits_for(uncertainty_m))
    assert square >= min(uncertainty_m, 1e5) * (1 - 1e-9)


def test_usng_at_the_pole_is_still_a_text() -> None:
    assert usng(LatLon(85, 10))


@pytest.mark.parametrize(
    ("position", "uncertainty_m", "text"),
    [
        (HOUSTON, 1, "29-45.624N 95-22.188W"),
        (HOUSTON, 15, "29-45.62N 95-22.19W"),
        (LatLon(-0.0001, 0.0001), 1, "0-0.006S 0-0.006E"),
        (LatLon(9.99999, 0), 1, "9-59.999N 0-0.000E"),
        (LatLon(10 - 1e-9, 0), 1, "10-0.000N 0-0.000E"),
    ],
)
def test_degrees_and_minutes(position: LatLon, uncertainty_m: float, text: str) -> None:
    assert degrees_minutes(position, uncertainty_m) == text


def test_bounds() -> None:
    assert bounds_of([LatLon(1, 2), LatLon(-1, 5)]) == Bounds(-1, 2, 1, 5)
    with pytest.raises(ValueError, match="no positions"):
        bounds_of([])


@pytest.mark.parametrize(("lat", "lon"), [(91, 0), (0, 181), (float("nan"), 0), (0, float("inf"))])
def test_no_position_outside_the_globe(lat: float, lon: float) -> None:
    with pytest.raises(ValueError, match="not a position"):
        LatLon(lat, lon)
