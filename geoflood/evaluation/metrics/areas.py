"""Do the search areas hold the true place, and how much has to be searched until it is reached?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Cell, LatLon
from geoflood.core.geo import to_local
from geoflood.evaluation.metrics.streets import Streets
from geoflood.evaluation.results import Floats

__all__ = ["area_holds", "search_effort"]

Keys: TypeAlias = NDArray[np.int64]

AROUND_M = 25.0
"""What is searched around a candidate that no search area reaches: the positive distance."""
_INWARD = 1 - 1e-6
"""A place on the border of a square counts as inside, whatever rounding makes of the border."""


def area_holds(cells: Sequence[Cell], truth: LatLon) -> bool:
    """Whether the true place lies in one of the squares."""
    if not cells:
        return False
    offsets = np.abs(_offsets(cells, truth)).max(axis=1)
    return bool((offsets <= np.array([cell.size_m for cell in cells]) / 2 + 1e-6).any())


def search_effort(
    cells: Sequence[Cell], candidates: Floats, truth: LatLon, streets: Streets
) -> tuple[float, float]:
    """(km², street km) that are searched, likeliest first, until the true place is reached.

    This is the accumulated area of "recall vs area" (Bianco, Eigen, Gormish 2024, arXiv 2407.13862).
    First come the `cells` of an estimate in the order of belief. After them comes what lies within 25 m of
    each of the candidates [k, 2] (lat, lon) in the order of rank. Each square is searched once.
    Infinite when the true place lies in none. All cells must be of one size, on one grid.
    """
    if not cells:
        return np.inf, np.inf
    size = cells[0].size_m
    offsets = _offsets(cells, truth)
    nearest = offsets[np.abs(offsets).max(axis=1).argmin()]  # the grid is true to scale near the true place
    around = _around(_squares(to_local(candidates, truth), nearest, size), size)
    order = _without_repetition(np.concatenate([_keys(_squares(offsets, nearest, size)), around]))
    home = _squares(np.zeros((1, 2)), nearest * _INWARD, size)
    reached = np.flatnonzero(order == _keys(home))
    if not len(reached):
        return np.inf, np.inf
    searched = order[: reached[0] + 1]
    inside = np.isin(_keys(_squares(to_local(streets.middles, truth), nearest, size)), searched)
    return len(searched) * size**2 / 1e6, float(streets.lengths_m[inside].sum()) / 1e3


def _offsets(cells: Sequence[Cell], truth: LatLon) -> Floats:
    """[N, 2] metres east and north from the true place to each cell's centre."""
    return to_local([(cell.centre.lat, cell.centre.lon) for cell in cells], truth)


def _squares(metres: Floats, centre: Floats, size: float) -> Keys:
    """[N, 2] column and row of the squares that hold metres [N, 2], counted from the one at `centre` [2]."""
    return np.rint((metres - centre) / size).astype(np.int64)


def _keys(squares: Keys) -> Keys:
    """One number [...] for each square [..., 2]."""
    return np.asarray((squares[..., 0] << 32) + squares[..., 1])


def _around(squares: Keys, size: float) -> Keys:
    """Keys of the squares around each of [N, 2], in their order."""
    reach = int(np.ceil(AROUND_M / size))
    steps = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 2, indexing="ij"), axis=2).reshape(-1, 2)
    near = steps[np.hypot(*steps.T) * size <= AROUND_M + size / 2]
    return _keys(squares[:, None] + near[None]).ravel()


def _without_repetition(keys: Keys) -> Keys:
    """Each key once, where it first comes."""
    return np.asarray(keys[np.sort(np.unique(keys, return_index=True)[1])])
