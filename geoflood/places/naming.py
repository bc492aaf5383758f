"""A position in street names: "Market Hill, near Petty Cury, looking south"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import LatLon
from geoflood.places.street_index import NearStreet, StreetIndex

__all__ = ["NEAR_M", "direction", "metres_text", "place_words", "street_of"]

Floats: TypeAlias = NDArray[np.float64]

NEAR_M = 60.0
"""Farther than this from a street nobody is on it, nor is a crossing near."""
_REACH_M = 1000.0
"""Farther than this from any street no words are made."""
_SQUARE_M = 8.0
"""On a named square a street must be this near to be where one stands."""
_WORTH = 0.1
"""Share of the belief that makes a street worth naming beside the first."""

_COMPASS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")


def direction(heading_deg: float) -> str:
    """The nearest of eight directions in words: "south-west"."""
    return _COMPASS[round(heading_deg / 45.0) % 8]


def metres_text(metres: float) -> str:
    """Two figures at most: "8 m", "120 m", "2.3 km"."""
    shown = float(f"{metres:.2g}")
    return f"{shown / 1000:g} km" if shown >= 1000 else f"{max(shown, 1):.0f} m"


def street_of(index: StreetIndex, position: LatLon) -> str:
    """The street that a position is on, or the named square or park, or ""."""
    spot = _spot(index, position)
    near = index.near(spot, NEAR_M)
    if near and near[0].away_m <= _SQUARE_M:
        return near[0].title
    return index.ground(spot) or (near[0].title if near else "")


def place_words(
    index: StreetIndex,
    position: LatLon,
    heading_deg: float | None = None,
    shares: Mapping[str, float] | None = None,
) -> str:
    """A position in words, or "" where no name is within a kilometre.

    shares: what is believed of the streets around. The likelier one goes before the nearer one, and a
    likely one before a crossing.
    """
    spot, shares = _spot(index, position), shares or {}
    near, ground = index.near(spot, NEAR_M), index.ground(spot)
    near.sort(key=lambda street: -shares.get(street.title, 0.0))  # stable: else nearest first
    if near and (near[0].away_m <= _SQUARE_M or not ground):
        words = [near[0].title, _beside(index, near, shares, spot)]
    elif near:
        words = [ground, f"near {near[0].title}"]
    else:
        words = [ground, _off_street(index, spot)]
    words = [one for one in words if one]
    looking = [] if heading_deg is None or not words else [f"looking {direction(heading_deg)}"]
    return ", ".join([*words, *looking])


def _spot(index: StreetIndex, position: LatLon) -> Floats:
    return np.asarray(index.metres([(position.lat, position.lon)])[0])


def _beside(index: StreetIndex, near: list[NearStreet], shares: Mapping[str, float], spot: Floats) -> str:
    """What tells where along its street a spot is: another likely street, a crossing, a place, a door."""
    street = near[0].street
    likely = next((one.title for one in near[1:] if shares.get(one.title, 0.0) >= _WORTH), "")
    other = likely or index.crossing(street, spot, NEAR_M) or index.spot_near(spot, NEAR_M)
    if other:
        return f"near {other}"
    door = index.door_near(street, spot, NEAR_M)
    return f"near number {door}" if door else ""


def _off_street(index: StreetIndex, spot: Floats) -> str:
    """ "120 m north of Mill Road"."""
    near = index.near(spot, _REACH_M)
    if not near:
        return ""
    east, north = spot - near[0].foot
    heading = float(np.degrees(np.arctan2(east, north)))
    return f"{metres_text(near[0].away_m)} {direction(heading)} of {near[0].title}"
