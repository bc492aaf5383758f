"""The images of a census as arrays: a city has a million, and as objects they would fill the memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CensusColumns"]


@dataclass(frozen=True, eq=False)
class CensusColumns:
    """Images of a census, ordered by their ids: a million are 60 MB."""

    rows: NDArray[np.int64]
    """[N] numbers by which `Census.images` finds them again."""
    lats: NDArray[np.float64]
    lons: NDArray[np.float64]
    headings: NDArray[np.float32]
    """[N] degrees; NaN where unknown."""
    panoramas: NDArray[np.bool_]
    taken_s: NDArray[np.int64]
    """[N] seconds since 1970; 0 where unknown."""
    sequences: NDArray[np.int32]
    """[N] codes of `Census.texts`, as are the next two."""
    licences: NDArray[np.int32]
    credits: NDArray[np.int32]
    on_foot: NDArray[np.bool_]
    widths: NDArray[np.int32]
    """[N] pixels; 0 where unknown."""

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, which: NDArray[Any]) -> CensusColumns:
        """Some of the images: by a mask [N], or by their places in the columns."""
        return CensusColumns(*(column[which] for column in vars(self).values()))
