"""Which images of a census to fetch when not all of them can be: metadata in, an order out; pure.

What decides whether a photo is found is that some reference nearby looks its way. So images are spread over
places and directions as evenly as can be: first so that all are far apart, then ever denser, until there are
as many as wanted. A panorama looks in all directions, a photo in one. Of images that would do alike,
panoramas come first, then those from a vehicle, then newer ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import LatLon
from geoflood.core.geo import to_local
from geoflood.imagery.census_columns import CensusColumns

__all__ = [
    "ALL_ROUND",
    "CELL_M",
    "SECTORS",
    "UNKNOWN",
    "choose",
    "layers_of",
    "metres_of",
    "origin_of",
    "squares_of",
]

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Layers: TypeAlias = NDArray[np.int8]

CELL_M = 5.0
"""Side of a place cell: images of one drive in one cell and direction are as good as one."""

SECTORS = 8
"""Directions that are told apart, each 45 degrees wide."""

ALL_ROUND, UNKNOWN = SECTORS, SECTORS + 1
"""Layers of panoramas, and of photos whose heading nobody knows."""

_WIDEST_M = 512.0
_STEP = 1.2
"""Each round wants images to be closer by this factor: small enough that the last round, which is broken off
when there are enough, leaves no part of the city behind."""

_DAY_S = 86_400


def choose(columns: CensusColumns, most: int | None = None, already: Sequence[int] | Ints = ()) -> Ints:
    """At most `most` of N images, best first, as places in the columns [N].

    `already` are images that were chosen before: they count towards `most`, and are not among what is
    returned. Frames of one drive that show the same from the same place (a parked car, somebody walking) are
    chosen once. The same columns always give the same choice, and a larger `most` goes on where a smaller one
    ended.
    """
    before = np.asarray(already, np.int64)
    wanted = (len(columns) if most is None else most) - len(before)
    if wanted <= 0 or not len(columns):
        return np.empty(0, np.int64)
    metres, layers = metres_of(columns), layers_of(columns)
    squares = squares_of(metres, CELL_M)
    order = _by_preference(columns)
    kept = order[_first_of_each(squares[order], layers[order], columns.sequences[order])]
    kept = kept[~np.isin(kept, before)]
    first = kept[_first_of_each(squares[kept], layers[kept])]
    offered = np.concatenate([before, first])
    spread = _Spread(metres[offered].astype(np.float32), layers[offered])
    del metres, order, offered  # a million images are a lot of places
    picks = spread.pick(len(before), wanted) - len(before)
    chosen = first[picks]
    if len(chosen) == wanted:
        return chosen
    rest = _other_days(kept, chosen, squares, layers, columns.taken_s // _DAY_S)
    return np.concatenate([chosen, rest])[:wanted]


def metres_of(columns: CensusColumns) -> Floats:
    """[N, 2] metres (east, north) of the images around `origin_of` them."""
    return to_local(np.column_stack([columns.lats, columns.lons]), origin_of(columns))


def origin_of(columns: CensusColumns) -> LatLon:
    """A place in the middle of the images."""
    return LatLon(float(np.median(columns.lats)), float(columns.lons[0]))


def layers_of(columns: CensusColumns) -> Layers:
    """[N] which way each image looks: a sector, all round, or unknown."""
    known = np.nan_to_num(columns.headings, nan=0.0)
    sectors: Layers = np.rint(known * (SECTORS / 360.0)).astype(np.int8) % np.int8(SECTORS)
    sectors[np.isnan(columns.headings)] = UNKNOWN
    sectors[columns.panoramas] = ALL_ROUND
    return sectors


def squares_of(metres: NDArray[np.floating[Any]], size_m: float) -> Ints:
    """[N] a number for the square of a grid that each position [N, 2] lies in."""
    columns, rows = np.floor(metres / size_m).astype(np.int64).T
    numbers: Ints = (rows - rows.min()) * (np.ptp(columns) + 1) + columns - columns.min()
    return numbers


def _by_preference(columns: CensusColumns) -> Ints:
    """[N] places in the columns, the best image first.

    Within a year all are as good as each other, and come in an order that has nothing to do with the map.
    """
    years = columns.taken_s // (365 * _DAY_S)
    scattered = (np.arange(len(columns), dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)
    return np.lexsort([scattered, -years, columns.on_foot, ~columns.panoramas])


def _first_of_each(*keys: NDArray[np.integer[Any]]) -> Ints:
    """Places of the first row of each combination of keys, in the order of the rows."""
    order = np.lexsort([np.arange(len(keys[0])), *keys])
    changed = np.zeros(len(order), bool)
    changed[:1] = True
    for key in keys:
        changed[1:] |= np.diff(key[order]) != 0
    return np.sort(order[changed])


def _times_before(*keys: NDArray[np.integer[Any]]) -> Ints:
    """[N] how many earlier rows have the same combination of keys."""
    order = np.lexsort([np.arange(len(keys[0])), *keys])
    changed = np.zeros(len(order), bool)
    for key in keys:
        changed[1:] |= np.diff(key[order]) != 0
    starts = np.maximum.accumulate(np.where(changed, np.arange(len(order)), 0))
    times = np.empty(len(order), np.int64)
    times[order] = np.arange(len(order)) - starts
    return times


def _other_days(kept: Ints, chosen: Ints, squares: Ints, layers: Layers, days: Ints) -> Ints:
    """What is left of `kept` once every place and direction has an image: other days first, turn by turn."""
    ordered = np.concatenate([chosen, kept[~np.isin(kept, chosen)]])
    again = _times_before(squares[ordered], layers[ordered])
    same_day = _times_before(squares[ordered], layers[ordered], days[ordered]) > 0
    rank = np.lexsort([np.arange(len(ordered)), again, same_day])
    return ordered[rank[rank >= len(chosen)]]


class _Spread:
    """Points on the ground in layers, picked so that those of a layer stay far apart."""

    def __init__(self, metres: NDArray[np.float32], layers: Layers) -> None:
        self._metres, self._layers = metres, layers
        self._near_m2 = np.full(len(metres), np.inf, np.float32)
        """[n] how near the next picked point that looks the same way is, squared."""

    def pick(self, before: int, wanted: int) -> Ints:
        """At most `wanted` points, best first; the first `before` points are picked already."""
        picked = np.zeros(len(self._metres), bool)
        picked[:before] = True
        order: list[int] = []
        new = range(before)
        distance_m = min(_WIDEST_M, self._usual_distance_m(before)) if before else _WIDEST_M
        while len(order) < wanted and not picked.all():
            last = distance_m < CELL_M
            around = _Neighbourhood(self._metres, self._layers, self._near_m2, max(distance_m, CELL_M))
            for point in new:
                around.touch(point)
            new = range(0)
            free = ~picked if last else ~picked & (self._near_m2 > distance_m**2)
            for point in np.flatnonzero(free).tolist():
                if last or around.near_m2(point) > distance_m**2:
                    picked[point] = True
                    order.append(point)
                    if len(order) == wanted:
                        break
                    around.touch(point)
            self._near_m2 = around.all_near_m2()
            distance_m /= _STEP
        return np.array(order, np.int64)

    def _usual_distance_m(self, picked: int) -> float:
        """About how far apart so many points lie: wider rounds would find nothing to pick."""
        squares = len(np.unique(squares_of(self._metres, 50.0)))
        return 4.0 * math.sqrt(squares * 50.0**2 / picked)


class _Neighbourhood:
    """Points sorted by the squares of a grid, so that three squares beside each other are one slice."""

    def __init__(
        self, metres: NDArray[np.float32], layers: Layers, near_m2: NDArray[np.float32], size_m: float
    ) -> None:
        columns, rows = np.floor(metres / size_m).astype(np.int64).T
        columns, rows = columns - columns.min() + 1, rows - rows.min() + 1
        self._width = int(columns.max()) + 2
        squares = rows * self._width + columns
        self._order = np.argsort(squares, kind="stable")
        self._places = np.empty(len(squares), np.int64)
        self._places[self._order] = np.arange(len(squares))
        self._squares = squares[self._order]
        self._east, self._north = metres[self._order].T.copy()
        self._layers, self._near_m2 = layers[self._order], near_m2[self._order]

    def near_m2(self, point: int) -> float:
        """How near the next picked point is, squared."""
        return float(self._near_m2[self._places[point]])

    def all_near_m2(self) -> NDArray[np.float32]:
        """[n] the same of all points, in their own order."""
        return self._near_m2[self._places]

    def touch(self, point: int) -> None:
        """Tell the points in the nine squares around a point that it is picked."""
        at = self._places[point]
        east, north, layer = self._east[at], self._north[at], self._layers[at]
        middle = int(self._squares[at])
        rows = (middle - self._width, middle, middle + self._width)
        ends = np.searchsorted(self._squares, [edge for row in rows for edge in (row - 1, row + 2)])
        for start, end in ends.reshape(3, 2).tolist():
            part = slice(start, end)
            away_m2 = (self._east[part] - east) ** 2 + (self._north[part] - north) ** 2
            if layer != ALL_ROUND:
                away_m2[self._layers[part] != layer] = np.inf
            np.minimum(self._near_m2[part], away_m2, out=self._near_m2[part])
