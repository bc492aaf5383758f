"""How many kilometres of street an area holds, as far as the index's own references show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from geoflood.core.datatypes import LatLon
from geoflood.core.geo import from_local, to_local
from geoflood.evaluation.results import Floats

__all__ = ["Streets", "streets"]

Ints: TypeAlias = NDArray[np.int64]

MERGED_M = 12.5
"""References in one square of this side are one stand: both lanes of a street, all tiles of a panorama."""
LINKED_M = 50.0
"""Stands farther apart than this are not taken to have a street between them."""
END_M = 25.0
"""Street that is counted beyond a loose end: a photo within the positive distance is found from there."""
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
    """Streets through the positions [N, 2] (lat, lon) of references, in place of a street map.

    Stands are joined by a minimum spanning forest of links of at most 50 m. Every loose end reaches 25 m
    farther. A closed block loses one link of at most 50 m. On a drawn grid of streets with 2 m of noise the
    sum was 12 % too long. Raises ValueError without positions.
    """
    if not len(positions):
        raise ValueError("no references, no streets")
    origin = LatLon(*map(float, positions[0]))
    stands, near = _stands(to_local(positions, origin))
    links = _forest(stands, near)
    ends = np.bincount(links.ravel(), minlength=len(stands))
    loose = np.flatnonzero(ends < 2)
    middles, lengths = _pieces(stands[links[:, 0]], stands[links[:, 1]])
    middles = np.concatenate([middles, stands[loose]])
    lengths = np.concatenate([lengths, END_M * (2 - ends[loose])])
    return Streets(from_local(middles, origin), lengths)


def _stands(metres: Floats) -> tuple[Floats, Ints]:
    """Means [S, 2] of the positions in each square, and pairs [P, 2] of stands that may be linked."""
    squares, square = np.unique(np.floor(metres / MERGED_M).astype(np.int64), axis=0, return_inverse=True)
    square = square.ravel()
    counts = np.bincount(square)
    stands = np.stack([np.bincount(square, axis) / counts for axis in metres.T], axis=1)
    keys = (squares[:, 0] << 32) + squares[:, 1]
    reach = int(LINKED_M // MERGED_M) + 1
    pairs = []
    for east in range(reach + 1):
        for north in range(1 if east == 0 else -reach, reach + 1):
            wanted = keys + (east << 32) + north
            index = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
            there = np.flatnonzero(keys[index] == wanted)
            pairs.append(np.stack([there, index[there]], axis=1))
    return stands, np.concatenate(pairs)


def _forest(stands: Floats, pairs: Ints) -> Ints:
    """Links [L, 2] of a minimum spanning forest of stands [S, 2] over the pairs [P, 2] within reach."""
    lengths = np.hypot(*(stands[pairs[:, 0]] - stands[pairs[:, 1]]).T)
    short = lengths <= LINKED_M
    size = len(stands)
    # scipy takes a link of length 0 for none.
    weights = np.maximum(lengths[short], np.finfo(float).tiny)
    graph = coo_array((weights, tuple(pairs[short].T)), shape=(size, size))
    forest = minimum_spanning_tree(graph.tocsr()).tocoo()
    return np.stack([forest.row, forest.col], axis=1).astype(np.int64)


def _pieces(begins: Floats, ends: Floats) -> tuple[Floats, Floats]:
    """Middles [N, 2] and lengths [N] of links [L, 2] to [L, 2] cut into pieces."""
    lengths = np.hypot(*(ends - begins).T)
    counts = np.maximum(np.ceil(lengths / STEP_M), 1).astype(int)
    link = np.repeat(np.arange(len(lengths)), counts)
    place = np.arange(len(link)) - np.repeat(np.cumsum(counts) - counts, counts)
    along = ((place + 0.5) / counts[link])[:, None]
    return begins[link] + (ends - begins)[link] * along, (lengths / counts)[link]
