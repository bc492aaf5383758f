"""Views of the town: sky and ground first, then walls, props and cars from far to near.

Walls and ground are flat, so each is one perspective transform of its picture (a homography).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw, ImageEnhance

from geoflood.core.datatypes import Image
from geoflood.synthetic.blocks import faces
from geoflood.synthetic.town.model import (
    EYE_M,
    GROUND_LEVELS,
    GROUND_PIXELS_PER_M,
    REACH_M,
    SUN,
    Points,
    Prop,
    Season,
    Town,
    Wall,
)
from geoflood.synthetic.town.scenery import ParkedCar, draw_sky, parked_cars, prop_pictures

__all__ = ["Camera", "homography", "panorama", "view"]

FINER = 2
"""Views are painted with so many times more rows and columns, then averaged: soft edges."""
NEAREST_M = 0.4
BACKS_REACH_M = 60.0
"""The same of walls seen from behind: bare sides over the roofs of lower houses."""
HAZE_M, HAZE = 420.0, 206
"""Over this distance a colour loses 1 - 1/e of itself to this grey."""
FACES = 4
"""A panorama is put together from so many views around the camera."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A level camera at `EYE_M`; sizes in pixels."""

    east: float
    north: float
    heading_deg: float
    width: int
    height: int
    fov_deg: float

    @property
    def focal_px(self) -> float:
        """Distance of the picture, px."""
        return self.width / 2 / math.tan(math.radians(self.fov_deg) / 2)

    def local(self, points: Points) -> Points:
        """Metres to the right and ahead [..., 2] of points (east, north)."""
        turn = math.radians(self.heading_deg)
        axes = np.array([(math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn))])
        return np.asarray((points - np.array([self.east, self.north])) @ axes)

    def project(self, right_ahead: Points, up: Points) -> Points:
        """Columns and rows [N, 2] of points to the right and ahead [N, 2] and above the ground [N]."""
        scale = self.focal_px / right_ahead[:, 1]
        rows = self.height / 2 - (up - EYE_M) * scale
        return np.stack([self.width / 2 + right_ahead[:, 0] * scale, rows], 1)


def view(
    town: Town, position: tuple[float, float], heading_deg: float, fov_deg: float = 75.0,
    size: tuple[int, int] = (400, 400), season: Season = "summer", seed: int = 0,
) -> Image:  # fmt: skip
    """A perspective photo, `size` (width, height), from `position` (east, north); `seed` is the day."""
    camera = Camera(*position, heading_deg, size[0] * FINER, size[1] * FINER, fov_deg)
    return develop(draw(town, camera, season, seed).reduce(FINER), season, town.seed + seed)


def panorama(
    town: Town, position: tuple[float, float], heading_deg: float, width: int = 1536,
    season: Season = "summer", seed: int = 0,
) -> Image:  # fmt: skip
    """An equirectangular panorama [width / 2, width, 3]; `heading_deg` is that of its centre.

    Above and below 63 degrees there is nothing to see but more of the sky and the street.
    """
    side, height = width * 3 // 8, width // 2
    whole = np.empty((height, width, 3), np.uint8)
    bearing = (np.arange(width) + 0.5) * 360.0 / width - 180.0
    drop = np.tan(np.clip(((np.arange(height) + 0.5) / height - 0.5) * np.pi, -1.5, 1.5))
    sector = 360.0 / FACES
    for face in range(FACES):
        middle = (face + 0.5) * sector - 180.0
        columns = np.flatnonzero(np.abs(bearing - middle) <= sector / 2)
        camera = Camera(*position, heading_deg + middle, side, 2 * side, sector)
        picture = np.asarray(draw(town, camera, season, seed))
        aside = np.radians(bearing[columns] - middle)
        x = camera.width / 2 + np.tan(aside) * camera.focal_px
        y = camera.height / 2 + drop[:, None] / np.cos(aside) * camera.focal_px
        whole[:, columns] = picture[
            np.clip(y, 0, camera.height - 1).astype(np.intp), np.clip(x, 0, camera.width - 1).astype(np.intp)
        ]
    return develop(Pictures.fromarray(whole), season, town.seed + seed)


def draw(town: Town, camera: Camera, season: Season, seed: int) -> Pictures.Image:
    """What the camera sees, before it is developed."""
    picture = sky_behind(camera, draw_sky(seed + town.seed, season))
    pave(picture, town, camera, season)
    for _, paint in sorted(things(picture, town, camera, season, seed), key=lambda thing: -thing[0]):
        paint()
    return picture


def things(
    picture: Pictures.Image, town: Town, camera: Camera, season: Season, seed: int
) -> Iterator[tuple[float, Callable[[], None]]]:
    """All that stands in the town and before the camera: how far away, and what paints it."""
    for wall in town.walls:
        ends = camera.local(np.stack([wall.left, wall.right]))
        far = float(np.hypot(*ends.mean(0)))
        behind = float(ends[0, 0] * ends[1, 1] - ends[0, 1] * ends[1, 0]) > 0.0
        reach_m = min(BACKS_REACH_M, wall.reach_m) if behind else wall.reach_m
        if far < reach_m and ends[:, 1].max() > NEAREST_M:
            yield far, partial(paint_wall, picture, camera, wall, season)
    for prop in town.props:
        right, ahead = camera.local(np.array([prop.east, prop.north])).tolist()
        if 1.0 < ahead < 110.0:
            yield math.hypot(right, ahead), partial(paint_prop, picture, camera, prop, season)
    for car in parked_cars(town, season, seed):
        right, ahead = camera.local(np.array([car.east, car.north])).tolist()
        if 3.0 < ahead < 60.0 and abs(right) < ahead * math.tan(math.radians(camera.fov_deg) / 2) + 3.0:
            yield math.hypot(right, ahead), partial(paint_car, picture, camera, car)


def sky_behind(camera: Camera, sky: Image) -> Pictures.Image:
    """The sky over the horizon, in a picture of the whole view."""
    aside = (np.arange(camera.width) + 0.5 - camera.width / 2) / camera.focal_px
    up = (camera.height / 2 - np.arange(camera.height // 2) - 0.5) / camera.focal_px
    rise = up[:, None] / np.hypot(1.0, aside)
    turn = np.degrees(np.arctan(aside)) + camera.heading_deg
    column = (turn / 360.0 * sky.shape[1]).astype(np.intp) % sky.shape[1]
    picture = Pictures.new("RGB", (camera.width, camera.height), (HAZE, HAZE, HAZE))
    picture.paste(Pictures.fromarray(sky[(rise / (rise + 1.0) * (len(sky) - 1)).astype(np.intp), column]))
    return picture


def pave(picture: Pictures.Image, town: Town, camera: Camera, season: Season) -> None:
    """Lay the ground into the rows below the horizon, hazy where it is far."""
    middle, horizon, focal = camera.width / 2, camera.height / 2, camera.focal_px
    turn = math.radians(camera.heading_deg)
    for level, (top, bottom) in enumerate(ground_rows(camera)):
        ground, scale = town.ground[season][level], GROUND_PIXELS_PER_M / 2**level
        # A pixel (x, y) looks at EYE_M / (y - horizon) times (x - middle, focal), turned to the heading.
        a, b = scale * EYE_M * math.cos(turn), scale * EYE_M * math.sin(turn)
        column = (camera.east - town.corner[0]) * scale
        row = ground.height - (camera.north - town.corner[1]) * scale
        first = top - horizon
        u = (a, column, column * first - a * middle + b * focal)
        v = (b, row, row * first - b * middle - a * focal)
        data = [value / first for value in (*u, *v, 0.0, 1.0)]
        size = (camera.width, bottom - top)
        band = ground.transform(size, Pictures.Transform.PERSPECTIVE, data, Pictures.Resampling.BILINEAR)
        metres = EYE_M * focal / (np.arange(top, bottom) + 0.5 - horizon)
        clear = np.round(255 * np.exp(-metres / HAZE_M)).astype(np.uint8)
        picture.paste(band, (0, top), Pictures.fromarray(clear[:, None].repeat(camera.width, 1)))


def ground_rows(camera: Camera) -> list[tuple[int, int]]:
    """First and last row, plus one, that each picture of the ground fills: the coarser, the farther.

    A pixel covers d / focal metres across and d^2 / (EYE_M focal) along, at a distance of d metres.
    """
    focal, horizon = camera.focal_px, camera.height / 2
    spans = [2**level * focal / GROUND_PIXELS_PER_M for level in range(1, GROUND_LEVELS)]
    farthest = [(span * math.sqrt(EYE_M)) ** (2 / 3) for span in spans] + [REACH_M]
    tops = [min(math.ceil(horizon + EYE_M * focal / metres), camera.height) for metres in farthest]
    return [(top, bottom) for top, bottom in zip(tops, [camera.height, *tops[:-1]], strict=True)]


def paint_wall(picture: Pictures.Image, camera: Camera, wall: Wall, season: Season) -> None:
    """The part of a wall that is before the camera; its backs show the same picture, unmirrored."""
    ends = camera.local(np.stack([wall.left, wall.right]))
    behind = float(ends[0, 0] * ends[1, 1] - ends[0, 1] * ends[1, 0]) > 0.0
    if behind:
        ends = ends[::-1]
    span = visible_span(ends, camera)
    if span is None:
        return
    ends = ends[0] + np.array(span)[:, None] * (ends[1] - ends[0])
    top, foot = (camera.project(ends, np.full(2, up)) for up in (wall.top_m, 0.0))
    wide, high = wall.picture.size
    corners = np.array(
        [(span[0] * wide, 0), (span[1] * wide, 0), (span[1] * wide, high), (span[0] * wide, high)]
    )
    clear = math.exp(-float(np.hypot(*ends.mean(0))) / HAZE_M)
    light = sunlight(wall, season, behind) * clear
    lay_picture(picture, wall.picture, corners, np.array([*top, *foot[::-1]]), light, HAZE * (1 - clear))


def visible_span(ends: Points, camera: Camera) -> tuple[float, float] | None:
    """From which share to which of a wall (right, ahead) [2, 2] is before the camera; None if nothing is."""
    aside = math.tan(math.radians(camera.fov_deg) / 2) * ends[:, 1]
    first, last = 0.0, 1.0
    for a, b in (ends[:, 1] - NEAREST_M, aside + ends[:, 0], aside - ends[:, 0]):
        if a < 0 > b:
            return None
        if a < 0:
            first = max(first, float(a / (a - b)))
        elif b < 0:
            last = min(last, float(a / (a - b)))
    return (first, last) if last > first else None


def lay_picture(
    picture: Pictures.Image, source: Pictures.Image, corners: Points, spots: Points, light: float, haze: float
) -> None:
    """Lay a flat picture so that its `corners` [4, 2] come to lie at `spots` [4, 2], in light and haze."""
    left, top = np.maximum(np.floor(spots.min(0)), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(spots.max(0)), picture.size).astype(int).tolist()
    if right <= left or bottom <= top or np.ptp(spots[:, 0]) < 0.5:
        return
    shrink = np.abs(np.ptp(corners, 0) / np.maximum(np.ptp(spots, 0), 1e-3))
    factor = np.clip(shrink, 1, 8).astype(int)
    data = homography(spots - (left, top), corners / factor)
    coloured = source.reduce((int(factor[0]), int(factor[1])))
    patch = coloured.transform(
        (right - left, bottom - top), Pictures.Transform.PERSPECTIVE, data, Pictures.Resampling.BILINEAR
    )
    flat = patch.convert("RGBA")
    matrix = (light, 0.0, 0.0, haze, 0.0, light, 0.0, haze, 0.0, 0.0, light, haze)
    picture.paste(flat.convert("RGB").convert("RGB", matrix), (left, top), flat.getchannel("A"))


def homography(spots: Points, corners: Points) -> list[float]:
    """Coefficients, as Pillow wants them, of the transform that takes four spots to four corners."""
    equations = []
    for (x, y), (u, v) in zip(spots, corners, strict=True):
        equations.append((x, y, 1, 0, 0, 0, -u * x, -u * y))
        equations.append((0, 0, 0, x, y, 1, -v * x, -v * y))
    solution: list[float] = np.linalg.solve(np.array(equations), corners.reshape(-1)).tolist()
    return solution


def sunlight(wall: Wall, season: Season, behind: bool) -> float:
    """How bright the side of the wall is that one sees."""
    azimuth, _, strength = SUN[season]
    along = (wall.right - wall.left) / np.linalg.norm(wall.right - wall.left)
    towards = np.array([-math.cos(math.radians(azimuth)), math.sin(math.radians(azimuth))])
    facing = float(along @ towards) * (-1.0 if behind else 1.0)
    return 0.86 + strength * facing * (0.42 if facing > 0 else 0.30)


def paint_prop(picture: Pictures.Image, camera: Camera, prop: Prop, season: Season) -> None:
    """One flat picture, upright before the camera."""
    shapes = prop_pictures(season)[prop.kind]
    shape = shapes[int(abs(prop.east * 7 + prop.north * 13)) % len(shapes)]
    place = camera.local(np.array([(prop.east, prop.north)] * 2))
    (x, foot), (_, head) = camera.project(place, np.array([0.0, prop.height_m])).tolist()
    half, (wide, high) = (foot - head) / 2 * shape.width / shape.height, shape.size
    corners = np.array([(0, 0), (wide, 0), (wide, high), (0, high)], float)
    spots = np.array([(x - half, head), (x + half, head), (x + half, foot), (x - half, foot)])
    lay_picture(picture, shape, corners, spots, 1.0, 0.0)


def paint_car(picture: Pictures.Image, camera: Camera, parked: ParkedCar) -> None:
    """A car on its shadow."""
    pen, eye = ImageDraw.Draw(picture), (camera.east, camera.north, EYE_M)
    for colour, face in faces(parked.thing, (parked.east, parked.north), parked.heading, eye):
        place = camera.local(face[:, :2])
        if place[:, 1].min() < NEAREST_M:
            return
        pen.polygon(camera.project(place, face[:, 2]).ravel().tolist(), fill=colour)


def develop(picture: Pictures.Image, season: Season, seed: int) -> Image:
    """What the camera makes of the light: exposure, white balance, noise."""
    rng = np.random.default_rng([seed, 3])
    tint = np.array((1.03, 1.0, 0.95) if season == "summer" else (0.87, 0.89, 0.91), np.float32)
    if season == "winter":
        picture = ImageEnhance.Color(picture).enhance(0.72)
    pixels = np.asarray(picture) * (tint * np.float32(rng.uniform(0.92, 1.08)))
    grain = rng.standard_normal(pixels.shape[:2], np.float32) * np.float32(1.6 if season == "summer" else 2.6)
    return np.asarray((pixels + grain[..., None]).clip(0, 255), np.uint8)
