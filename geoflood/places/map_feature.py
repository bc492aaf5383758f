"""A line, area or point of a map as its file has it, before anything is known of what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["LONGEST_VALUE", "MOST_TAGS", "MapFeature", "MapGeometry"]

Floats: TypeAlias = NDArray[np.float64]

MOST_TAGS = 500
"""That are read of a feature: nothing that is real has more."""
LONGEST_VALUE = 1000
"""Characters that are read of a tag's value."""


class MapGeometry(Enum):
    """What the positions of a feature are."""

    LINE = auto()
    AREA = auto()
    POINT = auto()


@dataclass(frozen=True, slots=True, eq=False)
class MapFeature:
    """A feature with OpenStreetMap's tags."""

    tags: Mapping[str, str]
    geometry: MapGeometry
    positions: Floats
    """[P, 2] (lat, lon), degrees; finite, but perhaps beyond what is a place."""
    starts: tuple[int, ...] = (0,)
    """Where each ring of an area begins in `positions`; an odd count of rings around a spot enclose it."""
