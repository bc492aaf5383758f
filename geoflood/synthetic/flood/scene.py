"""The order of the effects: street, light, water, what floats, rain, lens, phone; and what was truly done."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from geoflood.core.datatypes import Image
from geoflood.synthetic.flood.afloat import Body, Look, bodies, cars, cast, debris, lay, look
from geoflood.synthetic.flood.effects import WATER, Effects
from geoflood.synthetic.flood.lens import drops
from geoflood.synthetic.flood.painting import FloatCamera
from geoflood.synthetic.flood.phone import Box, compressed, cropped, shrunk
from geoflood.synthetic.flood.reflection import brightness, mirror, mix, mud, submerge
from geoflood.synthetic.flood.rings import pelt, splash
from geoflood.synthetic.flood.specks import specks
from geoflood.synthetic.flood.water import Mask, WaterSurface, surface
from geoflood.synthetic.flood.weather import overcast, rain

__all__ = ["Scene", "flood", "scene"]

STREAMS = (
    *("rings", "cars", "debris", "specks", "rain", "drops", "crop", "shrink", "compression"),
    "splashes",
)
"""Each effect draws from a stream of its own: to switch one on or off changes no other."""

# Freed at once, this teaches the C library to keep freed memory of such a size at hand. Else it gives a
# scene's arrays back and asks for their pages anew, dozens of times a scene: a third of plain water's time.
np.empty(1 << 24, np.uint8)


@dataclass(frozen=True, slots=True)
class Scene:
    """A synthetic flood photo and the truth about it."""

    photo: Image
    """uint8 [H, W, 3]; smaller than what came in where the effects crop or shrink."""
    mask: Mask
    """[H, W], True where water, or a thing afloat, has replaced what was there; where the effects shrink,
    where that is so of at least half of a pixel."""
    drops: Mask
    """[H, W], True where a drop on the lens hides what was there."""
    waterline: float
    """Share of the height of `photo` under water, from the bottom: the mean of its columns, 0 for none."""
    box: Box
    """The part of the photo that came in which `photo` shows."""
    level: float
    seed: int
    effects: Effects


def flood(photo: Image, level: float, seed: int, effects: Effects = WATER) -> tuple[Image, Mask]:
    """Put the lower share `level` (0..0.9) of `photo` (uint8 [H, W, 3]) under water.

    Returns the flooded photo and a mask [H, W], True exactly where water (or something afloat) has replaced
    what was there; the rest only gets the light of an overcast day, unless `effects` ask for more. A level of
    0 gives the photo back. Same seed, same water. Raises ValueError for what is no photo or no share.
    """
    flooded = scene(photo, level, seed, effects)
    return flooded.photo, flooded.mask


def scene(photo: Image, level: float, seed: int, effects: Effects = WATER) -> Scene:
    """As `flood`, with the whole truth; without water, `effects` still rain, drip, crop and compress."""
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8:
        raise ValueError(f"a photo is uint8 [height, width, 3], not {photo.dtype} {list(photo.shape)}")
    if not 0.0 <= level <= 0.9:
        raise ValueError(f"a water level is a share of the height from 0 to 0.9, not {level}")
    out, mask, line = photo.copy(), np.zeros(photo.shape[:2], bool), float(photo.shape[0])
    if round(level * photo.shape[0]) >= 1:
        out, mask, line = underwater(photo, level, seed, effects)
    elif effects.rain:
        out = overcast(photo, 0.0, effects.rain)
    if effects.rain:
        out = rain(out, stream(seed, "rain"), effects.rain)
    wet = np.zeros_like(mask)
    if effects.drops:
        out, wet = drops(out, stream(seed, "drops"), effects.drops)
    return posted(Scene(out, mask, wet, 0.0, Box(0, 0, 0, 0), level, seed, effects), line)


def stream(seed: int, effect: str) -> np.random.Generator:
    """What an effect draws from."""
    return np.random.default_rng([seed, STREAMS.index(effect)])


def underwater(photo: Image, level: float, seed: int, effects: Effects) -> tuple[Image, Mask, float]:
    """The street under water with all that floats on it, its mask, and the mean row of the waterline."""
    rng = np.random.default_rng(seed)
    dull = overcast(photo, effects.overcast, effects.rain) if effects.overcast or effects.rain else photo
    water = surface(photo.shape[0], photo.shape[1], level, rng)
    if effects.rain:
        water = pelt(water, stream(seed, "rings"), effects.rain)
    reflected, murk = mirror(dull, water), mud(dull, water, rng)
    seen = look(dull)
    found = afloat(water, seed, effects, seen)
    for body in found:
        cast(reflected, murk, body, water)
    out = submerge(dull, water, mix(reflected, murk, water))
    mask = np.zeros(photo.shape[:2], bool)
    mask[water.top :] = water.cover > 0.0
    if effects.debris:
        specks(out, water, stream(seed, "specks"), effects.debris, seen.light)
    if effects.rain:
        splash(out, water, stream(seed, "splashes"), effects.rain, 1.3 * brightness(dull) + 40.0)
    for body in found:
        lay(out, mask, body)
    return out, mask, water.line


def afloat(water: WaterSurface, seed: int, effects: Effects, seen: Look) -> list[Body]:
    """All things afloat, the farthest first."""
    view = FloatCamera(water.height, water.width, water.line)
    things = cars(view, stream(seed, "cars"), effects.cars) if effects.cars else []
    if effects.debris:
        things += debris(view, stream(seed, "debris"), effects.debris)
    return sorted(bodies(things, view, seen), key=lambda body: -body.away)


def posted(taken: Scene, line: float) -> Scene:
    """The scene as it was posted: cropped, smaller, compressed; its waterline is `line` (px) in the frame."""
    (height, width), effects, seed = taken.mask.shape, taken.effects, taken.seed
    box = Box(0, 0, width, height)
    if effects.crop:
        water = max(height - line, 0.0) / height
        box = cropped(height, width, water, stream(seed, "crop"), effects.crop)
    part = (slice(box.top, box.bottom), slice(box.left, box.right))
    photo, mask, wet = taken.photo[part], taken.mask[part], taken.drops[part]
    if effects.shrink:
        photo, (mask, wet) = shrunk(photo, [mask, wet], stream(seed, "shrink"), effects.shrink)
    if effects.compression:
        photo = compressed(photo, stream(seed, "compression"), effects.compression)
    waterline = float(np.clip((box.bottom - line) / (box.bottom - box.top), 0.0, 1.0))
    return replace(taken, photo=photo, mask=mask, drops=wet, waterline=waterline, box=box)
