"""Small pictures of a street without a street."""

from __future__ import annotations

import hashlib

import numpy as np

from geoflood.core.datatypes import Image
from geoflood.synthetic.flood import Scene


def street(height: int = 120, width: int = 160) -> Image:
    """A bright sky over a wall whose left half is red and whose right half is blue, over a dark road."""
    photo = np.empty((height, width, 3), np.uint8)
    photo[:] = (200, 220, 240)
    photo[height // 5 : height // 2, : width // 2] = (210, 40, 40)
    photo[height // 5 : height // 2, width // 2 :] = (40, 40, 210)
    photo[height // 2 :] = (20, 20, 20)
    return photo


def busy_street(height: int = 120, width: int = 160) -> Image:
    """A street with something to see everywhere."""
    noise = np.random.default_rng(5).integers(-20, 20, (height, width, 3))
    return np.clip(street(height, width) + noise, 0, 255).astype(np.uint8)


def fingerprint(flooded: Scene) -> str:
    return hashlib.sha256(flooded.photo.tobytes() + flooded.mask.tobytes()).hexdigest()
