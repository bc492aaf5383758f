"""Solids afloat as a camera sees them: projected, shaded by what stands around them, painted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw

from geoflood.synthetic.flood.solids import Points, Pose, Solid, cut, far_first, gathered
from geoflood.synthetic.flood.water import FOCAL, HORIZON, Floats

__all__ = ["FloatCamera", "Sprite", "averaged", "painted"]

CAMERA_M = 1.6
"""Height of the camera above the water: someone stands at a window or on a step."""
NEAREST_M = 0.8
FINER = 2
"""Faces are painted with so many times more rows and columns, then averaged: soft edges."""
AROUND = np.array([(-1.0, 62.0), (-0.08, 74.0), (0.0, 50.0), (0.16, 66.0), (0.36, 178.0), (1.0, 226.0)])
"""What glossy faces mirror, by the sine of how high they look: water, the dark of houses, an overcast sky."""


@dataclass(frozen=True, slots=True)
class FloatCamera:
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
    colours: Floats
    """[3, rows, columns], 0..255, already times the opacity."""
    solid: Floats
    """Opacity [rows, columns], 0..1."""


def painted(things: Sequence[tuple[Solid, Pose]], view: FloatCamera, light: Points) -> list[Sprite | None]:
    """Each of the things; None where nothing of it shows, or where it is too near to be seen.

    `light` is how bright the photo is in red, green and blue, each 1 for a usual one.
    """
    if not things:
        return []
    solid = gathered(things)
    normals, sight = facing(solid)
    towards = -(normals * sight).sum(1)
    near = np.minimum.reduceat(solid.points[:, 1], solid.starts[:-1]) < NEAREST_M
    above, starts = cut(solid.points, solid.starts)
    seen = (np.diff(starts) > 2) & (~solid.hides | (towards > 0.0))
    normals *= np.where(towards < 0.0, -1.0, 1.0)[:, None]
    inks = [(*ink, 255) for ink in shades(normals, sight, solid, light).astype(int).tolist()]
    above[:, 1] = np.maximum(above[:, 1], NEAREST_M)
    corners, begins = view.project(above), starts.tolist()
    faces, found = far_first(solid), []
    for begin, end in pairwise(np.cumsum([0, *(len(one.over) for one, _ in things)]).tolist()):
        here = faces[(faces >= begin) & (faces < end)]
        here = here[seen[here]].tolist()
        whole = not near[begin:end].any() and here
        part = corners[begins[begin] : begins[end]]
        found.append(sprite(part, begins[begin], begins, here, inks, view) if whole else None)
    return found


def facing(solid: Solid) -> tuple[Points, Points]:
    """Unit normals of the faces, outwards of hulls, and unit vectors from the camera to them, [faces, 3]."""
    first, third = solid.starts[:-1], np.diff(solid.starts) // 3
    near, left, right = (solid.points[first + k * third] for k in range(3))
    (a, b, c), (d, e, f) = (right - near).T, (left - near).T
    # A thing's own frame is left-handed, the camera's is not.
    normals = np.stack([b * f - c * e, c * d - a * f, a * e - b * d], 1)
    sight = (near + left + right) / 3.0 - (0.0, 0.0, CAMERA_M)
    return unit(normals), unit(sight)


def unit(vectors: Points) -> Points:
    """As long as 1."""
    return np.asarray(vectors / np.maximum(np.sqrt((vectors * vectors).sum(1, keepdims=True)), 1e-9))


def shades(normals: Points, sight: Points, solid: Solid, light: Points) -> Points:
    """The faces' colours [faces, 3] under an overcast sky: what looks up is bright, what is glossy mirrors.

    The flatter one looks at a face, the more it mirrors (Fresnel, as Schlick puts it).
    """
    squarely = -(normals * sight).sum(1)
    bounced = sight[:, 2] + 2.0 * squarely * normals[:, 2]
    flat = np.minimum(4.0 * solid.gloss, 1.0) * np.clip(1.0 - squarely, 0.0, 0.8) ** 4
    share = (solid.gloss + (1.0 - solid.gloss) * flat)[:, None]
    mirrored = np.interp(bounced, AROUND[:, 0], AROUND[:, 1])[:, None]
    lit = (0.60 + 0.36 * normals[:, 2] + 0.07 * normals[:, 0])[:, None]
    return np.asarray(np.clip((solid.colours * lit * (1.0 - share) + mirrored * share) * light, 0, 255))


def sprite(
    corners: Points,
    offset: int,
    begins: list[int],
    order: list[int],
    inks: list[tuple[int, int, int, int]],
    view: FloatCamera,
) -> Sprite | None:
    """Paint some faces in their order; None when nothing of them is in the frame.

    `corners` are those of one thing, px [n, 2], and `offset` is how many others come before them.
    """
    left, top = np.maximum(np.floor(corners.min(0)), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(corners.max(0)) + 1, (view.width, view.height)).astype(int).tolist()
    if right <= left or bottom <= top:
        return None
    picture = Pictures.new("RGBA", ((right - left) * FINER, (bottom - top) * FINER))
    paint = ImageDraw.Draw(picture).polygon
    flat = ((corners - (left, top)) * FINER).ravel().tolist()
    for face in order:
        paint(flat[2 * (begins[face] - offset) : 2 * (begins[face + 1] - offset)], inks[face])
    means = averaged(np.asarray(picture))
    return Sprite(left, top, means[:3], means[3] * np.float32(1.0 / 255.0))


def averaged(pixels: NDArray[np.uint8]) -> Floats:
    """Means of four RGBA pixels each, [4, rows / 2, columns / 2].

    A pixel is a number, taken half of its channels at a time: so there is room for the sum of four.
    """
    whole = pixels.view("<u4")[..., 0]
    means = np.empty((4, len(whole) // 2, whole.shape[1] // 2), np.float32)
    for k in range(2):
        half = (whole >> np.uint32(8 * k)) & np.uint32(0x00FF00FF)
        high = half[::2] + half[1::2]
        sums = high[:, ::2] + high[:, 1::2]
        means[k], means[k + 2] = sums & np.uint32(0xFFFF), sums >> np.uint32(16)
    means *= np.float32(0.25)
    return means
