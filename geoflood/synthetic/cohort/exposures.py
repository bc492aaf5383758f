"""Scenes as bad light and heavy hands leave them."""

from __future__ import annotations

import numpy as np

from geoflood.core.datatypes import Image
from geoflood.synthetic import post_edits
from geoflood.synthetic.cohort.brush import Rng
from geoflood.synthetic.cohort.land import aerial, landscape
from geoflood.synthetic.cohort.rooms import indoor
from geoflood.synthetic.cohort.scenes import fronts, parking, portrait, still_life, street

__all__ = ["any_scene", "black_and_white", "filtered", "nearly_black", "overexposed"]

SCENES = (street, fronts, indoor, landscape, aerial, portrait, parking, still_life)


def any_scene(rng: Rng, width: int, height: int) -> Image:
    """One of the scenes."""
    return SCENES[int(rng.integers(len(SCENES)))](rng, width, height)


def nearly_black(rng: Rng, width: int, height: int) -> Image:
    """Next to no light: mostly sensor noise, and now and then a lamp."""
    dark = any_scene(rng, width, height) * np.float32(rng.uniform(0.02, 0.09))
    for _ in range(int(rng.integers(0, 4))):
        x, y, reach = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(4, 30)
        rows, columns = np.ogrid[:height, :width]
        lamp = np.exp(-np.hypot(columns - x, rows - y) / reach)[..., None].astype(np.float32)
        dark += lamp * np.array((250, 220, 150), np.float32)
    noise = rng.standard_normal(dark.shape, np.float32) * np.float32(rng.uniform(3, 8))
    return np.asarray((dark + noise + 4).clip(0, 255), np.uint8)


def overexposed(rng: Rng, width: int, height: int) -> Image:
    """Far too much light: most of it burnt out to white."""
    bright = any_scene(rng, width, height) * np.float32(rng.uniform(1.8, 3.5))
    noise = rng.standard_normal(bright.shape, np.float32) * np.float32(4)
    return np.asarray((bright + np.float32(rng.uniform(10, 60)) + noise).clip(0, 255), np.uint8)


def black_and_white(rng: Rng, width: int, height: int) -> Image:
    """A scene in greys."""
    return post_edits.EDITS["black and white"](any_scene(rng, width, height), rng).image


def filtered(rng: Rng, width: int, height: int) -> Image:
    """A scene under a heavy filter."""
    return post_edits.EDITS["filtered"](any_scene(rng, width, height), rng).image
