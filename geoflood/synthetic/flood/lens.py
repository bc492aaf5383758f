"""Drops on the lens: far too near to be sharp, each shows the scene small and upside down."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image as Pictures
from PIL import ImageFilter

from geoflood.core.datatypes import Image
from geoflood.synthetic.flood.patches import Indices, around
from geoflood.synthetic.flood.water import Floats, Mask

__all__ = ["drops"]

MOST = 14
"""Drops at the full amount."""
SHAPES = 16
"""So many outlines there are."""
FINE = 96
"""Side of an outline's picture, px."""
REACH = 1.4
"""Half of that side, in radii of the drop."""
SHRUNK = 4
"""What a drop shows is taken from a picture of so many times fewer rows and columns."""


def drops(photo: Image, rng: np.random.Generator, amount: float) -> tuple[Image, Mask]:
    """The photo through a wet lens, and True where a drop hides what is behind it."""
    height, width = photo.shape[:2]
    small = Pictures.fromarray(photo).reduce(SHRUNK).filter(ImageFilter.BoxBlur(height / SHRUNK / 40))
    many = max(1, round(MOST * amount * rng.uniform(0.35, 1.0)))
    radius = np.maximum(height * (rng.uniform(0.012, 0.02, many) + 0.045 * rng.random(many) ** 3), 1.0)
    where = (rng.random((many, 2)) * (width, height)).astype(np.float32)
    reach = (REACH * np.stack([radius, radius], 1)).astype(np.float32)
    which, row, column, across, down = around(where, reach, height, width)
    outline = rng.integers(SHAPES, size=many)[which]
    solid, light = shapes().reshape(2, -1)[:, (outline * FINE + texel(down)) * FINE + texel(across)]
    hides = np.flatnonzero(solid)
    which, row, column = which[hides], row[hides], column[hides]
    across, down, solid, light = across[hides], down[hides], solid[hides], light[hides]
    solid *= rng.uniform(0.75, 0.95, many).astype(np.float32)[which]
    # What a drop shows lies on its other side, and far from it.
    far = (rng.uniform(3.0, 6.0, many) * REACH * radius).astype(np.float32)[which]
    i = ((where[which, 1] - down * far) / SHRUNK).clip(0, small.height - 1).astype(np.intp)
    j = ((where[which, 0] - across * far) / SHRUNK).clip(0, small.width - 1).astype(np.intp)
    out, mask = photo.copy(), np.zeros((height, width), bool)
    mask[row, column] = True
    for k, seen in enumerate(small.split()):
        there = photo[row, column, k].astype(np.float32)
        shown = np.asarray(seen)[i, j] * light + np.float32(6.0)
        out[row, column, k] = np.minimum(there + (shown - there) * solid, np.float32(255.0))
    return out, mask


def texel(share: Floats) -> Indices:
    """Rows or columns of an outline's picture, of how far a pixel lies from the drop's middle, [-1, 1]."""
    return ((share + 1.0) * np.float32(FINE / 2.0)).clip(0, FINE - 1).astype(np.intp)


@lru_cache(1)
def shapes() -> Floats:
    """Drops [2, SHAPES, FINE, FINE], REACH radii to each side of their middles: how much they hide, and how
    bright they are. None is a circle."""
    rng = np.random.default_rng(FINE)
    across = np.linspace(-REACH, REACH, FINE)
    down, waves = across[:, None], np.arange(1, 4)[:, None, None, None]
    size, turn = rng.uniform(0.0, 0.09, (3, SHAPES, 1, 1)), rng.uniform(0.0, 6.3, (3, SHAPES, 1, 1))
    uneven = 1.0 + (size * np.cos(waves * np.arctan2(down, across) + turn)).sum(0)
    far = np.hypot(across, down * rng.uniform(0.85, 1.0, (SHAPES, 1, 1))) / uneven
    # A drop gathers light from all sides, most of it from the sky; its rim sends it elsewhere.
    light = 1.06 + 0.16 * down - 0.35 * np.clip(far - 0.55, 0.0, 0.5)
    return np.stack([np.clip((1.06 - far) / 0.34, 0.0, 1.0), light]).astype(np.float32)
