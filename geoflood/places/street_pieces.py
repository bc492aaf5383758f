"""Lines of a street map cut into short pieces on the ground: what nearness and coverage are reckoned with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import LatLon
from geoflood.core.geo import to_local
from geoflood.places.street_map import DEGREE, Shapes, StreetMap

__all__ = ["PIECE_M", "StreetPieces", "cut", "middle_of"]

Floats: TypeAlias = NDArray[np.float64]
Indexes: TypeAlias = NDArray[np.intp]

PIECE_M = 15.0
"""Length of a piece, at most: half a crossing."""
_MOST = 1000
"""Pieces of one straight line: a ferry across a sea is none of our streets."""


@dataclass(frozen=True, slots=True, eq=False)
class StreetPieces:
    """Straight segments and the pieces they are cut into, metres (east, north) of the origin.

    Pieces stand in the order of the lines and along them.
    """

    starts: Floats
    """[G, 2] where a segment begins."""
    ends: Floats
    """[G, 2] where it ends."""
    lines: Indexes
    """[G] the map's line that it belongs to."""
    middles: Floats
    """[P, 2] of the pieces."""
    lengths: Floats
    """[P] metres."""
    segments: Indexes
    """[P] the segment that a piece belongs to."""

    def __len__(self) -> int:
        return len(self.lengths)


def middle_of(streets: StreetMap) -> LatLon:
    """A position amid the map, around which metres are reckoned."""
    points = streets.lines.points if len(streets.lines.points) else streets.spots.points
    if not len(points):
        return LatLon(0.0, 0.0)
    lat, lon = ((points.min(axis=0) + points.max(axis=0).astype(np.int64)) / 2 / DEGREE).tolist()
    return LatLon(max(-90.0, min(90.0, lat)), (lon + 180.0) % 360.0 - 180.0)


def cut(lines: Shapes, chosen: Indexes, origin: LatLon) -> StreetPieces:
    """The chosen lines in pieces of at most PIECE_M."""
    wanted = np.zeros(len(lines), bool)
    wanted[chosen] = True
    owner = np.repeat(np.arange(len(lines)), np.diff(lines.starts))
    firsts = np.flatnonzero((owner[:-1] == owner[1:]) & wanted[owner[:-1]]) if len(owner) else owner
    metres = to_local(lines.points / float(DEGREE), origin)
    starts, ends = metres[firsts], metres[firsts + 1]
    spans = np.hypot(*(ends - starts).T)
    counts = np.clip(np.ceil(spans / PIECE_M), 1, _MOST).astype(np.intp)
    segments = np.repeat(np.arange(len(firsts)), counts)
    step = np.arange(len(segments)) - np.repeat(np.cumsum(counts) - counts, counts)
    along = (step + 0.5) / counts[segments]
    middles = starts[segments] + along[:, None] * (ends - starts)[segments]
    return StreetPieces(starts, ends, owner[firsts], middles, (spans / counts)[segments], segments)
