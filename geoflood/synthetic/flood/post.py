"""What happens to a picture between a phone and the person who looks for it."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image as Pictures

from geoflood.core.datatypes import Box, Image
from geoflood.synthetic.flood.water import Mask

__all__ = ["compress", "crop_box", "recompress", "shrink"]

MOST_CUT = 0.22
"""Share of the width or height that is cut off a side at most."""
SMALLEST = 0.6
"""Share of the sides that is left of a picture at least when it is made smaller."""
QUALITIES = (32, 78)
"""Of JPEG, worst and best, at the full amount."""


def crop_box(height: int, width: int, water: float, rng: np.random.Generator, amount: float) -> Box:
    """What is left of a frame whose lower share `water` is flooded, when a poster has cut its sides.

    At least half of the water's height stays, and what stands above the waterline but a fifth.
    """
    left, right, top, bottom = rng.uniform(0.0, MOST_CUT, 4) * amount
    top, bottom = min(top, 0.2 * (1.0 - water)), min(bottom, 0.5 * water) if water else bottom
    box = Box(int(left * width), int(top * height), width - int(right * width), height - int(bottom * height))
    return Box(box.left, box.top, max(box.right, box.left + 1), max(box.bottom, box.top + 1))


def shrink(
    photo: Image, masks: list[Mask], rng: np.random.Generator, amount: float
) -> tuple[Image, list[Mask]]:
    """Photo and masks with fewer pixels, but no side without any."""
    keep = 1.0 - (1.0 - SMALLEST) * amount * float(rng.uniform(0.2, 1.0))
    size = max(1, round(photo.shape[1] * keep)), max(1, round(photo.shape[0] * keep))
    small = Pictures.fromarray(photo).resize(size, Pictures.Resampling.BICUBIC)
    return np.asarray(small), [resize_mask(mask, size) for mask in masks]


def resize_mask(mask: Mask, size: tuple[int, int]) -> Mask:
    """The mask in another size, True where it was over at least half of what became a pixel."""
    grey = Pictures.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(grey.resize(size, Pictures.Resampling.BOX)) > 127


def compress(photo: Image, rng: np.random.Generator, amount: float) -> Image:
    """Twice through JPEG, the second time with its blocks elsewhere, as if it had been edited between."""
    best, worst = QUALITIES[1], QUALITIES[0]
    first, second = (round(95 - amount * (95 - rng.uniform(worst, best))) for _ in range(2))
    once = recompress(photo, first)
    dx, dy = rng.integers(0, 8, 2).tolist()
    shifted = np.pad(once, ((dy, 0), (dx, 0), (0, 0)), mode="edge")
    return recompress(shifted, second)[dy:, dx:]


def recompress(photo: Image, quality: int) -> Image:
    """Encoded and decoded, colours at half the resolution."""
    buffer = io.BytesIO()
    Pictures.fromarray(photo).save(buffer, "JPEG", quality=quality, subsampling=2)
    with Pictures.open(buffer) as picture:
        return np.asarray(picture)
