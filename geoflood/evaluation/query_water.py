"""A query's photo as it is searched for: as it is, or with synthetic water and weather drawn into it."""

from __future__ import annotations

from dataclasses import dataclass

from geoflood.core.datatypes import Image
from geoflood.core.images import read_image
from geoflood.evaluation.results import QueryCase
from geoflood.imagery.views import LONGEST
from geoflood.synthetic.flood import WATER, Effects, Scene, scene

__all__ = ["DRY", "QueryWater", "drawn", "read"]


@dataclass(frozen=True, slots=True)
class QueryWater:
    """What is drawn into each query; its number is the seed."""

    level: float = 0.0
    """Share of the height under water, from the bottom."""
    effects: Effects = WATER
    called: str = "water"
    """The effects, by their names on the command line."""

    @property
    def dry(self) -> bool:
        """Nothing is drawn, and photos stay as they are."""
        return not self.level and self.effects == WATER


DRY = QueryWater()


def read(trial: QueryCase) -> Image:
    """The query's pixels as they are. Raises UnreadableImageError."""
    return read_image(trial.asked.path, LONGEST)


def drawn(trial: QueryCase, photo: Image, water: QueryWater) -> Scene:
    """The query's pixels with water in them, and where it ends; not to be asked for where all is dry."""
    return scene(photo, water.level, trial.number, water.effects)
