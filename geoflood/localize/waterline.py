"""What is believed of a photo's waterline: how much each band of the index counts in a search."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geoflood.database.bands import untold_belief

__all__ = ["LEAST_DOUBT", "belief", "beliefs", "nearest"]

SPREAD = 0.1
"""Standard deviation of a told waterline, a share of the height: people read it off to about a tenth."""
LEAST_DOUBT = 0.4
"""Even the truth, told of a dry photo, found less than all bands together do. Decision 065."""


def belief(waterline: float | None, bands: Sequence[int], doubt: float = 0.0) -> NDArray[np.float32]:
    """Weights [M] of the bands that sum to 1: all of them for an unknown waterline, else a bump around it.

    A bump, not a point: a waterline told too surely and wrong costs more than mixing does. `doubt` is the
    share of the belief that what was told says nothing; never less than LEAST_DOUBT.
    """
    untold = untold_belief(bands)
    if waterline is None:
        return untold.astype(np.float32)
    doubt, shares = max(doubt, LEAST_DOUBT), np.asarray(bands, float) / 100
    near = np.exp(-((shares - waterline) ** 2) / (2 * SPREAD**2))
    return np.asarray((1 - doubt) * near / near.sum() + doubt * untold, np.float32)


def beliefs(bands: Sequence[int]) -> dict[int | None, NDArray[np.float32]]:
    """The beliefs that searches are calibrated for: nothing told (None), and each band told."""
    return {None: belief(None, bands)} | {band: belief(band / 100, bands) for band in bands}


def nearest(waterline: float | None, bands: Sequence[int]) -> int | None:
    """Which of `beliefs` is the nearest to what is known."""
    return None if waterline is None else min(bands, key=lambda band: abs(band / 100 - waterline))
