"""Where the names of a street map are: points of their streets, crossings of two of them, house numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geoflood.places.street_map import DEGREE, NAMELESS, StreetMap

__all__ = ["NamePositions", "thinned"]

Floats: TypeAlias = NDArray[np.float64]

CROSSING_M = 60.0
"""Streets that come this near to each other cross: a junction may be a square."""
_DEGREE_M = 111_195.0
_STEP_M = 40.0
"""Between points along a street when its crossings are looked for."""
_POINTS = 60
"""Points that are told of a name, at most."""
_CROSSINGS = 12
_TRACK = 20_000
_KEPT_TRACKS, _KEPT_CROSSINGS = 5_000, 50_000
"""Of a batch's posts many name the same: what was looked up is kept."""
_LEADING = re.compile(r"\d{1,6}")
_NONE = np.zeros(0, np.int64)


class NamePositions:
    """Positions by name; those of a name are looked up when it is asked for. Threads may share it."""

    def __init__(self, street_map: StreetMap) -> None:
        self._map = street_map
        self._lines = _grouped(street_map.lines.names)
        self._areas = _grouped(street_map.areas.names)
        self._spots = _grouped(street_map.spots.names)
        self._doors = _grouped(street_map.doors.streets)
        streets = street_map.streets
        self._streets = frozenset(street_map.lines.names[streets].tolist()) | self._doors.keys()
        middle = (
            math.radians(float(np.median(street_map.lines.points[:, 0])) / DEGREE)
            if len(street_map.lines)
            else 0.0
        )
        self._scale = np.array([_DEGREE_M, _DEGREE_M * max(0.01, math.cos(middle))])
        self._tracks: dict[int, cKDTree] = {}
        self._crossings: dict[tuple[int, int], Floats] = {}

    def has(self, name: int) -> bool:
        """Something bears the name, or house numbers count along it."""
        return any(name in rows for rows in (self._lines, self._areas, self._spots, self._doors))

    def is_street(self, name: int) -> bool:
        """A street, road or path bears the name, or house numbers count along it."""
        return name in self._streets

    def of_name(self, name: int) -> Floats:
        """Where what bears the name is, [≤ 60, 2] (lat, lon): along streets, spots, middles of areas."""
        found = self._map.spots.points[self._spots.get(name, _NONE)] / float(DEGREE)
        middles = [self._map.areas.degrees(area).mean(axis=0) for area in self._areas.get(name, _NONE)]
        lines = [self._map.lines.degrees(line) for line in self._lines.get(name, _NONE)]
        if not lines:
            lines = [self._map.doors.points[self._doors.get(name, _NONE)].reshape(-1, 2) / float(DEGREE)]
        return thinned(np.vstack([found.reshape(-1, 2), *middles, *lines]), _POINTS)

    def doors(self, name: int, number: str) -> Floats:
        """Where a house number of a street is, [doors, 2] (lat, lon); empty where the map does not know."""
        return self._doors_where(name, lambda written: written == number)

    def block(self, name: int, number: str) -> Floats:
        """Doors of the hundred that a block is named for: 1400 to 1499."""
        hundred = int(number) // 100
        return self._doors_where(name, lambda written: _leading(written) // 100 == hundred)

    def crossing(self, one: int, other: int) -> Floats:
        """Where two streets meet, [≤ 12, 2] (lat, lon); empty where they do not."""
        pair = (min(one, other), max(one, other))
        known = self._crossings.get(pair)
        if known is None:
            known = self._meet(*pair)
            if len(self._crossings) < _KEPT_CROSSINGS:
                self._crossings[pair] = known
        return known

    def _meet(self, one: int, other: int) -> Floats:
        here, there = self._track(one), self._track(other)
        if not here.n or not there.n:
            return np.zeros((0, 2))
        apart, nearest = there.query(here.data, distance_upper_bound=CROSSING_M)
        hits = np.flatnonzero(np.isfinite(apart))
        middles: Floats = (here.data[hits] + there.data[nearest[hits]]) / 2
        spots: Floats = _apart(middles) / self._scale
        return spots

    def _doors_where(self, name: int, fits: Callable[[str], bool]) -> Floats:
        numbers = self._map.doors.numbers
        rows = [row for row in self._doors.get(name, _NONE) if fits(numbers[row].casefold().replace(" ", ""))]
        return self._map.doors.points[rows].reshape(-1, 2) / float(DEGREE)

    def _track(self, name: int) -> cKDTree:
        """Points along a street in metres, 40 m apart at most."""
        track = self._tracks.get(name)
        if track is None:
            lines = [
                _stepped(self._map.lines.degrees(line) * self._scale) for line in self._lines.get(name, _NONE)
            ]
            track = cKDTree(np.vstack(lines)[:_TRACK] if lines else np.zeros((0, 2)))
            if len(self._tracks) < _KEPT_TRACKS:
                self._tracks[name] = track
        return track


def _grouped(names: NDArray[np.int32]) -> dict[int, NDArray[np.int64]]:
    """Rows by the name they bear."""
    order = np.argsort(names, kind="stable")
    known, starts = np.unique(names[order], return_index=True)
    groups = np.split(order, starts[1:]) if len(known) else []
    return {name: rows for name, rows in zip(known.tolist(), groups, strict=True) if name != NAMELESS}


def thinned(points: Floats, most: int) -> Floats:
    """At most so many of the points [P, 2], those farthest north, south, east and west among them."""
    if len(points) <= most:
        return points
    farthest = [*points.argmin(axis=0), *points.argmax(axis=0)]
    spread = np.linspace(0, len(points) - 1, most - len(farthest)).round().astype(int)
    kept: Floats = points[np.unique([*farthest, *spread])]
    return kept


def _stepped(line: Floats) -> Floats:
    """A line with points in between, where its own are far apart."""
    lengths = np.hypot(*(line[1:] - line[:-1]).T)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    steps = np.linspace(0.0, along[-1], min(2_000, int(along[-1] / _STEP_M) + 2))
    return np.column_stack([np.interp(steps, along, line[:, axis]) for axis in (0, 1)])


def _apart(points: Floats) -> Floats:
    """One of those that lie together."""
    kept: list[Floats] = []
    for point in points:
        if all(np.hypot(*(point - other)) > 3 * CROSSING_M for other in kept):
            kept.append(point)
        if len(kept) == _CROSSINGS:
            break
    return np.array(kept).reshape(-1, 2)


def _leading(written: str) -> int:
    found = _LEADING.match(written)
    return int(found.group()) if found else -1
