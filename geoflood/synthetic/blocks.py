"""Simple things of upright blocks: cars and what a flood carries, seen by a camera above them.

*Convention*: metres. In a thing's own frame a point is (ahead, right, up) from its middle; in the world it is
(east, north, up), and headings turn clockwise from north.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["CAR_PAINTS", "Colour", "TaperedBlock", "Thing", "bag", "bin_", "car", "faces", "plank", "shaded"]

Colour: TypeAlias = tuple[int, int, int]
Rectangle: TypeAlias = tuple[float, float, float, float]
"""Rear and front (ahead), half of the width, height above the ground."""
Thing: TypeAlias = tuple["TaperedBlock", ...]
"""Blocks from the lowest to the highest: painted in this order, they hide each other rightly from above."""

CAR_PAINTS: tuple[Colour, ...] = (
    (178, 180, 184), (40, 42, 46), (222, 222, 220), (120, 26, 30), (34, 58, 104), (92, 98, 100),
)  # fmt: skip
GLASS = (36, 42, 48)
TYRES = (24, 24, 26)
BIN_COLOURS = ((36, 60, 42), (44, 46, 50), (38, 52, 84))
BAG_COLOURS = ((30, 31, 34), (196, 198, 196), (58, 74, 98))
WOOD = ((122, 106, 84), (146, 130, 104), (92, 80, 66))


@dataclass(frozen=True, slots=True)
class TaperedBlock:
    """A block between two level rectangles, as a hull tapers."""

    foot: Rectangle
    lid: Rectangle
    colour: Colour


def car(rng: np.random.Generator) -> Thing:
    """A car in one of six paints, or one time in five a van."""
    paint = CAR_PAINTS[int(rng.integers(len(CAR_PAINTS)))]
    if rng.random() < 0.2:
        return (
            TaperedBlock((-1.9, 1.9, 0.93, 0.0), (-1.9, 1.9, 0.93, 0.35), TYRES),
            TaperedBlock((-2.4, 2.35, 0.95, 0.3), (-2.4, 2.2, 0.95, 1.15), paint),
            TaperedBlock((-2.4, 1.75, 0.95, 1.15), (-2.4, 1.2, 0.88, 1.75), GLASS),
            TaperedBlock((-2.4, 1.2, 0.88, 1.75), (-2.35, 1.1, 0.84, 2.0), paint),
        )
    return (
        TaperedBlock((-1.7, 1.7, 0.85, 0.0), (-1.7, 1.7, 0.85, 0.35), TYRES),
        TaperedBlock((-2.1, 2.1, 0.87, 0.3), (-2.15, 1.95, 0.85, 0.62), paint),
        TaperedBlock((-2.15, 1.95, 0.85, 0.62), (-2.1, 1.7, 0.80, 0.92), paint),
        TaperedBlock((-1.75, 0.95, 0.78, 0.92), (-1.3, 0.2, 0.66, 1.38), GLASS),
        TaperedBlock((-1.3, 0.2, 0.66, 1.38), (-1.25, 0.1, 0.62, 1.45), paint),
    )


def bin_(rng: np.random.Generator) -> Thing:
    """A wheeled bin, upright, with its lid shut."""
    colour = BIN_COLOURS[int(rng.integers(len(BIN_COLOURS)))]
    return (
        TaperedBlock((-0.23, 0.23, 0.22, 0.0), (-0.28, 0.28, 0.27, 0.98), colour),
        TaperedBlock((-0.33, 0.32, 0.30, 0.98), (-0.28, 0.28, 0.26, 1.06), colour),
    )


def bag(rng: np.random.Generator) -> Thing:
    """A full plastic bag, knotted."""
    colour, size = BAG_COLOURS[int(rng.integers(len(BAG_COLOURS)))], float(rng.uniform(0.2, 0.36))
    rings = [(width * size, up * size) for width, up in ((0.8, 0), (1, 0.4), (0.8, 0.8), (0.1, 1.1))]
    return tuple(
        TaperedBlock((-a, a, 0.8 * a, low), (-b, b, 0.8 * b, high), colour)
        for (a, low), (b, high) in pairwise(rings)
    )


def plank(rng: np.random.Generator) -> Thing:
    """A board."""
    length, half = float(rng.uniform(0.5, 1.3)), float(rng.uniform(0.06, 0.14))
    colour = WOOD[int(rng.integers(len(WOOD)))]
    return (TaperedBlock((-length, length, half, 0.0), (-length, length, half, 0.09), colour),)


def faces(
    thing: Thing, place: tuple[float, float], heading: float, camera: tuple[float, float, float]
) -> Iterator[tuple[Colour, NDArray[np.float64]]]:
    """The faces that a camera above the thing sees, in the order to paint them.

    Yields a colour, shaded by how much sky a face looks at, and its corners in the world [4, 3]. `heading` is
    in radians, `camera` (east, north, up) in metres.
    """
    ahead, right = (math.sin(heading), math.cos(heading)), (math.cos(heading), -math.sin(heading))
    turn = np.array([(*ahead, 0.0), (*right, 0.0), (0.0, 0.0, 1.0)])
    rings = np.array([(corners(block.foot), corners(block.lid)) for block in thing]) @ turn + (*place, 0.0)
    foot, lid = rings[:, 0], rings[:, 1]
    before = [3, 0, 1, 2]
    sides = np.stack([foot[:, before], foot, lid, lid[:, before]], 2)
    every = np.concatenate([sides, lid[:, None]], 1)  # [blocks, 5, 4, 3]
    normals = np.cross(every[:, :, 1] - every[:, :, 0], every[:, :, -1] - every[:, :, 0])
    visible = (normals * (np.array(camera) - every[:, :, 0])).sum(-1) > 0.0
    slopes = normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    lights = 0.66 + 0.34 * slopes[..., 2] + 0.08 * slopes[..., 0]
    for number, side in np.argwhere(visible).tolist():
        yield shaded(thing[number].colour, lights[number, side]), every[number, side]


def corners(rectangle: Rectangle) -> NDArray[np.float64]:
    """Corners [4, 3] of a rectangle in the thing's own frame, anticlockwise seen from above."""
    rear, front, half, up = rectangle
    return np.array([(rear, half, up), (front, half, up), (front, -half, up), (rear, -half, up)])


def shaded(colour: Sequence[int], light: float) -> Colour:
    """The colour so many times as bright."""
    red, green, blue = (min(max(int(channel * light), 0), 255) for channel in colour)
    return red, green, blue
