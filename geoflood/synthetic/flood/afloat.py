"""What floats where: things are placed on the plane, mirrored in the water, and laid over it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from geoflood.core.datatypes import Image
from geoflood.synthetic.flood.cars import CARS, PAINTS, car
from geoflood.synthetic.flood.debris import KINDS, PIECES, piece
from geoflood.synthetic.flood.painting import FloatCamera, Sprite, painted
from geoflood.synthetic.flood.solids import Points, Pose, Solid
from geoflood.synthetic.flood.water import FOCAL, Floats, Mask, WaterSurface

__all__ = ["Body", "Look", "bodies", "body", "cars", "cast", "debris", "lay", "look"]

MOST_CARS = 3
MOST_DEBRIS = 12
LENGTH_M = 4.8
CONTACT = 0.006
"""Share of the height over which a thing is darker where it meets the water."""
LOWER = 0.72
"""Seen from the water, a thing is so much lower than seen from above: its top is hidden behind its edge."""
BLUR = 1.0 / 180.0
"""Half of how far a mirror image is blurred up and down, as a share of the height."""
SHADE = 0.30
"""What a thing takes of the light inside the water under it."""
USUAL = 118.0
"""Brightness of a usual photo: things afloat are painted as bright as the photo they float in."""
GRIME = 256
"""Side of the texture of dirt, which repeats; a power of two."""

MUD = np.array([104.0, 94.0, 78.0], np.float32)
"""What the water leaves on things."""


@dataclass(frozen=True, slots=True)
class Look:
    """What things afloat must share with the photo to belong to it."""

    light: Points
    """How bright it is in red, green and blue, each 1 for a usual photo."""
    grain: float
    """Deviation of its noise, grey levels."""


@dataclass(frozen=True, slots=True)
class Thing:
    """Something, where it floats, and how worn it is."""

    solid: Solid
    pose: Pose
    dirt: float
    """How much of its foot the mud covers."""
    spot: tuple[int, int]
    """Where in the texture of dirt its own begins."""


@dataclass(frozen=True, slots=True)
class Body:
    """A thing afloat, painted."""

    right: float
    away: float
    """Metres from the camera."""
    sprite: Sprite
    foot: NDArray[np.intp]
    """In each column of the sprite, the row where it meets the water."""
    mirrored: Floats
    """Colours and opacity [4, rows, columns], each column turned over about its foot, which comes first."""


def look(photo: Image) -> Look:
    """Of a photo: its mean, half of its tint, and how neighbouring pixels differ where nothing is to see."""
    some = photo[::32].astype(np.float32)
    mean = some[:, ::2].mean((0, 1))
    bright = float(mean.mean())
    tint = np.clip((mean + 8.0) / (bright + 8.0), 0.7, 1.4) ** 0.5
    steps = np.abs(np.diff(some[..., 1], axis=1))
    grain = float(np.quantile(steps, 0.3)) / 0.545 if steps.size else 0.0
    return Look(np.clip(bright / USUAL, 0.35, 1.25) * tint, min(grain, 9.0))


def cars(view: FloatCamera, rng: np.random.Generator, amount: float) -> list[Thing]:
    """Cars up to their wheels, doors or windows, drifted to where they came to rest."""
    found: list[Thing] = []
    for _ in range(max(1, round(MOST_CARS * amount * rng.random()))):
        kind, paint = CARS[int(rng.integers(len(CARS)))], PAINTS[int(rng.integers(len(PAINTS)))]
        away = within(view, float(rng.uniform(8.0, 15.0)))
        right = float(rng.uniform(-0.62, 0.62)) * away * view.width / view.height / FOCAL
        heading = float(rng.normal(math.pi / 2, 0.5) + math.pi * rng.integers(2))
        draft = float(rng.uniform(0.42, 0.8)) * kind.shoulder
        pose = Pose(right, away, heading, float(rng.uniform(-0.02, 0.08)), float(rng.normal(0, 0.025)), draft)
        if all(math.hypot(right - one.pose.right, away - one.pose.away) >= LENGTH_M for one in found):
            found.append(Thing(car(kind, paint), pose, 0.30, spot(rng)))
    return found


def debris(view: FloatCamera, rng: np.random.Generator, amount: float) -> list[Thing]:
    """Flotsam: more of it far away, where there is more water."""
    found = []
    shares = np.cumsum([share for _, share in KINDS])
    for _ in range(max(1, round(MOST_DEBRIS * amount * rng.uniform(0.3, 1.0)))):
        kind = KINDS[int(np.searchsorted(shares, rng.random() * shares[-1], "right"))][0]
        solid, draft = piece(kind, int(rng.integers(PIECES)))
        away = within(view, float(rng.uniform(3.5, 16.0)))
        right = float(rng.uniform(-0.55, 0.55)) * away * view.width / view.height / FOCAL
        pitch, roll = rng.normal(0.0, 0.05, 2).tolist()
        pose = Pose(right, away, float(rng.uniform(0.0, 2 * math.pi)), pitch, roll, draft)
        found.append(Thing(solid, pose, 0.22, spot(rng)))
    return found


def bodies(things: Sequence[Thing], view: FloatCamera, seen: Look) -> list[Body]:
    """The things painted, worn and mirrored; those that do not show are left out."""
    sprites = painted([(thing.solid, thing.pose) for thing in things], view, seen.light)
    return [
        body(thing.pose, worn(sprite, view.height, thing, seen), view.height)
        for thing, sprite in zip(things, sprites, strict=True)
        if sprite
    ]


def within(view: FloatCamera, away: float) -> float:
    """This far, or as far as the nearest water in the frame when that is farther."""
    return max(away, 1.1 * view.away(view.height))


def body(pose: Pose, sprite: Sprite, height: int) -> Body:
    """The thing, and what of it the water mirrors; `height` is the frame's, px.

    As blurred up and down as the street in the water is.
    """
    high = len(sprite.solid)
    foot = high - 1 - (sprite.solid[::-1] > 0.4).argmax(0)
    radius = max(round(BLUR * height), 1)
    below = np.maximum(np.arange(-radius - 1, round(LOWER * high) + 2 * radius), 0) / LOWER
    rows = foot - below.astype(np.intp)[:, None]
    place = np.maximum(rows, 0) * len(foot) + np.arange(len(foot))
    turned = np.stack([plane.take(place) for plane in (*sprite.colours, sprite.solid)])
    turned *= rows >= 0
    sums = np.cumsum(turned, 1)
    span = 2 * radius + 1
    return Body(pose.right, pose.away, sprite, foot, (sums[:, span:] - sums[:, :-span]) / np.float32(span))


def cast(reflected: Floats, murk: Floats, thing: Body, water: WaterSurface) -> None:
    """Put a thing's mirror image into what the water reflects, and its shade into what is seen inside.

    It is shaken by the ripples between it and us.
    """
    image, reach = thing.sprite, 6
    deep, wide = thing.mirrored.shape[1:]
    top = max(image.top + int(thing.foot.min()), water.top)
    bottom = min(image.top + int(thing.foot.max()) + deep + reach, water.height)
    left, right = max(image.left - reach, 0), min(image.left + wide + reach, water.width)
    if bottom <= top or right <= left:
        return
    part = (slice(top - water.top, bottom - water.top), slice(left, right))
    grazing = water.grazing[part[0]]
    shift = np.float32(2.0 * FOCAL * water.height) * np.clip(1.0 - grazing[0] / grazing, 0.05, 1.0)
    columns = water.lean[part] * (shift * grazing)
    columns += np.arange(left - image.left, right - image.left, dtype=np.float32)
    place = np.clip(columns, 0, wide - 1).astype(np.intp)
    below = water.dip[part] * shift
    below += np.arange(top - image.top, bottom - image.top, dtype=np.float32)[:, None]
    below -= thing.foot.astype(np.float32).take(place)
    inside = (below > -1.0) & (below < deep) & (columns >= 0.0) & (columns < wide)
    place += np.clip(below, 0, deep - 1).astype(np.intp) * wide
    solid = thing.mirrored[3].take(place)
    solid *= inside
    left_over = 1.0 - solid
    seen = np.float32(0.92) * inside
    for k in range(3):
        plane = reflected[k][part]
        plane *= left_over
        plane += thing.mirrored[k].take(place) * seen
    murk[:, part[0], part[1]] *= 1.0 - np.float32(SHADE) * solid


def spot(rng: np.random.Generator) -> tuple[int, int]:
    """Anywhere in the texture of dirt."""
    return int(rng.integers(GRIME)), int(rng.integers(GRIME))


def worn(image: Sprite, height: int, thing: Thing, seen: Look) -> Sprite:
    """The painted thing muddy from below, blotched, as grainy as the photo, and wet where it meets the water.

    `height` is the frame's, px.
    """
    high, wide = image.solid.shape
    blotches, noise = grime(thing.spot, high, wide)
    low = np.linspace(0.0, 1.0, high, dtype=np.float32)[:, None]
    dirt = np.clip(np.float32(0.3) * blotches * low + (0.04 + np.float32(thing.dirt) * low * low), 0.0, 0.7)
    foot = max(1, round(CONTACT * height))
    under = np.zeros((high, wide), np.float32)
    under[: max(high - foot, 0)] = image.solid[foot:]
    # The water laps at its foot: here higher, there lower.
    lapping = np.clip(0.45 + 0.55 * under + np.float32(0.8) * blotches * (1.0 - under), 0.0, 1.0)
    solid = image.solid * lapping
    shade = (1.0 + np.float32(0.08) * blotches) * (0.66 + 0.34 * under)
    clean = shade * (1.0 - dirt) * lapping
    mud = dirt * shade * solid
    grain = noise * solid * np.float32(seen.grain)
    colours = image.colours * clean
    for k, brown in enumerate((MUD * seen.light).tolist()):
        colours[k] += mud * np.float32(brown) + grain
    np.clip(colours, 0.0, np.float32(255.0) * solid, colours)
    return replace(image, colours=colours, solid=solid)


def grime(begin: tuple[int, int], high: int, wide: int) -> tuple[Floats, Floats]:
    """Blotches, about -0.5..0.5, and noise of deviation 1, [high, wide], cut out of the texture."""
    rows, columns = (
        (np.arange(size) + first) & (GRIME - 1) for size, first in zip((high, wide), begin, strict=True)
    )
    place = rows[:, None] * GRIME + columns
    blotches, noise = grimes()
    return blotches.take(place), noise.take(place)


@lru_cache(1)
def grimes() -> tuple[Floats, Floats]:
    """Both textures, [GRIME, GRIME]."""
    rng = np.random.default_rng(GRIME)
    coarse = np.pad(rng.random((GRIME // 8, GRIME // 8), np.float32) - np.float32(0.5), 4, "wrap")
    size, cut = (GRIME + 64, GRIME + 64), slice(32, -32)
    blotches = np.asarray(Pictures.fromarray(coarse).resize(size, Pictures.Resampling.BICUBIC))[cut, cut]
    return np.ascontiguousarray(blotches), rng.standard_normal((GRIME, GRIME), np.float32)


def lay(photo: Image, mask: Mask, thing: Body) -> None:
    """Lay a thing over the photo and mark it."""
    image = thing.sprite
    high, wide = image.solid.shape
    part = (slice(image.top, image.top + high), slice(image.left, image.left + wide))
    left = 1.0 - image.solid
    for k in range(3):
        photo[(*part, k)] = photo[(*part, k)] * left + image.colours[k]
    mask[part] |= image.solid > 0.0
