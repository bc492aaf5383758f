"""What a town is made of: walls and the pictures on them, props, crossings."""

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
    "GROUND_PIXELS_PER_M",
    "LEVELS",
    "PIXELS_PER_M",
    "SEASONS",
    "SUN",
    "Atlas",
    "Colour",
    "Floats",
    "Packed",
    "Packer",
    "Points",
    "Prop",
    "Rng",
    "Season",
    "Town",
    "Walls",
    "streets",
]

Floats: TypeAlias = NDArray[np.float32]
Points: TypeAlias = NDArray[np.float64]
Packed: TypeAlias = NDArray[np.uint32]
Colour: TypeAlias = tuple[int, int, int]
Season = Literal["summer", "winter"]
Rng: TypeAlias = np.random.Generator
SEASONS: tuple[Season, Season] = ("summer", "winter")


EYE_M = 2.4
PIXELS_PER_M = 12
"""Of a facade."""
GROUND_PIXELS_PER_M = 7
SUN: dict[Season, tuple[float, float, float]] = {"summer": (205.0, 42.0, 1.0), "winter": (160.0, 14.0, 0.22)}
"""Azimuth, altitude, strength: in winter it hides behind clouds."""
LEVELS = 4
"""Halvings of a facade, sideways and upwards on their own: along a street walls shrink sideways first."""


@dataclass(frozen=True, slots=True, eq=False)
class Walls:
    """Upright rectangles, N of them; `texture` is a row of the atlas, one a season."""

    ends: Points
    """[N, 2, 2]: left and right end as seen from the street."""
    tops: Floats
    texture: NDArray[np.int32]
    """[2, N]"""


@dataclass(frozen=True, slots=True, eq=False)
class Atlas:
    """All pictures of one kind, each lying on its side, at every level of detail; X is opaqueness."""

    pixels: Packed
    """RGBX."""
    start: NDArray[np.int32]
    """[T, LEVELS, LEVELS]: first pixel at (level sideways, level upwards)."""
    width: NDArray[np.int32]
    height: NDArray[np.int32]
    """[T, LEVELS]"""


@dataclass(frozen=True, slots=True)
class Prop:
    """A flat picture that stands upright and turns to the viewer: a tree, a lamp, a spire."""

    kind: str
    east: float
    north: float
    height_m: float
    above_m: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Town:
    """A city drawn from a seed; `nodes` [columns + 1, rows + 1, 2] are its crossings (east, north)."""

    seed: int
    blocks: tuple[int, int]
    origin: LatLon
    nodes: Points
    walls: Walls
    atlas: Atlas
    ground: Atlas
    """The fourth channel is the light of a summer's day."""
    corner: tuple[float, float]
    """South-western corner of the painted ground."""
    props: tuple[Prop, ...]

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


class Packer:
    """Puts pictures into an atlas one by one, halved as far views need it."""

    def __init__(self, slanting: bool = True) -> None:
        self.slanting = slanting  # then halved sideways on their own too
        self.pixels = bytearray()
        self.start: list[NDArray[np.int32]] = []
        self.width: list[list[int]] = []
        self.height: list[list[int]] = []

    def add(self, picture: Pictures.Image) -> int:
        """Pack a picture, mode RGBX; returns its number."""
        picture = picture.transpose(Pictures.Transpose.TRANSPOSE)
        start = np.zeros((LEVELS, LEVELS), np.int32)
        for up in range(LEVELS):
            for side in range(up, LEVELS if self.slanting else up + 1):
                start[side, up] = len(self.pixels) // 4
                for rows in bands(picture.reduce((2**up, 2**side)) if side else picture):
                    self.pixels += rows.tobytes()
        self.start.append(start)
        self.width.append([-(-picture.height // 2**k) for k in range(LEVELS)])
        self.height.append([-(-picture.width // 2**k) for k in range(LEVELS)])
        return len(self.start) - 1

    def atlas(self) -> Atlas:
        """All that was packed; nothing can be added any more."""
        sizes = np.array(self.width, np.int32), np.array(self.height, np.int32)
        return Atlas(np.frombuffer(self.pixels, np.uint32), np.array(self.start), *sizes)


def bands(picture: Pictures.Image, rows: int = 512) -> Iterator[Pictures.Image]:
    """A picture in pieces that can be copied without needing it all twice."""
    for top in range(0, picture.height, rows):
        yield picture.crop((0, top, picture.width, min(top + rows, picture.height)))
