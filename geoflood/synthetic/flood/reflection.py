"""What the water looks like: the street mirrored in it, the mud inside, and how angle mixes the two.

Far away, near the line, the view grazes the surface, which mirrors the street. Near the viewer the view goes
into the water and meets mud (Fresnel). The same slope of a ripple moves the mirror image far more near the
viewer than far away.

Colours are planes, float32 [3, rows, width] over the rows from `water.top` on: arithmetic is quickest so.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageFilter

from geoflood.core.datatypes import Image
from geoflood.synthetic.flood.water import FOCAL, HORIZON, Floats, WaterSurface

__all__ = ["brightness", "fresnel", "mirror", "mix", "mud", "submerge"]


def mirror(dry: Image, water: WaterSurface) -> Floats:
    """What the surface reflects: the street above the line, upside down and shaken."""
    height, width = water.height, water.width
    above = max(round(water.line), 1)
    squeeze = max(1, height // 256)
    source = upside_down(dry, above, squeeze, height)
    # Under a high line there is more water than street: rather a stretched reflection than an invented sky.
    stretch = np.float32(np.clip(above / max(height - water.line, 1.0), 0.4, 1.15))
    shift = np.asarray(2.0 * FOCAL * height * (1.0 - HORIZON / FOCAL / water.grazing), np.float32)
    rows = np.abs(water.below * stretch + shift * water.dip)
    rows /= np.float32(squeeze)
    columns = water.lean * (shift * water.grazing)
    columns += np.arange(width, dtype=np.float32)
    place = np.minimum(rows, np.float32(len(source) - 1)).astype(np.intp)
    place *= width
    place += np.clip(columns, 0, width - 1).astype(np.intp)
    pixels = source.reshape(-1).take(place)
    planes = np.empty((3, *place.shape), np.float32)
    for k, plane in enumerate(planes):
        plane[:] = (pixels >> np.uint32(8 * k)) & np.uint32(255)
    return planes


def upside_down(dry: Image, above: int, squeeze: int, height: int) -> NDArray[np.uint32]:
    """The first `above` rows, turned over, blurred, `squeeze` rows made one: a pixel is a number.

    Blurred four times as far up and down as across, it loses nothing when rows are averaged first.
    """
    picture = Pictures.fromarray(dry[:above]).transpose(Pictures.Transpose.FLIP_TOP_BOTTOM)
    if squeeze > 1:
        picture = picture.reduce((1, squeeze))
    picture = picture.filter(ImageFilter.BoxBlur((height / 320.0, height / 90.0 / squeeze)))
    return np.asarray(picture.convert("RGBA")).view("<u4")[..., 0]


def mud(dry: Image, water: WaterSurface, rng: np.random.Generator) -> Floats:
    """What is seen inside the water: brown-grey, as bright and colourful as the photo."""
    sky = dry[::8, ::8].astype(np.float32)
    colourful = min(float(np.ptp(sky, axis=2).mean()) / 12.0, 1.0)
    tint = np.array([1.12, 1.0, 0.80]) ** (colourful * rng.uniform(0.5, 1.3))
    colour = tint * brightness(dry) * rng.uniform(0.62, 0.82)
    light = water.dip * np.float32(-4.0)
    light += water.lean * np.float32(2.0)
    light += 1.0
    return np.asarray(light * colour.astype(np.float32)[:, None, None])


def brightness(dry: Image) -> float:
    """Mean of the photo, 0..255, from every eighth pixel."""
    return float(dry[::8, ::8].astype(np.float32).mean())


def fresnel(water: WaterSurface) -> Floats:
    """Share of mirror image at every pixel (Fresnel): the steeper the view into the water, the less."""
    grazing = water.grazing - np.float32(2.2) * water.dip
    np.clip(grazing, 0.0, 1.5, grazing)
    grazing *= np.float32(-2.9)
    np.exp(grazing, grazing)
    grazing *= np.float32(0.78)
    grazing += np.float32(0.10)
    return grazing


def mix(reflected: Floats, murk: Floats, water: WaterSurface) -> Floats:
    """Mirror image and mud by the angle of each ripple."""
    mixed = reflected - murk
    mixed *= fresnel(water)
    mixed += murk
    return mixed


def submerge(dry: Image, water: WaterSurface, colours: Floats) -> Image:
    """Lay the water over the photo: soft along its edge, where a wet wall and its shadow meet the surface."""
    wet = 1.0 - 0.22 * np.exp(np.maximum(water.below, 0.0) / np.float32(-0.006 * water.height))
    shown = colours * wet
    soft = int(np.count_nonzero(water.cover.min(1) < 1.0))
    edge = np.moveaxis(dry[water.top : water.top + soft], 2, 0).astype(np.float32)
    shown[:, :soft] = edge + (shown[:, :soft] - edge) * water.cover[:soft]
    np.clip(shown, 0.0, 255.0, shown)
    out = dry.copy()
    for k, plane in enumerate(shown.astype(np.uint8)):
        out[water.top :, :, k] = plane
    return out
