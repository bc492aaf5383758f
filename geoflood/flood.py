"""Synthetic flood water: a dry street photo goes in, the same street under water comes out.

What makes water believable is geometry, not colour. The water is a plane seen in perspective: far away, near
the line, it is grazed and mirrors the street; near the viewer one looks into it and sees mud (Fresnel). The
same slope of a ripple moves the mirror image far more near the viewer than at the line.

*Convention*: rows count downwards from 0, lengths inside are shares of the frame's height unless they say px.
Every layer is `(photo or water, ...) -> image`, so that rain, drops or debris are further layers in `flood`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageFilter

from geoflood.terms import Image

__all__ = ["flood"]

Floats: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.bool_]

HORIZON = 0.075
"""The horizon lies so far above the waterline: the plane's edge is walls, not infinity."""
FOCAL = 0.85
"""Focal length in frame heights, a phone's: turns the slope of a ripple into a shift of the mirror image."""
TILE = 256
"""Texels of the square ripple texture, which repeats."""
TEXELS = 56.0
"""Texels in a length of the water plane that is as long as the camera is high above it."""


@dataclass(frozen=True, slots=True)
class Water:
    """The water surface of one frame, over the rows from `top` to the bottom."""

    top: int
    """First row that any water touches."""
    line: float
    """Mean row of the waterline, px."""
    cover: Floats
    """Share of each pixel that is water, [0, 1], shape [height - top, width]."""
    grazing: Floats
    """Tangent of the angle between view and surface, one a row, shape [height - top, 1]."""
    slopes: NDArray[np.complex64]
    """Slope of the surface, along the view in the real part, across it in the other; like `cover`."""


def flood(photo: Image, level: float, seed: int) -> tuple[Image, Mask]:
    """Put the lower share `level` (0..0.9) of `photo` (uint8 [H, W, 3]) under water.

    Returns the flooded photo and a mask [H, W], True exactly where water has replaced what was there; the
    rest only gets the light of an overcast day. A level of 0 gives the photo back. Same seed, same water.
    """
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8:
        raise ValueError(f"a photo is uint8 [height, width, 3], not {photo.dtype} {list(photo.shape)}")
    if not 0.0 <= level <= 0.9:
        raise ValueError(f"a water level is a share of the height from 0 to 0.9, not {level}")
    mask = np.zeros(photo.shape[:2], bool)
    if round(level * photo.shape[0]) < 1:
        return photo.copy(), mask
    rng = np.random.default_rng(seed)
    dull = overcast(photo)
    water = surface(photo.shape[0], photo.shape[1], level, rng)
    mask[water.top :] = water.cover > 0.0
    return submerge(dull, water, mix(mirror(dull, water), mud(dull, water, rng), water)), mask


def overcast(photo: Image) -> Image:
    """The light of a day of rain: less colour, less contrast, a little cooler."""
    keep, grey = 0.78, 0.22
    red, green, blue = 0.299 * grey, 0.587 * grey, 0.114 * grey
    to_red = (0.95 * (keep + red), 0.95 * green, 0.95 * blue, 3.0)
    to_green = (0.96 * red, 0.96 * (keep + green), 0.96 * blue, 5.0)
    to_blue = (0.97 * red, 0.97 * green, 0.97 * (keep + blue), 8.0)
    return np.asarray(Pictures.fromarray(photo).convert("RGB", to_red + to_green + to_blue))


def surface(height: int, width: int, level: float, rng: np.random.Generator) -> Water:
    """The plane of water in perspective, its soft and slightly uneven edge, and the ripples on it."""
    line = height * (1.0 - level)
    edge = shoreline(line, width, height, rng)
    top = int(np.clip(np.floor(edge.min()), 0, height - 1))
    rows = np.arange(top, height, dtype=np.float32)[:, None]
    cover = np.asarray(np.clip(rows + 1.0 - edge, 0.0, 1.0), np.float32)
    grazing = np.asarray(np.maximum((rows + 0.5 - line) / height, 0.0) + HORIZON, np.float32)
    return Water(top, line, cover, grazing / FOCAL, ripples(grazing, width, height, rng))


def shoreline(line: float, width: int, height: int, rng: np.random.Generator) -> Floats:
    """Row of the water's edge in each column, px [width]: no camera is level, and no wall quite flat."""
    across = np.linspace(-0.5, 0.5, width, dtype=np.float32)
    uneven = rng.normal(0.0, 0.010) * across
    for waves, size in ((3, 0.0016), (9, 0.0009), (31, 0.0006)):
        uneven = uneven + size * np.sin(across * waves * rng.uniform(4.0, 8.0) + rng.uniform(0.0, 6.3))
    return np.asarray(line + height * (uneven - uneven.mean()), np.float32)


def ripples(grazing: Floats, width: int, height: int, rng: np.random.Generator) -> NDArray[np.complex64]:
    """Slopes of the surface at every pixel: one texture, laid on the plane at two scales, with calms."""
    texture = ripple_texture(rng)
    away = np.asarray(1.0 / grazing, np.float32)
    centred = np.arange(width, dtype=np.float32) - np.float32(width / 2.0)
    across = centred / np.float32(height) * away
    # A ripple that is smaller than a pixel no longer moves the mirror image: it only blurs it.
    seen = 1.0 / (1.0 + (away * away * (TEXELS / 9.0 / height)) ** 2)
    fine = sample(texture, across * TEXELS, away * TEXELS)
    long = sample(texture, across * (TEXELS / 5.0), away * (TEXELS / 5.0))
    wind = np.clip(0.75 + 0.45 * long.imag, 0.2, 1.6) * np.float32(rng.uniform(0.7, 1.3))
    return np.asarray(wind * (0.017 * seen * fine + 0.010 * long), np.complex64)


def ripple_texture(rng: np.random.Generator) -> NDArray[np.complex64]:
    """A repeating field of unit slopes, [TILE, TILE]: waves 7 to 40 texels long, most of them one way."""
    down, along = np.fft.fftfreq(TILE)[:, None], np.fft.fftfreq(TILE)[None, :]
    waves = np.hypot(down, along)
    strength = np.exp(-((waves / 0.11) ** 2)) * (waves > 0.025)
    strength *= 0.35 + (down / np.maximum(waves, 1e-9)) ** 2
    phases = np.exp(2j * np.pi * rng.random((TILE, TILE))) * strength
    # Two real fields for the price of one transform: real part down, imaginary part along.
    field = np.fft.ifft2(phases)
    return np.asarray(field / field.real.std(), np.complex64)


def sample(texture: NDArray[np.complex64], x: Floats, y: Floats) -> NDArray[np.complex64]:
    """Bilinear look-up in the repeating texture at texel coordinates of any size, which broadcast."""
    column, row = np.floor(x), np.floor(y)
    right, below = x - column, y - row
    i, j = row.astype(np.int32), column.astype(np.int32)
    flat, i0, i1 = texture.reshape(-1), (i % TILE) * TILE, ((i + 1) % TILE) * TILE
    j0, j1 = j % TILE, (j + 1) % TILE
    upper = flat[i0 + j0] * (1.0 - right) + flat[i0 + j1] * right
    lower = flat[i1 + j0] * (1.0 - right) + flat[i1 + j1] * right
    return np.asarray(upper + (lower - upper) * below)


def mirror(dry: Image, water: Water) -> Floats:
    """What the surface reflects: the street above the line, upside down and shaken; [rows, width, 3]."""
    height, width = dry.shape[:2]
    above = max(round(water.line), 1)
    picture = Pictures.fromarray(np.ascontiguousarray(dry[:above][::-1]))
    source = np.asarray(picture.filter(ImageFilter.GaussianBlur((height / 420.0, height / 130.0))))
    below = np.arange(water.top, height, dtype=np.float32)[:, None] - water.line
    # Under a high line there is more water than street: rather a stretched reflection than an invented sky.
    stretch = np.float32(np.clip(above / max(height - water.line, 1.0), 0.4, 1.15))
    shift = 2.0 * FOCAL * height * (1.0 - HORIZON / FOCAL / water.grazing)
    rows = below * stretch + shift * water.slopes.real
    columns = np.arange(width, dtype=np.float32) + shift * water.grazing * water.slopes.imag
    i = np.clip(np.abs(rows), 0, above - 1).astype(np.int32)
    j = np.clip(columns, 0, width - 1).astype(np.int32)
    return np.asarray(source.reshape(-1, 3)[i * width + j], np.float32)


def mud(dry: Image, water: Water, rng: np.random.Generator) -> Floats:
    """What one sees inside the water: brown-grey, as bright and colourful as the photo; [rows, width, 3]."""
    sky = dry[::8, ::8].astype(np.float32)
    brightness = float(sky.mean())
    colourful = min(float(np.ptp(sky, axis=2).mean()) / 12.0, 1.0)
    tint = np.array([1.12, 1.0, 0.80]) ** (colourful * rng.uniform(0.5, 1.3))
    colour = tint * brightness * rng.uniform(0.62, 0.82)
    light = 1.0 - 4.0 * water.slopes.real + 2.0 * water.slopes.imag
    return np.asarray(light[..., None] * colour, np.float32)


def mix(reflected: Floats, murk: Floats, water: Water) -> Floats:
    """Fresnel: the steeper one looks into the water, the less it mirrors; each ripple has its own angle."""
    grazing = np.clip(water.grazing - 2.2 * water.slopes.real, 0.0, 1.5)
    share = 0.10 + 0.78 * np.exp(-2.9 * grazing)
    return np.asarray(murk + (reflected - murk) * share[..., None], np.float32)


def submerge(dry: Image, water: Water, colours: Floats) -> Image:
    """Lay the water over the photo: soft along its edge, where a wet wall and its shadow meet the surface."""
    height = dry.shape[0]
    below = np.maximum(np.arange(water.top, height, dtype=np.float32)[:, None] - water.line, 0.0)
    wet = 1.0 - 0.22 * np.exp(-below / (0.006 * height))
    out = dry.copy()
    under = out[water.top :].astype(np.float32)
    under += (colours * wet[..., None] - under) * water.cover[..., None]
    out[water.top :] = np.clip(under, 0.0, 255.0)
    return out
