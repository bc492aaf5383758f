"""Where the water begins, found in the picture alone: still water mirrors what stands above its line. Pure.

Around the true line the rows above, turned over, are the rows below, blurred and darker. So the pattern of
both is compared around every line, whatever its brightness, and the best line counts where it stands out.
Mirror symmetry by local correlation is old (Marola 1989); water that mirrors nothing says nothing here.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Image
from geoflood.core.images import resize

__all__ = ["estimate_waterline"]

Floats: TypeAlias = NDArray[np.float32]

ROWS = 96
"""A picture is made so small: ripples and the blur of a mirror image are then of a pixel or two."""
MIRROR = 29
"""Rows on either side of a line that are compared, at most: farther below, the view goes into the water."""
PATTERN, CONTRAST = 8, 10
"""Pixels to either side over which the mean is taken away across, and the contrast is made equal."""
FAINT = 2.0
"""Grey levels: less contrast than about this is no pattern."""
LOWEST, HIGHEST = 0.1, 0.75
"""Waterlines looked for: less water than this has too few rows to be sure of, more leaves too few above."""
REPEATED = 0.5
"""Of the correlation with the rows above as they are: walls that merely go on look mirrored, too."""
NEAR = 0.1
"""Share of the height within which two lines are one answer."""
LEAD = 0.2
"""Over every other line, from which an estimate is believed. Decision 063."""
DOUBT = 0.25
"""Of an estimate that is believed."""


def estimate_waterline(pixels: Image) -> tuple[float, float]:
    """(waterline, doubt) of a photo [H, W, 3], as `localize.waterline.belief` takes them.

    The waterline is a share of the height, from the bottom. Doubt is 1, as good as untold, where the picture
    does not say: dry streets, and water that is rough, muddy or seen from above. It never says "dry".
    """
    lines, alike = symmetry(pixels)
    if not len(lines):
        return 0.0, 1.0
    best = int(alike.argmax())
    others = alike[np.abs(lines - lines[best]) > NEAR]
    sure = alike[best] - others.max(initial=0.0) >= LEAD
    return float(lines[best]), DOUBT if sure else 1.0


def symmetry(pixels: Image) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Waterlines [n] and how much of a mirror image there is below each [n], up to 1.

    Both are empty for pictures too small or too narrow to tell.
    """
    height, width = pixels.shape[:2]
    if height < ROWS or ROWS * width < 2 * PATTERN * height:
        return np.empty(0), np.empty(0)
    pattern = _pattern(pixels)
    lines = np.arange(round(ROWS * (1 - HIGHEST)), round(ROWS * (1 - LOWEST)) + 1)
    return 1 - lines / ROWS, np.array([_mirrored(pattern, line) for line in lines.tolist()])


def _pattern(pixels: Image) -> Floats:
    """[ROWS, columns] grey values against their surroundings in the row, as strong everywhere."""
    height, width = pixels.shape[:2]
    small = resize(pixels, round(ROWS * width / height), ROWS)
    grey = _mean(small.mean(axis=2, dtype=np.float32), 1, 0)
    grey -= _mean(grey, PATTERN, 1)
    contrast = _mean(_mean(grey**2, CONTRAST, 0), CONTRAST, 1)
    return np.asarray(grey / (np.sqrt(np.maximum(contrast, 0)) + FAINT), np.float32)


def _mean(image: Floats, reach: int, axis: int) -> Floats:
    """The mean over `reach` pixels to both sides along an axis; the border is repeated."""
    wide = np.pad(image, [(reach + 1, reach) if axis == n else (0, 0) for n in range(2)], "edge")
    total = np.moveaxis(np.cumsum(wide, axis=axis, dtype=np.float64), axis, 0)
    size = 2 * reach + 1
    return np.asarray(np.moveaxis(total[size:] - total[:-size], 0, axis) / size, np.float32)


def _mirrored(pattern: Floats, line: int) -> float:
    """How much more the rows below a line are those above turned over than those above as they are."""
    depth = min(MIRROR, line, len(pattern) - line)
    above, below = pattern[line - depth : line], pattern[line : line + depth]
    norm = math.sqrt((above**2).sum() * (below**2).sum())
    if not norm:
        return 0.0
    turned, repeated = float((above[::-1] * below).sum()), float((above * below).sum())
    return (turned - REPEATED * max(repeated, 0.0)) / norm
