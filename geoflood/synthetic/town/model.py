"""What a town is made of: walls and the pictures on them, trees and lamps, crossings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from geoflood.core.datatypes import LatLon

__all__ = [
    "EYE_M",
    "GROUND_LEVELS",
    "GROUND_PIXELS_PER_M",
    "PIXELS_PER_M",
    "REACH_M",
    "SEASONS",
    "SUN",
    "Points",
    "Prop",
    "Rng",
    "Season",
    "Town",
    "TownStreet",
    "Wall",
    "streets",
]

Points: TypeAlias = NDArray[np.float64]
Rng: TypeAlias = np.random.Generator
Season = Literal["summer", "winter"]
SEASONS: tuple[Season, Season] = ("summer", "winter")

EYE_M = 2.4
"""Height of every camera above the street."""
PIXELS_PER_M = 12
"""Of a facade."""
GROUND_PIXELS_PER_M = 7
GROUND_LEVELS = 4
"""Pictures of the ground, each with half as many rows and columns as the one before."""
REACH_M = 170.0
"""Walls farther away are left out: haze and nearer walls hide them."""
SUN: dict[Season, tuple[float, float, float]] = {"summer": (205.0, 42.0, 1.0), "winter": (160.0, 14.0, 0.22)}
"""Azimuth and altitude in degrees, and strength: in winter it hides behind clouds."""


@dataclass(frozen=True, slots=True, eq=False)
class Wall:
    """An upright rectangle from the ground to `top_m`."""

    left: Points
    """Its left end as seen from the street, (east, north)."""
    right: Points
    top_m: float
    picture: Pictures.Image
    """RGBa (colours times opacity); clear where the sky shows beside a roof."""
    is_front: bool = False
    """A house stands behind it."""
    reach_m: float = REACH_M
    """Farther away it is left out."""

    def behind(self, depth_m: float) -> Points:
        """Corners [4, 2] of what stands behind it."""
        along = (self.right - self.left) / np.linalg.norm(self.right - self.left)
        inward = np.array([-along[1], along[0]]) * depth_m
        return np.stack([self.left, self.right, self.right + inward, self.left + inward])


@dataclass(frozen=True, slots=True)
class Prop:
    """A flat picture that stands upright and turns to the viewer."""

    kind: Literal["tree", "lamp"]
    east: float
    north: float
    height_m: float


@dataclass(frozen=True, slots=True, eq=False)
class TownStreet:
    """A street from end to end."""

    name: str
    points: Points
    """[N, 2] (east, north)."""
    main: bool
    """One of the two that lead out of the town."""


@dataclass(frozen=True, slots=True, eq=False)
class Town:
    """A city drawn from a seed; `nodes` [columns + 1, rows + 1, 2] are its crossings (east, north)."""

    seed: int
    origin: LatLon
    nodes: Points
    walls: tuple[Wall, ...]
    ground: dict[Season, list[Pictures.Image]]
    """The streets from above, north up, with their shadows in summer, in GROUND_LEVELS sizes."""
    corner: tuple[float, float]
    """South-western corner of the painted ground."""
    props: tuple[Prop, ...]
    named_streets: tuple[TownStreet, ...]
    houses: tuple[Points, ...]
    """Corners [4, 2] of what each house stands on."""
    gardens: tuple[Points, ...]
    """Corners [4, 2] of what the houses of a block stand around."""

    def streets(self) -> Iterator[tuple[Points, Points]]:
        """Both ends of every piece of street between two crossings."""
        return streets(self.nodes)


def streets(nodes: Points) -> Iterator[tuple[Points, Points]]:
    """Both ends of every piece of street between two crossings [columns, rows, 2]."""
    columns, rows = nodes.shape[:2]
    for j in range(rows):
        yield from ((nodes[i, j], nodes[i + 1, j]) for i in range(columns - 1))
    for i in range(columns):
        yield from ((nodes[i, j], nodes[i, j + 1]) for j in range(rows - 1))
