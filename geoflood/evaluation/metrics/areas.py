"""Do the search areas hold the truth, and how much has to be searched until it is found?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Cell, LatLon
from geoflood.core.geo import to_local
from geoflood.evaluation.metrics.streets import Streets
from geoflood.evaluation.results import Floats

__all__ = ["holds", "searched"]

Keys: TypeAlias = NDArray[np.int64]

AROUND_M = 25.0
"""What is searched around a candidate that no search area reaches: the positive distance."""
_INWARD = 1 - 1e-6
"""Who stands on the border of a square stands in it, whatever rounding makes of the border."""


def holds(cells: Sequence[Cell], truth: LatLon) -> bool:
    """Whether the truth lies in one of the squares."""
    if not cells:
        return False
    away = np.abs(to_local([(cell.centre.lat, cell.centre.lon) for cell in cells], truth)).max(axis=1)
    return bool((away <= np.array([cell.size_m for cell in cells]) / 2 + 1e-6).any())


def searched(
    cells: Sequence[Cell], candidates: Floats, truth: LatLon, streets: Streets
) -> tuple[float, float]:
    """(km², street km) that are searched, likeliest first, until the truth is reached.

    The accumulated area of "recall vs area", RvA (Bianco, Eigen, Gormish 2024, arXiv 2407.13862): regions in
    the order of belief, here the `cells` of an estimate, and after them what lies within 25 m of each
    candidate [k, 2] (lat, lon) in the order of rank. Each square is searched, and counted, once. Infinite
    when the truth lies in none of them. All cells must be of one size, on one grid.
    """
    if not cells:
        return np.inf, np.inf
    size = cells[0].size_m
    offsets = to_local([(cell.centre.lat, cell.centre.lon) for cell in cells], truth)
    nearest = offsets[np.abs(offsets).max(axis=1).argmin()]  # near the truth nothing is distorted
    around = _around(_squares(to_local(candidates, truth), nearest, size), size)
    order = _first(np.concatenate([_keys(_squares(offsets, nearest, size)), around]))
    home = _squares(np.zeros((1, 2)), nearest * _INWARD, size)
    goal = np.flatnonzero(order == _keys(home))
    if not len(goal):
        return np.inf, np.inf
    done = order[: goal[0] + 1]
    inside = np.isin(_keys(_squares(to_local(streets.middles, truth), nearest, size)), done)
    return len(done) * size**2 / 1e6, float(streets.lengths_m[inside].sum()) / 1e3


def _squares(metres: Floats, centre: Floats, size: float) -> Keys:
    """[N, 2] the squares that metres [N, 2] lie in, counted off the one around `centre` [2]."""
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


def _first(keys: Keys) -> Keys:
    """The keys without repetition, in the order in which each first comes."""
    return np.asarray(keys[np.sort(np.unique(keys, return_index=True)[1])])
