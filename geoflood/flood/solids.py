"""Things of flat faces in the water: built, turned, sunk, and cut off at the surface.

*Convention*: metres. In a thing's own frame a point is (ahead, right, up) from its middle at its keel; in the
camera's frame it is (right, away, up) from the water under the camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Colour", "Face", "Points", "Pose", "Solid", "box", "cut_all", "far_first", "packed", "placed"]

Colour: TypeAlias = tuple[float, float, float]
Points: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Face:
    """A flat polygon of one colour."""

    points: Points
    """[n, 3]"""
    colour: Colour
    over: float = 0.0
    """Metres that it counts as nearer than it is: a pane over the door it is set in."""
    gloss: float = 0.0
    """Share of the sky that it mirrors when it faces up, 0..1."""

    def moved(self, ahead: float, right: float, up: float) -> Face:
        """The face elsewhere."""
        return replace(self, points=self.points + np.array((ahead, right, up)))


@dataclass(frozen=True, slots=True)
class Solid:
    """Faces packed for arithmetic: all their points under each other, and where each face begins."""

    points: Points
    """[n, 3]"""
    starts: NDArray[np.intp]
    """[faces + 1], the last one is n."""
    colours: Points
    """[faces, 3]"""
    over: Points
    gloss: Points
    """[faces]"""


def packed(faces: Sequence[Face]) -> Solid:
    """One solid of several faces."""
    starts = np.cumsum([0, *(len(face.points) for face in faces)])
    colours = np.array([face.colour for face in faces], float)
    over, gloss = np.array([face.over for face in faces]), np.array([face.gloss for face in faces])
    return Solid(np.concatenate([face.points for face in faces]), starts, colours, over, gloss)


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a thing floats and how it lies."""

    right: float
    away: float
    heading: float
    """Radians; 0 looks away from the camera."""
    pitch: float = 0.0
    """Radians; the front goes down."""
    roll: float = 0.0
    draft: float = 0.0
    """Metres of it under water, at its middle."""


def box(length: float, width: float, height: float, colour: Colour, taper: float = 1.0) -> list[Face]:
    """A box standing on its keel, its bottom `taper` times as long and wide as its top."""
    low = np.array([(1, 1), (1, -1), (-1, -1), (-1, 1)]) * (length / 2, width / 2)
    base = np.column_stack([low * taper, np.zeros(4)])
    lid = np.column_stack([low, np.full(4, height)])
    walls = [np.stack([base[i], base[i - 1], lid[i - 1], lid[i]]) for i in range(4)]
    return [*(Face(wall, colour) for wall in walls), Face(lid, colour)]


def placed(points: Points, pose: Pose) -> Points:
    """Points of a thing in the camera's frame."""
    turn, dip, lean = (np.array([np.cos(a), np.sin(a)]) for a in (pose.heading, pose.pitch, pose.roll))
    rolled = np.array([(1, 0, 0), (0, lean[0], lean[1]), (0, -lean[1], lean[0])])
    pitched = np.array([(dip[0], 0, -dip[1]), (0, 1, 0), (dip[1], 0, dip[0])])
    # ahead goes to (sin, cos) of the heading, right to (cos, -sin).
    headed = np.array([(turn[1], turn[0], 0), (turn[0], -turn[1], 0), (0, 0, 1)])
    return np.asarray(
        (points - (0, 0, pose.draft)) @ (rolled @ pitched @ headed) + (pose.right, pose.away, 0)
    )


def far_first(away: Points, solid: Solid) -> list[int]:
    """The faces in the order in which they hide each other."""
    begins, counts = solid.starts[:-1], np.diff(solid.starts)
    far = np.add.reduceat(away, begins) / counts + 0.1 * np.maximum.reduceat(away, begins)
    return [int(face) for face in np.argsort(solid.over - far, kind="stable")]


def cut_all(points: Points, starts: NDArray[np.intp]) -> list[Points]:
    """Each face's part above the water; empty where none is."""
    low = np.minimum.reduceat(points[:, 2], starts[:-1])
    faces = np.split(points, starts[1:-1])
    return [face if lowest >= 0.0 else cut(face) for face, lowest in zip(faces, low.tolist(), strict=True)]


def cut(points: Points) -> Points:
    """The part of a polygon that is above the water."""
    kept: list[list[float]] = []
    corners = points.tolist()
    for here, there in zip(corners, corners[1:] + corners[:1], strict=True):
        if here[2] >= 0.0:
            kept.append(here)
        if (here[2] >= 0.0) != (there[2] >= 0.0):
            share = here[2] / (here[2] - there[2])
            kept.append([a + (b - a) * share for a, b in zip(here, there, strict=True)])
    return np.array(kept)
