"""The Earth in cells of equal area, some 25 km a side, and what is believed of them.

Rows are rings of latitude of one height; each is cut into as many cells as make the area equal. A cell's
number counts along its row from 180 W, rows from the south pole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoflood.core.geo import EARTH_RADIUS_M

__all__ = ["CELL_KM", "WorldAnswer", "WorldBelief", "cell_bounds", "cell_centres", "cell_km2", "cells_of"]

Floats: TypeAlias = NDArray[np.float64]
CellNumbers: TypeAlias = NDArray[np.int64]

CELL_KM = 25.0
_RADIUS_KM = EARTH_RADIUS_M / 1000.0
_ROWS = round(math.pi * _RADIUS_KM / CELL_KM)
_EDGES = np.linspace(-90.0, 90.0, _ROWS + 1)
_RING_KM2 = 2.0 * math.pi * _RADIUS_KM**2 * np.diff(np.sin(np.radians(_EDGES)))
_COLUMNS = np.maximum(np.rint(_RING_KM2 / CELL_KM**2), 1).astype(np.int64)
_FIRST = np.concatenate([[0], np.cumsum(_COLUMNS)])


@dataclass(frozen=True, slots=True, eq=False)
class WorldBelief:
    """Cells with their probabilities, the likeliest first: what is to be searched, in its order."""

    cells: CellNumbers
    """[n] numbers."""
    probabilities: Floats
    """[n]; their sum is 1."""
    spots: Floats
    """[n, 2] (lat, lon): of the places in each cell the one that fits best."""

    def within(self, share: float) -> WorldBelief:
        """The fewest likeliest cells that hold `share` of the belief."""
        enough = int(np.searchsorted(np.cumsum(self.probabilities), share - 1e-9)) + 1
        return self.first(enough)

    def first(self, count: int) -> WorldBelief:
        """The likeliest cells, `count` at most."""
        return WorldBelief(self.cells[:count], self.probabilities[:count], self.spots[:count])

    @property
    def km2(self) -> float:
        """Area of all its cells."""
        return float(cell_km2(self.cells).sum())

    def shares(self, names: Sequence[str]) -> list[tuple[str, float]]:
        """(name, its share of the belief), largest first; `names` has one for each cell."""
        sums: dict[str, float] = {}
        for name, probability in zip(names, self.probabilities.tolist(), strict=True):
            sums[name] = sums.get(name, 0.0) + probability
        return sorted(sums.items(), key=lambda one: -one[1])


@dataclass(frozen=True, slots=True, eq=False)
class WorldAnswer:
    """What is known of a photo: a belief over the Earth, or why there is none."""

    path: Path
    belief: WorldBelief | None
    reason: str = ""
    """Why there is no belief."""
    countries: tuple[str, ...] = ()
    """Of each cell of the belief; "" on the sea."""
    city: str = ""
    """The index that has images in the likeliest cell, by the name of its folder."""


def cells_of(positions: ArrayLike) -> CellNumbers:
    """Numbers of the cells that hold positions [N, 2] (lat, lon), degrees."""
    degrees = np.asarray(positions, float).reshape(-1, 2)
    row = np.clip(np.floor((degrees[:, 0] + 90.0) / 180.0 * _ROWS).astype(np.int64), 0, _ROWS - 1)
    around = (degrees[:, 1] + 180.0) % 360.0 / 360.0
    column = np.minimum((around * _COLUMNS[row]).astype(np.int64), _COLUMNS[row] - 1)
    return _FIRST[row] + column


def cell_bounds(cells: CellNumbers) -> Floats:
    """[n, 4] (south, west, north, east), degrees; no cell crosses the antimeridian."""
    row, column = _row_and_column(cells)
    step = 360.0 / _COLUMNS[row]
    west = -180.0 + column * step
    return np.column_stack([_EDGES[row], west, _EDGES[row + 1], west + step])


def cell_centres(cells: CellNumbers) -> Floats:
    """[n, 2] (lat, lon), degrees."""
    south, west, north, east = cell_bounds(cells).T
    return np.column_stack([(south + north) / 2.0, (west + east) / 2.0])


def cell_km2(cells: CellNumbers) -> Floats:
    """[n] areas, all within 1 % of each other between 85 S and 85 N."""
    row, _ = _row_and_column(cells)
    return np.asarray(_RING_KM2[row] / _COLUMNS[row])


def _row_and_column(cells: CellNumbers) -> tuple[CellNumbers, CellNumbers]:
    row = np.searchsorted(_FIRST, cells, side="right") - 1
    return row, cells - _FIRST[row]
