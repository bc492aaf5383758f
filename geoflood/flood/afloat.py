"""What floats where: things are placed on the plane, mirrored in the water, and laid over it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image as Pictures

from geoflood.flood.cars import CARS, PAINTS, car
from geoflood.flood.debris import KINDS
from geoflood.flood.painting import Sprite, View, painted
from geoflood.flood.solids import Pose, packed
from geoflood.flood.water import FOCAL, Floats, Mask, Water
from geoflood.terms import Image

__all__ = ["Body", "cars", "cast", "debris", "lay"]

MOST_CARS = 3
MOST_DEBRIS = 14
LENGTH_M = 4.6
CONTACT = 0.006
"""Share of the height over which a thing is darker where it meets the water."""

MUD = np.array([104.0, 94.0, 78.0], np.float32)
"""What the water leaves on things."""


@dataclass(frozen=True, slots=True)
class Body:
    """A thing afloat, painted."""

    right: float
    away: float
    """Metres from the camera."""
    upright: Sprite
    mirrored: Sprite


def cars(water: Water, rng: np.random.Generator, amount: float, light: float) -> list[Body]:
    """Cars up to their doors or windows, drifted to where they came to rest."""
    view = View(water.height, water.width, water.line)
    found: list[Body] = []
    for _ in range(max(1, round(MOST_CARS * amount * rng.random()))):
        kind, paint = CARS[int(rng.integers(len(CARS)))], PAINTS[int(rng.integers(len(PAINTS)))]
        away = within(view, float(rng.uniform(8.0, 15.0)))
        right = float(rng.uniform(-0.62, 0.62)) * away * view.width / view.height / FOCAL
        heading = float(rng.normal(math.pi / 2, 0.5) + math.pi * rng.integers(2))
        draft = float(rng.uniform(0.5, 0.8)) * kind.shoulder
        pose = Pose(right, away, heading, float(rng.uniform(0.0, 0.09)), float(rng.normal(0, 0.03)), draft)
        if any(math.hypot(right - one.right, away - one.away) < LENGTH_M for one in found):
            continue
        if sprites := painted(car(kind, paint), pose, view, light):
            found.append(Body(right, away, worn(sprites[0], view.height, rng, light), sprites[1]))
    return found


def debris(water: Water, rng: np.random.Generator, amount: float, light: float) -> list[Body]:
    """Flotsam: more of it far away, where there is more water."""
    view = View(water.height, water.width, water.line)
    found = []
    shares = [share for _, share in KINDS]
    for _ in range(max(1, round(MOST_DEBRIS * amount * rng.uniform(0.3, 1.0)))):
        faces, draft = KINDS[int(rng.choice(len(KINDS), p=shares))][0](rng)
        away = within(view, float(rng.uniform(3.5, 16.0)))
        right = float(rng.uniform(-0.55, 0.55)) * away * view.width / view.height / FOCAL
        pitch, roll = rng.normal(0.0, 0.06, 2).tolist()
        pose = Pose(right, away, float(rng.uniform(0.0, 2 * math.pi)), pitch, roll, draft)
        if sprites := painted(packed(faces), pose, view, light):
            found.append(Body(right, away, worn(sprites[0], view.height, rng, light), sprites[1]))
    return found


def within(view: View, away: float) -> float:
    """This far, or as far as the nearest water in the frame when that is farther."""
    return max(away, 1.1 * view.away(view.height))


def cast(reflected: Floats, body: Body, water: Water) -> None:
    """Put a thing's mirror image into what the water reflects, shaken by the ripples between it and us."""
    image = body.mirrored
    top, bottom = max(image.top, water.top), image.top + len(image.pixels)
    reach = 6
    left, right = max(image.left - reach, 0), min(image.left + image.pixels.shape[1] + reach, water.width)
    bottom = min(bottom + reach, water.height)
    if bottom <= top:
        return
    part = (slice(top - water.top, bottom - water.top), slice(left, right))
    grazing = water.grazing[part[0]]
    shift = 2.0 * FOCAL * water.height * np.clip(1.0 - grazing[0] / grazing, 0.05, 1.0)
    rows = np.arange(top, bottom)[:, None] - image.top + shift * water.dip[part]
    columns = np.arange(left, right) - image.left + shift * grazing * water.lean[part]
    i, j = rows.astype(np.intp), columns.astype(np.intp)
    high, wide = image.pixels.shape[:2]
    inside = (i >= 0) & (i < high) & (j >= 0) & (j < wide)
    seen = image.pixels[np.clip(i, 0, high - 1), np.clip(j, 0, wide - 1)].astype(np.float32)
    solid = seen[..., 3] * inside / np.float32(255.0)
    planes = reflected[:, part[0], part[1]]
    planes += (np.moveaxis(seen[..., :3], 2, 0) - planes) * solid


def worn(image: Sprite, height: int, rng: np.random.Generator, light: float) -> Sprite:
    """The painted thing muddy from below, blotched, grainy, and wet where it meets the water.

    `height` is the frame's, px; `light` as in `painted`.
    """
    high, wide = image.pixels.shape[:2]
    blotch = max(height // 64, 2)
    blotches = rng.random((high // blotch + 2, wide // blotch + 2), np.float32)
    mottle = np.asarray(Pictures.fromarray(blotches).resize((wide, high), Pictures.Resampling.BILINEAR)) - 0.5
    low = np.linspace(0.0, 1.0, high, dtype=np.float32)[:, None]
    dirt = np.clip(0.06 + 0.34 * low * low + 0.4 * mottle, 0.0, 0.7)[..., None]
    foot = max(1, round(CONTACT * height))
    under = np.zeros((high, wide), np.float32)
    under[: max(high - foot, 0)] = image.pixels[foot:, :, 3]
    shade = 1.0 + 0.12 * mottle + 0.025 * rng.standard_normal((high, wide), np.float32)
    shade *= 0.66 + np.float32(0.34 / 255.0) * under
    colours = image.pixels[..., :3].astype(np.float32)
    colours += (MUD * np.float32(light) - colours) * dirt
    pixels = image.pixels.copy()
    pixels[..., :3] = np.clip(colours * shade[..., None], 0, 255)
    return replace(image, pixels=pixels)


def lay(photo: Image, mask: Mask, body: Body) -> None:
    """Lay a thing over the photo and mark it."""
    image = body.upright
    high, wide = image.pixels.shape[:2]
    part = (slice(image.top, image.top + high), slice(image.left, image.left + wide))
    solid = image.pixels[..., 3:] / np.float32(255.0)
    photo[part] = photo[part] + (image.pixels[..., :3] - photo[part].astype(np.float32)) * solid
    mask[part] |= image.pixels[..., 3] > 0
