"""Letters, digits and lines drawn with numpy: the same pixels everywhere, so that answers can be cached."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Image

__all__ = ["cross", "stamp"]

# Seven rows a glyph, five bits a row, the leftmost pixel in bit 4.
_ROWS = {
    "0": "0E11131519110E", "1": "040C040404040E", "2": "0E11010204081F", "3": "1F02040201110E",
    "4": "02060A121F0202", "5": "1F101E0101110E", "6": "0608101E11110E", "7": "1F010204080808",
    "8": "0E11110E11110E", "9": "0E11110F01020C", ".": "00000000000C0C",
    "A": "0E11111F111111", "B": "1E11111E11111E", "C": "0E11101010110E", "D": "1C12111111121C",
    "E": "1F10101E10101F", "F": "1F10101E101010", "G": "0E11101711110F", "H": "1111111F111111",
    "I": "0E04040404040E",
}  # fmt: skip

DARK, LIGHT = 20, 240


def _bits(character: str) -> NDArray[np.bool_]:
    """[7, 5], True where the glyph is."""
    rows = np.frombuffer(bytes.fromhex(_ROWS[character]), np.uint8)
    return np.unpackbits(rows[:, None], axis=1)[:, 3:].astype(bool)


def stamp(picture: Image, text: str, x: float, y: float, size: int = 3, centred: bool = False) -> None:
    """Write `text` in light on an opaque dark plate with its upper left corner, or its centre, at x, y."""
    glyphs = [np.pad(_bits(character), 1) for character in text]
    plate = np.kron(np.concatenate(glyphs, axis=1), np.ones((size, size), bool))
    height, width = plate.shape
    top = round(y - height / 2 if centred else y)
    left = round(x - width / 2 if centred else x)
    top = min(max(top, 0), picture.shape[0] - height)
    left = min(max(left, 0), picture.shape[1] - width)
    picture[top : top + height, left : left + width] = np.where(plate, LIGHT, DARK)[:, :, None]


def cross(picture: Image, xs: NDArray[Any], ys: NDArray[Any], box: tuple[int, int, int, int]) -> None:
    """Thin lines at the pixels xs and ys across the box (left, top, right, bottom): a dark one beside a
    light one, so that they show on any ground.
    """
    left, top, right, bottom = box
    for x in np.rint(xs).astype(int):
        picture[top:bottom, x - 1], picture[top:bottom, x] = DARK, LIGHT
    for y in np.rint(ys).astype(int):
        picture[y - 1, left:right], picture[y, left:right] = DARK, LIGHT
