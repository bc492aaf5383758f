"""Waterline bands: what each ignores, and how much each is believed.

A flooded query has lost its lower part, while a dry reference still spends its descriptor on the road. So
both are described with their lower 0, 15, 30 ... percent ignored, and compared band by band; what is known
of the waterline says how the bands are mixed. DESIGN.md has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Matching

__all__ = ["BANDS", "UNTOLD", "above", "band_weights", "belief", "beliefs", "nearest", "reranked"]

BANDS = (0, 15, 30, 45, 60)
"""Percent of the height, from the bottom."""

SPREAD = 0.1
"""Standard deviation of a told waterline, a share of the height: people read it off to about a tenth."""

UNTOLD = "untold"


def band_weights(places: NDArray[Any], bands: Sequence[float]) -> NDArray[np.float32]:
    """Weights [M, L]: 1 where the centre of a location stands above the band's line, 0 below.

    places [L, 2] as (x, y) shares of the frame, y downwards.
    """
    lines = 1 - np.asarray(bands, float)[:, None] / 100
    return np.asarray(places[None, :, 1] <= lines, np.float32)


def above(places: NDArray[Any], belief: NDArray[np.float32], bands: Sequence[float]) -> NDArray[np.float32]:
    """Share of the belief under which each place stands above the water, [L]: places [L, 2], belief [M]."""
    return np.asarray(belief @ band_weights(places, bands), np.float32)


def belief(waterline: float | None, bands: Sequence[int], doubt: float = 0.0) -> NDArray[np.float32]:
    """Weights [M] of the bands that sum to 1: all of them for an unknown waterline, else a bump around it.

    A bump, not a point: a waterline told too surely and wrong costs more than mixing does. `doubt` is the
    share of the belief that what was told says nothing.
    """
    shares = np.asarray(bands, float) / 100
    untold = (1 + shares) / (1 + shares).sum()  # the upper bands fail worst where they are needed
    if waterline is None:
        return np.asarray(untold, np.float32)
    near = np.exp(-((shares - waterline) ** 2) / (2 * SPREAD**2))
    return np.asarray((1 - doubt) * near / near.sum() + doubt * untold, np.float32)


def beliefs(bands: Sequence[int]) -> dict[str, NDArray[np.float32]]:
    """The beliefs that searches are calibrated for: nothing told, and each band told."""
    told = {str(band): belief(band / 100, bands) for band in bands}
    return {UNTOLD: belief(None, bands)} | told


def nearest(waterline: float | None, bands: Sequence[int]) -> str:
    """Which of `beliefs` is the nearest to what is known."""
    if waterline is None:
        return UNTOLD
    return str(min(bands, key=lambda band: abs(band / 100 - waterline)))


def reranked(name: str, matching: Matching = Matching.DENSE) -> str:
    """Which calibration goes with one of `beliefs` when re-ranked: matchers count each in their own way."""
    return f"{name}, re-ranked" + ("" if matching is Matching.DENSE else f" by {matching}")
