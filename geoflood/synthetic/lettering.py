"""Letters on drawn pictures: words of no language, in Pillow's own font."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from PIL import ImageDraw, ImageFont

from geoflood.synthetic.blocks import Colour

__all__ = ["font", "nonsense", "wrapped", "write"]

Rng: TypeAlias = np.random.Generator

SYLLABLES = (
    *("a", "be", "co", "dur", "el", "fi", "ga", "ho", "ist", "ja", "ko", "lem", "mu", "nor", "o", "per"),
    *("qui", "ra", "sta", "tan", "u", "vel", "wo", "xe", "ys", "zem", "ning", "der", "sch", "et"),
)


@lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own font in a size, px."""
    found = ImageFont.load_default(size)
    if not isinstance(found, ImageFont.FreeTypeFont):  # Pillow without FreeType has one small bitmap
        raise OSError("Pillow was built without FreeType, which draws letters: install it with pip")
    return found


def nonsense(rng: Rng, count: int) -> str:
    """So many words of no language."""
    lengths = rng.integers(1, 5, count).tolist()
    return " ".join("".join(SYLLABLES[k] for k in rng.integers(0, len(SYLLABLES), n)) for n in lengths)


def wrapped(text: str, letters: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """The text in lines of at most that width, px; at least one."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and letters.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def write(
    pen: ImageDraw.ImageDraw, lines: Sequence[str], corner: tuple[int, int], ink: Colour,
    letters: ImageFont.FreeTypeFont,
) -> None:  # fmt: skip
    """Lines of text from an upper left corner on."""
    for k, line in enumerate(lines):
        pen.text((corner[0], corner[1] + round(1.35 * letters.size * k)), line, ink, letters)
