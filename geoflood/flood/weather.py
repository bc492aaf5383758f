"""The light and the rain of a flood."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageChops, ImageDraw

from geoflood.flood.water import FOCAL, Water
from geoflood.terms import Image

__all__ = ["overcast", "pelt", "rain"]

FAR = (0.010, 0.030, 0.4, 64)
NEAR = (0.05, 0.13, 1.0, 44)
"""Streaks: shortest and longest (shares of the height), width (400ths of the height), opacity out of 255."""


def overcast(photo: Image, amount: float = 1.0) -> Image:
    """The light of a day of rain: less colour, less contrast, a little cooler."""
    keep, grey = 0.78, 0.22
    red, green, blue = 0.299 * grey, 0.587 * grey, 0.114 * grey
    matrix = np.array(
        [
            (0.95 * (keep + red), 0.95 * green, 0.95 * blue, 3.0),
            (0.96 * red, 0.96 * (keep + green), 0.96 * blue, 5.0),
            (0.97 * red, 0.97 * green, 0.97 * (keep + blue), 8.0),
        ]
    )
    matrix = np.eye(3, 4) + (matrix - np.eye(3, 4)) * amount
    return np.asarray(Pictures.fromarray(photo).convert("RGB", tuple(matrix.ravel().tolist())))


def rain(photo: Image, rng: np.random.Generator, amount: float) -> Image:
    """A veil over what is far, and streaks before it; every pixel may change a little."""
    height, width = photo.shape[:2]
    picture = greyed(Pictures.fromarray(photo), amount)
    bright = int(np.clip(1.25 * float(photo[: max(height // 3, 1) : 4, ::4].mean()) + 25, 85, 240))
    fog = veil(height, width, amount * rng.uniform(0.5, 1.0))
    falling = streaks(height, width, rng, amount)
    picture.paste((bright, bright + 3, bright + 6), (0, 0), ImageChops.add(fog, falling))
    return np.array(picture)


def greyed(picture: Pictures.Image, amount: float) -> Pictures.Image:
    """No blue sky behind rain: what is bluer than red loses its colour, the more the higher it stands."""
    red, _, blue = picture.split()
    high = column(np.linspace(255.0, 0.0, picture.height), picture.width)
    bluer = ImageChops.subtract(blue, red).point([min(int(5 * amount * value), 255) for value in range(256)])
    grey = blue.point([min(int(0.25 * value + 0.75 * max(value, 90)), 255) for value in range(256)])
    return Pictures.composite(
        Pictures.merge("RGB", (grey, grey, grey)), picture, ImageChops.multiply(bluer, high)
    )


def veil(height: int, width: int, amount: float) -> Pictures.Image:
    """Opacity of the rain between here and there: most at mid-height, where a street is farthest."""
    down = np.linspace(0.0, 1.0, height)
    opacity = 255 * amount * (0.06 + 0.22 * np.exp(-(((down - 0.45) / 0.28) ** 2)))
    return column(opacity, width)


def column(values: NDArray[np.float64], width: int) -> Pictures.Image:
    """A grey picture whose rows have these values, 0..255."""
    narrow = Pictures.fromarray(np.round(values).astype(np.uint8)[:, None])
    return narrow.resize((width, len(values)), Pictures.Resampling.NEAREST)


def streaks(height: int, width: int, rng: np.random.Generator, amount: float) -> Pictures.Image:
    """Opacity of falling drops: many short faint ones far away, few long ones near, all on one slant.

    Drawn at half the size, which is also how sharp they are.
    """
    small = (width + 1) // 2, (height + 1) // 2
    layer = Pictures.new("L", small)
    draw = ImageDraw.Draw(layer)
    slant = rng.uniform(-0.25, 0.25)
    crowd = amount * rng.uniform(0.4, 1.0) * width / height
    for (shortest, longest, thick, opacity), count in ((FAR, 420), (NEAR, 26)):
        many = min(round(count * crowd), 4 * count)
        start = rng.random((many, 2)) * (small[0], 1.2 * small[1]) - (0.0, 0.1 * small[1])
        length = rng.uniform(shortest, longest, many) * small[1]
        ends = start + np.stack([length * (slant + rng.normal(0, 0.03, many)), length], 1)
        faint = (opacity * rng.uniform(0.4, 1.0, many)).astype(int)
        thickness = max(1, round(thick * small[1] / 400))
        for (x0, y0), (x1, y1), value in zip(start.tolist(), ends.tolist(), faint.tolist(), strict=True):
            draw.line((x0, y0, x1, y1), value, thickness)
    return layer.resize((width, height), Pictures.Resampling.BILINEAR)


def pelt(water: Water, rng: np.random.Generator, amount: float) -> Water:
    """The water with rings where drops fell: ellipses lying on the plane, small as they are far."""
    rows, width = water.cover.shape
    layer = Pictures.new("L", (width, rows))
    draw = ImageDraw.Draw(layer)
    many = min(round(240 * amount * rng.uniform(0.4, 1.0) * width / water.height), 1000)
    where, ages = rng.random((many, 2)) * (width, rows), rng.random(many)
    tilt = np.minimum(water.grazing[where[:, 1].astype(int), 0], 1.0)
    wide = (0.008 + 0.05 * ages) * water.height * tilt * FOCAL
    reach = np.stack([wide, wide * tilt], 1)
    corners = np.concatenate([where - reach, where + reach], 1)
    for corner, faint in zip(corners.tolist(), (255 - 170 * ages).astype(int).tolist(), strict=True):
        draw.ellipse(corner, outline=faint)
    waves = np.asarray(layer, np.float32)
    waves *= np.float32(0.09 / 255.0)
    dip, lean = water.dip.copy(), water.lean.copy()
    dip[1:] += waves[1:]
    dip[1:] -= waves[:-1]
    lean[:, 1:] += waves[:, 1:]
    lean[:, 1:] -= waves[:, :-1]
    return replace(water, dip=dip, lean=lean)
