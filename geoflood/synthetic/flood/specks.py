"""Leaves and foam: too many and too small to be solids, they lie in drifts on the water."""

from __future__ import annotations

import numpy as np

from geoflood.core.datatypes import Image
from geoflood.synthetic.flood.patches import around
from geoflood.synthetic.flood.solids import Points
from geoflood.synthetic.flood.water import FOCAL, Floats, WaterSurface

__all__ = ["specks"]

LEAVES = (220, 0.05, 0.45, 0.85)
FOAM = (320, 0.022, 0.10, 0.42)
"""How many at most, longest (heights of the camera), opacity from and to."""
LEAF = np.array(
    [(92, 76, 46), (66, 58, 40), (110, 96, 58), (78, 84, 50), (128, 108, 62), (46, 42, 36)], np.float32
)
FROTH = np.array([(190, 184, 168), (170, 164, 148), (206, 200, 188)], np.float32)


def specks(photo: Image, water: WaterSurface, rng: np.random.Generator, amount: float, light: Points) -> None:
    """Put leaves and foam on the water of the photo, nowhere else; `light` as in `painted`."""
    lit = light.astype(np.float32)
    drifts = rng.random((5, 2))
    for (most, longest, faint, solid), colours in ((FOAM, FROTH), (LEAVES, LEAF)):
        many = round(most * amount * rng.uniform(0.3, 1.0))
        where, scale, tilt = strewn(water, drifts, many, rng)
        long = longest * (0.3 + 0.7 * rng.random(many)) * scale / 2.0
        opacity = rng.uniform(faint, solid, many) * np.minimum(long * np.sqrt(tilt) / 0.9, 1.0)
        slim = rng.uniform(1.0, 2.6, many)
        angle = rng.uniform(0.0, np.pi, many)
        reach = np.maximum(np.stack([long, long * tilt], 1), 0.75).astype(np.float32)
        which, row, column, right, below = around(where, reach, *water.cover.shape)
        cos, sin = (turn.astype(np.float32)[which] for turn in (np.cos(angle), np.sin(angle)))
        along, across = (
            right * cos + below * sin,
            (below * cos - right * sin) * slim.astype(np.float32)[which],
        )
        share = np.clip(2.2 * (1.0 - along * along - across * across), 0.0, 1.0)
        share *= opacity.astype(np.float32)[which] * water.cover[row, column]
        pixels = photo[water.top :]
        there = pixels[row, column].astype(np.float32)
        painted = np.clip(colours[rng.integers(len(colours), size=many)] * lit, 0.0, 255.0)[which]
        pixels[row, column] = there + (painted - there) * share[:, None]


def strewn(
    water: WaterSurface, drifts: Points, many: int, rng: np.random.Generator
) -> tuple[Floats, Points, Points]:
    """Where specks lie, around a few lines on the plane: (column, row) px [n, 2]; there, px in a height of
    the camera, and the tangent of the angle between view and surface, both [n]."""
    rows, width = water.cover.shape
    place = drifts[rng.integers(len(drifts), size=many)] + rng.normal(0.0, 1.0, (many, 2)) * (0.22, 0.03)
    down = rows * (0.04 + 0.96 * np.clip(place[:, 1], 0.0, 1.1) ** 2)
    tilt = water.grazing[np.clip(down.astype(np.intp), 0, rows - 1), 0].astype(float)
    return np.stack([width * place[:, 0], down], 1).astype(np.float32), FOCAL * water.height * tilt, tilt
