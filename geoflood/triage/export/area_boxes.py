"""A search area in few boxes: what a page of thousands of photos can carry of each; pure.

An area has thousands of cells and may lie in pieces. Its boxes hold every cell, so what they show is never
too small; where many pieces would take more boxes than there may be, near ones are drawn as one.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Cells, LatLon
from geoflood.core.geo import from_local, to_local
from geoflood.outputs.shapes import Floats

__all__ = ["area_boxes"]

Numbers: TypeAlias = NDArray[np.intp]


def area_boxes(cells: Cells, around: LatLon, most: int) -> Floats:
    """At most so many (south, west, north, east), degrees from `around`, that hold all cells: [n, 4]."""
    if not len(cells):
        return np.empty((0, 4))
    spots = to_local(cells.centres, around)
    step_m = cells.size_m
    while len((runs := _runs(spots - spots[0], step_m))[1]) > most:
        step_m *= 2.0
    order, begins = runs
    half = cells.size_m / 2.0
    low = np.minimum.reduceat(spots[order], begins) - half
    high = np.maximum.reduceat(spots[order], begins) + half
    corners = [from_local(side, around) - (around.lat, around.lon) for side in (low, high)]
    for side in corners:  # across the antimeridian a box goes on beyond 180 degrees
        side[:, 1] = (side[:, 1] + 180.0) % 360.0 - 180.0
    return np.hstack(corners)


def _runs(spots: Floats, step_m: float) -> tuple[Numbers, Numbers]:
    """Runs of spots [n, 2] (metres) side by side in a row of a grid: their order, and where each begins."""
    squares = np.floor(spots[:, ::-1] / step_m + 0.5).astype(int)
    order = np.lexsort((squares[:, 1], squares[:, 0]))
    steps = np.diff(squares[order], axis=0)
    begins = np.flatnonzero((steps[:, 0] != 0) | (steps[:, 1] > 1)) + 1
    return order, np.concatenate([[0], begins])
