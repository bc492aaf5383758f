"""Where a post says that its photos were taken, as a box that is wide enough to be believed.

What is said is not exact. A position is where a post was sent from. The box of a place is drawn around the
place, and people choose the place they are near to. Some places are told as a point: one box in 1,500 of X
has no width. Each kind of place gets the margin that it deserves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from geoflood.core.datatypes import Bounds, LatLon
from geoflood.core.geo import EARTH_RADIUS_M
from geoflood.triage.findings import NamedPlace, Post

__all__ = ["StatedPlace", "stated_place", "stated_words"]

NEAR_M = 2_000.0
"""A post's own position is where it was sent from: its photo was taken within about this."""
POINT_M = 200.0
"""A box that is nowhere wider than this is a point."""
_SURE = 0.9
"""Words that name a place with less narrow no search: a photo is lost by what is wrong."""
_WIDEST_M = 8_000.0
_AROUND_WORDS_M = 300.0
"""A photo shows what lies around a street, a crossing or a door."""


class _Kind(NamedTuple):
    """A kind of place, and metres that are searched around it."""

    words: str
    around_box_m: float
    around_point_m: float | None
    """None: a point says nothing of where it is."""


_KINDS = {
    "poi": _Kind("a point of interest", 1_000, NEAR_M),
    "neighborhood": _Kind("a neighbourhood", 1_000, 3_000),
    "neighbourhood": _Kind("a neighbourhood", 1_000, 3_000),
    "city": _Kind("a city", 2_000, 15_000),
    "admin": _Kind("a region", 5_000, 100_000),
    "country": _Kind("a country", 10_000, None),
}
"""By what X calls it (decision 081)."""
_UNKNOWN = _Kind("", 2_000, 15_000)


@dataclass(frozen=True, slots=True)
class StatedPlace:
    """The box that a photo is searched for in."""

    within: Bounds | None = None
    source: str = ""
    """In words, who says so."""


def stated_place(post: Post) -> StatedPlace:
    """What a post says of where its photos were taken: its own position, else the box of its place."""
    if post.geotag:
        spot = post.geotag.position
        around = _widened(Bounds(spot.lat, spot.lon, spot.lat, spot.lon), NEAR_M)
        return StatedPlace(
            around, f"within {_km(NEAR_M)} of the post's own position {spot.lat:.5f}, {spot.lon:.5f}"
        )
    if post.box is None:
        return StatedPlace()
    kind = _KINDS.get(post.place_kind, _UNKNOWN)
    name = f"the post's place {post.place}".rstrip()
    if not _is_point(post.box):
        told = f"{name} ({kind.words})" if kind.words else name
        around = _widened(post.box, kind.around_box_m)
        return StatedPlace(around, f"in {told} or within {_km(kind.around_box_m)} of it")
    if kind.around_point_m is None:
        return StatedPlace()
    told = ", ".join(filter(None, (kind.words, "told as a point")))
    around = _widened(post.box, kind.around_point_m)
    return StatedPlace(around, f"within {_km(kind.around_point_m)} of {name} ({told})")


def stated_words(words: Sequence[NamedPlace]) -> StatedPlace:
    """Where the words of a post say that its photos were taken: around the likeliest place that they name.

    Only what is sure enough counts, and only what is somewhere: a name all over town narrows nothing.
    """
    sure = [(word, _box_of(word.points)) for word in words if word.points and word.chance >= _SURE]
    somewhere = [(word, box) for word, box in sure if _extent_m(box) <= _WIDEST_M]
    if not somewhere:
        return StatedPlace()
    word, box = min(somewhere, key=lambda one: (-one[0].chance, _extent_m(one[1]), one[0].start))
    around = _widened(box, _AROUND_WORDS_M)
    return StatedPlace(around, f"within {_AROUND_WORDS_M:.0f} m of {word.name}, which the post's words name")


def _box_of(points: Sequence[LatLon]) -> Bounds:
    lats, lons = [point.lat for point in points], [point.lon for point in points]
    return Bounds(min(lats), min(lons), max(lats), max(lons))


def _is_point(box: Bounds) -> bool:
    return _extent_m(box) <= POINT_M


def _extent_m(box: Bounds) -> float:
    tall = math.radians(box.north - box.south) * EARTH_RADIUS_M
    wide = math.radians(box.east - box.west) * EARTH_RADIUS_M * math.cos(math.radians(box.south))
    return max(tall, wide)


def _widened(box: Bounds, metres: float) -> Bounds:
    """The box with a margin all around; where that crosses the antimeridian or a pole, every longitude."""
    ahead = math.degrees(metres / EARTH_RADIUS_M)
    south, north = max(-90.0, box.south - ahead), min(90.0, box.north + ahead)
    narrowest = math.cos(math.radians(min(89.9, max(abs(south), abs(north)))))
    west, east = box.west - ahead / narrowest, box.east + ahead / narrowest
    if west < -180.0 or east > 180.0:
        west, east = -180.0, 180.0
    return Bounds(south, west, north, east)


def _km(metres: float) -> str:
    return f"{metres / 1000:g} km"
