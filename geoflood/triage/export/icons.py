"""Pins for other programs as small PNG files: a ring for a proposal, a square with a tick once confirmed.

They are white, so that a program can tint them; what tells them apart is their shape.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from geoflood.core.images import png
from geoflood.triage.findings import Status

__all__ = ["icon"]

_SIDE = 48
_TICK = ((-0.5, 0.05), (-0.12, 0.42), (0.55, -0.42))
"""Corners of the tick; the icon reaches from -1 to 1, downwards."""


def icon(status: Status) -> bytes:
    """The pin of a status as a PNG file with transparency."""
    y, x = np.mgrid[-1 : 1 : _SIDE * 1j, -1 : 1 : _SIDE * 1j]
    if status is Status.CONFIRMED:
        strokes = (_from_line(x, y, *ends) for ends in pairwise(_TICK))
        inside = (np.maximum(abs(x), abs(y)) < 0.92) & (np.minimum(*strokes) > 0.16)
    else:
        away = np.hypot(x, y)
        inside = ((away < 0.92) & (away > 0.6)) | (away < 0.2)
    pixels = np.full((_SIDE, _SIDE, 4), 255, np.uint8)
    pixels[..., 3] = np.where(inside, 255, 0)
    return png(pixels)


def _from_line(
    x: NDArray[np.float64], y: NDArray[np.float64], start: tuple[float, float], end: tuple[float, float]
) -> NDArray[np.float64]:
    """How far each point is from a stroke."""
    (ax, ay), (dx, dy) = start, (end[0] - start[0], end[1] - start[1])
    along = np.clip(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy), 0.0, 1.0)
    return np.asarray(np.hypot(x - ax - along * dx, y - ay - along * dy))
