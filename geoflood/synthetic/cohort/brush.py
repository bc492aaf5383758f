"""What the drawn pictures share: noise of all scales, colours along it, and what a camera adds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFilter

from geoflood.core.datatypes import Image
from geoflood.synthetic.blocks import Colour

__all__ = ["FINER", "Canvas", "Floats", "Rng", "fractal", "photographed", "random_colour", "tinted"]

Rng: TypeAlias = np.random.Generator
Floats: TypeAlias = NDArray[np.float32]

FINER = 2
"""Shapes are drawn with so many times more rows and columns, then averaged: soft edges."""


class Canvas:
    """A picture to draw shapes on, in pixels of the finished one."""

    def __init__(self, width: int, height: int, ground: Colour | Image) -> None:
        size = (width * FINER, height * FINER)
        if isinstance(ground, tuple):
            self.picture = Pictures.new("RGB", size, ground)
        else:
            self.picture = Pictures.fromarray(ground).resize(size, Pictures.Resampling.BILINEAR)
        self.pen = ImageDraw.Draw(self.picture)

    def shape(self, points: NDArray[np.float64] | Sequence[tuple[float, float]], colour: Colour) -> None:
        """Fill a polygon."""
        self.pen.polygon((np.asarray(points) * FINER).reshape(-1).tolist(), fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill a rectangle."""
        self.pen.rectangle((left * FINER, top * FINER, right * FINER - 1, bottom * FINER - 1), fill=colour)

    def disc(self, x: float, y: float, across: float, down: float, colour: Colour) -> None:
        """Fill an ellipse around (x, y) with these half axes."""
        self.pen.ellipse([FINER * v for v in (x - across, y - down, x + across, y + down)], fill=colour)

    def line(
        self, points: NDArray[np.float64] | Sequence[tuple[float, float]], colour: Colour, thick: float = 1.0
    ) -> None:
        """Draw a line through the points."""
        thick_px = max(round(thick * FINER), 1)
        self.pen.line((np.asarray(points) * FINER).reshape(-1).tolist(), colour, thick_px, joint="curve")

    def finish(self) -> Image:
        """uint8 [height, width, 3]."""
        return np.asarray(self.picture.reduce(FINER))


def fractal(rng: Rng, width: int, height: int, coarsest: float, roughness: float = 0.5) -> Floats:
    """Noise [height, width] of mean 0 and deviation 1, from scales of `coarsest` px down to 2.

    Each scale is half as coarse as the one before and `roughness` times as strong.
    """
    total, strength, cell = np.zeros((height, width), np.float32), 1.0, coarsest
    while cell >= 2.0:
        rows, columns = (math.ceil(side / cell) + 2 for side in (height, width))
        grid = Pictures.fromarray(rng.standard_normal((rows, columns), np.float32))
        # Without a box the grid would be stretched to the frame, and its cells would not be square.
        box = (0.5, 0.5, 0.5 + width / cell, 0.5 + height / cell)
        smooth = grid.resize((width, height), Pictures.Resampling.BICUBIC, box)
        total += np.asarray(smooth) * np.float32(strength)
        strength, cell = strength * roughness, cell / 2
    return np.asarray((total - total.mean()) / max(float(total.std()), 1e-6), np.float32)


def tinted(values: Floats, colours: Sequence[Colour]) -> Image:
    """Values [H, W] as colours [H, W, 3]: those of 0 to 1 run through the colours, others are cut off."""
    steps = np.linspace(0, 1, 256)
    stops = np.linspace(0, 1, len(colours))
    table = np.stack([np.interp(steps, stops, channel) for channel in np.array(colours, float).T], 1)
    return table.astype(np.uint8)[(values * 255).clip(0, 255).astype(np.uint8)]


def random_colour(rng: Rng, darkest: int = 20, lightest: int = 240) -> Colour:
    """Any colour between a darkest and a lightest value of its channels."""
    red, green, blue = rng.integers(darkest, lightest, 3).tolist()
    return red, green, blue


def photographed(image: Image, rng: Rng) -> Image:
    """What a camera makes of a scene: a soft lens, exposure, the colour of the light, sensor noise."""
    soft = Pictures.fromarray(image).filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 0.7))))
    light = rng.normal(1.0, 0.03, 3).astype(np.float32) * np.float32(rng.uniform(0.8, 1.15))
    grain = rng.standard_normal((*image.shape[:2], 1), np.float32) * np.float32(rng.uniform(1.5, 5))
    return np.asarray((np.asarray(soft) * light + grain).clip(0, 255), np.uint8)
