"""Things of flat faces in the water: built, turned, sunk, and cut off at the surface.

*Convention*: metres. In a thing's own frame a point is (ahead, right, up) from its middle at its keel; in the
camera's frame it is (right, away, up) from the water under the camera.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Colour",
    "Face",
    "Points",
    "Pose",
    "Solid",
    "box",
    "cut",
    "far_first",
    "gathered",
    "packed",
    "placed",
]

Colour: TypeAlias = tuple[float, float, float]
Points: TypeAlias = NDArray[np.float64]
Starts: TypeAlias = NDArray[np.intp]
"""Where each face's points begin [faces + 1]; the last one is how many points there are."""


@dataclass(frozen=True, slots=True)
class Face:
    """A flat polygon of one colour."""

    points: Points
    """[n, 3]"""
    colour: Colour
    over: float = 0.0
    """Metres that it counts as nearer than it is: a pane over the door it is set in."""
    gloss: float = 0.0
    """Share of what stands opposite that it mirrors when looked at squarely, 0..1."""
    hides: bool = False
    """Is a part of a hull: whoever is on the other side of it sees another part, nearer to him."""

    def moved(self, ahead: float, right: float, up: float) -> Face:
        """The face elsewhere."""
        return replace(self, points=self.points + np.array((ahead, right, up)))


@dataclass(frozen=True, slots=True)
class Solid:
    """Faces packed for arithmetic: all their points under each other, and where each face begins."""

    points: Points
    """[n, 3]"""
    starts: Starts
    colours: Points
    """[faces, 3]"""
    over: Points
    gloss: Points
    """[faces]"""
    hides: NDArray[np.bool_]
    """[faces]"""


def packed(faces: Sequence[Face]) -> Solid:
    """One solid of several faces."""
    return Solid(
        np.concatenate([face.points for face in faces]),
        np.cumsum([0, *(len(face.points) for face in faces)]),
        np.array([face.colour for face in faces], float),
        np.array([face.over for face in faces]),
        np.array([face.gloss for face in faces]),
        np.array([face.hides for face in faces]),
    )


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
    return [Face(points, colour, hides=True) for points in (*walls, lid[::-1], base)]


def placed(points: Points, pose: Pose) -> Points:
    """Points of a thing in the camera's frame."""
    (cos, sin), (dip, dive), (lean, tilt) = (
        (math.cos(angle), math.sin(angle)) for angle in (pose.heading, pose.pitch, pose.roll)
    )
    rolled = np.array([(1, 0, 0), (0, lean, tilt), (0, -tilt, lean)])
    pitched = np.array([(dip, 0, -dive), (0, 1, 0), (dive, 0, dip)])
    # ahead goes to (sin, cos) of the heading, right to (cos, -sin).
    headed = np.array([(sin, cos, 0), (cos, -sin, 0), (0, 0, 1)])
    return np.asarray(
        (points - (0, 0, pose.draft)) @ (rolled @ pitched @ headed) + (pose.right, pose.away, 0)
    )


def gathered(things: Sequence[tuple[Solid, Pose]]) -> Solid:
    """All things as one solid in the camera's frame, each where it floats."""
    counts = np.concatenate([np.diff(solid.starts) for solid, _ in things])
    solids = [solid for solid, _ in things]
    return Solid(
        np.concatenate([placed(solid.points, pose) for solid, pose in things]),
        np.concatenate([[0], np.cumsum(counts)]),
        *(
            np.concatenate([getattr(solid, part) for solid in solids])
            for part in ("colours", "over", "gloss", "hides")
        ),
    )


def far_first(solid: Solid) -> NDArray[np.intp]:
    """The faces of a solid in the camera's frame, in the order in which they hide each other."""
    begins, away = solid.starts[:-1], solid.points[:, 1]
    far = np.add.reduceat(away, begins) / np.diff(solid.starts) + 0.1 * np.maximum.reduceat(away, begins)
    return np.argsort(solid.over - far, kind="stable")


def cut(points: Points, starts: Starts) -> tuple[Points, Starts]:
    """The parts of polygons that are above the water; no points are left of those that are below it."""
    after = np.arange(1, len(points) + 1)
    after[starts[1:] - 1] = starts[:-1]
    there, up = points[after], points[:, 2] >= 0.0
    crosses = up != up[after]
    drop = np.where(crosses, points[:, 2] - there[:, 2], 1.0)
    shore = points + (there - points) * (points[:, 2] / drop)[:, None]
    shore[:, 2] = 0.0
    kept = np.stack([up, crosses], 1)
    counts = np.add.reduceat(kept.sum(1), starts[:-1])
    return np.stack([points, shore], 1)[kept], np.concatenate([[0], np.cumsum(counts)])
