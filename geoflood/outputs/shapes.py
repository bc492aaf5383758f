"""Shapes of what is drawn: search areas out of cells, view cones, thinned coverage; pure.

*Convention*: a ring is an array [N, 2] of (lat, lon) whose last row repeats the first; a polygon is a tuple
of rings, the outer one first and counterclockwise, its holes clockwise (RFC 7946's right-hand rule).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Cell, LatLon
from geoflood.core.geo import from_local, offset, to_local

__all__ = ["CONE_M", "Floats", "Polygon", "cone", "outline", "thinned"]

Floats: TypeAlias = NDArray[np.float64]
Polygon: TypeAlias = tuple[Floats, ...]
Corner: TypeAlias = tuple[int, int]

CONE_M = 40.0
"""Length of a view cone: about as far as a street photo tells one house from the next."""

_STEPS: tuple[Corner, ...] = ((0, -1), (1, 0), (0, 1), (-1, 0))
"""To the neighbours below, right, above, left: in the order of a square's edges."""


def outline(cells: Sequence[Cell]) -> list[Polygon]:
    """The cells merged into polygons, one for each group of cells that share edges.

    Cells need not lie on one common grid: neighbours are found by their distance. Where the cells span
    the antimeridian, each cell belongs to the side of its centre, so that no polygon crosses it.
    """
    sides: dict[tuple[float, bool], list[Cell]] = defaultdict(list)
    lons = [cell.centre.lon for cell in cells]
    crosses = bool(lons) and max(lons) - min(lons) > 180.0
    for cell in cells:
        sides[cell.size_m, crosses and cell.centre.lon < 0].append(cell)
    return [polygon for (size_m, _), side in sides.items() for polygon in _merged(side, size_m)]


def _merged(cells: Sequence[Cell], size_m: float) -> Iterator[Polygon]:
    origin = cells[0].centre
    spots = to_local([(cell.centre.lat, cell.centre.lon) for cell in cells], origin) / size_m
    for squares, anchor in _groups(spots):
        rings = []
        for loop in _loops(squares):
            degrees = from_local((np.array(loop) - 0.5 + anchor) * size_m, origin)
            wrapped = np.abs(degrees[:, 1] - origin.lon) > 180.0
            degrees[wrapped, 1] = math.copysign(180.0, origin.lon)
            rings.append(degrees)
        yield tuple(sorted(rings, key=_signed_area, reverse=True))


def _groups(spots: Floats) -> Iterator[tuple[set[Corner], Floats]]:
    """Groups of spots [N, 2] (in cells) joined by edges: whole steps from a first spot, and that spot.

    A walk from neighbour to neighbour, because a grid laid out in degrees drifts against local metres: not
    over one step, but over the thousands between two ends of a city.
    """
    near: dict[Corner, list[int]] = defaultdict(list)
    for index, (x, y) in enumerate(spots):
        near[round(x), round(y)].append(index)
    waiting = dict.fromkeys(range(len(spots)))
    while waiting:
        first = next(iter(waiting))
        del waiting[first]
        placed: dict[int, Corner] = {first: (0, 0)}
        queue = [first]
        for index in queue:  # grows while it is walked
            for step in _STEPS:
                other = _at(spots, spots[index] + step, near)
                if other in waiting:
                    del waiting[other]
                    placed[other] = (placed[index][0] + step[0], placed[index][1] + step[1])
                    queue.append(other)
        yield set(placed.values()), spots[first]


def _at(spots: Floats, target: Floats, near: dict[Corner, list[int]]) -> int | None:
    """The spot that lies at `target`, give or take a quarter of a cell."""
    x, y = round(target[0]), round(target[1])
    for bucket in ((x + dx, y + dy) for dx in (0, -1, 1) for dy in (0, -1, 1)):
        for index in near.get(bucket, ()):
            if np.abs(spots[index] - target).max() < 0.25:
                return index
    return None


def _loops(squares: set[Corner]) -> Iterator[list[Corner]]:
    """Closed loops of corners round joined squares, insides on the left, none touching itself."""
    after: dict[Corner, list[Corner]] = defaultdict(list)
    for x, y in squares:
        corners = ((x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1), (x, y))
        for start, end, (dx, dy) in zip(corners, corners[1:], _STEPS, strict=False):
            if (x + dx, y + dy) not in squares:
                after[start].append(end)
    while after:
        path = [next(iter(after))]
        while path[-1] in after:
            here = path[-1]
            there = after[here].pop()
            if not after[here]:
                del after[here]
            if there in path:  # back at a corner: what lies between is a loop, whatever comes after
                start_at = path.index(there)
                yield _straightened(path[start_at:])
                del path[start_at + 1 :]
            else:
                path.append(there)


def _straightened(loop: list[Corner]) -> list[Corner]:
    """The loop with its turning points alone, closed."""
    turns = [
        here
        for before, here, then in zip([loop[-1], *loop], loop, [*loop[1:], loop[0]], strict=False)
        if (before[0] == here[0]) != (here[0] == then[0])
    ]
    return [*turns, turns[0]]


def _signed_area(ring: Floats) -> float:
    """Square degrees, positive for a counterclockwise ring; taken from its first corner for precision."""
    lat, lon = (ring - ring[0]).T
    return float(np.sum(lon[:-1] * lat[1:] - lon[1:] * lat[:-1]) / 2.0)


def cone(
    position: LatLon, heading_deg: float, fov_deg: float | None, length_m: float = CONE_M
) -> list[LatLon]:
    """What a camera sees: its position, then an arc. Without a field of view, the line along its heading."""
    if fov_deg is None:
        return [position, offset(position, heading_deg, length_m)]
    turns = np.linspace(-fov_deg / 2.0, fov_deg / 2.0, max(2, math.ceil(fov_deg / 10.0) + 1))
    return [position, *(offset(position, heading_deg + turn, length_m) for turn in turns)]


def thinned(
    positions: Floats, around: Sequence[LatLon] = (), most: int = 6000, near_m: float = 400.0
) -> Floats:
    """Some of `positions` [N, 2] (lat, lon), one for each square of a grid: about `most`, evenly spread.

    Within `near_m` of a place in `around` the grid is 5 m, because there the map is looked at closely.
    """
    if not len(positions):
        return positions
    origin = LatLon(*map(float, positions[0]))
    metres = to_local(positions, origin)
    close = np.zeros(len(metres), bool)
    for place in around:
        close |= np.hypot(*(metres - to_local([(place.lat, place.lon)], origin)).T) < near_m
    step_m = 5.0
    while True:
        squares = np.floor(metres / np.where(close, 5.0, step_m)[:, None])
        first = np.unique(np.column_stack([squares, close]), axis=0, return_index=True)[1]
        if np.count_nonzero(~close[first]) <= most:
            return positions[np.sort(first)]
        step_m *= 1.5
