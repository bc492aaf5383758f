"""The search area as places to check, and the box a map shows around them; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from geoflood.core.datatypes import Estimate, LatLon
from geoflood.core.geo import bounds_of, from_local, to_local
from geoflood.outputs.shapes import Floats

__all__ = ["PLACE_M", "AreaPlace", "belief_around", "frame", "places"]

PLACE_M = 100.0
"""Cells this close to a place belong to it: what one crew sees without moving on."""

_LEAST_SHARE = 0.03
"""Share of the search area's belief below which a place is not worth sending anyone to."""


@dataclass(frozen=True)
class AreaPlace:
    """A spot to check, and the share of the whole belief that the photo was taken around it."""

    position: LatLon
    share: float


def places(estimate: Estimate) -> list[AreaPlace]:
    """The search area as places to check, the estimate's first, then by their share of the belief.

    The strongest cell that lies within PLACE_M of no place opens a new one. Places that hold next to
    nothing are left out.
    """
    spots = _spots(estimate)
    shares = belief_around(estimate, spots, PLACE_M).tolist()
    first, *others = map(AreaPlace, spots, shares)
    least = _LEAST_SHARE * (1.0 - estimate.not_in_index)
    others.sort(key=lambda place: -place.share)
    return [first, *(place for place in others if place.share >= least)]


def _spots(estimate: Estimate) -> list[LatLon]:
    """The estimate's position and the strongest cells, farther than PLACE_M from each other."""
    centres = estimate.cells(1.0).centres
    metres = to_local(centres, estimate.position)
    spots = [estimate.position]
    free = np.hypot(*metres.T) > PLACE_M
    while free.any():
        strongest = int(free.argmax())
        lat, lon = centres[strongest].tolist()
        spots.append(LatLon(lat, lon))
        free &= np.hypot(*(metres - metres[strongest]).T) > PLACE_M
    return spots


def belief_around(estimate: Estimate, spots: Sequence[LatLon], within_m: float) -> Floats:
    """Shares [n] of the whole belief around each of the spots: a cell counts for the nearest one."""
    cells = estimate.cells(1.0)
    tree = cKDTree(to_local([(spot.lat, spot.lon) for spot in spots], estimate.position))
    metres = to_local(cells.centres, estimate.position)
    _, nearest = tree.query(metres, distance_upper_bound=within_m)  # len(spots) where none is within reach
    held = np.bincount(nearest, cells.probabilities, len(spots) + 1)[: len(spots)]
    return np.asarray(held * (1.0 - estimate.not_in_index))


def frame(spots: Sequence[LatLon], margin_m: float) -> list[list[float]]:
    """[[south, west], [north, east]] around the spots with a margin."""
    box = bounds_of(spots)
    low, high = LatLon(box.south, box.west), LatLon(box.north, box.east)
    corners = from_local([(-margin_m, -margin_m)], low), from_local([(margin_m, margin_m)], high)
    return [corner[0].tolist() for corner in corners]
