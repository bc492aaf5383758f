"""Street maps drawn by hand, in metres around a spot of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from geoflood.core.datatypes import Cells, Estimate, LatLon
from geoflood.core.geo import from_local
from geoflood.places.street_map import (
    DEGREE,
    AreaKind,
    Doors,
    LineKind,
    Name,
    NamedSpots,
    Shapes,
    StreetMap,
)

ORIGIN = LatLon(52.2, 0.12)

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


class _Names:
    def __init__(self) -> None:
        self.known: dict[tuple[tuple[str, str], ...], int] = {}

    def number(self, name: Forms) -> int:
        if not name:
            return -1
        forms = (("name", name),) if isinstance(name, str) else tuple(name.items())
        return self.known.setdefault(forms, len(self.known))


def _units(spots: Sequence[Metres], origin: LatLon) -> np.ndarray:
    if not spots:
        return np.zeros((0, 2), np.int32)
    degrees = from_local(spots, origin)
    degrees[degrees[:, 1] < origin.lon - 180, 1] += 360.0  # a city on the antimeridian is in one piece
    return np.rint(degrees * DEGREE).astype(np.int32)


def _shapes(rows: Sequence[tuple[int, Sequence[Metres], int]], origin: LatLon) -> Shapes:
    return Shapes(
        _units([spot for _, line, _ in rows for spot in line], origin),
        np.cumsum([0, *(len(line) for _, line, _ in rows)]),
        np.array([kind for *_, kind in rows], np.uint8),
        np.array([name for name, *_ in rows], np.int32),
        np.arange(len(rows), dtype=np.int32),
    )


def drawn(
    *lines: Line,
    spots: Sequence[tuple[Forms, Metres, str]] = (),
    doors: Sequence[tuple[str, Metres, str]] = (),
    squares: Sequence[tuple[Forms, Sequence[Metres]]] = (),
    origin: LatLon = ORIGIN,
) -> StreetMap:
    """A map of lines (name, points, kind: MINOR), spots (name, spot, sort), doors (street, spot, number)."""
    names = _Names()
    streets = [(names.number(name), points, *(kind or (LineKind.MINOR,))) for name, points, *kind in lines]
    sorts = tuple(dict.fromkeys(sort for *_, sort in spots))
    return StreetMap(
        lines=_shapes(streets, origin),
        areas=_shapes([(names.number(name), ring, AreaKind.SQUARE) for name, ring in squares], origin),
        spots=NamedSpots(
            _units([spot for _, spot, _ in spots], origin),
            np.array([names.number(name) for name, *_ in spots], np.int32),
            np.array([sorts.index(sort) for *_, sort in spots], np.int32),
            sorts,
        ),
        doors=Doors(
            _units([spot for _, spot, _ in doors], origin),
            np.array([names.number(street) for street, *_ in doors], np.int32),
            tuple(number for *_, number in doors),
        ),
        names=tuple(map(Name, names.known)),
        credit="© OpenStreetMap contributors, ODbL 1.0",
        source="town.osm.pbf",
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
