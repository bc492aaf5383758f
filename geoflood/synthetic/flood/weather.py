"""The light of a rainy day, the rain before the camera, and the drops on its lens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFilter

from geoflood.core.datatypes import Image
from geoflood.synthetic.flood.water import Mask

__all__ = ["lens_drops", "overcast", "rain"]

STREAKS = 300
"""At the full amount, in a square frame."""
DROPS = 14
"""At most, at the full amount."""
COARSER = 4
"""What a drop shows is blurred in a picture of so many times fewer rows and columns."""
SEEN_THROUGH = 3.0
"""A drop shows so many times more of the scene, to each side, than it covers."""


def overcast(photo: Image, amount: float = 1.0) -> Image:
    """The light of a grey day: less colour, less contrast, a little cooler; 2 is a day of rain."""
    matrix = np.eye(3, 4) + (grey_day() - np.eye(3, 4)) * amount
    return np.asarray(Pictures.fromarray(photo).convert("RGB", tuple(matrix.ravel().tolist())))


def grey_day() -> NDArray[np.float64]:
    """What an overcast sky makes of colours, [3, 4]: a matrix and what is added."""
    keep, grey = 0.78, 0.22
    red, green, blue = 0.299 * grey, 0.587 * grey, 0.114 * grey
    return np.array(
        [
            (0.95 * (keep + red), 0.95 * green, 0.95 * blue, 3.0),
            (0.96 * red, 0.96 * (keep + green), 0.96 * blue, 5.0),
            (0.97 * red, 0.97 * green, 0.97 * (keep + blue), 8.0),
        ]
    )


def rain(photo: Image, rng: np.random.Generator, amount: float) -> Image:
    """A veil over the scene and streaks before it, as pale as the sky; every pixel may change a little."""
    height, width = photo.shape[:2]
    sky = int(np.clip(1.25 * float(photo[: max(height // 3, 1) : 4, ::4].mean()) + 28, 88, 243))
    opacity = Pictures.new("L", (width, height), round(255 * amount * rng.uniform(0.06, 0.18)))
    pen = ImageDraw.Draw(opacity)
    slant = rng.uniform(-0.25, 0.25)
    many = min(round(STREAKS * amount * rng.uniform(0.4, 1.0) * width / height), 4 * STREAKS)
    for nearness in (rng.random(many) ** 4).tolist():
        x, y = rng.random() * width, rng.uniform(-0.1, 1.0) * height
        length = (0.015 + 0.10 * nearness) * height
        end = (x + slant * length, y + length)
        pen.line((x, y, *end), fill=round(rng.uniform(30, 80)), width=1 + round(0.006 * nearness * height))
    picture = Pictures.fromarray(photo)
    picture.paste((sky, sky, sky), mask=opacity.filter(ImageFilter.BoxBlur(height / 800)))
    return np.asarray(picture)


def lens_drops(photo: Image, rng: np.random.Generator, amount: float) -> tuple[Image, Mask]:
    """The photo through a wet lens, and True where a drop hides what is behind it.

    A drop is too near to be sharp; like any small lens it shows the scene upside down.
    """
    height, width = photo.shape[:2]
    picture = Pictures.fromarray(photo)
    blurred = picture.reduce(COARSER).filter(ImageFilter.BoxBlur(height / COARSER / 40))
    scene = blurred.transpose(Pictures.Transpose.ROTATE_180)
    hidden = Pictures.new("L", picture.size)
    for _ in range(max(1, round(DROPS * amount * rng.uniform(0.35, 1.0)))):
        x, y = (rng.random(2) * (width, height)).tolist()
        radius = max(height * (rng.uniform(0.012, 0.02) + 0.045 * rng.random() ** 3), 1.0)
        box = (round(x - radius), round(y - radius), round(x + radius) + 1, round(y + radius) + 1)
        size = (box[2] - box[0], box[3] - box[1])
        reach = SEEN_THROUGH * radius
        shown = np.array([width - x, height - y] * 2) + reach * np.array([-1, -1, 1, 1])
        around = np.clip(shown / COARSER, 0, scene.size * 2).tolist()
        if around[2] - around[0] < 1 or around[3] - around[1] < 1:
            continue
        drop = Pictures.new("L", size)
        ImageDraw.Draw(drop).ellipse((0, 0, size[0] - 1, size[1] - 1), fill=round(rng.uniform(190, 240)))
        drop = drop.filter(ImageFilter.BoxBlur(radius / 6))
        picture.paste(scene.resize(size, Pictures.Resampling.BILINEAR, around), box, drop)
        hidden.paste(255, box, drop.point(lambda opacity: 255 * (opacity > 0)))
    return np.asarray(picture), np.asarray(hidden) > 0
