"""How many kilometres of street an area holds, as far as the index itself can tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import LatLon
from geoflood.core.geo import from_local, to_local
from geoflood.evaluation.results import Floats

__all__ = ["Streets", "streets"]

Ints: TypeAlias = NDArray[np.int64]

MERGED_M = 12.5
"""References in one square of this side are one stand: both lanes of a street, all tiles of a panorama."""
LINKED_M = 50.0
"""Stands farther apart than this are not taken to have a street between them."""
SPOKEN_M = 25.0
"""Street that a stand speaks for on a side where none follows: the positive distance."""
STEP_M = 5.0
"""Streets are cut into pieces no longer than this."""


@dataclass(frozen=True, eq=False)
class Streets:
    """Streets as short pieces."""

    middles: Floats
    """[N, 2] (lat, lon)."""
    lengths_m: Floats
    """[N]"""


def streets(positions: Floats) -> Streets:
    """Streets out of the positions [N, 2] (lat, lon) of references: nobody has a street map at hand.

    Stands are joined by the shortest links of at most 50 m that leave no circle (a minimum spanning
    forest, Kruskal 1956), and every loose end reaches 25 m farther, since a reference is found from there.
    Of a block closed all around one link of at most 50 m is lost. On a drawn grid of streets with 2 m of
    noise the sum was 12 % too long. A piece lies where its middle lies.
    """
    if not len(positions):
        raise ValueError("no references, no streets")
    origin = LatLon(*map(float, positions[0]))
    stands, near = _stands(to_local(positions, origin))
    links = np.array(list(_forest(stands, near)), np.int64).reshape(-1, 2)
    ends = np.bincount(links.ravel(), minlength=len(stands))
    loose = np.flatnonzero(ends < 2)
    middles, lengths = _pieces(stands[links[:, 0]], stands[links[:, 1]])
    middles = np.concatenate([middles, stands[loose]])
    lengths = np.concatenate([lengths, SPOKEN_M * (2 - ends[loose])])
    return Streets(from_local(middles, origin), lengths)


def _stands(metres: Floats) -> tuple[Floats, Ints]:
    """Means [S, 2] of what lies in one square, and pairs [P, 2] of stands that may be linked."""
    squares, home = np.unique(np.floor(metres / MERGED_M).astype(np.int64), axis=0, return_inverse=True)
    home = home.ravel()
    counts = np.bincount(home)
    stands = np.stack([np.bincount(home, axis) / counts for axis in metres.T], axis=1)
    keys = (squares[:, 0] << 32) + squares[:, 1]
    reach = int(LINKED_M // MERGED_M) + 1
    pairs = []
    for east in range(reach + 1):
        for north in range(1 if east == 0 else -reach, reach + 1):
            wanted = keys + (east << 32) + north
            found = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
            there = np.flatnonzero(keys[found] == wanted)
            pairs.append(np.stack([there, found[there]], axis=1))
    return stands, np.concatenate(pairs)


def _forest(stands: Floats, pairs: Ints) -> Iterator[tuple[int, int]]:
    """The links of a minimum spanning forest, shortest first."""
    lengths = np.hypot(*(stands[pairs[:, 0]] - stands[pairs[:, 1]]).T)
    order = np.argsort(lengths, kind="stable")
    root = list(range(len(stands)))

    def top(stand: int) -> int:
        while root[stand] != stand:
            root[stand] = root[root[stand]]
            stand = root[stand]
        return stand

    for a, b in pairs[order[lengths[order] <= LINKED_M]].tolist():
        one, other = top(a), top(b)
        if one != other:
            root[one] = other
            yield a, b


def _pieces(begins: Floats, ends: Floats) -> tuple[Floats, Floats]:
    """Middles [N, 2] and lengths [N] of links [L, 2] to [L, 2] cut into pieces."""
    lengths = np.hypot(*(ends - begins).T)
    counts = np.maximum(np.ceil(lengths / STEP_M), 1).astype(int)
    link = np.repeat(np.arange(len(lengths)), counts)
    place = np.arange(len(link)) - np.repeat(np.cumsum(counts) - counts, counts)
    along = ((place + 0.5) / counts[link])[:, None]
    return begins[link] + (ends - begins)[link] * along, (lengths / counts)[link]
