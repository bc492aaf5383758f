"""Where photos are taken, and the truth about those that are to be located."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geoflood.core.datatypes import LatLon
from geoflood.core.geo import from_local
from geoflood.synthetic.town.model import Rng, Town

__all__ = ["Shot", "Truth", "drive", "latlon"]


@dataclass(frozen=True, slots=True)
class Shot:
    """A photo to be taken."""

    east: float
    north: float
    heading_deg: float

    @property
    def position(self) -> tuple[float, float]:
        """(east, north)."""
        return self.east, self.north

    def moved(self, rng: Rng, far: tuple[float, float], turn_deg: float) -> Shot:
        """Somebody else's photo of the same place: some metres off, mostly along the street."""
        way = math.radians(self.heading_deg + rng.choice([0.0, 180.0]) + rng.normal(0, 12.0))
        metres = rng.uniform(*far)
        spot = self.east + metres * math.sin(way), self.north + metres * math.cos(way)
        return Shot(*spot, (self.heading_deg + rng.uniform(-turn_deg, turn_deg)) % 360.0)


@dataclass(frozen=True, slots=True)
class Truth:
    """Where a flooded photo was really taken."""

    image: str
    """File name."""
    position: LatLon
    heading_deg: float
    waterline: float
    """Share of the frame that lies under water."""
    in_city: bool
    """False for a photo of another town, which no honest answer can find."""


def drive(town: Town, spacing_m: float) -> list[Shot]:
    """Down every street once, in the lane on its right, and a photo ahead every `spacing_m`."""
    shots = []
    for number, ends in enumerate(town.streets()):
        left, right = ends[:: 1 - 2 * (number % 2)]
        length = float(np.linalg.norm(right - left))
        along = (right - left) / length
        lane = np.array([along[1], -along[0]]) * 1.2
        heading = math.degrees(math.atan2(along[0], along[1])) % 360.0
        for at in np.linspace(4.0, length - 10.0, max(round((length - 14.0) / spacing_m) + 1, 2)):
            spot = left + along * at + lane
            shots.append(Shot(float(spot[0]), float(spot[1]), heading))
    return shots


def latlon(town: Town, shot: Shot) -> LatLon:
    """Where on Earth a photo was taken."""
    ((lat, lon),) = from_local([(shot.east, shot.north)], town.origin)
    return LatLon(float(lat), float(lon))
