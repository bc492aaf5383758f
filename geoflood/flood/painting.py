"""Solids afloat as a camera sees them: projected, shaded by an overcast sky, painted, and mirrored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw

from geoflood.flood.solids import Points, Pose, Solid, cut_all, far_first, placed
from geoflood.flood.water import FOCAL, HORIZON

__all__ = ["Sprite", "View", "painted"]

CAMERA_M = 1.6
"""Height of the camera above the water: someone stands at a window or on a step."""
FINER = 3
"""Faces are painted with so many times more rows and columns, then averaged: soft edges."""
NEAREST_M = 0.8
SKY = 190.0
"""What glossy faces that look up mirror."""


@dataclass(frozen=True, slots=True)
class View:
    """The camera over the water: a frame, and the row of the horizon."""

    height: int
    width: int
    line: float
    """Mean row of the waterline, px."""

    def project(self, points: Points) -> Points:
        """Column and row, px [n, 2], of points (right, away, up), all of which lie ahead."""
        scale = FOCAL * self.height / points[:, 1]
        horizon = self.line - HORIZON * self.height
        return np.stack(
            [self.width / 2.0 + points[:, 0] * scale, horizon + (CAMERA_M - points[:, 2]) * scale], 1
        )

    def away(self, row: float) -> float:
        """How far the water at this row is, metres."""
        return FOCAL * CAMERA_M / (HORIZON + (row - self.line) / self.height)


@dataclass(frozen=True, slots=True)
class Sprite:
    """A painted thing, to be laid at (`left`, `top`)."""

    left: int
    top: int
    pixels: NDArray[np.uint8]
    """[rows, columns, 4], the last one is opacity."""


def painted(solid: Solid, pose: Pose, view: View, light: float) -> tuple[Sprite, Sprite] | None:
    """The thing, and its mirror image in still water; None where none of it shows.

    `light` is how bright the photo is, 1 for a usual one.
    """
    points = placed(solid.points, pose)
    if points[:, 1].min() < NEAREST_M:
        return None
    order = far_first(points[:, 1], solid)
    cuts = cut_all(points, solid.starts)
    faces = [cuts[k] for k in order if len(cuts[k]) > 2]
    colours = shades(points, solid, light)[[k for k in order if len(cuts[k]) > 2]]
    if not faces:
        return None
    above = np.concatenate(faces)
    starts = [0, *np.cumsum([len(face) for face in faces]).tolist()]
    upright = sprite(view.project(above), starts, colours, view, FINER)
    # From below things hide each other in nearly the same order; and ripples soften every edge.
    mirrored = sprite(view.project(above * (1.0, 1.0, -1.0)), starts, 0.82 * colours, view, 1)
    return None if upright is None or mirrored is None else (upright, mirrored)


def shades(points: Points, solid: Solid, light: float) -> Points:
    """The faces' colours [faces, 3] under an overcast sky: what looks up is bright."""
    first = solid.starts[:-1]
    normals = np.cross(points[first + 1] - points[first], points[first + 2] - points[first])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    up, side = np.abs(normals[:, 2]), normals[:, 0] * np.where(normals[:, 1] < 0.0, 1.0, -1.0)
    sky = (solid.gloss * up)[:, None]
    lit = light * (0.66 + 0.34 * up + 0.07 * side)[:, None]
    return np.asarray(np.clip((solid.colours * (1.0 - sky) + SKY * sky) * lit, 0, 255))


def sprite(corners: Points, starts: list[int], colours: Points, view: View, finer: int) -> Sprite | None:
    """Paint polygons (px) in their order; None when nothing of them is in the frame."""
    left, top = np.maximum(np.floor(corners.min(0)), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(corners.max(0)), (view.width, view.height)).astype(int).tolist()
    if right <= left or bottom <= top:
        return None
    picture = Pictures.new("RGBA", ((right - left) * finer, (bottom - top) * finer))
    draw = ImageDraw.Draw(picture)
    flat = ((corners - (left, top)) * finer).ravel().tolist()
    for begin, end, (red, green, blue) in zip(
        starts[:-1], starts[1:], colours.astype(int).tolist(), strict=True
    ):
        draw.polygon(flat[2 * begin : 2 * end], (red, green, blue, 255))
    return Sprite(left, top, np.asarray(picture.reduce(finer) if finer > 1 else picture))
