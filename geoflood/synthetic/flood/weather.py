"""The light and the rain of a flood."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from geoflood.core.datatypes import Image
from geoflood.synthetic.flood.water import Floats

__all__ = ["overcast", "rain"]

FAR = (0.010, 0.030, 0.0026, 0.22, 420)
NEAR = (0.05, 0.13, 0.0045, 0.17, 26)
"""Streaks: shortest, longest, half of the width (shares of the height), opacity, how many in a square."""
SUNLESS = 0.5
"""How far what the sun lit and what it left in shadow draw together under rain clouds: all the way is 1."""
SHADOW = 32
"""What is darker than this is as dark without sun."""
EDGE = 16.0
"""Steps of grey that are an edge of the light, and not the grain of a wall."""
PATCH = 1.0 / 20.0
"""Side of the patches whose light is told from their grain, as a share of the height."""


def overcast(photo: Image, amount: float = 1.0, clouds: float = 0.0) -> Image:
    """The light of a day of rain: less colour, less contrast, a little cooler.

    With `clouds` there is no sun either: hardly a shadow, and little colour.
    """
    picture, matrix = Pictures.fromarray(photo), cool(amount)
    if clouds:
        dimmed = dimming(photo, clouds)
        lit = np.multiply(photo, np.asarray(Pictures.merge("RGB", (dimmed,) * 3)), dtype=np.uint16)
        lit >>= 8
        picture = Pictures.fromarray(lit.astype(np.uint8))
        dull = faded(1.0 - 0.55 * clouds, 1.0 + 0.7 * clouds)
        matrix = np.column_stack([matrix[:, :3] @ dull, matrix[:, 3]])
    return np.asarray(picture.convert("RGB", tuple(matrix.ravel().tolist())))


def cool(amount: float) -> NDArray[np.float64]:
    """What an overcast sky makes of colours, [3, 4]: a matrix and what is added."""
    keep, grey = 0.78, 0.22
    red, green, blue = 0.299 * grey, 0.587 * grey, 0.114 * grey
    matrix = np.array(
        [
            (0.95 * (keep + red), 0.95 * green, 0.95 * blue, 3.0),
            (0.96 * red, 0.96 * (keep + green), 0.96 * blue, 5.0),
            (0.97 * red, 0.97 * green, 0.97 * (keep + blue), 8.0),
        ]
    )
    return np.eye(3, 4) + (matrix - np.eye(3, 4)) * amount


def faded(keep: float, bright: float) -> NDArray[np.float64]:
    """Colours of which the share `keep` is left, `bright` times as bright, [3, 3]."""
    return bright * (keep * np.eye(3) + (1.0 - keep) * np.array([(0.299, 0.587, 0.114)] * 3))


def dimming(photo: Image, amount: float) -> Pictures.Image:
    """What is left of the light at every pixel, 255 is all: the brighter the patch, the less.

    The patches are found by a guided filter: means, but not over edges. So walls keep their grain.
    Green stands for brightness, and every other pixel for its neighbours.
    """
    light = photo[::2, ::2, 1].astype(np.float32)
    height, width = light.shape
    side = max(PATCH * height, 1.0)
    patches = max(round(width / side), 1), max(round(height / side), 1)
    mean, square = (resized(part, patches, Pictures.Resampling.BOX) for part in (light, light * light))
    edge = np.maximum(square - mean * mean, np.float32(0.0))
    edge /= edge + np.float32(EDGE * EDGE)
    surface = resized(edge, (width, height)) * light + resized(mean - edge * mean, (width, height))
    bright = np.maximum(np.arange(256.0), SHADOW) + 20.0
    left = np.round(255.0 * (bright[0] / bright) ** (SUNLESS * amount)).astype(np.uint8)
    dimmed = left[np.clip(surface, 0, 255).astype(np.uint8)]
    return Pictures.fromarray(dimmed).resize(photo.shape[1::-1], Pictures.Resampling.NEAREST)


def resized(
    values: NDArray[np.floating],
    size: tuple[int, int],
    how: Pictures.Resampling = Pictures.Resampling.BILINEAR,
) -> Floats:
    """The same values over (width, height) pixels."""
    return np.asarray(Pictures.fromarray(values).resize(size, how))


def rain(photo: Image, rng: np.random.Generator, amount: float) -> Image:
    """A veil over what is far, and streaks before it; every pixel may change a little."""
    height = len(photo)
    bright = int(np.clip(1.25 * float(photo[: max(height // 3, 1) : 4, ::4].mean()) + 28, 88, 243))
    fog = veil(height, amount * rng.uniform(0.5, 1.0))
    out = np.multiply(photo.reshape(height, -1), 256 - fog, dtype=np.uint16)
    out += fog * np.uint16(bright)
    out >>= 8
    wet = out.astype(np.uint8).reshape(photo.shape)
    streaks(wet, rng, amount, bright)
    return wet


def veil(height: int, amount: float) -> NDArray[np.uint16]:
    """Opacity of the rain between here and there, 256ths [height, 1]: most where a street is farthest."""
    down = np.linspace(0.0, 1.0, height)
    opacity = 256 * amount * (0.06 + 0.22 * np.exp(-(((down - 0.45) / 0.28) ** 2)))
    return np.round(opacity).astype(np.uint16)[:, None]


def streaks(photo: Image, rng: np.random.Generator, amount: float, bright: int) -> None:
    """Put falling drops before the photo: many short ones far away, few long ones near, all on one slant."""
    height, width = photo.shape[:2]
    slant = rng.uniform(-0.25, 0.25)
    crowd = amount * rng.uniform(0.4, 1.0) * width / height
    for shortest, longest, thick, opacity, count in (FAR, NEAR):
        many = min(round(count * crowd), 4 * count)
        length = rng.uniform(shortest, longest, many) * height
        x, y = (rng.random((many, 2)) * (width, 1.2 * height) - (0.0, 0.1 * height)).T
        lean, faint = slant + rng.normal(0, 0.03, many), opacity * rng.uniform(0.4, 1.0, many)
        steps = np.ceil(length).astype(np.intp)
        which = np.repeat(np.arange(many), steps)
        along = np.arange(len(which)) - np.repeat(np.cumsum(steps) - steps, steps)
        wide = max(thick * height, 1.0)
        beside = np.arange(1 - int(wide), int(wide) + 2)
        middle = (x[which] + along * lean[which])[:, None]
        column = np.floor(middle).astype(np.intp) + beside
        row = np.broadcast_to((y[which] + along).astype(np.intp)[:, None], column.shape)
        # Fading in and out, and to both sides.
        fade = np.minimum(4.0 * np.minimum(along + 0.5, steps[which] - along - 0.5) / steps[which], 1.0)
        share = np.maximum(1.0 - np.abs(column - middle) / wide, 0.0) * (faint[which] * fade)[:, None]
        seen = (row >= 0) & (row < height) & (column >= 0) & (column < width) & (share > 0.0)
        row, column, solid = row[seen], column[seen], share[seen].astype(np.float32)[:, None]
        there = photo[row, column].astype(np.float32)
        photo[row, column] = there + (np.float32(bright) - there) * solid
