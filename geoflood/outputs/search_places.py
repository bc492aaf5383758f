"""The search area as places to check, and the box a map shows around them; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geoflood.core.datatypes import Estimate, LatLon
from geoflood.core.geo import bounds_of, distance_m, from_local

__all__ = ["PLACE_M", "AreaPlace", "frame", "places"]

PLACE_M = 100.0
"""Cells this close to a place belong to it: what one crew sees without moving on."""

_WORTH = 0.03
"""Share of the search area's belief below which a spot is no place to send anyone to."""


@dataclass(frozen=True)
class AreaPlace:
    """A spot to check, and the share of the whole belief that the photo was taken around it."""

    position: LatLon
    share: float


def places(estimate: Estimate) -> list[AreaPlace]:
    """The search area as places to check, the estimate's first, then by their share of the belief.

    A cell belongs to the first place within PLACE_M; the strongest cell that has none opens a new one.
    Spots that hold next to nothing are left out.
    """
    spots: list[LatLon] = [estimate.position]
    shares = [0.0]
    for cell in estimate.search_area:
        metres = distance_m([(spot.lat, spot.lon) for spot in spots], (cell.centre.lat, cell.centre.lon))
        near = np.flatnonzero(metres <= PLACE_M)
        if not len(near):
            spots.append(cell.centre)
            shares.append(0.0)
        shares[near[0] if len(near) else -1] += cell.probability * (1.0 - estimate.not_in_index)
    rest = sorted(map(AreaPlace, spots[1:], shares[1:]), key=lambda place: -place.share)
    worth = _WORTH * (1.0 - estimate.not_in_index)
    return [AreaPlace(spots[0], shares[0]), *(place for place in rest if place.share >= worth)]


def frame(spots: Sequence[LatLon], margin_m: float) -> list[list[float]]:
    """[[south, west], [north, east]] around the spots with a margin."""
    box = bounds_of(spots)
    low, high = LatLon(box.south, box.west), LatLon(box.north, box.east)
    corners = from_local([(-margin_m, -margin_m)], low), from_local([(margin_m, margin_m)], high)
    return [corner[0].tolist() for corner in corners]
