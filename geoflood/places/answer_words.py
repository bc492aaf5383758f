"""An estimate in street names, as surely as it is known.

One place is named only where nine tenths of the belief lie beside it; else as many streets as hold them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geoflood.core.datatypes import Estimate, StreetWords
from geoflood.places.coverage import gap_near
from geoflood.places.naming import NEAR_M, place_words
from geoflood.places.street_index import StreetIndex

__all__ = ["answer_words"]

Floats: TypeAlias = NDArray[np.float64]
Shares: TypeAlias = tuple[tuple[str, float], ...]

_ONE_PLACE, _FIRST_PLACE = 0.9, 0.5
"""Share of the belief near the position that makes it the place, and the first place of several."""
_BLOCK_M = 20.0
"""Cells are asked about in blocks of this size: an area has thousands."""
_TOLD = 4
"""Streets that a sentence names."""
_LISTED = 20
"""Streets that are listed of an area."""
_LEAST = 0.01
"""Share below which a street is not listed."""


def answer_words(
    index: StreetIndex,
    estimate: Estimate,
    heading_deg: float | None,
    references: cKDTree,
    doubtful: bool = False,
) -> StreetWords:
    """All that streets say of an estimate whose photo looks along `heading_deg`, None: unknown.

    `references` holds the positions of all references, metres of the index's map.
    `doubtful`: even one place is told as one of those that may be.
    """
    cells = estimate.cells(1.0)
    spot = index.metres([(estimate.position.lat, estimate.position.lon)])[0]
    spots, belief = index.metres(cells.centres), cells.probabilities
    near = np.hypot(*(spots - spot).T) <= NEAR_M
    whole = float(belief.sum())
    beside = float(belief[near].sum()) / whole if whole > 0.0 else 1.0
    area = _shares(index, spots, belief)
    if beside < _FIRST_PLACE:
        return StreetWords(_or(area, "somewhere along "), area, credit=index.map.credit)
    here = place_words(index, estimate.position, heading_deg, dict(_shares(index, spots[near], belief[near])))
    here = f"perhaps {here}" if doubtful and here else here
    others: Shares = ()
    if beside < _ONE_PLACE:
        far = _shares(index, spots[~near], belief[~near])
        others = tuple(one for one in far if one[0] not in here) or far[:1]
    along = "farther along " if others and others[0][0] in here else "" if here else "somewhere along "
    place = "; else ".join(filter(None, (here, _or(others, along))))
    return StreetWords(place, area, gap_near(index, references, spot), index.map.credit)


def _shares(index: StreetIndex, spots: Floats, belief: Floats) -> Shares:
    """(street, share of the belief [n] at spots [n, 2]), largest first: each spot counts for its street.

    What lies away from any named street is nobody's, so that the shares may sum to less than 1.
    """
    whole = float(belief.sum())
    if whole <= 0.0:
        return ()
    middles, held = _blocks(spots, belief)
    streets = index.nearest(middles, NEAR_M)
    shares = np.bincount(streets[streets >= 0], held[streets >= 0]) / whole
    order = np.argsort(-shares, kind="stable")[:_LISTED].tolist()
    return tuple((index.titles[at], round(float(shares[at]), 3)) for at in order if shares[at] >= _LEAST)


def _blocks(spots: Floats, belief: Floats) -> tuple[Floats, Floats]:
    """Middles [B, 2] of the spots [n, 2] in each square of a grid, and the belief [B] there."""
    east, north = np.floor((spots - spots.min(axis=0)) / _BLOCK_M).astype(np.int64).T
    _, at = np.unique(east * (int(north.max()) + 1) + north, return_inverse=True)
    count = np.bincount(at)
    middles = np.stack([np.bincount(at, axis) / count for axis in spots.T], axis=1)
    return middles, np.asarray(np.bincount(at, belief), float)


def _or(streets: Sequence[tuple[str, float]], alone: str) -> str:
    """The streets that hold nine tenths: "Mill Road, Hills Road or 3 other streets"."""
    held = np.cumsum([share for _, share in streets])
    enough = int(np.searchsorted(held, _ONE_PLACE * held[-1] - 1e-9)) + 1 if len(held) else 0
    names = [street for street, _ in streets[:enough]]
    if len(names) == 1:
        return f"{alone}{names[0]}"
    more = len(names) - _TOLD
    if more > 1:
        names = [*names[:_TOLD], f"{more} other streets"]
    return " or ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
