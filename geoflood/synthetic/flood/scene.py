"""The order of the effects: street, light, water, what floats, rain, lens, post; and the truth about them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from geoflood.core.datatypes import Box, Image
from geoflood.synthetic.flood.debris import float_things, lay, mirror_things, paint_things
from geoflood.synthetic.flood.effects import WATER, Effects
from geoflood.synthetic.flood.post import compress, crop_box, shrink
from geoflood.synthetic.flood.reflection import mirror, mix, mud, submerge
from geoflood.synthetic.flood.water import Mask, surface
from geoflood.synthetic.flood.weather import lens_drops, overcast, rain

__all__ = ["Scene", "flood", "scene"]

STREAMS = {"debris": 2, "rain": 4, "drops": 5, "crop": 6, "shrink": 7, "compression": 8}
"""Each effect draws from a stream of its own: to switch one on or off changes no other.

Figures and calibrations rest on the streams of crop, shrink and compression: their numbers stay.
"""

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
    if effects.rain:
        out = rain(out, stream(seed, "rain"), effects.rain)
    drops = np.zeros_like(mask)
    if effects.drops:
        out, drops = lens_drops(out, stream(seed, "drops"), effects.drops)
    return post(Scene(out, mask, drops, 0.0, Box(0, 0, 0, 0), level, seed, effects), line)


def stream(seed: int, effect: str) -> np.random.Generator:
    """What an effect draws from."""
    return np.random.default_rng([seed, STREAMS[effect]])


def underwater(photo: Image, level: float, seed: int, effects: Effects) -> tuple[Image, Mask, float]:
    """The street under water with all that floats on it, its mask, and the mean row of the waterline."""
    rng = np.random.default_rng(seed)
    dark = effects.overcast + effects.rain
    dull = overcast(photo, dark) if dark else photo
    water = surface(photo.shape[0], photo.shape[1], level, rng)
    reflected, murk = mirror(dull, water), mud(dull, water, rng)
    things = float_things(water, stream(seed, "debris"), effects.debris) if effects.debris else []
    if things:
        upright, mirrored = paint_things(things, water, dull)
        mirror_things(reflected, mirrored, water)
    out = submerge(dull, water, mix(reflected, murk, water))
    mask = np.zeros(photo.shape[:2], bool)
    mask[water.top :] = water.cover > 0.0
    if things:
        out = lay(out, mask, upright)
    return out, mask, water.line


def post(taken: Scene, line: float) -> Scene:
    """The scene as it was posted: cropped, smaller, compressed; its waterline is `line` (px) in the frame."""
    (height, width), effects, seed = taken.mask.shape, taken.effects, taken.seed
    box = Box(0, 0, width, height)
    if effects.crop:
        water = max(height - line, 0.0) / height
        box = crop_box(height, width, water, stream(seed, "crop"), effects.crop)
    part = (slice(box.top, box.bottom), slice(box.left, box.right))
    photo, mask, drops = taken.photo[part], taken.mask[part], taken.drops[part]
    if effects.shrink:
        photo, (mask, drops) = shrink(photo, [mask, drops], stream(seed, "shrink"), effects.shrink)
    if effects.compression:
        photo = compress(photo, stream(seed, "compression"), effects.compression)
    waterline = float(np.clip((box.bottom - line) / (box.bottom - box.top), 0.0, 1.0))
    return replace(taken, photo=photo, mask=mask, drops=drops, waterline=waterline, box=box)
