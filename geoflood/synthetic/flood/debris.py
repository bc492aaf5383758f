"""What floats: things placed on the water's plane, mirrored in it, and laid over it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw

from geoflood.core.datatypes import Image
from geoflood.synthetic.blocks import Thing, bag, bin_, car, faces, plank, shaded
from geoflood.synthetic.flood.water import FOCAL, HORIZON, Floats, Mask, WaterSurface

__all__ = ["FloatingThing", "float_things", "lay", "mirror_things", "paint_things"]

MOST = 14
KINDS = ((car, 0.2, 0.65), (bin_, 0.15, 0.5), (bag, 0.3, 0.08), (plank, 0.35, 0.05))
"""What there is, how often, and how deep it floats, metres; the shares sum to 1."""
CAMERA_M = 1.6
"""Height of the camera above the water: someone stands at a window or on a step."""
NEAREST_M = 0.8
USUAL_BRIGHTNESS = 118.0
"""Mean grey level of a usual photo: things are painted as bright as the photo they float in."""
FINER = 2
"""Faces are painted with so many times more rows and columns, then averaged: soft edges."""


@dataclass(frozen=True, slots=True)
class FloatingThing:
    """A thing and where it floats, metres from the water under the camera."""

    thing: Thing
    right: float
    away: float
    heading: float
    """Radians; 0 looks away from the camera."""
    draft: float
    """Metres of it under water."""


def float_things(water: WaterSurface, rng: np.random.Generator, amount: float) -> list[FloatingThing]:
    """Cars, bins, bags and planks adrift, the farthest first."""
    shares = np.cumsum([share for _, share, _ in KINDS])
    nearest = 1.1 * FOCAL * CAMERA_M / (HORIZON + (water.height - water.line) / water.height)
    adrift = []
    for _ in range(max(1, round(MOST * amount * rng.uniform(0.4, 1.0)))):
        draw, _, draft = KINDS[int(np.searchsorted(shares, rng.random() * shares[-1], "right"))]
        away = max(nearest, float(rng.uniform(7.0, 15.0) if draw is car else rng.uniform(3.5, 14.0)))
        right = float(rng.uniform(-0.55, 0.55)) * away * water.width / water.height / FOCAL
        adrift.append(FloatingThing(draw(rng), right, away, float(rng.uniform(0, 2 * math.pi)), draft))
    return sorted(adrift, key=lambda thing: -thing.away)


def paint_things(
    things: Sequence[FloatingThing], water: WaterSurface, photo: Image
) -> tuple[Pictures.Image, Pictures.Image]:
    """The part of the things above the water on a clear ground, RGBa [H, W], and their mirror image.

    They are as bright as the photo.
    """
    light = float(np.clip(photo[::8, ::8].mean() / USUAL_BRIGHTNESS, 0.35, 1.25))
    size = (water.width * FINER, water.height * FINER)
    upright, mirrored = Pictures.new("RGBa", size), Pictures.new("RGBa", size)
    pens = ImageDraw.Draw(upright), ImageDraw.Draw(mirrored)
    for floating in things:
        place = (floating.right, floating.away)
        camera = (0.0, 0.0, CAMERA_M + floating.draft)
        for colour, face in faces(floating.thing, place, floating.heading, camera):
            up = np.maximum(face[:, 2] - floating.draft, 0.0)
            if face[:, 1].min() < NEAREST_M or not up.any():
                continue
            ink = (*shaded(colour, light), 255)
            for pen, height in zip(pens, (up, -up), strict=True):
                spots = project(face[:, 0], face[:, 1], height, water) * FINER
                pen.polygon(spots.ravel().tolist(), fill=ink)
    return upright.reduce(FINER), mirrored.reduce(FINER)


def project(
    right: NDArray[np.float64], away: NDArray[np.float64], up: NDArray[np.float64], water: WaterSurface
) -> NDArray[np.float64]:
    """Column and row, px [n, 2], of points given in metres from the water under the camera."""
    scale = FOCAL * water.height / away
    horizon = water.line - HORIZON * water.height
    return np.stack([water.width / 2.0 + right * scale, horizon + (CAMERA_M - up) * scale], 1)


def mirror_things(reflected: Floats, mirrored: Pictures.Image, water: WaterSurface) -> None:
    """Put the mirror image of things into what the water reflects, shaken by its ripples."""
    rows, columns = np.indices(water.cover.shape, np.float32)
    shake = np.float32(0.6 * FOCAL * water.height)
    row = np.clip(rows + water.top + shake * water.dip, 0, water.height - 1).astype(np.intp)
    column = np.clip(columns + shake * water.grazing * water.lean, 0, water.width - 1).astype(np.intp)
    shaken = np.asarray(mirrored)[row, column]
    reflected *= np.float32(1.0) - shaken[..., 3] / np.float32(255.0)
    reflected += np.moveaxis(shaken[..., :3], 2, 0)


def lay(photo: Image, mask: Mask, painted: Pictures.Image) -> Image:
    """The photo with the things over it; marks them in the mask."""
    things, picture = painted.convert("RGBA"), Pictures.fromarray(photo)
    opacity = things.getchannel("A")
    mask |= np.asarray(opacity) > 0
    picture.paste(things.convert("RGB"), mask=opacity)
    return np.asarray(picture)
