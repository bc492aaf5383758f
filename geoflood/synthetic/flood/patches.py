"""Many small things at once: the pixels around all of them in one flat array, for one round of arithmetic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geoflood.synthetic.flood.water import Floats

__all__ = ["Indices", "around"]

Indices = NDArray[np.intp]


def around(
    where: Floats, reach: Floats, height: int, width: int
) -> tuple[Indices, Indices, Indices, Floats, Floats]:
    """The pixels of a frame within `reach` of `where`, both float32 [n, 2] of (column, row), px.

    For each pixel: of which thing it is, its row, its column, and how far across and down it lies from that
    thing's middle as a share of its reach, [-1, 1].
    """
    first = np.clip(np.ceil(where - reach - 0.5), 0, (width, height)).astype(np.intp)
    last = np.clip(np.floor(where + reach - 0.5) + 1, first, (width, height)).astype(np.intp)
    wide, tall = (last - first).T
    counts = wide * tall
    which = np.repeat(np.arange(len(where)), counts)
    within = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    down, across = np.divmod(within, wide[which])
    row, column = first[which, 1] + down, first[which, 0] + across
    middle, far = where.astype(np.float32) - np.float32(0.5), np.float32(1.0) / reach.astype(np.float32)
    right = (column.astype(np.float32) - middle[which, 0]) * far[which, 0]
    below = (row.astype(np.float32) - middle[which, 1]) * far[which, 1]
    return which, row, column, right, below
