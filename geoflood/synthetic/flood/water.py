"""The water surface of one frame: a plane seen in perspective, its edge, and the ripples on it.

*Convention*: rows count downwards from 0, lengths inside are shares of the frame's height unless they say px
or metres. What is the same for every photo of a kind (a texture) is made once; what differs is drawn from the
generator that is handed in, in an order that does not depend on anything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["FOCAL", "HORIZON", "Floats", "Mask", "WaterSurface", "surface"]

Floats: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.bool_]
Slopes: TypeAlias = NDArray[np.complex64]
"""Slope of the surface, along the view in the real part, across it in the other."""

HORIZON = 0.075
"""The horizon lies so far above the waterline: the plane's edge is walls, not infinity."""
FOCAL = 0.85
"""Focal length in frame heights, a phone's: turns the slope of a ripple into a shift of the mirror image."""
TILE = 256
"""Texels of the square ripple texture, which repeats; a power of two."""
TEXELS = 56.0
"""Texels in a length of the water plane that is as long as the camera is high above it."""
SCALES = ((1.0, 0.013), (2.7, 0.013), (0.2, 0.010))
"""The texture is laid so many times finer, as slopes so steep; where the coarsest is low there is calm."""
WEATHERS = 16
"""So many ripple textures there are; each photo lays one of them elsewhere, and mirrored or not."""


@dataclass(frozen=True, slots=True)
class WaterSurface:
    """The water surface of one frame, over the rows from `top` to the bottom."""

    top: int
    """First row that any water touches."""
    line: float
    """Mean row of the waterline, px."""
    cover: Floats
    """Share of each pixel that is water, [0, 1], shape [height - top, width]."""
    grazing: Floats
    """Tangent of the angle between view and surface, one a row, shape [height - top, 1]."""
    dip: Floats
    """Slope of the surface along the view, like `cover`."""
    lean: Floats
    """Slope of the surface across the view, like `cover`."""

    @property
    def height(self) -> int:
        """Of the frame, px."""
        return self.top + len(self.cover)

    @property
    def width(self) -> int:
        """Of the frame, px."""
        return int(self.cover.shape[1])

    @property
    def below(self) -> Floats:
        """How far each row lies under the waterline, px, [height - top, 1]; negative above it."""
        return np.arange(self.top, self.height, dtype=np.float32)[:, None] - np.float32(self.line)


def surface(height: int, width: int, level: float, rng: np.random.Generator) -> WaterSurface:
    """The plane of water over the lower share `level` of a frame of `height` x `width` px."""
    line = height * (1.0 - level)
    edge = shoreline(line, width, height, rng)
    top = int(np.clip(np.floor(edge.min()), 0, height - 1))
    rows = np.arange(top, height, dtype=np.float32)[:, None]
    cover = np.asarray(np.clip(rows + 1.0 - edge, 0.0, 1.0), np.float32)
    away = np.asarray(np.maximum((rows + 0.5 - line) / height, 0.0) + HORIZON, np.float32)
    slopes = ripples(away, width, height, rng)
    dip, lean = np.ascontiguousarray(slopes.real), np.ascontiguousarray(slopes.imag)
    return WaterSurface(top, line, cover, np.asarray(away / FOCAL, np.float32), dip, lean)


def shoreline(line: float, width: int, height: int, rng: np.random.Generator) -> Floats:
    """Row of the water's edge in each column, px [width]: no camera is level, and no wall quite flat."""
    across = np.linspace(-0.5, 0.5, width, dtype=np.float32)
    uneven = rng.normal(0.0, 0.010) * across
    for waves, size in ((3, 0.0016), (9, 0.0009), (31, 0.0006)):
        uneven = uneven + size * np.sin(across * waves * rng.uniform(4.0, 8.0) + rng.uniform(0.0, 6.3))
    return np.asarray(line + height * (uneven - uneven.mean()), np.float32)


def ripples(grazing: Floats, width: int, height: int, rng: np.random.Generator) -> Slopes:
    """Slopes of the surface at every pixel: one texture, laid on the plane at three scales, with calms.

    Every other column is looked up, the others lie between their neighbours: no ripple is that narrow.
    """
    texture = ripple_texture(int(rng.integers(WEATHERS)))
    start = rng.random(3, np.float32) * TILE
    mirrored = np.float32(rng.choice((-1.0, 1.0)))
    wind = np.float32(rng.uniform(0.7, 1.3))
    away = np.asarray(1.0 / grazing, np.float32)
    centred = (np.arange(0, width + 2, 2, dtype=np.float32) - np.float32(width / 2.0)) * mirrored
    across = centred / np.float32(height) * away
    slopes = np.zeros(across.shape, np.complex64)
    for (fineness, steepness), begin in zip(SCALES, start, strict=True):
        texels = np.float32(TEXELS * fineness)
        # A ripple that is smaller than a pixel no longer moves the mirror image: it only blurs it.
        visible = np.float32(steepness) / (1.0 + (away * away * (texels / np.float32(9.0 * height))) ** 2)
        waves = look_up(texture, across * texels + begin, away * texels + begin)
        slopes += visible * waves
    calm = np.clip(0.75 + 0.45 * waves.imag, 0.2, 1.6)
    slopes *= wind * calm
    return widen(slopes, width)


def widen(slopes: Slopes, width: int) -> Slopes:
    """Columns between the columns; [rows, width] of [rows, width // 2 + 1]."""
    whole = np.empty((len(slopes), 2 * slopes.shape[1] - 1), np.complex64)
    whole[:, ::2] = slopes
    np.add(slopes[:, :-1], slopes[:, 1:], whole[:, 1::2])
    whole[:, 1::2] *= 0.5
    return whole[:, :width]


@lru_cache(WEATHERS)
def ripple_texture(number: int) -> Slopes:
    """A repeating field of unit slopes, [TILE, TILE]: waves 7 to 40 texels long, most of them one way.

    Rounded to 1/4096, far coarser than what Fourier transforms of different machines disagree about.
    """
    rng = np.random.default_rng([number, TILE])
    down, along = np.fft.fftfreq(TILE)[:, None], np.fft.fftfreq(TILE)[None, :]
    waves = np.hypot(down, along)
    strength = np.exp(-((waves / 0.11) ** 2)) * (waves > 0.025)
    strength *= 0.35 + (down / np.maximum(waves, 1e-9)) ** 2
    # Two real fields for the price of one transform: real part down, imaginary part along.
    field = np.fft.ifft2(np.exp(2j * np.pi * rng.random((TILE, TILE))) * strength)
    texture = np.asarray(np.round(field / field.real.std() * 4096) / 4096, np.complex64)
    texture.setflags(write=False)
    return texture


def look_up(texture: Slopes, x: Floats, y: Floats) -> Slopes:
    """Bilinear look-up in the repeating texture at texel coordinates x [rows, width] and y [rows, 1]."""
    row, column = np.floor(y), np.floor(x)
    i = row[:, 0].astype(np.intp)
    upper, lower = texture[i & (TILE - 1)], texture[(i + 1) & (TILE - 1)]
    # A row of the frame needs one row of the texture, blended once, and its first texel again at the end.
    rows = np.empty((len(i), TILE + 1), np.complex64)
    rows[:, :TILE] = upper + (lower - upper) * (y - row)
    rows[:, TILE] = rows[:, 0]
    j = column.astype(np.intp)
    j &= TILE - 1
    j += np.arange(len(i))[:, None] * (TILE + 1)
    slopes = rows.take(j)
    j += 1
    slopes += (rows.take(j) - slopes) * (x - column)
    return slopes
