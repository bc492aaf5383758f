"""What GeoCLIP believes of a photo: which of several cities, and which cells of the Earth. Pure.

Logits are cosines of a photo's vector and those of places, times a learned scale (arXiv 2309.16020).
Many places stand for a city, so they are averaged as probabilities: else a larger city would be likelier.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import LatLon, Vectors
from geoflood.core.geo import EARTH_RADIUS_M, to_local
from geoflood.core.world_cells import WorldBelief, cells_of

__all__ = [
    "CITY_PLACES",
    "MOST",
    "WEIGHT",
    "city_places",
    "cosines",
    "elsewhere",
    "world_belief",
    "world_log_odds",
]

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.floating[Any]]

WEIGHT = 0.3
"""Of GeoCLIP's log-odds beside the search's. A proposal: it was not measured on photos."""
MOST = 4.0
"""Log-odds beyond which GeoCLIP is not followed, before the weight."""
EVERY_M = 2000.0
CITY_PLACES = 64
"""Places that stand for a city: one every 2 km, so many at most. Between neighbours cosines are 0.9."""
APART_KM = 50.0
"""From any city, for a place to count as elsewhere."""
_BLOCK = 16_384
"""Rows of float16 that are multiplied at once."""


def city_places(positions: Floats) -> Floats:
    """Places [n, 2] that stand for a city of images at `positions` [N, 2] (lat, lon), degrees; 64 at most."""
    if not len(positions):
        return np.empty((0, 2))
    metres = to_local(positions, LatLon(*np.asarray(positions[0], float).tolist()))
    step_m = EVERY_M
    while True:
        first = np.unique(np.floor(metres / step_m), axis=0, return_index=True)[1]
        if len(first) <= CITY_PLACES:
            return np.asarray(positions, float)[np.sort(first)]
        step_m *= 1.25


def elsewhere(gallery: Floats, cities: Floats) -> NDArray[np.intp]:
    """Rows of a gallery [N, 2] that stand for other places: one a cell, none near a city's places [n, 2]."""
    first = np.sort(np.unique(cells_of(gallery), return_index=True)[1])
    if not len(cities):
        return first
    from scipy.spatial import cKDTree  # takes longer to load than all else here

    chord = 2.0 * np.sin(APART_KM * 1000.0 / EARTH_RADIUS_M / 2.0)
    away, _ = cKDTree(_on_sphere(cities)).query(_on_sphere(gallery[first]), distance_upper_bound=chord)
    return np.asarray(first[np.isinf(away)])


def _on_sphere(positions: Floats) -> Floats:
    """Unit vectors [N, 3] of positions [N, 2] (lat, lon), degrees."""
    lat, lon = np.radians(positions).T
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def world_log_odds(
    photo: Vectors,
    cities: Sequence[Rows],
    others: Rows,
    scale: float,
    weight: float = WEIGHT,
    most: float = MOST,
) -> Floats:
    """What to add to the log-odds of each city, [C]; 0 for a city without places.

    photo: [D], unit. cities: for each the unit rows [n, D] of its places. others: those of all other places.
    """
    none = _mean_logit(photo, others, scale)
    fits = np.array([_mean_logit(photo, city, scale) if len(city) else none for city in cities])
    return weight * np.clip(fits - none, -most, most)


def _mean_logit(photo: Vectors, rows: Rows, scale: float) -> float:
    """log mean exp of the logits."""
    logits = scale * cosines(photo, rows)
    top = float(logits.max())
    return top + float(np.log(np.exp(logits - top).mean()))


def cosines(photo: Vectors, rows: Rows) -> Floats:
    """Inner products [N] of a unit vector [D] and unit rows [N, D], which may be float16 on disk."""
    products = np.empty(len(rows))
    for start in range(0, len(rows), _BLOCK):
        products[start : start + _BLOCK] = rows[start : start + _BLOCK].astype(np.float32) @ photo
    return products


def world_belief(fits: Floats, places: Floats, scale: float) -> WorldBelief:
    """The belief over cells, given the cosines [N] of a photo and places [N, 2] (lat, lon), degrees.

    A cell counts by the mean over its places, not by their number: a gallery has more where more people took
    photos, and floods come elsewhere. Raises ValueError where a cosine is not a number.
    """
    if not np.isfinite(fits).all():
        raise ValueError("a cosine is not a number")
    cells, of_place = np.unique(cells_of(places), return_inverse=True)
    weights = np.exp(scale * (fits - fits.max()))
    means = np.bincount(of_place, weights) / np.bincount(of_place)
    order = np.lexsort((cells, -means))
    by_fit = np.lexsort((-fits, of_place))
    best = by_fit[np.searchsorted(of_place[by_fit], np.arange(len(cells)))]
    return WorldBelief(cells[order], means[order] / means.sum(), np.asarray(places, float)[best[order]])
