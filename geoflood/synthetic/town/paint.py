"""Colours, wall materials, and the easel that walls are painted on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont, ImageOps

from geoflood.synthetic.blocks import Colour, shaded
from geoflood.synthetic.town.model import PIXELS_PER_M, Rng

__all__ = ["PAINTS", "ROOFS", "WALLS", "Easel", "lay_courses", "materials", "pick"]

Floats: TypeAlias = NDArray[np.float32]

WALLS: tuple[Colour, ...] = (
    (168, 92, 70), (146, 74, 60), (190, 128, 96), (214, 196, 160), (226, 216, 198), (198, 170, 120),
    (160, 168, 160), (176, 190, 200), (206, 176, 160), (150, 140, 126), (232, 222, 176), (188, 152, 140),
    (120, 126, 132),
)  # fmt: skip
"""The first three are bricks."""
PAINTS: tuple[Colour, ...] = (
    (150, 34, 38), (28, 74, 122), (24, 94, 66), (214, 160, 40), (238, 234, 224), (44, 46, 52), (116, 44, 96),
    (206, 92, 34), (36, 130, 140), (104, 66, 40),
)  # fmt: skip
ROOFS: tuple[Colour, ...] = ((146, 74, 54), (92, 92, 100), (120, 64, 52), (70, 76, 84), (108, 98, 88))


class Easel:
    """A wall to paint on, RGBA, in metres from its left foot, drawn twice as large as it is kept."""

    def __init__(self, width_m: float, height_m: float) -> None:
        self.scale = 2 * PIXELS_PER_M
        self.width_m, self.height_m = width_m, height_m
        size = (max(round(width_m * self.scale), 8), max(round(height_m * self.scale), 8))
        self.picture = Pictures.new("RGBA", size)
        self.pen = ImageDraw.Draw(self.picture)

    def at(self, *points: tuple[float, float]) -> list[tuple[float, float]]:
        """Pixels of points in metres."""
        return [(x * self.scale, self.picture.height - y * self.scale) for x, y in points]

    def box(self, x: float, y: float, wide: float, high: float, colour: Colour) -> None:
        """Fill a rectangle whose lower left corner is (x, y)."""
        (left, low), (right, top) = self.at((x, y), (x + wide, y + high))
        self.pen.rectangle((left, top, max(right - 1, left), max(low - 1, top)), fill=(*colour, 255))

    def shape(self, colour: Colour, *points: tuple[float, float]) -> None:
        """Fill a polygon."""
        self.pen.polygon(self.at(*points), fill=(*colour, 255))

    def arch(self, x: float, y: float, wide: float, high: float, colour: Colour) -> None:
        """Fill a rectangle with a half circle on top."""
        self.box(x, y, wide, high - wide / 2, colour)
        (left, low), (right, top) = self.at((x, y + high - wide), (x + wide, y + high))
        self.pen.ellipse((left, top, right - 1, low), fill=(*colour, 255))

    def grain(self, material: Pictures.Image, colour: Colour, top_m: float, rng: Rng) -> None:
        """Cover the wall up to `top_m` with a material, tinted."""
        high = min(round(top_m * self.scale), self.picture.height)
        x, y = (int(rng.integers(0, 2 * s)) for s in (64, 64))
        patch = material.crop((x, y, x + self.picture.width, y + high))
        tinted = ImageOps.colorize(patch, shaded(colour, 0.45), shaded(colour, 1.3), colour)
        self.picture.paste(tinted, (0, self.picture.height - high))

    def words(self, text: str, x: float, y: float, wide: float, high: float, colour: Colour) -> None:
        """Letter a sign, as large as its box allows."""
        font = ImageFont.load_default(max(high * self.scale, 6.0))
        for size in (high, high * 0.75, high * 0.5):
            font = ImageFont.load_default(max(size * self.scale, 6.0))
            if font.getlength(text) <= wide * self.scale:
                break
        ((middle, line),) = self.at((x + wide / 2, y + high / 2))
        self.pen.text((middle, line), text, (*colour, 255), font, "mm")

    def finish(self) -> Pictures.Image:
        """The finished wall at the size that is kept, RGBa: scaled as it is, its edges keep their colour."""
        return self.picture.reduce(2).convert("RGBa")


def pick(rng: Rng, choices: Sequence[Colour]) -> Colour:
    """One of the colours, a little off."""
    lighter = rng.normal(0, 9)
    off = (np.array(choices[int(rng.integers(len(choices)))]) + lighter + rng.normal(0, 3, 3)).clip(0, 255)
    return int(off[0]), int(off[1]), int(off[2])


COURSES = ((5, 14, 20.0), (15, 32, 12.0), (22, 44, 10.0))
"""Pixels of a course and of a stone, and how much stones differ: brick, ashlar, large ashlar."""


def materials(rng: Rng) -> list[Pictures.Image]:
    """Grey tiles of plaster, brick and ashlar, as large as the largest wall."""
    high, wide = 900, 760
    stains = Pictures.fromarray(rng.normal(128, 30, (24, 20)).clip(0, 255).astype(np.uint8))
    stained = np.asarray(stains.resize((wide, high), Pictures.Resampling.BICUBIC), np.float32)
    plaster = 128 + (stained - 128) * np.float32(0.45)
    plaster += rng.standard_normal((high, wide), np.float32) * 9
    tiles = [plaster, *(lay_courses(plaster, *course, rng) for course in COURSES)]
    return [Pictures.fromarray(tile.clip(0, 255).astype(np.uint8)) for tile in tiles]


def lay_courses(
    plaster: NDArray[np.float32], course: int, length: int, variety: float, rng: Rng
) -> NDArray[np.float32]:
    """Stones in courses with joints between them, every other course half a stone off."""
    high, wide = plaster.shape
    y, x = np.ogrid[:high, :wide]
    row = y // course
    shifted = x + (row % 2) * (length // 2)
    tone = rng.normal(0, variety, (high // course + 1, wide // length + 2)).astype(np.float32)
    joints = (y % course < 1) | (shifted % length < 1)
    return np.asarray(plaster + tone[row, shifted // length] - np.float32(34) * joints, np.float32)
