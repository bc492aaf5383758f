"""Equirectangular panoramas -> perspective tiles.

*Convention*: a panorama shows the full circle, its columns equal steps of azimuth growing to the right,
its rows equal steps of elevation as large, the horizon at mid-height (a panorama lower than 2:1 lacks
the sky and the ground alike). So it is where the camera was held level, or as its *pose* says. A *turn* is
the angle right of the centre, degrees. A tile is the view of an upright pinhole camera with square pixels:
pitch and roll 0.

The heading of a tile is that of the panorama's centre plus its turn. Where the first is unknown the turn
still is known.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Image, Projection, VisibleArea
from geoflood.core.gpano import LEVEL, CameraPose
from geoflood.core.images import Header, resize

__all__ = [
    "DECODE_WIDTH",
    "FOV_DEG",
    "HEADINGS",
    "SIZE",
    "TURNS",
    "is_panorama",
    "is_seen",
    "tile",
    "tiles",
    "whole_sphere",
    "wraps_around",
]

HEADINGS = 8
"""Tiles around the circle: 45 degrees apart, so that no view is more than 22.5 off a tile's centre."""

TURNS = tuple(360.0 * step / HEADINGS for step in range(HEADINGS))

FOV_DEG = 80.0
"""Horizontal and vertical field of view of a tile. Phones see 65 to 70 degrees across; the rest is for
views that look between two tiles."""

SIZE = 400
"""Pixels a side. At 80 degrees that is 4.2 px per degree in the centre and 7.1 at the edge; the smallest
panoramas that services give, 2048 px wide, have 5.7: little is invented, little is lost."""

SHRINK_FROM = 1.75
"""Bilinear sampling skips pixels from 2 panorama pixels per tile pixel on, so the panorama shrinks first."""

SHRINK_TO = 1.4
"""Panorama pixels left per tile pixel in the centre; at the edges of the tile it is then about one."""

DECODE_WIDTH = round(SHRINK_TO * math.pi * SIZE / math.tan(math.radians(FOV_DEG / 2)))
"""Pixels of a panorama's width that the tiles can use: decoding no more is faster, with the same result."""

SEEN_SHARE = 0.75
"""Of a tile's field of view that a cropped panorama must show; beyond it is nothing but grey."""

UNSEEN = 128
"""The grey in place of what a cropped panorama lacks."""

PackedPixels: TypeAlias = NDArray[np.uint64]
"""Pixels with red, green and blue in lanes of 21 bits, so that one sum of integers blends all three."""

LANE = 21
STEPS = 64
"""Weights are whole 64ths: 8 bits of colour and twice 6 of weight fill 20 bits of a lane."""


def is_panorama(header: Header, projection: Projection) -> bool:
    """Whether an image is equirectangular: by its source, else by its GPano tag, else by being 2:1.

    Some phones take flat photos of exactly 2:1; `wraps_around` finds those by their pixels.
    """
    known = header.sphere.projection if projection is Projection.UNKNOWN else projection
    if known is not Projection.UNKNOWN:
        return known is Projection.EQUIRECTANGULAR
    return abs(header.width - 2 * header.height) <= 2


def wraps_around(image: Image) -> bool:
    """Whether the left edge of an image [H, W, 3] continues its right edge, as a full circle does."""
    columns = image[:, :: max(1, image.shape[1] // 256)].astype(np.float32)
    typical = float(np.abs(np.diff(columns, axis=1)).mean())
    seam = float(np.abs(image[:, 0].astype(np.float32) - image[:, -1]).mean())
    return seam <= 1.5 * typical + 2.0


def tiles(
    panorama: Image,
    headings: int = HEADINGS,
    fov_deg: float = FOV_DEG,
    size: int = SIZE,
    pose: CameraPose = LEVEL,
) -> list[tuple[float, Image]]:
    """(turn, tile [size, size, 3]) at equal steps around a panorama [H, W, 3], from its centre on."""
    turns = [360.0 * step / headings for step in range(headings)]
    return list(zip(turns, _tiles_at(panorama, turns, fov_deg, size, pose), strict=True))


def tile(
    panorama: Image,
    turn_deg: float,
    fov_deg: float = FOV_DEG,
    size: int = SIZE,
    pose: CameraPose = LEVEL,
) -> Image:
    """The level view [size, size, 3] centred `turn_deg` right of the centre of a panorama [H, W, 3]."""
    return _tiles_at(panorama, [turn_deg], fov_deg, size, pose)[0]


def whole_sphere(image: Image, visible: VisibleArea) -> Image:
    """A cropped panorama [H, W, 3] in its place on a whole one [w / 2, w, 3], grey where nothing is known."""
    width = round(image.shape[1] / (visible.right - visible.left))
    canvas = np.full((max(1, width // 2), width, 3), UNSEEN, np.uint8)
    top, bottom = (round(share * len(canvas)) for share in (visible.top, visible.bottom))
    left = min(round(visible.left * width), width - image.shape[1])
    canvas[top:bottom, left : left + image.shape[1]] = resize(image, image.shape[1], max(1, bottom - top))
    return canvas


def is_seen(
    turn_deg: float, visible: VisibleArea, fov_deg: float = FOV_DEG, pose: CameraPose = LEVEL
) -> bool:
    """Whether enough of the tile at a turn lies within a cropped panorama, from left to right."""
    horizon = np.radians(turn_deg + np.linspace(-fov_deg / 2, fov_deg / 2, 1 + 2 * round(fov_deg)))
    azimuth, _ = _in_camera(horizon, np.zeros(len(horizon)), pose)
    offset = (azimuth / 360.0 + 0.5) % 1.0
    return float(np.mean((offset >= visible.left) & (offset <= visible.right))) >= SEEN_SHARE


def _tiles_at(
    panorama: Image, turns: list[float], fov_deg: float, size: int, pose: CameraPose
) -> list[Image]:
    """A tile a turn. Raises ValueError for a field of view that no pinhole camera has."""
    if not 0 < fov_deg < 180:
        raise ValueError(f"a tile sees more than 0 and less than 180 degrees, not {fov_deg}")
    small = _shrink(panorama, fov_deg, size)
    height, width = small.shape[:2]
    azimuth, elevation = _rays(fov_deg, size)
    if pose.leans:
        packed = _pack_with_last(small)
        rays = (_in_camera(np.radians(azimuth + turn), np.radians(elevation), pose) for turn in turns)
        return [_sample_leaning(packed, *ray) for ray in rays]
    first, rows, down = _rows(elevation, width, height)
    packed = _pack_with_last(small[first : first + int(rows.max()) + 2])
    return [_sample(packed, _columns(azimuth + turn, width), rows, down) for turn in turns]


def _in_camera(
    azimuth: NDArray[np.float64], elevation: NDArray[np.float64], pose: CameraPose
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Azimuth and elevation, degrees, in a camera that leans; of directions in the level world, radians."""
    pitch, roll = math.radians(pose.pitch_deg), math.radians(pose.roll_deg)
    across = np.cos(elevation)
    right, up, on = across * np.sin(azimuth), np.sin(elevation), across * np.cos(azimuth)
    up, on = math.cos(pitch) * up - math.sin(pitch) * on, math.sin(pitch) * up + math.cos(pitch) * on
    right, up = math.cos(roll) * right - math.sin(roll) * up, math.sin(roll) * right + math.cos(roll) * up
    return np.degrees(np.arctan2(right, on)), np.degrees(np.arctan2(up, np.hypot(right, on)))


def _shrink(panorama: Image, fov_deg: float, size: int) -> Image:
    """The panorama with about as many pixels per degree as the tiles have, if it had many more."""
    height, width = panorama.shape[:2]
    per_circle = math.pi * size / math.tan(math.radians(fov_deg / 2))  # tile pixels, were all like its centre
    if width <= SHRINK_FROM * per_circle:
        return panorama
    fewer = round(SHRINK_TO * per_circle)
    return resize(panorama, fewer, max(1, round(height * fewer / width)))


@lru_cache(maxsize=4)
def _rays(fov_deg: float, size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Degrees of azimuth [size] of a tile's columns, and of elevation [size, size] of its pixels.

    At pitch 0 a column of the tile lies on one meridian: that is what makes two passes exact.
    """
    focal = size / 2 / math.tan(math.radians(fov_deg / 2))
    across = np.arange(size) + 0.5 - size / 2
    rising = np.arctan2(-across[:, None], np.hypot(across, focal))
    return np.degrees(np.arctan2(across, focal)), np.degrees(rising)


def _rows(
    elevation: NDArray[np.float64], width: int, height: int
) -> tuple[int, NDArray[np.int64], NDArray[np.uint64]]:
    """First row that is needed, rows [size, size] counted from it, and weights of the row below each."""
    rows, down = _whole_and_weight(_exact_rows(elevation, width, height))
    first = int(rows.min())
    return first, rows - first, down


def _exact_rows(elevation: NDArray[np.float64], width: int, height: int) -> NDArray[np.float64]:
    return np.asarray(np.clip(height / 2 - 0.5 - elevation * width / 360.0, 0, height - 1))


def _columns(azimuth: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    return azimuth * width / 360.0 + width / 2 - 0.5


def _whole_and_weight(exact: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Whole parts, and what is left in 64ths: the weight of the neighbour after."""
    whole = np.floor(exact)
    return whole.astype(np.int64), np.rint((exact - whole) * STEPS).astype(np.uint64)


def _pack_with_last(image: Image) -> PackedPixels:
    """Pixels [H, W, 3] as packed pixels [H + 1, W]: the last row has a lower neighbour, too."""
    red, green, blue = np.moveaxis(image, 2, 0).astype(np.uint64)
    packed = red | green << LANE | blue << 2 * LANE
    return np.concatenate([packed, packed[-1:]])


def _sample(
    packed: PackedPixels, columns: NDArray[np.float64], rows: NDArray[np.int64], down: NDArray[np.uint64]
) -> Image:
    """Bilinear samples [size, size, 3]: along the panorama's rows first, then along the meridians."""
    left, right = _whole_and_weight(columns)
    stripe = packed.take(left, axis=1, mode="wrap") * (STEPS - right)
    stripe += packed.take(left + 1, axis=1, mode="wrap") * right
    above = rows * len(columns) + np.arange(len(columns))
    blend = stripe.take(above) * (STEPS - down) + stripe.take(above + len(columns)) * down
    return _unpack(blend)


def _sample_leaning(
    packed: PackedPixels, azimuth: NDArray[np.float64], elevation: NDArray[np.float64]
) -> Image:
    """Bilinear samples [size, size, 3] at any directions [size, size], degrees in the camera."""
    height, width = len(packed) - 1, packed.shape[1]
    left, right = _whole_and_weight(_columns(azimuth, width))
    rows, down = _whole_and_weight(_exact_rows(elevation, width, height))
    here, beside = left % width, (left + 1) % width
    above = packed[rows, here] * (STEPS - right) + packed[rows, beside] * right
    below = packed[rows + 1, here] * (STEPS - right) + packed[rows + 1, beside] * right
    return _unpack(above * (STEPS - down) + below * down)


def _unpack(blend: PackedPixels) -> Image:
    """Weighted sums of packed pixels [...] as pixels [..., 3]."""
    half, scale = STEPS * STEPS // 2, (STEPS * STEPS).bit_length() - 1
    return np.stack([((blend >> lane * LANE) + half >> scale).astype(np.uint8) for lane in range(3)], axis=2)
