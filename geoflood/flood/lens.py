"""Drops on the lens: far too near to be sharp, each shows the scene small and upside down."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pictures
from PIL import ImageFilter

from geoflood.flood.water import Floats, Mask
from geoflood.terms import Image

__all__ = ["drops"]

MOST = 14
"""Drops at the full amount."""
SHRUNK = 4
"""What a drop shows is taken from a picture of so many times fewer rows and columns."""


def drops(photo: Image, rng: np.random.Generator, amount: float) -> tuple[Image, Mask]:
    """The photo through a wet lens, and True where a drop hides what is behind it."""
    height, width = photo.shape[:2]
    out, mask = photo.copy(), np.zeros((height, width), bool)
    small = max(width // SHRUNK, 1), max(height // SHRUNK, 1)
    blurred = Pictures.fromarray(photo).resize(small, Pictures.Resampling.BOX)
    seen = np.asarray(blurred.filter(ImageFilter.GaussianBlur(height / SHRUNK / 60)))
    for _ in range(max(1, round(MOST * amount * rng.uniform(0.35, 1.0)))):
        drop(out, mask, seen, rng)
    return out, mask


def drop(out: Image, mask: Mask, seen: Image, rng: np.random.Generator) -> None:
    """Put one drop into `out` and `mask`; `seen` is the photo, small and blurred."""
    height, width = mask.shape
    radius = max(height * float(rng.uniform(0.012, 0.02) + 0.045 * rng.random() ** 3), 1.0)
    x, y = rng.uniform(0, width), rng.uniform(0, height)
    reach = 1.4 * radius
    left, right = max(int(x - reach), 0), min(int(x + reach) + 2, width)
    top, bottom = max(int(y - reach), 0), min(int(y + reach) + 2, height)
    across = (np.arange(left, right, dtype=np.float32) - np.float32(x)) / np.float32(radius)
    down = (np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(y)) / np.float32(radius)
    far = outline(across, down, rng)
    solid = np.clip((1.06 - far) / 0.34, 0.0, 1.0) * np.float32(rng.uniform(0.75, 0.95))
    spread = rng.uniform(3.0, 6.0) * radius
    i = np.clip((y - down * spread) * len(seen) / height, 0, len(seen) - 1).astype(np.intp)
    j = np.clip((x - across * spread) * seen.shape[1] / width, 0, seen.shape[1] - 1).astype(np.intp)
    # A drop gathers light from all sides, most of it from the sky; its rim sends it elsewhere.
    light = 1.06 + 0.16 * down - 0.35 * np.clip(far - 0.55, 0.0, 0.5)
    patch = out[top:bottom, left:right]
    inside = seen[i, j] * light[..., None] + 6.0
    patch[:] = np.clip(patch + (inside - patch) * solid[..., None], 0.0, 255.0)
    mask[top:bottom, left:right] |= solid > 0.0


def outline(across: Floats, down: Floats, rng: np.random.Generator) -> Floats:
    """How far from its middle each pixel of a drop lies, 1 at the rim: no drop is a circle."""
    angle = np.arctan2(down, across)
    uneven = np.ones_like(angle)
    for waves in (1, 2, 3):
        uneven = uneven + np.float32(rng.uniform(0.0, 0.09)) * np.cos(waves * angle + rng.uniform(0.0, 6.3))
    stretch = np.float32(rng.uniform(0.85, 1.0))
    return np.asarray(np.hypot(across, down * stretch) / uneven, np.float32)
