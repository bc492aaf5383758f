"""Drops on the lens: far too near to be sharp, each shows the scene small and upside down."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image as Pictures
from PIL import ImageFilter

from geoflood.flood.water import Floats, Mask
from geoflood.terms import Image

__all__ = ["drops"]

MOST = 14
"""Drops at the full amount."""
SHAPES = 24
"""So many outlines there are."""
FINE = 128
"""Side of an outline's picture, px."""
REACH = 1.4
"""Half of that side, in radii of the drop."""
SHRUNK = 4
"""What a drop shows is taken from a picture of so many times fewer rows and columns."""


def drops(photo: Image, rng: np.random.Generator, amount: float) -> tuple[Image, Mask]:
    """The photo through a wet lens, and True where a drop hides what is behind it."""
    height, width = photo.shape[:2]
    out, mask = photo.copy(), np.zeros((height, width), bool)
    small = Pictures.fromarray(photo).reduce(SHRUNK)
    seen = np.asarray(small.filter(ImageFilter.BoxBlur(height / SHRUNK / 40)))
    for _ in range(max(1, round(MOST * amount * rng.uniform(0.35, 1.0)))):
        drop(out, mask, seen, rng)
    return out, mask


def drop(out: Image, mask: Mask, seen: Image, rng: np.random.Generator) -> None:
    """Put one drop into `out` and `mask`; `seen` is the photo, small and blurred."""
    height, width = mask.shape
    radius = max(height * float(rng.uniform(0.012, 0.02) + 0.045 * rng.random() ** 3), 1.0)
    x, y = rng.uniform(0, width), rng.uniform(0, height)
    shape, solidity = shapes(int(rng.integers(SHAPES))), np.float32(rng.uniform(0.75, 0.95))
    left, right = max(int(x - REACH * radius), 0), min(int(x + REACH * radius) + 2, width)
    top, bottom = max(int(y - REACH * radius), 0), min(int(y + REACH * radius) + 2, height)
    across = (np.arange(left, right) - x) / radius
    down = (np.arange(top, bottom) - y) / radius
    rows, columns = (
        (FINE * (0.5 + 0.5 / REACH * far)).clip(0, FINE - 1).astype(np.intp) for far in (down, across)
    )
    solid, light = shape[:, rows][:, :, columns]
    spread = rng.uniform(3.0, 6.0) * radius
    i = ((y - down * spread) * len(seen) / height).clip(0, len(seen) - 1).astype(np.intp)
    j = ((x - across * spread) * seen.shape[1] / width).clip(0, seen.shape[1] - 1).astype(np.intp)
    solid *= solidity
    patch = out[top:bottom, left:right]
    inside = seen[i][:, j] * light[..., None]
    inside += np.float32(6.0)
    inside -= patch
    inside *= solid[..., None]
    inside += patch
    patch[:] = np.minimum(inside, np.float32(255.0))
    mask[top:bottom, left:right] |= solid > 0.0


@lru_cache(SHAPES)
def shapes(number: int) -> Floats:
    """One of the drops [2, FINE, FINE], REACH radii to each side of its middle: how much it hides, and how
    bright it is. No drop is a circle."""
    rng = np.random.default_rng([number, FINE])
    across = np.linspace(-REACH, REACH, FINE, dtype=np.float32)
    down = across[:, None]
    angle = np.arctan2(down, across)
    uneven = np.ones_like(angle)
    for waves in (1, 2, 3):
        uneven = uneven + np.float32(rng.uniform(0.0, 0.09)) * np.cos(waves * angle + rng.uniform(0.0, 6.3))
    far = np.hypot(across, down * rng.uniform(0.85, 1.0)) / uneven
    # A drop gathers light from all sides, most of it from the sky; its rim sends it elsewhere.
    light = 1.06 + 0.16 * down - 0.35 * np.clip(far - 0.55, 0.0, 0.5)
    return np.stack([np.clip((1.06 - far) / 0.34, 0.0, 1.0), light]).astype(np.float32)
