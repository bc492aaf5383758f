"""Distances, offsets, UTM, grids and boxes on WGS 84; pure.

*Convention*: angles in and out are degrees, lengths metres, headings clockwise from true north.
Arrays of positions have shape [N, 2] with columns (lat, lon).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import utm
from mgrs import MGRS
from numpy.typing import ArrayLike, NDArray

from geoflood.core.datatypes import Bounds, LatLon

__all__ = [
    "EARTH_RADIUS_M",
    "bounds_of",
    "covered_km2",
    "degrees_minutes",
    "digits_for",
    "distance_m",
    "from_local",
    "from_utm",
    "offset",
    "to_local",
    "to_utm",
    "usng",
]

Floats: TypeAlias = NDArray[np.float64]

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius (IUGG). On a sphere of it a distance is off by at most 0.6 %, 15 cm in 25 m."""


def distance_m(a: ArrayLike, b: ArrayLike) -> Floats:
    """Great-circle distance by the haversine formula; broadcasts over [..., 2] arrays of (lat, lon)."""
    first, second = np.radians(np.asarray(a, float)), np.radians(np.asarray(b, float))
    half = np.sin((second - first) / 2.0) ** 2
    chord = half[..., 0] + np.cos(first[..., 0]) * np.cos(second[..., 0]) * half[..., 1]
    return np.asarray(2.0 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(chord, 0.0, 1.0))))


def to_local(positions: ArrayLike, origin: LatLon) -> Floats:
    """Metres (east, north) of `positions` [N, 2] around `origin`; exact enough within 50 km.

    Longitudes are unwrapped, so that a city on the antimeridian stays in one piece.
    """
    degrees = np.asarray(positions, float).reshape(-1, 2) - (origin.lat, origin.lon)
    degrees[:, 1] = (degrees[:, 1] + 180.0) % 360.0 - 180.0
    north, east = np.radians(degrees).T * EARTH_RADIUS_M
    return np.stack([east * math.cos(math.radians(origin.lat)), north], axis=1)


def from_local(metres: ArrayLike, origin: LatLon) -> Floats:
    """Positions [N, 2] of metres (east, north) around `origin`; the inverse of `to_local`."""
    east, north = np.asarray(metres, float).reshape(-1, 2).T
    lat = origin.lat + np.degrees(north / EARTH_RADIUS_M)
    lon = origin.lon + np.degrees(east / (EARTH_RADIUS_M * math.cos(math.radians(origin.lat))))
    return np.stack([np.clip(lat, -90, 90), (lon + 180.0) % 360.0 - 180.0], axis=1)


def offset(position: LatLon, heading_deg: float, metres: float) -> LatLon:
    """Where one arrives after `metres` along `heading_deg`, over the short distances of a street."""
    turn = math.radians(heading_deg)
    lat, lon = from_local([(metres * math.sin(turn), metres * math.cos(turn))], position)[0]
    return LatLon(float(lat), float(lon))


def bounds_of(positions: Iterable[LatLon]) -> Bounds:
    """The smallest box around the positions. Raises ValueError when there are none."""
    points = [(p.lat, p.lon) for p in positions]
    if not points:
        raise ValueError("no positions to bound")
    (south, west), (north, east) = np.min(points, axis=0), np.max(points, axis=0)
    return Bounds(float(south), float(west), float(north), float(east))


def covered_km2(positions: ArrayLike, square_m: float = 50.0) -> float:
    """Area of the grid squares that hold at least one of `positions` [N, 2], square kilometres."""
    places = np.asarray(positions, float).reshape(-1, 2)
    if not len(places):
        return 0.0
    squares = np.floor(to_local(places, LatLon(*map(float, places[0]))) / square_m)
    return len(np.unique(squares, axis=0)) * square_m**2 / 1e6


def from_utm(easting: float, northing: float, zone: int, letter: str) -> LatLon:
    """Position of UTM metres in a zone. Raises ValueError when there is no such place."""
    try:
        lat, lon = utm.to_latlon(easting, northing, zone, letter)
    except utm.OutOfRangeError as error:
        raise ValueError(str(error)) from error
    return LatLon(float(lat), float(lon))


def to_utm(position: LatLon, zone: int | None = None) -> tuple[float, float, int, str]:
    """(easting, northing, zone, letter) of a position, metres; `zone` forces another zone than its own.

    In a city on the border of two zones, distances need all positions in one zone. Raises ValueError beyond
    84 N and 80 S, and in a zone that is too far away.
    """
    try:
        easting, northing, number, letter = utm.from_latlon(position.lat, position.lon, zone)
    except utm.OutOfRangeError as error:
        raise ValueError(str(error)) from error
    return float(easting), float(northing), int(number), str(letter)


def digits_for(uncertainty_m: float) -> int:
    """How many digits a half of a USNG reference may have: 5 is 1 m, 4 is 10 m, ... 0 is 100 km.

    A reference never claims more than is known: 40 m of uncertainty gives squares of 100 m.
    """
    return int(np.clip(5 - math.ceil(math.log10(max(uncertainty_m, 1.0))), 0, 5))


def usng(position: LatLon, uncertainty_m: float = 1.0) -> str:
    """United States National Grid reference (MGRS with spaces), truncated as the standard asks.

    Beyond 84 N and 80 S, where the grid is polar, the plain MGRS text is returned.
    """
    digits = digits_for(uncertainty_m)
    text: str = MGRS().toMGRS(position.lat, position.lon, MGRSPrecision=digits)
    if not text[0].isdigit():
        return text
    head = len(text) - 2 * digits - 2
    parts = [
        text[:head],
        text[head : head + 2],
        text[head + 2 : head + 2 + digits],
        text[head + 2 + digits :],
    ]
    return " ".join(part for part in parts if part)


def degrees_minutes(position: LatLon, uncertainty_m: float = 1.0) -> str:
    """DD-MM.mmm as air rescue speaks it, such as "29-45.624N 95-22.188W", no finer than is known."""
    places = max(0, min(3, 3 - math.ceil(math.log10(max(uncertainty_m, 1.0) / 1.86))))

    def spoken(value: float, positive: str, negative: str) -> str:
        minutes = round(abs(value) * 60.0, places)
        return f"{int(minutes // 60)}-{minutes % 60:.{places}f}{positive if value >= 0 else negative}"

    return f"{spoken(position.lat, 'N', 'S')} {spoken(position.lon, 'E', 'W')}"
