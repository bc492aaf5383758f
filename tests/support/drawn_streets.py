"""Street maps drawn by hand, in metres around a spot of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from geoflood.core.datatypes import Cells, Estimate, LatLon
from geoflood.core.geo import from_local
from geoflood.places.street_map import AreaKind, LineKind, StreetMap
from tests.support.street_maps import ORIGIN, street_map

Metres: TypeAlias = tuple[float, float]
Forms: TypeAlias = str | Mapping[str, str]
Line: TypeAlias = tuple[Forms, Sequence[Metres]] | tuple[Forms, Sequence[Metres], LineKind]


def at(east: float, north: float, origin: LatLon = ORIGIN) -> LatLon:
    """The position so many metres from the origin."""
    lat, lon = from_local([(east, north)], origin)[0].tolist()
    return LatLon(lat, lon)


def positions(*spots: Metres, origin: LatLon = ORIGIN) -> np.ndarray:
    """[N, 2] (lat, lon) of spots in metres."""
    return from_local(spots, origin)


def drawn(
    *lines: Line,
    spots: Sequence[tuple[str, Metres, str]] = (),
    doors: Sequence[tuple[str, Metres, str]] = (),
    squares: Sequence[tuple[str, Sequence[Metres]]] = (),
    origin: LatLon = ORIGIN,
) -> StreetMap:
    """A map of lines (name, points, kind: MINOR), spots (name, spot, sort), doors (street, spot, number)."""
    streets = [
        (forms if isinstance(forms, str) else tuple(forms.items()), *(kind or (LineKind.MINOR,)), points)
        for forms, points, *kind in lines
    ]
    return street_map(
        streets,
        [(name, AreaKind.SQUARE, [ring]) for name, ring in squares],
        [(name, sort, spot) for name, spot, sort in spots],
        [(street, number, spot) for street, spot, number in doors],
        origin,
    )


def belief(*blobs: tuple[float, float, float, float], size_m: float = 8.0) -> Estimate:
    """An estimate of blobs (east, north, their spread in metres, share); its position is the first's."""
    centres, shares = [], []
    for east, north, spread, share in blobs:
        steps = np.arange(-3 * spread, 3 * spread + size_m, size_m)
        grid = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
        bump = np.exp(-(grid**2).sum(axis=1) / 2 / spread**2)
        centres.append(grid + np.array([east, north]))
        shares.append(bump / bump.sum() * share)
    order = np.argsort(-np.concatenate(shares))
    cells = Cells(from_local(np.concatenate(centres)[order], ORIGIN), np.concatenate(shares)[order], size_m)
    return Estimate(at(*blobs[0][:2]), 0.9, 15.0, 40.0, cells, 0.05)
