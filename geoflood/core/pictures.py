"""Marks on pictures that must show on any ground: labels and thin lines."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

import numpy as np
import PIL.Image
from PIL import ImageDraw, ImageFont

from geoflood.core.datatypes import Box, Image

__all__ = ["draw_label", "draw_lines"]

DARK, LIGHT = 20, 240


def draw_label(
    picture: Image, text: str, x: float, y: float, height: int, anchor: Literal["corner", "centre"] = "corner"
) -> None:
    """Write `text` into a picture [H, W, 3], light on an opaque dark plate of `height` pixels.

    The plate's upper left corner, or its centre, lies at x, y; it is moved to stay inside the picture.
    """
    plate = _plate(text, height)
    rows, columns = plate.shape
    if anchor == "centre":
        x, y = x - columns / 2, y - rows / 2
    top = min(max(round(y), 0), picture.shape[0] - rows)
    left = min(max(round(x), 0), picture.shape[1] - columns)
    picture[top : top + rows, left : left + columns] = plate[:, :, None]


@lru_cache(maxsize=256)
def _plate(text: str, height: int) -> Image:
    """The text in Pillow's own font on its plate: [height, columns], grey values."""
    font = ImageFont.load_default(0.75 * height)
    plate = PIL.Image.new("L", (round(font.getlength(text) + 0.4 * height), height), DARK)
    ImageDraw.Draw(plate).text((plate.width / 2, plate.height / 2), text, LIGHT, font, anchor="mm")
    return np.asarray(plate)


def draw_lines(picture: Image, xs: Iterable[float], ys: Iterable[float], box: Box) -> None:
    """Draw upright lines at the pixels xs and level ones at ys across the box of a picture [H, W, 3].

    Each is a dark line beside a light one, so that it shows on any ground.
    """
    left, top, right, bottom = box
    for x in map(round, xs):
        picture[top:bottom, x - 1], picture[top:bottom, x] = DARK, LIGHT
    for y in map(round, ys):
        picture[y - 1, left:right], picture[y, left:right] = DARK, LIGHT
