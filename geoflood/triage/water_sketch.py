"""The same view under another waterline is another photo, however alike the two are: a flood that rises.

To a perceptual hash water over the lower part is like a caption. So photos whose hashes agree are compared
row by row in small grey sketches: what differs below the upper part, above where captions are, is water.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import PIL.Image
from numpy.typing import NDArray

__all__ = ["DIFFERS", "SIDE", "Corners", "Sketch", "another_waterline", "sketched"]

Sketch: TypeAlias = NDArray[np.uint8]
"""A photo in grey, [SIDE, SIDE]."""
Corners: TypeAlias = tuple[float, float, float, float]
"""Shares cut off left, top, right and bottom."""

SIDE = 32
DIFFERS = 0.09
"""Difference of two neighbouring rows, in standard deviations of the upper part, from which it is water: of
the same photo, cropped, captioned or recompressed, 2 % reach it."""
_COMPARED = 24
_UPPER = 0.4
"""Share of the height that no flood photo has under water: it tells brightness and contrast apart."""
_CAPTIONS = 0.17
"""Share of the height, from below, that may be a caption: what differs there says nothing."""


def sketched(square: PIL.Image.Image) -> Sketch:
    """The sketch of a photo, given as a grey square."""
    return np.asarray(square.resize((SIDE, SIDE), PIL.Image.Resampling.BOX))


def another_waterline(one: Sketch, its: Corners, other: Sketch, others: Corners) -> bool:
    """Whether two sketches of one view, each cut to what both show, differ as water makes them."""
    levels, beside = _levels(one, its), _neighbourhood(_levels(other, others))
    apart = np.maximum(np.maximum(beside.min(axis=0) - levels, levels - beside.max(axis=0)), 0)
    rows = apart.mean(axis=1)[: round((1 - _CAPTIONS) * _COMPARED)]
    pairs = (rows[1:] + rows[:-1]) / 2
    return bool(pairs[round(_UPPER * _COMPARED) :].max() > DIFFERS)


def _levels(sketch: Sketch, corners: Corners) -> NDArray[np.float64]:
    """What is left of a sketch, [_COMPARED, _COMPARED], in units of its upper part's contrast."""
    left, top, right, bottom = (share * SIDE for share in corners)
    size, box = (_COMPARED, _COMPARED), (left, top, SIDE - right, SIDE - bottom)
    cut = PIL.Image.fromarray(sketch).resize(size, PIL.Image.Resampling.BILINEAR, box)
    levels = np.asarray(cut).astype(float)
    upper = levels[: round(_UPPER * _COMPARED)]
    return np.asarray((levels - upper.mean()) / (upper.std() + 4))


def _neighbourhood(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """[9, rows, columns] the levels around each: crops do not fall on the same pixels."""
    rows, columns = levels.shape
    wider = np.pad(levels, 1, mode="edge")
    return np.stack([wider[y : y + rows, x : x + columns] for y in range(3) for x in range(3)])
