"""Where drops hit the water: rings that widen and fade on the plane, and the splash that comes first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from geoflood.core.datatypes import Image
from geoflood.synthetic.flood.patches import around
from geoflood.synthetic.flood.water import FOCAL, HORIZON, Floats, WaterSurface

__all__ = ["pelt", "splash"]

RINGS = 420
"""At most, in a square frame."""
SPLASHES = 150
FARTHEST = 4.5
"""Rings farther than so many heights of the camera are too small to see."""
WIDEST = 0.075
"""Radius of an old ring, in heights of the camera."""


def places(water: WaterSurface, rng: np.random.Generator, many: int) -> tuple[Floats, Floats, Floats]:
    """Where drops hit the plane, evenly: (column, row) px [n, 2]; there, px in a height of the camera, and
    the tangent of the angle between view and surface, both [n]."""
    near = FOCAL / (HORIZON + (water.height - water.line) / water.height)
    far = max(FARTHEST, near + 1.0)
    away = np.sqrt(near * near + (far * far - near * near) * rng.random(many))
    scale = FOCAL * water.height / away
    rows = scale - HORIZON * water.height + (water.line - water.top)
    where = np.stack([rng.random(many) * water.width, rows], 1)
    return where.astype(np.float32), scale.astype(np.float32), (1.0 / away).astype(np.float32)


def pelt(water: WaterSurface, rng: np.random.Generator, amount: float) -> WaterSurface:
    """The water with rings on it: young ones small and steep, old ones wide and nearly gone."""
    many = min(round(RINGS * amount * rng.uniform(0.5, 1.0) * water.width / water.height), 4 * RINGS)
    where, scale, tilt = places(water, rng, many)
    age, strong = rng.random(many), rng.random(many) ** 1.5
    radius = np.maximum(scale * (0.008 + (WIDEST * (0.4 + 0.6 * strong) - 0.008) * age), 0.7)
    reach = np.stack([radius, np.maximum(radius * tilt, 0.6)], 1)
    # What is less than a pixel high only roughens the water.
    steep = 0.28 * (0.25 + 0.75 * strong) * (1.0 - age) ** 1.2 * np.minimum(reach[:, 1] / 2.5, 1.0)
    crests = 1.2 + 1.6 * age
    which, row, column, right, below = around(where, reach, *water.cover.shape)
    far = np.hypot(right, below)
    packet = np.maximum(1.0 - far, 0.0) * far * np.float32(4.0)
    wave = np.sin(far * (2.0 * np.pi * crests).astype(np.float32)[which]) * packet
    wave *= steep.astype(np.float32)[which] / np.maximum(far, np.float32(0.1))
    dip, lean = water.dip.copy(), water.lean.copy()
    place = row * water.width + column
    np.add.at(dip.reshape(-1), place, wave * below)
    np.add.at(lean.reshape(-1), place, wave * right)
    return replace(water, dip=dip, lean=lean)


def splash(photo: Image, water: WaterSurface, rng: np.random.Generator, amount: float, bright: float) -> None:
    """Put the crowns that drops throw up on the water of the photo: pale, a pixel or a few, no two alike.

    `bright` is the sky's brightness, 0..255.
    """
    many = min(round(SPLASHES * amount * rng.uniform(0.4, 1.0) * water.width / water.height), 4 * SPLASHES)
    where, scale, _ = places(water, rng, many)
    size = scale * rng.uniform(0.003, 0.008, many) * (0.4 + rng.random(many))
    reach = np.stack([np.maximum(size, 0.7), np.maximum(size * rng.uniform(0.7, 1.9, many), 0.6)], 1)
    where[:, 1] -= reach[:, 1]
    faint = rng.uniform(0.10, 0.42, many).astype(np.float32) * np.minimum(size / 1.2, 1.0).astype(np.float32)
    which, row, column, right, below = around(where, reach, *water.cover.shape)
    solid = np.maximum(1.0 - right * right - below * below, 0.0) * faint[which] * water.cover[row, column]
    pixels = photo[water.top :]
    there = pixels[row, column].astype(np.float32)
    pixels[row, column] = there + (np.float32(bright) - there) * np.maximum(solid, 0.0)[:, None]
