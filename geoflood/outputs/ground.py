"""The ground that a page draws: a street map made small enough to lie in it.

Pieces of a street are joined, bends of no account are straightened, positions are rounded. What does not fit
is left out by its use to a responder, the farthest from any street image first, and it is said.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from geoflood.core.datatypes import LatLon
from geoflood.core.geo import to_local
from geoflood.outputs.pack_ground import pack, taken
from geoflood.outputs.wording import percent, plain, size
from geoflood.places.street_map import DEGREE, AreaKind, LineKind, NamedSpots, Shapes, StreetMap

__all__ = ["BUDGET", "PageGround", "draw_ground"]

Floats: TypeAlias = NDArray[np.float64]
Points: TypeAlias = NDArray[np.int32]
Kinds: TypeAlias = NDArray[np.uint8]
Geometries: TypeAlias = NDArray[np.object_]

BUDGET = 1_500_000
"""Characters of base64 in one page."""

UNITS = (2, 5, 10)
"""Millionths of a degree that positions are rounded to, the finest that fits: 0.2, 0.6, 1.1 m."""

_STRAIGHT_M = 1.5
"""A bend that leaves the straight way by less is left out; of buildings, by a third of it."""

_LEAST_M2 = 8.0
"""Areas smaller than that are none: sheds, flower beds."""

_DEGREE_M = 111_195.0 / DEGREE
"""Metres of a millionth of a degree, north."""

_USES = ("large streets", "small streets", "parks", "named places", "paths", "buildings")
"""What a page holds, the most useful first; rails and waters count as large streets."""
_LINE_USES = {LineKind.MINOR: 1, LineKind.SERVICE: 4, LineKind.PATH: 4}
_AREA_USES = {AreaKind.PARK: 2, AreaKind.SQUARE: 2, AreaKind.BUILDING: 5}
_SPOTS_USE = 3


@dataclass(frozen=True, slots=True)
class PageGround:
    """What lies under the evidence of a page."""

    packed: str
    """Base64 of what `pack_ground` says."""
    credit: str
    left_out: str = ""
    """What of the street map did not fit, in a sentence with a space after it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """What can be drawn. In arrays over all parts lines come first, then rings of areas, then spots."""

    lines: Shapes
    areas: Shapes
    spots: NamedSpots

    def uses(self) -> NDArray[np.int64]:
        """Indexes into _USES, [parts]."""
        lines = [_LINE_USES.get(LineKind(kind), 0) for kind in self.lines.kinds.tolist()]
        areas = [_AREA_USES.get(AreaKind(kind), 0) for kind in self.areas.kinds.tolist()]
        return np.array([*lines, *areas, *[_SPOTS_USE] * len(self.spots)], np.int64)

    def middles(self) -> Floats:
        """A point of each part, [parts, 2] (lat, lon): rings of one area have the same."""
        area = np.unique(self.areas.parts_of, return_index=True, return_inverse=True)
        first = self.areas.starts[:-1][area[1]][area[2]]
        middle = (self.lines.starts[:-1] + self.lines.starts[1:]) // 2
        points = [self.lines.points[middle], self.areas.points[first], self.spots.points]
        return np.concatenate(points) / float(DEGREE)

    def weights(self) -> NDArray[np.int64]:
        """About how many bytes each part takes, [parts]."""
        counts = [np.diff(self.lines.starts), np.diff(self.areas.starts)]
        return np.concatenate([*(6 + 3 * count for count in counts), np.full(len(self.spots), 16)])

    def only(self, kept: NDArray[np.bool_]) -> _Parts:
        """Some of the parts."""
        lines, areas, spots = (
            np.flatnonzero(part) for part in np.split(kept, np.cumsum([len(self.lines), len(self.areas)]))
        )
        return _Parts(
            taken(self.lines, lines),
            taken(self.areas, areas),
            NamedSpots(self.spots.points[spots], self.spots.names[spots], self.spots.sorts[spots]),
        )


def draw_ground(streets: StreetMap, around: Floats, budget: int = BUDGET) -> PageGround:
    """What a page draws of a street map, `budget` characters at most.

    `around` are the positions of street images [N, 2] (lat, lon): what is near them is kept first.
    """
    every = _Parts(_joined(streets.lines), _whole(streets.areas), streets.spots)
    room = budget * 3 // 4
    for unit in UNITS:
        content = pack(streets.names, every.lines, every.areas, every.spots, unit)
        if len(content) <= room:
            return PageGround(base64.b64encode(content).decode(), plain(streets.credit))
    order = _by_use(every, around)
    weights = np.cumsum(every.weights()[order])
    kept = np.ones(len(order), bool)
    share = 1.0
    while len(content) > room and kept.any():
        share *= 0.97 * room / len(content)
        kept[order[weights > share * weights[-1]]] = False
        parts = every.only(kept)
        content = pack(streets.names, parts.lines, parts.areas, parts.spots, UNITS[-1])
    left_out = _left_out(every.uses(), kept, budget)
    return PageGround(base64.b64encode(content).decode(), plain(streets.credit), left_out)


def _by_use(parts: _Parts, around: Floats) -> NDArray[np.intp]:
    """All parts, the most useful first, and of one use the nearest to a street image first."""
    middles = parts.middles()
    spots = around if len(around) else middles.mean(axis=0, keepdims=True)
    from scipy.spatial import cKDTree  # takes longer to load than all else here

    origin = LatLon(*spots.mean(axis=0).tolist())
    far_m, _ = cKDTree(to_local(spots, origin)).query(to_local(middles, origin))
    return np.lexsort((far_m, parts.uses()))


def _left_out(uses: NDArray[np.int64], kept: NDArray[np.bool_], budget: int) -> str:
    gone = [
        f"{percent(1.0 - float(kept[uses == use].mean()))} of the {words}".replace("\u00a0", " ")
        for use, words in enumerate(_USES)
        if not kept[uses == use].all()
    ]
    return (
        f"This page holds {size(budget)} of the street map, no more: "
        f"{', '.join(gone)} are left out, the farthest from street images first. "
    )


def _joined(lines: Shapes) -> Shapes:
    """Pieces of one street as one line, as far as they go on from each other, straightened."""
    if not len(lines):
        return lines
    order = np.lexsort((lines.names, lines.kinds))
    lines = taken(lines, order)
    alike = np.cumsum((np.diff(lines.kinds, prepend=0) != 0) | (np.diff(lines.names, prepend=-1) != 0))
    flat, stretch = _flat(lines.points)
    pieces = shapely.linestrings(flat, indices=np.repeat(np.arange(len(lines)), np.diff(lines.starts)))
    streets = shapely.line_merge(shapely.multilinestrings(np.asarray(pieces), indices=alike - alike[0]))
    joined, street = shapely.get_parts(streets, return_index=True)
    first = np.unique(alike, return_index=True)[1][street]
    straight = shapely.simplify(joined, _STRAIGHT_M / _DEGREE_M, preserve_topology=False)
    return _shapes(
        straight, stretch, lines.kinds[first], lines.names[first], np.arange(len(first), dtype=np.int32)
    )


def _whole(areas: Shapes) -> Shapes:
    """Areas that can be seen, straightened; what is left of a ring has four points or more."""
    if not len(areas):
        return areas
    flat, stretch = _flat(areas.points)
    rings = shapely.linestrings(flat, indices=np.repeat(np.arange(len(areas)), np.diff(areas.starts)))
    buildings = areas.kinds == AreaKind.BUILDING
    bend_m = np.where(buildings, _STRAIGHT_M / 3.0, _STRAIGHT_M)
    straight = shapely.simplify(rings, bend_m / _DEGREE_M, preserve_topology=False)
    seen = np.flatnonzero(shapely.get_num_points(straight) >= 4)
    points, ring = shapely.get_coordinates(straight[seen], return_index=True)
    m2 = shapely.area(shapely.polygons(shapely.linearrings(points, indices=ring))) * _DEGREE_M**2
    seen = seen[m2 >= _LEAST_M2]
    return _shapes(straight[seen], stretch, areas.kinds[seen], areas.names[seen], areas.parts_of[seen])


def _flat(points: Points) -> tuple[Floats, float]:
    """Points [P, 2] (east, north) in millionths of a degree of latitude; and how far east was shrunk."""
    stretch = math.cos(math.radians(float(points[:, 0].mean()) / DEGREE))
    return np.column_stack([points[:, 1] * stretch, points[:, 0]]), stretch


def _shapes(flat: Geometries, stretch: float, kinds: Kinds, names: Points, parts_of: Points) -> Shapes:
    """Shapes out of shapely's lines, whose points are as `_flat` puts them."""
    counts = shapely.get_num_points(flat)
    east, north = shapely.get_coordinates(flat).T
    points = np.rint(np.column_stack([north, east / stretch])).astype(np.int32)
    return Shapes(points, np.concatenate([[0], np.cumsum(counts)]), kinds, names, parts_of)
