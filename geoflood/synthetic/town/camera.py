"""The camera: where points fall in the picture, and which walls the columns of it meet."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflood.synthetic.town.model import EYE_M, Floats, Points, Walls

__all__ = ["Camera", "Hit", "meet"]

REACH_M = 170.0
"""Walls farther away are left out: haze and nearer walls hide them."""
LAYERS = 4
"""Walls looked at behind each other: past a gable stands the next house."""


@dataclass(frozen=True, slots=True)
class Camera:
    """An upright camera at `EYE_M`; without a field of view it is a panorama camera (equirectangular)."""

    east: float
    north: float
    heading_deg: float
    width: int
    height: int
    fov_deg: float | None = None

    @property
    def focal_px(self) -> float:
        """Pixels in a radian at the centre."""
        if self.fov_deg is None:
            return self.width / (2 * math.pi)
        return self.width / 2 / math.tan(math.radians(self.fov_deg) / 2)

    def rays(self, finer: int) -> tuple[Floats, Floats, Floats]:
        """Bearing of columns, radians; rise of rows per metre ahead; metres ahead per metre of ray."""
        aside = ((np.arange(self.width * finer) + 0.5) / finer - self.width / 2) / self.focal_px
        down = ((np.arange(self.height * finer) + 0.5) / finer - self.height / 2) / self.focal_px
        turn = math.radians(self.heading_deg)
        if self.fov_deg is None:
            rise, ahead = -np.tan(np.clip(down, -1.55, 1.55)), np.ones(aside.size)
        else:
            aside, rise = np.arctan(aside), -down
            ahead = np.cos(aside)
        return (turn + aside).astype(np.float32), rise.astype(np.float32), ahead.astype(np.float32)

    def project(self, points: Points) -> Points:
        """Column, row and distance [N, 3] of points (east, north, height); distance -1 behind the camera."""
        east, north, up = points[:, 0] - self.east, points[:, 1] - self.north, points[:, 2] - EYE_M
        bearing, far = np.arctan2(east, north), np.hypot(east, north)
        # The first point decides on which side of a panorama's seam the whole thing lies.
        first = wrapped(bearing[0] - math.radians(self.heading_deg))
        aside = first + wrapped(bearing - bearing[0])
        if self.fov_deg is None:
            columns, rows = aside, np.arctan2(up, far)
        else:
            ahead = far * np.cos(aside)
            far = np.where(ahead > 0.7, far, -1.0)
            columns, rows = np.tan(aside), up / np.where(ahead > 0.7, ahead, 1.0)
        return np.stack(
            [self.width / 2 + columns * self.focal_px, self.height / 2 - rows * self.focal_px, far], 1
        )


def wrapped(angle: Points) -> Points:
    """Angles brought into [-pi, pi)."""
    return np.asarray((angle + np.pi) % (2 * np.pi) - np.pi)


@dataclass(frozen=True, slots=True, eq=False)
class Hit:
    """The wall that each column meets, as far as it is known: arrays [columns]; distance inf: none."""

    wall: NDArray[np.intp]
    distance: Floats
    share: Floats
    """Where along the wall, [0, 1]."""
    sine: Floats
    """Of the angle between ray and wall; negative from behind."""


def meet(walls: Walls, camera: Camera, bearing: Floats) -> Iterator[Hit]:
    """Intersect one ray a column with all walls near enough to matter; nearest first."""
    ends = (walls.ends - (camera.east, camera.north)).astype(np.float32)
    turn = math.radians(camera.heading_deg)
    ahead = ends @ np.array([math.sin(turn), math.cos(turn)], np.float32)
    seen = (ahead > 0).any(1) | (camera.fov_deg is None)
    near = np.flatnonzero(seen & (np.hypot(*ends.mean(1).T) < REACH_M))
    left, along = ends[near, 0], ends[near, 1] - ends[near, 0]
    length = np.hypot(*along.T)
    sine, cosine = np.sin(bearing), np.cos(bearing)
    cross = sine * along[:, 1:] - cosine * along[:, :1]
    cross[np.abs(cross) < 1e-5] = 1e-5
    share = (sine * left[:, 1:] - cosine * left[:, :1]) / -cross
    distance = (left[:, 0] * along[:, 1] - left[:, 1] * along[:, 0])[:, None] / cross
    distance[(share < 0) | (share > 1) | (distance < 0.3)] = np.inf
    columns = np.arange(bearing.size)
    for _ in range(LAYERS):
        first = distance.argmin(0)
        at = first, columns
        yield Hit(near[first], distance[at], share[at], -cross[at] / length[first])
        distance[at] = np.inf
