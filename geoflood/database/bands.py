"""Waterline bands: every reference is described several times, each with more of its lower part ignored.

A flooded query has lost its lower part, while a dry reference still spends its descriptor on the road. So
both are described with their lower 0, 15, 30 ... percent ignored, and compared band by band.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BANDS", "above", "band_weights", "untold_belief"]

BANDS = (0, 15, 30, 45, 60)
"""Percent of the height, from the bottom, that each band ignores."""


def band_weights(places: NDArray[Any], bands: Sequence[float]) -> NDArray[np.float32]:
    """Weights [M, L]: 1 where the centre of a location stands above the band's line, 0 below.

    places [L, 2] as (x, y) shares of the frame, y downwards.
    """
    lines = 1 - np.asarray(bands, float)[:, None] / 100
    return np.asarray(places[None, :, 1] <= lines, np.float32)


def untold_belief(bands: Sequence[int]) -> NDArray[np.float64]:
    """Weights [M] of the bands, which sum to 1, where nothing is known of the waterline.

    The upper bands fail worst where they are needed, so they count more.
    """
    shares = 1 + np.asarray(bands, float) / 100
    return np.asarray(shares / shares.sum(), np.float64)


def above(places: NDArray[Any], belief: NDArray[np.float32], bands: Sequence[float]) -> NDArray[np.float32]:
    """Share of the belief under which each place stands above the water, [L]: places [L, 2], belief [M]."""
    return np.asarray(belief @ band_weights(places, bands), np.float32)
