"""A query's photo as it is searched: plain or under synthetic water; and the waterline the search is told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from geoflood.core.datatypes import Image
from geoflood.core.images import read_image
from geoflood.evaluation.results import QueryCase
from geoflood.imagery.views import LONGEST
from geoflood.synthetic.flood import WATER, Effects, Scene, scene

__all__ = ["DRY", "QueryWater", "ToldWaterline", "Waterline", "draw_water", "read_photo"]


class ToldWaterline(StrEnum):
    """What the search is told of each query's waterline, in place of one share for all."""

    UNTOLD = "none"
    TRUE = "true"
    """Where the drawn water ends in that photo; a crop moves it away from the level that was drawn."""


Waterline: TypeAlias = ToldWaterline | float
"""A float is one share of the height, from the bottom, that is told for every query."""


@dataclass(frozen=True, slots=True)
class QueryWater:
    """What is drawn into each query; the query's number is the seed."""

    level: float = 0.0
    """Share of the height under water, from the bottom."""
    effects: Effects = WATER
    effect_names: str = "water"
    """The effects by their names on the command line."""

    @property
    def dry(self) -> bool:
        """Nothing is drawn, and photos stay as they are."""
        return not self.level and self.effects == WATER


DRY = QueryWater()


def read_photo(case: QueryCase) -> Image:
    """The query's pixels [H, W, 3] without water. Raises UnreadableImageError."""
    return read_image(case.truth.path, LONGEST)


def draw_water(case: QueryCase, photo: Image, water: QueryWater) -> Scene:
    """The query's photo [H, W, 3] with water in it, and where that ends; only for water that is not dry."""
    return scene(photo, water.level, case.number, water.effects)
